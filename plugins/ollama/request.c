#include "request.h"

#include <string.h>
#include "doc.h"
#include "engine/fail.h"

/* A member of any type, or NULL. */
static struct json_object *
member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

/* ---- options ------------------------------------------------------------ */

static bool
add_sampling(struct json_object *options, const struct b3iq_gen_request *rq)
{
	const float repeat = rq->repetition_penalty > 0 ? rq->repetition_penalty : 1.0f;

	return doc_add_float(options, "temperature", rq->temperature) &&
	       doc_add_float(options, "top_p", rq->top_p) &&
	       doc_add_int(options, "top_k", rq->top_k) &&
	       doc_add_float(options, "min_p", rq->min_p) &&
	       doc_add_float(options, "repeat_penalty", repeat) &&
	       doc_add_float(options, "presence_penalty", rq->presence_penalty) &&
	       doc_add_float(options, "frequency_penalty", rq->frequency_penalty) &&
	       /* Ollama keeps seeds in 32 bits and takes -1 for "any". */
	       doc_add_int(options, "seed", (int64_t)(rq->seed & 0x7fffffff));
}

static int32_t
add_options(struct request *r, const struct b3iq_gen_request *rq, struct json_object *in,
            int64_t context, struct b3iq_error *err)
{
	struct json_object *options = json_object_new_object();
	struct json_object *stop = member(in, "stop");
	const int64_t       limit = rq->max_tokens ? rq->max_tokens : context;

	r->stops = doc_length(stop) > 0;
	if (doc_add(r->body, "options", options) && add_sampling(options, rq) &&
	    doc_add_int(options, "num_predict", limit) &&
	    doc_add_int(options, "num_ctx", context) &&
	    (!r->stops || doc_add(options, "stop", json_object_get(stop))))
		return B3IQ_OK;
	return fail_memory(err, "the options of a request");
}

/* ---- messages ----------------------------------------------------------- */

/* The function that an earlier assistant message called under this id, or NULL. */
static const char *
called_function(struct json_object *messages, size_t before, const char *id)
{
	for (size_t i = before; i-- > 0;) {
		struct json_object *calls =
			member(json_object_array_get_idx(messages, i), "tool_calls");

		for (size_t k = 0; calls && k < doc_length(calls); k++) {
			struct json_object *call = json_object_array_get_idx(calls, k);
			const char         *its = doc_string(call, "id");

			if (its && strcmp(its, id) == 0)
				return doc_string(member(call, "function"), "name");
		}
	}
	return NULL;
}

/* OpenAI's arguments are a text, Ollama's an object. */
static int32_t
add_call(struct json_object *out, struct json_object *call, struct b3iq_error *err)
{
	struct json_object *function = member(call, "function");
	const char         *name = doc_string(function, "name");
	const char         *arguments = doc_string(function, "arguments");
	struct json_object *parsed, *to, *made;
	bool                ok;

	if (!name || !arguments)
		return fail_with(err, B3IQ_E_INVALID, "a tool call lacks its name or arguments");
	parsed = doc_parse(arguments, strlen(arguments));
	if (!json_object_is_type(parsed, json_type_object)) {
		json_object_put(parsed);
		return fail_with(err, B3IQ_E_INVALID,
		                 "the arguments of a tool call to %.64s are no JSON object", name);
	}
	ok = doc_append(out, to = json_object_new_object()) &&
	     doc_add(to, "function", made = json_object_new_object()) &&
	     doc_add_string(made, "name", name) &&
	     doc_add(made, "arguments", json_object_get(parsed));
	json_object_put(parsed);
	return ok ? B3IQ_OK : fail_memory(err, "the messages of a request");
}

static int32_t
add_calls(struct json_object *out, struct json_object *calls, struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array();

	if (!doc_add(out, "tool_calls", list))
		return fail_memory(err, "the messages of a request");
	for (size_t i = 0; i < doc_length(calls); i++) {
		const int32_t rc = add_call(list, json_object_array_get_idx(calls, i), err);

		if (rc)
			return rc;
	}
	return B3IQ_OK;
}

