#include "config.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "engine/fail.h"

static bool
text_of(struct json_object *doc, const char *key, char *out, size_t size)
{
	struct json_object *value;
	size_t len;

	if (!json_object_object_get_ex(doc, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return false;
	len = (size_t)json_object_get_string_len(value);
	if (len == 0 || len >= size || strlen(json_object_get_string(value)) != len)
		return false;
	memcpy(out, json_object_get_string(value), len + 1);
	return true;
}

static bool
number_of(struct json_object *doc, const char *key, uint32_t *out)
{
	struct json_object *value;
	int64_t n;

	if (!json_object_object_get_ex(doc, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	n = json_object_get_int64(value);
	*out = (uint32_t)n;
	return n >= 0 && n <= 600000;
}

int32_t
config_read(const char *text, struct config *out, struct b3iq_error *err)
{
	struct json_object *doc = json_tokener_parse(text);
	bool ok = json_object_is_type(doc, json_type_object) &&
	          text_of(doc, "url", out->url, sizeof out->url) &&
	          text_of(doc, "chain", out->chain, sizeof out->chain) &&
	          number_of(doc, "timeout_ms", &out->timeout_ms) && out->timeout_ms > 0 &&
	          number_of(doc, "inclusion_ms", &out->inclusion_ms);

	json_object_put(doc);
	if (!ok)
		return fail_with(err, B3IQ_E_INVALID,
		                 "the config needs url, chain, timeout_ms and inclusion_ms as "
		                 "plugin.json describes them");
	for (size_t n = strlen(out->url); n && out->url[n - 1] == '/'; n--)
		out->url[n - 1] = '\0';
	return B3IQ_OK;
}
