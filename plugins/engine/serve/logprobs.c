#include "engine/serve/logprobs.h"

#include <json-c/json.h>
#include <stdio.h>
#include "engine/text/stop.h"

/* The bytes as text: U+FFFD where they are no UTF-8, which the gate of stop.h sees to. */
static struct json_object *
token_text(struct gguf_str bytes)
{
	struct stop gate = { 0 };
	struct bytes whole = BYTES(1u << 20);
	struct json_object *out = NULL;
	const char *text;
	bool stopped = false;
	size_t len;

	if (stop_push(&gate, bytes.ptr, bytes.len, &text, &len, &stopped) == B3IQ_OK &&
	    bytes_add(&whole, text, len) == B3IQ_OK && stop_flush(&gate, &text, &len) == B3IQ_OK &&
	    bytes_add(&whole, text, len) == B3IQ_OK)
		out = json_object_new_string_len(whole.len ? whole.data : "", (int)whole.len);
	bytes_finish(&whole);
	stop_finish(&gate);
	return out;
}

static struct json_object *
entry(const struct tokenizer *t, struct sampler_logprob e)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	const struct gguf_str bytes = tokenizer_bytes(t, e.id);
	char number[32];

	snprintf(number, sizeof number, "%.7g", (double)e.logprob);
	/* A control token stands for no bytes; its name says which it is. */
	json_object_object_add(out, "token",
	                       token_text(bytes.len ? bytes : tokenizer_text(t, e.id)));
	for (size_t i = 0; i < bytes.len; i++)
		json_object_array_add(list, json_object_new_int((unsigned char)bytes.ptr[i]));
	json_object_object_add(out, "bytes", list);
	json_object_object_add(out, "logprob",
	                       json_object_new_double_s((double)e.logprob, number));
	return out;
}

int32_t
logprobs_json(const struct tokenizer *t, const struct sampler_logprob *entries, size_t n_top,
              struct bytes *out)
{
	struct json_object *root = json_object_new_object(), *list = json_object_new_array();
	struct json_object *token = entry(t, entries[0]), *top = json_object_new_array();
	const char *text;
	int32_t rc;

	for (size_t i = 1; i <= n_top; i++)
		if (entries[i].id >= 0)
			json_object_array_add(top, entry(t, entries[i]));
	json_object_object_add(token, "top", top);
	json_object_array_add(list, token);
	json_object_object_add(root, "logprobs", list);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
	rc = text ? bytes_text(out, text) : B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_OK)
		rc = bytes_add(out, "", 1);
	json_object_put(root);
	return rc;
}
