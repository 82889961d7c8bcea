#include "node/openai/arguments.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"

#define STOP_MAX 16

enum kind {
	A_IGNORED,   /* of any value                                */
	A_FALSE,     /* only false makes sense here                 */
	A_TEXT_ONLY, /* only ["text"]                               */
	A_BOOL,
	A_INT,
	A_NUMBER,
	A_STRING,
	A_OBJECT,
	A_ARRAY,
	A_ANY        /* its own code looks at it                    */
};

#define NOWHERE SIZE_MAX
#define AT(member) offsetof(struct arguments, member)

static const struct argument {
	const char *name;
	int         dialects;
	enum kind   kind;
	double      least, most;
	size_t      at;
} table[] = {
	{ "model", ARGUMENTS_BOTH, A_STRING, 1, 1024, AT(model) },
	{ "messages", ARGUMENTS_CHAT, A_ARRAY, 1, 4096, AT(messages) },
	{ "prompt", ARGUMENTS_TEXT, A_ANY, 0, 0, AT(prompt) },
	/* the form of the answer */
	{ "stream", ARGUMENTS_BOTH, A_BOOL, 0, 0, AT(stream) },
	{ "stream_options", ARGUMENTS_BOTH, A_OBJECT, 0, 0, AT(stream_options) },
	{ "n", ARGUMENTS_BOTH, A_INT, 1, ARGUMENTS_N_MAX, AT(n) },
	{ "best_of", ARGUMENTS_TEXT, A_INT, 1, ARGUMENTS_N_MAX, AT(best_of) },
	{ "max_tokens", ARGUMENTS_BOTH, A_INT, 1, UINT32_MAX, AT(max_tokens) },
	{ "max_completion_tokens", ARGUMENTS_CHAT, A_INT, 1, UINT32_MAX,
	  AT(max_completion_tokens) },
	{ "stop", ARGUMENTS_BOTH, A_ANY, 0, 0, AT(stop) },
	{ "logprobs", ARGUMENTS_CHAT, A_BOOL, 0, 0, AT(logprobs) },
	{ "top_logprobs", ARGUMENTS_CHAT, A_INT, 0, 20, AT(top_logprobs) },
	{ "logprobs", ARGUMENTS_TEXT, A_INT, 0, 5, AT(text_logprobs) },
	{ "response_format", ARGUMENTS_CHAT, A_OBJECT, 0, 0, AT(response_format) },
	{ "tools", ARGUMENTS_CHAT, A_ARRAY, 0, 128, AT(tools) },
	{ "tool_choice", ARGUMENTS_CHAT, A_ANY, 0, 0, AT(tool_choice) },
	{ "parallel_tool_calls", ARGUMENTS_CHAT, A_BOOL, 0, 0, AT(parallel_tool_calls) },
	{ "chat_template_kwargs", ARGUMENTS_CHAT, A_OBJECT, 0, 0, AT(template_kwargs) },
	/* sampling */
	{ "temperature", ARGUMENTS_BOTH, A_NUMBER, 0, 2, AT(temperature) },
	{ "top_p", ARGUMENTS_BOTH, A_NUMBER, 0, 1, AT(top_p) },
	{ "top_k", ARGUMENTS_BOTH, A_INT, 0, 1000000, AT(top_k) },
	{ "min_p", ARGUMENTS_BOTH, A_NUMBER, 0, 1, AT(min_p) },
	{ "presence_penalty", ARGUMENTS_BOTH, A_NUMBER, -2, 2, AT(presence_penalty) },
	{ "frequency_penalty", ARGUMENTS_BOTH, A_NUMBER, -2, 2, AT(frequency_penalty) },
	{ "repetition_penalty", ARGUMENTS_BOTH, A_NUMBER, 1e-6, 10, AT(repetition_penalty) },
	{ "logit_bias", ARGUMENTS_BOTH, A_OBJECT, 0, 0, AT(logit_bias) },
	{ "seed", ARGUMENTS_BOTH, A_INT, -9.3e18, 9.3e18, AT(seed) },
	/* known, and without a meaning here */
	{ "user", ARGUMENTS_BOTH, A_STRING, 0, 4096, NOWHERE },
	{ "safety_identifier", ARGUMENTS_BOTH, A_STRING, 0, 4096, NOWHERE },
	{ "prompt_cache_key", ARGUMENTS_BOTH, A_STRING, 0, 4096, NOWHERE },
	{ "metadata", ARGUMENTS_BOTH, A_OBJECT, 0, 0, NOWHERE },
	{ "service_tier", ARGUMENTS_BOTH, A_STRING, 0, 64, NOWHERE },
	{ "modalities", ARGUMENTS_CHAT, A_TEXT_ONLY, 0, 0, NOWHERE },
	{ "store", ARGUMENTS_BOTH, A_FALSE, 0, 0, NOWHERE },
	{ "echo", ARGUMENTS_TEXT, A_FALSE, 0, 0, NOWHERE },
};
#define N_TABLE (sizeof table / sizeof *table)

