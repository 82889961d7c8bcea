/* Hostile bodies of /v1/chat/completions and /v1/completions: refused with a 4xx that says why, or
 * brought to the one form that backends get, which is canonical and within chat-request.json. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/schema.h"
#include "node/openai/arguments.h"
#include "node/openai/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_refusal(const struct wrong *w)
{
	if (w->status < 400 || w->status > 599 || w->message[0] == '\0')
		abort();
}

/* What a backend would get. */
static int32_t
body(const struct arguments *args, int dialect, struct json_object *out, struct wrong *w)
{
	int32_t rc = arguments_body(args, out, w);

	if (rc == B3IQ_OK && dialect == ARGUMENTS_CHAT)
		rc = messages_add(args, out, w);
	if (rc == B3IQ_OK && dialect == ARGUMENTS_CHAT)
		rc = messages_add_tools(args, out, w);
	return rc;
}

static void
one(struct json_object *doc, int dialect, struct json_object *schema)
{
	struct b3iq_gen_request request = { .size = sizeof request };
	struct json_object *out = json_object_new_object();
	struct b3iq_error err = { .size = sizeof err };
	struct arguments args;
	struct wrong w = { 0 };

	if (arguments_read(doc, dialect, &args, &w) != B3IQ_OK ||
	    body(&args, dialect, out, &w) != B3IQ_OK) {
		check_refusal(&w);
	} else {
		arguments_fill(&args, &request);
		if (!(request.temperature >= 0) || !(request.top_p >= 0 && request.top_p <= 1))
			abort();
		if (dialect == ARGUMENTS_CHAT && schema &&
		    schema_check(schema, out, "body", &err) != B3IQ_OK) {
			fprintf(stderr, "%s\n", err.text);
			abort();
		}
	}
	json_object_put(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_object *schema;
	struct json_object *doc;
	size_t len;
	const char *text = schema_text("chat-request.json", &len);

	if (!schema && text)
		(void)json_parse(text, len, "schema", &schema, NULL);
	if (size > 1 << 16 || json_parse((const char *)data, size, "body", &doc, NULL) != B3IQ_OK)
		return 0;
	if (json_object_is_type(doc, json_type_object)) {
		one(doc, ARGUMENTS_CHAT, schema);
		one(doc, ARGUMENTS_TEXT, NULL);
	}
	json_object_put(doc);
	return 0;
}
