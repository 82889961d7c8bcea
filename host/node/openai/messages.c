#include "node/openai/messages.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"

#define TEXT_MAX (256u << 20)

static const struct {
	const char *given, *role;
} roles[] = {
	{ "system", "system" }, { "developer", "system" }, { "user", "user" },
	{ "assistant", "assistant" }, { "tool", "tool" },
};
#define N_ROLES (sizeof roles / sizeof *roles)

/* Members of a message that say nothing to a model; clients send back what they got. */
static const char *const ignored[] = { "refusal", "annotations", "audio", "function_call",
	                               "reasoning_content" };
static const char *const known[] = { "role", "content", "name", "tool_calls", "tool_call_id" };

static int32_t
no_memory(struct wrong *w)
{
	errors_from(w, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 }, NULL);
	return B3IQ_E_NO_MEMORY;
}

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static struct json_object *
member(struct json_object *of, const char *key)
{
	struct json_object *found = NULL;

	json_object_object_get_ex(of, key, &found);
	return found;
}

/* Checks `v` against a definition of chat-request.json. */
static int32_t
check_part(struct json_object *v, const char *definition, const char *param, struct wrong *w)
{
	struct json_object *schema = NULL, *part;
	struct b3iq_error err = NO_ERROR;
	size_t len = 0;
	const char *text = schema_text("chat-request.json", &len);
	char ref[64];
	int32_t rc;

	if (!text || json_parse(text, len, "chat-request.json", &schema, &err) != B3IQ_OK)
		return no_memory(w);
	snprintf(ref, sizeof ref, "#/$defs/%s", definition);
	part = json_object_new_object();
	rc = part && json_put_string(part, "$ref", ref) == B3IQ_OK &&
	                     json_put(part, "$defs", json_object_get(member(schema, "$defs"))) ==
	                             B3IQ_OK
	             ? schema_check(part, v, param, &err)
	             : B3IQ_E_NO_MEMORY;
	json_object_put(part);
	json_object_put(schema);
	if (rc == B3IQ_E_INVALID)
		return errors_wrong(w, "invalid_value", param, "%s", err.text);
	return rc == B3IQ_OK ? rc : no_memory(w);
}

/* ---- content ------------------------------------------------------------- */

static int32_t
add_text(struct json_object *text, const char *param, struct buf *out, struct wrong *w)
{
	if (!json_object_is_type(text, json_type_string))
		return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
	if (buf_append(out, json_object_get_string(text),
	               (size_t)json_object_get_string_len(text)) != B3IQ_OK)
		return no_memory(w);
	return B3IQ_OK;
}

static int32_t
add_part(struct json_object *part, const char *at, struct buf *out, struct wrong *w)
{
	struct json_object *type = member(part, "type");
	char param[120];

	if (!json_object_is_type(part, json_type_object))
		return errors_wrong(w, "invalid_type", at, "%s must be an object", at);
	snprintf(param, sizeof param, "%s.type", at);
	if (!json_object_is_type(type, json_type_string))
		return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
	if (strcmp(json_object_get_string(type), "text") != 0)
		return errors_wrong(w, "unsupported_value", param,
		                    "%s: only text parts are supported here, not \"%.40s\"", param,
		                    json_object_get_string(type));
	snprintf(param, sizeof param, "%s.text", at);
	return add_text(member(part, "text"), param, out, w);
}

/* Absent content is fine where an assistant only called tools. */
static int32_t
add_content(struct json_object *content, const char *at, bool may_lack, struct buf *out,
            struct wrong *w)
{
	char param[64];
	int32_t rc = B3IQ_OK;

	snprintf(param, sizeof param, "%s.content", at);
	if (!content)
		return may_lack ? B3IQ_OK
		                : errors_wrong(w, "missing_parameter", param, "%s is missing",
		                               param);
	if (json_object_is_type(content, json_type_string))
		return add_text(content, param, out, w);
	if (!json_object_is_type(content, json_type_array))
		return errors_wrong(w, "invalid_type", param,
		                    "%s must be a string or an array of parts", param);
	if (json_object_array_length(content) == 0)
		return errors_wrong(w, "invalid_value", param, "%s must have at least one part",
		                    param);
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(content); i++) {
		char part[100];

		snprintf(part, sizeof part, "%s[%zu]", param, i);
		rc = add_part(json_object_array_get_idx(content, i), part, out, w);
	}
	return rc;
}

/* ---- one message --------------------------------------------------------- */

static int32_t
copy_string(struct json_object *from, const char *key, const char *at, int most,
            struct json_object *to, struct wrong *w)
{
	struct json_object *v = member(from, key);
	char param[100];

	if (!v)
		return B3IQ_OK;
	snprintf(param, sizeof param, "%s.%s", at, key);
	if (!json_object_is_type(v, json_type_string))
		return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
	if (json_object_get_string_len(v) > most)
		return errors_wrong(w, "invalid_value", param, "%s must have at most %d bytes",
		                    param, most);
	return json_put(to, key, json_object_get(v)) == B3IQ_OK ? B3IQ_OK : no_memory(w);
}

