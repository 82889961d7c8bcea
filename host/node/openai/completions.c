#include "node/openai/completions.h"

#include <stdio.h>

#include "core/base/json.h"
#include "node/openai/answer.h"

#define DEFAULT_TOKENS 16 /* as OpenAI has it */

static int32_t
no_memory(struct wrong *w)
{
	errors_from(w, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 }, NULL);
	return B3IQ_E_NO_MEMORY;
}

static int32_t
one_body(struct json_object *prompt, const char *param, struct json_object **out, struct wrong *w)
{
	if (json_object_is_type(prompt, json_type_int) ||
	    json_object_is_type(prompt, json_type_array))
		return errors_wrong(w, "unsupported_value", param,
		                    "%s: prompts of token ids are not supported here; send text",
		                    param);
	if (!json_object_is_type(prompt, json_type_string))
		return errors_wrong(w, "invalid_type", param, "%s must be a string", param);
	*out = json_object_new_object();
	if (!*out || json_put(*out, "prompt", json_object_get(prompt)) != B3IQ_OK)
		return no_memory(w);
	return B3IQ_OK;
}

static int32_t
bodies(const struct arguments *args, struct json_object *out[ANSWER_PROMPTS_MAX], size_t *n,
       struct wrong *w)
{
	int32_t rc = B3IQ_OK;

	if (!args->prompt)
		return errors_wrong(w, "missing_parameter", "prompt",
		                    "the parameter prompt is missing");
	*n = 1;
	if (!json_object_is_type(args->prompt, json_type_array))
		return one_body(args->prompt, "prompt", &out[0], w);
	*n = json_object_array_length(args->prompt);
	if (*n < 1 || *n > ANSWER_PROMPTS_MAX) {
		*n = 0;
		return errors_wrong(w, "invalid_value", "prompt",
		                    "prompt must have 1 to %d strings", ANSWER_PROMPTS_MAX);
	}
	for (size_t i = 0; rc == B3IQ_OK && i < *n; i++) {
		char param[32];

		snprintf(param, sizeof param, "prompt[%zu]", i);
		rc = one_body(json_object_array_get_idx(args->prompt, i), param, &out[i], w);
	}
	return rc;
}

/* {"token": logprob, ...} of the alternatives. */
static struct json_object *
top_of(struct json_object *entry)
{
	struct json_object *o = json_object_new_object(), *list, *token, *p;
	int32_t rc = B3IQ_OK;

	if (!o || !json_object_object_get_ex(entry, "top", &list))
		return o;
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (json_object_object_get_ex(one, "token", &token) &&
		    json_object_object_get_ex(one, "logprob", &p))
			rc = json_put(o, json_object_get_string(token), json_object_get(p));
	}
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

enum { TOKENS, VALUES, TOP, OFFSETS, N_LISTS };

static int32_t
add_entry(struct json_object *const lists[N_LISTS], struct json_object *entry, size_t *text_at)
{
	struct json_object *token, *p;
	int32_t rc;

	if (!json_object_object_get_ex(entry, "token", &token) ||
	    !json_object_object_get_ex(entry, "logprob", &p))
		return B3IQ_OK;
	rc = json_add(lists[TOKENS], json_object_get(token));
	if (rc == B3IQ_OK)
		rc = json_add(lists[VALUES], json_object_get(p));
	if (rc == B3IQ_OK)
		rc = json_add(lists[TOP], top_of(entry));
	if (rc == B3IQ_OK)
		rc = json_add(lists[OFFSETS], json_object_new_int64((int64_t)*text_at));
	*text_at += (size_t)json_object_get_string_len(token);
	return rc;
}

static struct json_object *
logprobs(struct json_object *entries, size_t text_at)
{
	static const char *const names[] = { "tokens", "token_logprobs", "top_logprobs",
		                             "text_offset" };
	struct json_object *o = json_object_new_object(), *lists[N_LISTS];
	int32_t rc = o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	for (size_t i = 0; rc == B3IQ_OK && i < N_LISTS; i++) {
		lists[i] = json_object_new_array();
		rc = json_put(o, names[i], lists[i]);
	}
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(entries); i++)
		rc = add_entry(lists, json_object_array_get_idx(entries, i), &text_at);
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static int32_t
more_logprobs(struct json_object *to, struct json_object *from)
{
	int32_t rc = B3IQ_OK;

	json_object_object_foreach(from, key, more) {
		struct json_object *all;

		if (!json_object_object_get_ex(to, key, &all))
			return B3IQ_E_INTERNAL;
		for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(more); i++)
			rc = json_add(all, json_object_get(json_object_array_get_idx(more, i)));
	}
	return rc;
}

static int32_t
chunk_part(struct json_object *choice, const struct piece *piece, bool first)
{
	(void)first;
	return json_put(
		choice, "text",
		json_object_new_string_len(piece ? piece->text : "", piece ? (int)piece->len : 0));
}

static int32_t
whole_part(struct json_object *o, const struct choice *c, const char *text, size_t len)
{
	(void)c;
	return json_put(o, "text", json_object_new_string_len(text, (int)len));
}

static const struct dialect dialect = {
	.which = ARGUMENTS_TEXT,
	.object = "text_completion",
	.chunk = "text_completion",
	.prefix = "cmpl-",
	.prompt_param = "prompt",
	.max_tokens = DEFAULT_TOKENS,
	.bodies = bodies,
	.logprobs = logprobs,
	.more_logprobs = more_logprobs,
	.chunk_part = chunk_part,
	.whole_part = whole_part,
};

void
completions_handle(struct http_request *rq, struct http_response *rs)
{
	answer_run(&dialect, rq, rs);
}