static int32_t
add_message(struct json_object *out, struct json_object *messages, size_t i,
            struct b3iq_error *err)
{
	struct json_object *m = json_object_array_get_idx(messages, i);
	struct json_object *made = json_object_new_object();
	const char         *role = doc_string(m, "role"), *id = doc_string(m, "tool_call_id");
	const char         *name = doc_string(m, "name");
	const bool          tool = role && strcmp(role, "tool") == 0;

	if (!doc_append(out, made))
		return fail_memory(err, "the messages of a request");
	if (!role || !json_object_is_type(member(m, "content"), json_type_string))
		return fail_with(err, B3IQ_E_INVALID, "messages[%zu] lacks role or content", i);
	if (name && !tool)
		return fail_with(
			err, B3IQ_E_UNSUPPORTED,
			"messages[%zu].name: Ollama knows no names of speakers; leave it out", i);
	if (tool && !name && id)
		name = called_function(messages, i, id);
	if (tool && id && !name)
		return fail_with(err, B3IQ_E_INVALID,
		                 "messages[%zu].tool_call_id answers no call of an earlier message",
		                 i);
	if (!doc_add_string(made, "role", role) ||
	    !doc_add(made, "content", json_object_get(member(m, "content"))) ||
	    (name && !doc_add_string(made, "tool_name", name)))
		return fail_memory(err, "the messages of a request");
	return member(m, "tool_calls") ? add_calls(made, member(m, "tool_calls"), err) : B3IQ_OK;
}

static int32_t
add_messages(struct request *r, struct json_object *in, struct b3iq_error *err)
{
	struct json_object *messages = member(in, "messages"), *out;

	if (!json_object_is_type(messages, json_type_array))
		return fail_with(err, B3IQ_E_INVALID, "messages is no array");
	out = json_object_new_array();
	if (!doc_add(r->body, "messages", out))
		return fail_memory(err, "the messages of a request");
	for (size_t i = 0; i < doc_length(messages); i++) {
		const int32_t rc = add_message(out, messages, i, err);

		if (rc)
			return rc;
	}
	return B3IQ_OK;
}

/* ---- tools and format --------------------------------------------------- */

static int32_t
add_tools(struct request *r, struct json_object *in, struct b3iq_error *err)
{
	struct json_object *tools = member(in, "tools");
	const char         *choice = doc_string(in, "tool_choice");
	struct json_object *parallel = member(in, "parallel_tool_calls");

	if ((choice && strcmp(choice, "required") == 0) || member(in, "tool_name"))
		return fail_with(
			err, B3IQ_E_UNSUPPORTED,
			"tool_choice: Ollama cannot be made to call a tool; use auto or none");
	if (!doc_length(tools) || (choice && strcmp(choice, "none") == 0))
		return B3IQ_OK;
	if (parallel && !json_object_get_boolean(parallel))
		return fail_with(
			err, B3IQ_E_UNSUPPORTED,
			"parallel_tool_calls: Ollama cannot be held to one call; leave it out");
	for (size_t i = 0; i < doc_length(tools); i++) {
		struct json_object *f = member(json_object_array_get_idx(tools, i), "function");

		if (json_object_get_boolean(member(f, "strict")))
			return fail_with(err, B3IQ_E_UNSUPPORTED,
			                 "tools[%zu].function.strict: Ollama cannot enforce it", i);
	}
	return doc_add(r->body, "tools", json_object_get(tools))
	               ? B3IQ_OK
	               : fail_memory(err, "the tools of a request");
}

static int32_t
add_format(struct request *r, struct json_object *in, struct b3iq_error *err)
{
	struct json_object *format = member(in, "response_format"), *schema;
	const char         *type = doc_string(format, "type");

	if (!format || (type && strcmp(type, "text") == 0))
		return B3IQ_OK;
	if (type && strcmp(type, "json_object") == 0)
		return doc_add_string(r->body, "format", "json")
		               ? B3IQ_OK
		               : fail_memory(err, "the format of a request");
	schema = member(member(format, "json_schema"), "schema");
	if (!type || strcmp(type, "json_schema") != 0 ||
	    !json_object_is_type(schema, json_type_object))
		return fail_with(
			err, B3IQ_E_INVALID,
			"response_format must be text, json_object or json_schema with a schema");
	return doc_add(r->body, "format", json_object_get(schema))
	               ? B3IQ_OK
	               : fail_memory(err, "the format of a request");
}