static int32_t
copy_calls(struct json_object *calls, const char *at, const char *role, struct json_object *to,
           struct wrong *w)
{
	char param[64];

	snprintf(param, sizeof param, "%s.tool_calls", at);
	if (strcmp(role, "assistant") != 0)
		return errors_wrong(w, "invalid_value", param, "%s: only an assistant calls tools",
		                    param);
	if (!json_object_is_type(calls, json_type_array))
		return errors_wrong(w, "invalid_type", param, "%s must be an array", param);
	for (size_t i = 0; i < json_object_array_length(calls); i++) {
		char call[100];
		int32_t rc;

		snprintf(call, sizeof call, "%s[%zu]", param, i);
		rc = check_part(json_object_array_get_idx(calls, i), "call", call, w);
		if (rc != B3IQ_OK)
			return rc;
	}
	return json_put(to, "tool_calls", json_object_get(calls)) == B3IQ_OK ? B3IQ_OK
	                                                                     : no_memory(w);
}

static int32_t
read_role(struct json_object *message, const char *at, const char **role, struct wrong *w)
{
	struct json_object *v = member(message, "role");
	char param[100];

	snprintf(param, sizeof param, "%s.role", at);
	if (!v)
		return errors_wrong(w, "missing_parameter", param, "%s is missing", param);
	if (!json_object_is_type(v, json_type_string))
		return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
	for (size_t i = 0; i < N_ROLES; i++) {
		if (strcmp(json_object_get_string(v), roles[i].given) == 0) {
			*role = roles[i].role;
			return B3IQ_OK;
		}
	}
	return errors_wrong(w, "invalid_value", param,
	                    "%s must be one of system, developer, user, assistant, tool", param);
}

static int32_t
check_members(struct json_object *message, const char *at, struct wrong *w)
{
	json_object_object_foreach(message, name, v) {
		char param[200];

		if (!v || among(name, known, sizeof known / sizeof *known) ||
		    among(name, ignored, sizeof ignored / sizeof *ignored))
			continue;
		snprintf(param, sizeof param, "%s.%.60s", at, name);
		return errors_wrong(w, "unknown_parameter", param, "%s is not known here", param);
	}
	return B3IQ_OK;
}

static int32_t
fill_message(struct json_object *message, const char *at, struct json_object *to, struct wrong *w)
{
	const char *role = NULL;
	struct json_object *calls;
	struct buf text;
	int32_t rc;

	if (!json_object_is_type(message, json_type_object))
		return errors_wrong(w, "invalid_type", at, "%s must be an object", at);
	calls = member(message, "tool_calls");
	rc = check_members(message, at, w);
	if (rc == B3IQ_OK)
		rc = read_role(message, at, &role, w);
	if (rc != B3IQ_OK)
		return rc;
	if (json_put_string(to, "role", role) != B3IQ_OK)
		return no_memory(w);
	buf_init(&text, TEXT_MAX);
	rc = add_content(member(message, "content"), at, calls && strcmp(role, "assistant") == 0,
	                 &text, w);
	if (rc == B3IQ_OK &&
	    json_put(to, "content", json_object_new_string_len(text.len ? text.data : "",
	                                                       (int)text.len)) != B3IQ_OK)
		rc = no_memory(w);
	buf_wipe(&text);
	if (rc == B3IQ_OK)
		rc = copy_string(message, "name", at, 64, to, w);
	if (rc == B3IQ_OK && calls)
		rc = copy_calls(calls, at, role, to, w);
	if (rc == B3IQ_OK)
		rc = copy_string(message, "tool_call_id", at, 128, to, w);
	if (rc == B3IQ_OK && strcmp(role, "tool") == 0 && !member(message, "tool_call_id")) {
		char param[100];

		snprintf(param, sizeof param, "%s.tool_call_id", at);
		return errors_wrong(w, "missing_parameter", param, "%s is missing", param);
	}
	return rc;
}

int32_t
messages_add(const struct arguments *args, struct json_object *body, struct wrong *w)
{
	struct json_object *list;
	int32_t rc = B3IQ_OK;

	if (!args->messages)
		return errors_wrong(w, "missing_parameter", "messages",
		                    "the parameter messages is missing");
	list = json_object_new_array();
	if (!list || json_put(body, "messages", list) != B3IQ_OK)
		return no_memory(w);
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(args->messages); i++) {
		struct json_object *one = json_object_new_object();
		char at[40];

		if (json_add(list, one) != B3IQ_OK)
			return no_memory(w);
		snprintf(at, sizeof at, "messages[%zu]", i);
		rc = fill_message(json_object_array_get_idx(args->messages, i), at, one, w);
	}
	return rc;
}

