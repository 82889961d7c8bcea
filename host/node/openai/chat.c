#include "node/openai/chat.h"


#include "core/base/json.h"
#include "node/openai/answer.h"
#include "node/openai/messages.h"

static int32_t
bodies(const struct arguments *args, struct json_object *out[ANSWER_PROMPTS_MAX], size_t *n,
       struct wrong *w)
{
	int32_t rc;

	*n = 1;
	out[0] = json_object_new_object();
	if (!out[0]) {
		errors_from(w, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 }, NULL);
		return B3IQ_E_NO_MEMORY;
	}
	rc = messages_add(args, out[0], w);
	return rc == B3IQ_OK ? messages_add_tools(args, out[0], w) : rc;
}

/* {"token","logprob","bytes","top_logprobs":[{"token","logprob","bytes"}]} from chat-delta.json. */
static struct json_object *
one_logprob(struct json_object *entry)
{
	static const struct {
		const char *from, *to;
	} keys[] = { { "token", "token" }, { "logprob", "logprob" }, { "bytes", "bytes" },
		     { "top", "top_logprobs" } };
	struct json_object *o = json_object_new_object(), *v;
	int32_t rc = o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	for (size_t i = 0; rc == B3IQ_OK && i < sizeof keys / sizeof *keys; i++)
		if (json_object_object_get_ex(entry, keys[i].from, &v))
			rc = json_put(o, keys[i].to, json_object_get(v));
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
logprobs(struct json_object *tokens, size_t text_at)
{
	struct json_object *o = json_object_new_object(), *content;
	int32_t rc;

	(void)text_at;
	if (!o)
		return NULL;
	content = json_object_new_array();
	rc = json_put(o, "content", content);
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(tokens); i++)
		rc = json_add(content, one_logprob(json_object_array_get_idx(tokens, i)));
	if (rc == B3IQ_OK)
		rc = json_put_or_null(o, "refusal", NULL);
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static int32_t
more_logprobs(struct json_object *to, struct json_object *from)
{
	struct json_object *all, *more;
	int32_t rc = B3IQ_OK;

	if (!json_object_object_get_ex(to, "content", &all) ||
	    !json_object_object_get_ex(from, "content", &more))
		return B3IQ_E_INTERNAL;
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(more); i++)
		rc = json_add(all, json_object_get(json_object_array_get_idx(more, i)));
	return rc;
}

static int32_t
chunk_part(struct json_object *choice, const struct piece *piece, bool first)
{
	struct json_object *delta = json_object_new_object();
	int32_t rc = json_put(choice, "delta", delta);

	if (rc != B3IQ_OK)
		return rc;
	if (!piece && first) {
		rc = json_put_string(delta, "role", "assistant");
		return rc == B3IQ_OK ? json_put_string(delta, "content", "") : rc;
	}
	if (!piece)
		return rc;
	if (piece->len || !(piece->tool_calls || piece->reasoning))
		rc = json_put(delta, "content",
		              json_object_new_string_len(piece->text, (int)piece->len));
	if (rc == B3IQ_OK && piece->reasoning)
		rc = json_put_string(delta, "reasoning_content", piece->reasoning);
	if (rc == B3IQ_OK && piece->tool_calls)
		rc = json_put(delta, "tool_calls", json_object_get(piece->tool_calls));
	return rc;
}

/* Adds a later piece of a call: its arguments go on where they ended. */
static int32_t
join_call(struct json_object *call, struct json_object *piece)
{
	struct json_object *to, *from, *have = NULL, *more = NULL;
	struct buf text;
	int32_t rc;

	if (!json_object_object_get_ex(call, "function", &to) ||
	    !json_object_object_get_ex(piece, "function", &from) ||
	    !json_object_object_get_ex(from, "arguments", &more))
		return B3IQ_OK;
	json_object_object_get_ex(to, "arguments", &have);
	buf_init(&text, 16u << 20);
	buf_puts(&text, have ? json_object_get_string(have) : "");
	rc = buf_puts(&text, json_object_get_string(more));
	if (rc == B3IQ_OK)
		rc = json_put_string(to, "arguments", text.len ? text.data : "");
	buf_wipe(&text);
	return rc;
}

/* The pieces as whole calls, by index, without it. */
static int32_t
join_calls(struct json_object *pieces, struct json_object *out)
{
	int64_t open = -1;
	int32_t rc = B3IQ_OK;

	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(pieces); i++) {
		struct json_object *piece = json_object_array_get_idx(pieces, i), *call = NULL;
		const size_t n = json_object_array_length(out);
		int64_t index = 0;

		rc = json_get_int(piece, "index", 0, 127, 0, &index, NULL);
		if (rc == B3IQ_OK && n > 0 && index == open) {
			rc = join_call(json_object_array_get_idx(out, n - 1), piece);
			continue;
		}
		if (rc != B3IQ_OK)
			return B3IQ_E_INTERNAL;
		if (json_object_deep_copy(piece, &call, NULL) != 0)
			return B3IQ_E_NO_MEMORY;
		rc = json_add(out, call);
		if (rc != B3IQ_OK)
			return rc;
		json_object_object_del(call, "index");
		rc = json_put_string(call, "type", "function");
		open = index;
	}
	return rc;
}

static int32_t
whole_part(struct json_object *o, const struct choice *c, const char *text, size_t len)
{
	struct json_object *message = json_object_new_object(), *calls;
	int32_t rc = json_put(o, "message", message);

	if (rc == B3IQ_OK)
		rc = json_put_string(message, "role", "assistant");
	if (rc == B3IQ_OK && len == 0 && c->tool_calls)
		rc = json_put_or_null(message, "content", NULL);
	else if (rc == B3IQ_OK)
		rc = json_put(message, "content", json_object_new_string_len(text, (int)len));
	if (rc == B3IQ_OK)
		rc = json_put_or_null(message, "refusal", NULL);
	if (rc == B3IQ_OK && c->reasoning.len)
		rc = json_put_string(message, "reasoning_content", c->reasoning.data);
	if (rc != B3IQ_OK || !c->tool_calls)
		return rc;
	calls = json_object_new_array();
	rc = json_put(message, "tool_calls", calls);
	return rc == B3IQ_OK ? join_calls(c->tool_calls, calls) : rc;
}

static const struct dialect dialect = {
	.which = ARGUMENTS_CHAT,
	.object = "chat.completion",
	.chunk = "chat.completion.chunk",
	.prefix = "chatcmpl-",
	.prompt_param = "messages",
	.opens = true,
	.bodies = bodies,
	.logprobs = logprobs,
	.more_logprobs = more_logprobs,
	.chunk_part = chunk_part,
	.whole_part = whole_part,
};

void
chat_handle(struct http_request *rq, struct http_response *rs)
{
	answer_run(&dialect, rq, rs);
}