static const struct argument *
find(const char *name, int dialect)
{
	for (size_t i = 0; i < N_TABLE; i++)
		if ((table[i].dialects & dialect) && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static int32_t
wrong_type(const struct argument *a, const char *must, struct wrong *w)
{
	return errors_wrong(w, "invalid_type", a->name, "%s must be %s", a->name, must);
}

static int32_t
read_int(const struct argument *a, struct json_object *v, void *out, struct wrong *w)
{
	int64_t n;

	if (!json_object_is_type(v, json_type_int))
		return wrong_type(a, "an integer", w);
	n = json_object_get_int64(v);
	if (strcmp(a->name, "top_k") == 0 && n == -1)
		n = 0; /* some clients say "off" so */
	if ((double)n < a->least || (double)n > a->most)
		return errors_wrong(w, "invalid_value", a->name, "%s must be from %.0f to %.0f",
		                    a->name, a->least, a->most);
	*(int64_t *)out = n;
	return B3IQ_OK;
}

static int32_t
read_number(const struct argument *a, struct json_object *v, void *out, struct wrong *w)
{
	double x;

	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return wrong_type(a, "a number", w);
	x = json_object_get_double(v);
	if (!isfinite(x) || x < a->least || x > a->most)
		return errors_wrong(w, "invalid_value", a->name, "%s must be from %g to %g",
		                    a->name, a->least, a->most);
	*(double *)out = x;
	return B3IQ_OK;
}

static int32_t
read_string(const struct argument *a, struct json_object *v, void *out, struct wrong *w)
{
	size_t n;

	if (!json_object_is_type(v, json_type_string))
		return wrong_type(a, "a string", w);
	n = (size_t)json_object_get_string_len(v);
	if (n != strlen(json_object_get_string(v)) || (double)n < a->least || (double)n > a->most)
		return errors_wrong(w, "invalid_value", a->name,
		                    "%s must have from %.0f to %.0f bytes, none of them zero",
		                    a->name, a->least, a->most);
	if (out)
		*(const char **)out = json_object_get_string(v);
	return B3IQ_OK;
}

static int32_t
read_array(const struct argument *a, struct json_object *v, void *out, struct wrong *w)
{
	size_t n;

	if (!json_object_is_type(v, json_type_array))
		return wrong_type(a, "an array", w);
	n = json_object_array_length(v);
	if ((double)n < a->least || (double)n > a->most)
		return errors_wrong(w, "invalid_value", a->name,
		                    "%s must have from %.0f to %.0f items", a->name, a->least,
		                    a->most);
	*(struct json_object **)out = v;
	return B3IQ_OK;
}

static bool
is_text_only(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) && json_object_array_length(v) == 1 &&
	       json_object_is_type(json_object_array_get_idx(v, 0), json_type_string) &&
	       strcmp(json_object_get_string(json_object_array_get_idx(v, 0)), "text") == 0;
}

static int32_t
read_one(const struct argument *a, struct json_object *v, struct arguments *args, struct wrong *w)
{
	void *out = a->at == NOWHERE ? NULL : (char *)args + a->at;

	switch (a->kind) {
	case A_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return wrong_type(a, "true or false", w);
		*(bool *)out = json_object_get_boolean(v);
		return B3IQ_OK;
	case A_INT:
		return read_int(a, v, out, w);
	case A_NUMBER:
		return read_number(a, v, out, w);
	case A_STRING:
		return read_string(a, v, out, w);
	case A_ARRAY:
		return read_array(a, v, out, w);
	case A_OBJECT:
		if (!json_object_is_type(v, json_type_object))
			return wrong_type(a, "an object", w);
		break;
	case A_FALSE:
		if (!json_object_is_type(v, json_type_boolean) || json_object_get_boolean(v))
			return errors_wrong(w, "unsupported_value", a->name,
			                    "%s is not supported here; leave it out or send false",
			                    a->name);
		break;
	case A_TEXT_ONLY:
		if (!is_text_only(v))
			return errors_wrong(w, "unsupported_value", a->name,
			                    "%s other than [\"text\"] is not supported here",
			                    a->name);
		break;
	case A_IGNORED:
	case A_ANY:
		break;
	}
	if (out)
		*(struct json_object **)out = v;
	return B3IQ_OK;
}

/* ---- what depends on more than one of them ------------------------------- */

static int32_t
read_stream_options(struct arguments *args, struct wrong *w)
{
	if (!args->stream_options)
		return B3IQ_OK;
	if (!args->stream)
		return errors_wrong(w, "invalid_value", "stream_options",
		                    "stream_options is only allowed where stream is true");
	json_object_object_foreach(args->stream_options, name, v) {
		char param[100];

		snprintf(param, sizeof param, "stream_options.%.60s", name);
		if (strcmp(name, "include_usage") != 0 && strcmp(name, "include_obfuscation") != 0)
			return errors_wrong(w, "unknown_parameter", param, "%s is not known",
			                    param);
		if (v && !json_object_is_type(v, json_type_boolean))
			return errors_wrong(w, "invalid_type", param, "%s must be true or false",
			                    param);
		if (strcmp(name, "include_usage") == 0)
			args->include_usage = json_object_get_boolean(v);
	}
	return B3IQ_OK;
}

/* The switches of a chat template, of which one is known: may the model think? */
static int32_t
read_template_kwargs(struct arguments *args, struct wrong *w)
{
	if (!args->template_kwargs)
		return B3IQ_OK;
	json_object_object_foreach(args->template_kwargs, name, v) {
		char param[100];

		snprintf(param, sizeof param, "chat_template_kwargs.%.60s", name);
		if (strcmp(name, "enable_thinking") != 0)
			return errors_wrong(w, "unknown_parameter", param, "%s is not known",
			                    param);
		if (v && !json_object_is_type(v, json_type_boolean))
			return errors_wrong(w, "invalid_type", param, "%s must be true or false",
			                    param);
		args->no_thinking = v && !json_object_get_boolean(v);
	}
	return B3IQ_OK;
}

static int32_t
check_together(struct arguments *args, struct wrong *w)
{
	if (args->max_tokens > 0 && args->max_completion_tokens > 0 &&
	    args->max_tokens != args->max_completion_tokens)
		return errors_wrong(
			w, "invalid_value", "max_tokens",
			"max_tokens and max_completion_tokens are the same thing here, and "
			"differ");
	if (args->max_completion_tokens > 0)
		args->max_tokens = args->max_completion_tokens;
	if (args->top_logprobs > 0 && !args->logprobs)
		return errors_wrong(w, "invalid_value", "top_logprobs",
		                    "top_logprobs needs logprobs to be true");
	if (args->text_logprobs >= 0) {
		args->logprobs = true;
		args->top_logprobs = args->text_logprobs;
	}
	if (args->best_of >= 0 && args->best_of != args->n)
		return errors_wrong(w, "unsupported_value", "best_of",
		                    "best_of other than n is not supported here");
	if (read_template_kwargs(args, w) != B3IQ_OK)
		return B3IQ_E_INVALID;
	return read_stream_options(args, w);
}

int32_t
arguments_read(struct json_object *doc, int dialect, struct arguments *args, struct wrong *w)
{
	*args = (struct arguments){
		.dialect = dialect, .n = 1, .best_of = -1, .text_logprobs = -1,
		.temperature = 1, .top_p = 1, .repetition_penalty = 1,
	};
	if (!json_object_is_type(doc, json_type_object))
		return errors_wrong(w, "invalid_json", NULL, "the body must be a JSON object");
	json_object_object_foreach(doc, name, v) {
		const struct argument *a = find(name, dialect);
		int32_t rc;

		if (!a)
			return errors_wrong(
				w, "unknown_parameter", name,
				"the parameter %.100s is not known here, and would change the "
				"answer if it were ignored",
				name);
		if (!v)
			continue;
		rc = read_one(a, v, args, w);
		if (rc != B3IQ_OK)
			return rc;
		args->has_seed |= strcmp(name, "seed") == 0;
		args->has_parallel |= strcmp(name, "parallel_tool_calls") == 0;
	}
	return check_together(args, w);
}

/* ---- towards the backend ------------------------------------------------- */

void
arguments_fill(const struct arguments *args, struct b3iq_gen_request *rq)
{
	rq->size = sizeof *rq;
	rq->max_tokens = (uint32_t)args->max_tokens;
	rq->top_k = (uint32_t)args->top_k;
	rq->top_logprobs = (uint32_t)args->top_logprobs;
	rq->temperature = (float)args->temperature;
	rq->top_p = (float)args->top_p;
	rq->min_p = (float)args->min_p;
	rq->repetition_penalty = (float)args->repetition_penalty;
	rq->presence_penalty = (float)args->presence_penalty;
	rq->frequency_penalty = (float)args->frequency_penalty;
	if (args->logprobs)
		rq->flags |= B3IQ_GEN_LOGPROBS;
}

static int32_t
no_memory(struct wrong *w)
{
	errors_from(w, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 }, NULL);
	return B3IQ_E_NO_MEMORY;
}