/* ---- tools --------------------------------------------------------------- */

static int32_t
add_tool_list(struct json_object *tools, struct json_object *body, struct wrong *w)
{
	for (size_t i = 0; i < json_object_array_length(tools); i++) {
		char param[32];
		int32_t rc;

		snprintf(param, sizeof param, "tools[%zu]", i);
		rc = check_part(json_object_array_get_idx(tools, i), "tool", param, w);
		if (rc != B3IQ_OK)
			return rc;
	}
	return json_put(body, "tools", json_object_get(tools)) == B3IQ_OK ? B3IQ_OK : no_memory(w);
}

/* The list has been checked. */
static bool
is_offered(struct json_object *tools, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(tools); i++) {
		struct json_object *function = member(json_object_array_get_idx(tools, i), "function");

		if (strcmp(json_object_get_string(member(function, "name")), name) == 0)
			return true;
	}
	return false;
}

static int32_t
choose_named(struct json_object *choice, struct json_object *tools, struct json_object *body,
             struct wrong *w)
{
	struct json_object *type = member(choice, "type"), *function = member(choice, "function");
	struct json_object *name = json_object_is_type(function, json_type_object)
	                                   ? member(function, "name") : NULL;

	if (!json_object_is_type(type, json_type_string) ||
	    strcmp(json_object_get_string(type), "function") != 0 ||
	    !json_object_is_type(name, json_type_string))
		return errors_wrong(w, "invalid_value", "tool_choice",
		                    "tool_choice as an object must be {\"type\":\"function\","
		                    "\"function\":{\"name\":...}}");
	if (!is_offered(tools, json_object_get_string(name)))
		return errors_wrong(w, "invalid_value", "tool_choice",
		                    "tool_choice names a function that tools does not have");
	if (json_put_string(body, "tool_choice", "required") != B3IQ_OK ||
	    json_put(body, "tool_name", json_object_get(name)) != B3IQ_OK)
		return no_memory(w);
	return B3IQ_OK;
}

static int32_t
add_choice(struct json_object *choice, struct json_object *tools, struct json_object *body,
           struct wrong *w)
{
	static const char *const words[] = { "none", "auto", "required" };

	if (json_object_is_type(choice, json_type_object))
		return choose_named(choice, tools, body, w);
	if (!json_object_is_type(choice, json_type_string) ||
	    !among(json_object_get_string(choice), words, 3))
		return errors_wrong(w, "invalid_value", "tool_choice",
		                    "tool_choice must be none, auto, required or a function");
	return json_put(body, "tool_choice", json_object_get(choice)) == B3IQ_OK ? B3IQ_OK
	                                                                         : no_memory(w);
}

/* text is what there is anyway. */
static int32_t
add_format(struct json_object *format, struct json_object *body, struct wrong *w)
{
	static const char *const types[] = { "text", "json_object", "json_schema" };
	struct json_object *type = member(format, "type");
	int32_t rc;

	if (!json_object_is_type(type, json_type_string) ||
	    !among(json_object_get_string(type), types, 3))
		return errors_wrong(
			w, "invalid_value", "response_format.type",
			"response_format.type must be text, json_object or json_schema");
	if (strcmp(json_object_get_string(type), "text") == 0)
		return B3IQ_OK;
	if (strcmp(json_object_get_string(type), "json_schema") == 0 &&
	    !json_object_is_type(member(format, "json_schema"), json_type_object))
		return errors_wrong(w, "missing_parameter", "response_format.json_schema",
		                    "response_format.json_schema is missing");
	rc = check_part(format, "format", "response_format", w);
	if (rc != B3IQ_OK)
		return rc;
	return json_put(body, "response_format", json_object_get(format)) == B3IQ_OK ? B3IQ_OK
	                                                                             : no_memory(w);
}

int32_t
messages_add_tools(const struct arguments *args, struct json_object *body, struct wrong *w)
{
	const bool any = args->tools && json_object_array_length(args->tools) > 0;
	int32_t rc = B3IQ_OK;

	if (any)
		rc = add_tool_list(args->tools, body, w);
	if (rc == B3IQ_OK && args->tool_choice && !any &&
	    !(json_object_is_type(args->tool_choice, json_type_string) &&
	      strcmp(json_object_get_string(args->tool_choice), "none") == 0))
		return errors_wrong(w, "invalid_value", "tool_choice",
		                    "tool_choice is only allowed where tools are given");
	if (rc == B3IQ_OK && args->tool_choice && any)
		rc = add_choice(args->tool_choice, args->tools, body, w);
	if (rc == B3IQ_OK && args->has_parallel && any &&
	    json_put_bool(body, "parallel_tool_calls", args->parallel_tool_calls) != B3IQ_OK)
		rc = no_memory(w);
	if (rc == B3IQ_OK && args->response_format)
		rc = add_format(args->response_format, body, w);
	return rc;
}
