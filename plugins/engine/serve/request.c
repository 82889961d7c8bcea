#include "engine/serve/request.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

#define MAX_DEPTH 32

static int32_t
bad(struct b3iq_error *err, const char *what)
{
	return fail_with(err, B3IQ_E_INVALID, "the request's %s", what);
}

static int32_t
cannot(struct b3iq_error *err, const char *what)
{
	return fail_with(err, B3IQ_E_UNSUPPORTED,
	                 "this engine cannot do \"%.60s\": leave it out or ask another backend",
	                 what);
}

static struct gguf_str
text_of(struct json_object *value)
{
	return (struct gguf_str){ json_object_get_string(value),
		                  (size_t)json_object_get_string_len(value) };
}

static int32_t
read_message(struct chat_message *m, struct json_object *value, struct b3iq_error *err)
{
	bool has_role = false, has_content = false;

	if (!json_object_is_type(value, json_type_object))
		return bad(err, "messages must be objects");
	json_object_object_foreach(value, key, member) {
		const bool string = json_object_is_type(member, json_type_string);

		if (strcmp(key, "role") == 0) {
			const struct gguf_str role =
			    string ? text_of(member) : (struct gguf_str){0};

			if (!string || !chat_role_parse(role.ptr, role.len, &m->role))
				return bad(err, "messages have an unknown role");
			has_role = true;
		} else if (strcmp(key, "content") == 0) {
			if (!string)
				return bad(err, "messages must have text as content");
			m->text = text_of(member).ptr;
			m->len = text_of(member).len;
			has_content = true;
		} else {
			return cannot(err, key);
		}
	}
	return has_role && has_content ? B3IQ_OK : bad(err, "messages need a role and content");
}

static int32_t
read_messages(struct request *r, struct json_object *value, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	size_t n;

	if (!json_object_is_type(value, json_type_array))
		return bad(err, "messages must be an array");
	n = json_object_array_length(value);
	if (n == 0 || n > CHAT_MAX_MESSAGES)
		return bad(err, "messages must be 1 to 4096");
	r->messages = calloc(n, sizeof *r->messages);
	if (!r->messages)
		return fail_memory(err, "the messages");
	for (r->n_messages = 0; rc == B3IQ_OK && r->n_messages < n; r->n_messages++)
		rc = read_message(&r->messages[r->n_messages],
		                  json_object_array_get_idx(value, r->n_messages), err);
	return rc;
}

static int32_t
read_stops(struct request *r, struct json_object *value, struct b3iq_error *err)
{
	if (!json_object_is_type(value, json_type_array) ||
	    json_object_array_length(value) > STOP_MAX_STRINGS)
		return bad(err, "stop must be an array of at most 16 strings");
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *stop = json_object_array_get_idx(value, i);

		if (!json_object_is_type(stop, json_type_string))
			return bad(err, "stop must hold strings");
		r->stops[r->n_stops].text = text_of(stop).ptr;
		r->stops[r->n_stops++].len = text_of(stop).len;
	}
	return B3IQ_OK;
}

static int32_t
read_bias(struct request *r, struct json_object *value, struct b3iq_error *err)
{
	size_t n;

	if (!json_object_is_type(value, json_type_object))
		return bad(err, "logit_bias must be an object");
	n = (size_t)json_object_object_length(value);
	if (n > SAMPLER_MAX_BIAS)
		return bad(err, "logit_bias names more than 4096 tokens");
	r->bias = calloc(n + 1, sizeof *r->bias);
	if (!r->bias)
		return fail_memory(err, "logit_bias");
	json_object_object_foreach(value, key, number) {
		char *rest;
		long id;

		errno = 0;
		id = strtol(key, &rest, 10);
		if (errno || *rest || rest == key || id < 0 || id > INT32_MAX)
			return bad(err, "logit_bias has a key that is no token id");
		if (!json_object_is_type(number, json_type_double) &&
		    !json_object_is_type(number, json_type_int))
			return bad(err, "logit_bias must hold numbers");
		for (size_t i = 0; i < r->n_bias; i++) /* "7" and "07" */
			if (r->bias[i].id == (int32_t)id)
				return bad(err, "logit_bias names a token twice");
		r->bias[r->n_bias].id = (int32_t)id;
		r->bias[r->n_bias++].value = (float)json_object_get_double(number);
	}
	return B3IQ_OK;
}

/* Members that are fine as long as they ask for nothing. */
static int32_t
read_absent(const char *key, struct json_object *value, struct b3iq_error *err)
{
	struct json_object *type;

	if (strcmp(key, "tools") == 0 && json_object_is_type(value, json_type_array) &&
	    json_object_array_length(value) == 0)
		return B3IQ_OK;
	if (strcmp(key, "tool_choice") == 0 && json_object_is_type(value, json_type_string) &&
	    strcmp(json_object_get_string(value), "required") != 0)
		return B3IQ_OK;
	if (strcmp(key, "parallel_tool_calls") == 0)
		return B3IQ_OK;
	if (strcmp(key, "response_format") == 0 &&
	    json_object_object_get_ex(value, "type", &type) &&
	    json_object_is_type(type, json_type_string) &&
	    strcmp(json_object_get_string(type), "text") == 0)
		return B3IQ_OK;
	return cannot(err, key);
}

static int32_t
read_members(struct request *r, struct b3iq_error *err)
{
	struct json_object *root = r->document;
	int32_t rc = B3IQ_OK;

	json_object_object_foreach(root, key, value) {
		if (strcmp(key, "messages") == 0) {
			rc = read_messages(r, value, err);
		} else if (strcmp(key, "prompt") == 0) {
			if (!json_object_is_type(value, json_type_string))
				return bad(err, "prompt must be text");
			r->prompt = text_of(value);
		} else if (strcmp(key, "stop") == 0) {
			rc = read_stops(r, value, err);
		} else if (strcmp(key, "thinking") == 0) {
			if (!json_object_is_type(value, json_type_boolean))
				return bad(err, "thinking must be true or false");
			r->no_thinking = !json_object_get_boolean(value);
		} else if (strcmp(key, "logit_bias") == 0) {
			rc = read_bias(r, value, err);
		} else {
			rc = read_absent(key, value, err);
		}
		if (rc != B3IQ_OK)
			return rc;
	}
	if ((r->messages != NULL) == (r->prompt.ptr != NULL))
		return bad(err, "body needs messages or a prompt, and not both");
	return B3IQ_OK;
}

int32_t
request_parse(struct request *r, const char *body, size_t len, struct b3iq_error *err)
{
	struct json_tokener *tokener;
	enum json_tokener_error wrong;

	if (len > INT_MAX)
		return bad(err, "body is too long");
	tokener = json_tokener_new_ex(MAX_DEPTH);
	if (!tokener)
		return fail_memory(err, "the request");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	r->document = json_tokener_parse_ex(tokener, body, (int)len);
	wrong = json_tokener_get_error(tokener);
	if (r->document && json_tokener_get_parse_end(tokener) != len)
		wrong = json_tokener_error_parse_unexpected;
	json_tokener_free(tokener);
	if (wrong != json_tokener_success || !json_object_is_type(r->document, json_type_object))
		return bad(err, "body is no JSON object");
	return read_members(r, err);
}

void
request_finish(struct request *r)
{
	json_object_put(r->document);
	free(r->messages);
	free(r->bias);
	*r = (struct request){ 0 };
}