static int32_t
add_stop(struct json_object *stop, struct json_object *out, struct wrong *w)
{
	const bool single = json_object_is_type(stop, json_type_string);
	const size_t n = single ? 1 : json_object_array_length(stop);

	if (n > STOP_MAX)
		return errors_wrong(w, "invalid_value", "stop", "stop must have at most %d strings",
		                    STOP_MAX);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = single ? stop : json_object_array_get_idx(stop, i);
		char param[32] = "stop";
		int len;

		if (!single)
			snprintf(param, sizeof param, "stop[%zu]", i);
		if (!json_object_is_type(item, json_type_string))
			return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
		len = json_object_get_string_len(item);
		if (len < 1 || len > 1024)
			return errors_wrong(w, "invalid_value", param,
			                    "%s must have 1 to 1024 bytes", param);
		if (json_add(out, json_object_get(item)) != B3IQ_OK)
			return no_memory(w);
	}
	return B3IQ_OK;
}

static int32_t
check_bias(struct json_object *bias, struct wrong *w)
{
	json_object_object_foreach(bias, id, v) {
		char param[64];
		double x;

		snprintf(param, sizeof param, "logit_bias.%.40s", id);
		if (!*id || strlen(id) > 9 || strspn(id, "0123456789") != strlen(id))
			return errors_wrong(w, "invalid_value", param,
			                    "%s: the keys of logit_bias are token ids", param);
		if (!json_object_is_type(v, json_type_int) &&
		    !json_object_is_type(v, json_type_double))
			return errors_wrong(w, "invalid_type", param, "%s must be a number", param);
		x = json_object_get_double(v);
		if (!(x >= -100 && x <= 100))
			return errors_wrong(w, "invalid_value", param,
			                    "%s must be from -100 to 100", param);
	}
	return B3IQ_OK;
}

int32_t
arguments_body(const struct arguments *args, struct json_object *body, struct wrong *w)
{
	int32_t rc = B3IQ_OK;

	if (args->stop) {
		struct json_object *list = json_object_new_array();

		if (!json_object_is_type(args->stop, json_type_string) &&
		    !json_object_is_type(args->stop, json_type_array))
			rc = errors_wrong(w, "invalid_type", "stop",
			                  "stop must be a string or an array");
		else if (!list)
			rc = no_memory(w);
		else
			rc = add_stop(args->stop, list, w);
		if (rc != B3IQ_OK || json_object_array_length(list) == 0)
			json_object_put(list);
		else if (json_put(body, "stop", list) != B3IQ_OK)
			rc = no_memory(w);
	}
	if (rc == B3IQ_OK && args->logit_bias && json_object_object_length(args->logit_bias) > 0) {
		rc = check_bias(args->logit_bias, w);
		if (rc == B3IQ_OK &&
		    json_put(body, "logit_bias", json_object_get(args->logit_bias)) != B3IQ_OK)
			rc = no_memory(w);
	}
	if (rc == B3IQ_OK && args->no_thinking &&
	    json_put_bool(body, "thinking", false) != B3IQ_OK)
		rc = no_memory(w);
	return rc;
}