/* ---- the whole ---------------------------------------------------------- */

static int32_t
check_members(struct json_object *in, struct b3iq_error *err)
{
	static const char *const understood[] = { "messages", "prompt", "stop", "tools",
		                                  "tool_choice", "tool_name",
		                                  "parallel_tool_calls", "response_format" };

	json_object_object_foreach(in, key, value) {
		bool ok = false;

		for (size_t i = 0; i < sizeof understood / sizeof *understood; i++)
			ok = ok || strcmp(key, understood[i]) == 0;
		/* An empty object asks for nothing. */
		if (!ok && !(json_object_is_type(value, json_type_object) &&
		             json_object_object_length(value) == 0))
			return fail_with(err, B3IQ_E_UNSUPPORTED,
			                 "%.64s: Ollama cannot do this; leave it out", key);
	}
	if (member(in, "stop") && !json_object_is_type(member(in, "stop"), json_type_array))
		return fail_with(err, B3IQ_E_INVALID, "stop is no array");
	if (member(in, "tools") && !json_object_is_type(member(in, "tools"), json_type_array))
		return fail_with(err, B3IQ_E_INVALID, "tools is no array");
	return B3IQ_OK;
}

static int32_t
add_frame(struct request *r, const struct config *config, const struct b3iq_gen_request *rq,
          struct b3iq_error *err)
{
	bool ok =
		doc_add_string(r->body, "model", rq->model) &&
		doc_add_bool(r->body, "stream", true) &&
		/* An overlong conversation is an error, never cut; old versions ignore these. */
		doc_add_bool(r->body, "truncate", false) && doc_add_bool(r->body, "shift", false) &&
		doc_add(r->body, "keep_alive", config_keep_alive(config));

	if (rq->flags & B3IQ_GEN_LOGPROBS)
		ok = ok && doc_add_bool(r->body, "logprobs", true) &&
		     doc_add_int(r->body, "top_logprobs", rq->top_logprobs);
	if (!r->chat)
		ok = ok && doc_add_bool(r->body, "raw", true);
	return ok ? B3IQ_OK : fail_memory(err, "a request to Ollama");
}

static int32_t
fill(struct request *r, const struct config *config, const struct b3iq_gen_request *rq,
     struct json_object *in, int64_t context, struct b3iq_error *err)
{
	int32_t rc = check_members(in, err);

	if (rc)
		return rc;
	r->chat = member(in, "messages") != NULL;
	if (r->chat == json_object_is_type(member(in, "prompt"), json_type_string))
		return fail_with(err, B3IQ_E_INVALID, "a request has either messages or a prompt");
	rc = add_frame(r, config, rq, err);
	if (!rc && r->chat)
		rc = add_messages(r, in, err);
	if (!rc && !r->chat && !doc_add(r->body, "prompt", json_object_get(member(in, "prompt"))))
		rc = fail_memory(err, "the prompt of a request");
	if (!rc && !r->chat && member(in, "tools"))
		rc = fail_with(err, B3IQ_E_UNSUPPORTED, "tools need messages, not a prompt");
	if (!rc)
		rc = add_tools(r, in, err);
	if (!rc)
		rc = add_format(r, in, err);
	return rc ? rc : add_options(r, rq, in, context, err);
}

int32_t
request_make(struct request *r, const struct config *config, const struct b3iq_gen_request *rq,
             int64_t context, struct b3iq_error *err)
{
	struct json_object *in = doc_parse(rq->body, rq->body_len);
	int32_t             rc;

	*r = (struct request){ .body = json_object_new_object() };
	if (!json_object_is_type(in, json_type_object))
		rc = fail_with(err, B3IQ_E_INVALID, "the body of the request is no JSON object");
	else if (!r->body)
		rc = fail_memory(err, "a request to Ollama");
	else
		rc = fill(r, config, rq, in, context, err);
	json_object_put(in);
	return rc;
}

void
request_finish(struct request *r)
{
	json_object_put(r->body);
	r->body = NULL;
}
