#include "doc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct json_object *
doc_parse(const char *text, size_t len)
{
	struct json_tokener *parser;
	struct json_object  *doc;

	while (len && memchr(" \t\r\n", text[len - 1], 4))
		len--;
	if (!len || len > INT_MAX)
		return NULL;
	parser = json_tokener_new_ex(DOC_DEPTH);
	if (!parser)
		return NULL;
	json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	doc = json_tokener_parse_ex(parser, text, (int)len);
	if (json_tokener_get_error(parser) != json_tokener_success ||
	    json_tokener_get_parse_end(parser) != len) {
		json_object_put(doc);
		doc = NULL;
	}
	json_tokener_free(parser);
	return doc;
}

const char *
doc_text(struct json_object *doc, size_t *len)
{
	return json_object_to_json_string_length(
		doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, len);
}

struct json_object *
doc_member(struct json_object *doc, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(doc, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *
doc_string(struct json_object *doc, const char *key)
{
	struct json_object *value = doc_member(doc, key, json_type_string);

	return value ? json_object_get_string(value) : NULL;
}

uint64_t
doc_count(struct json_object *doc, const char *key)
{
	struct json_object *value = doc_member(doc, key, json_type_int);
	const int64_t       n = value ? json_object_get_int64(value) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

bool
doc_true(struct json_object *doc, const char *key)
{
	struct json_object *value = doc_member(doc, key, json_type_boolean);

	return value && json_object_get_boolean(value);
}

size_t
doc_length(struct json_object *doc)
{
	return json_object_is_type(doc, json_type_array) ? json_object_array_length(doc) : 0;
}

void
doc_copy(struct json_object *doc, const char *key, char *out, size_t size)
{
	const char *text = doc_string(doc, key);

	snprintf(out, size, "%s", text && strlen(text) < size ? text : "");
}

bool
doc_add(struct json_object *doc, const char *key, struct json_object *value)
{
	if (doc && value && json_object_object_add(doc, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool
doc_append(struct json_object *array, struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool
doc_add_string(struct json_object *doc, const char *key, const char *value)
{
	return doc_add(doc, key, value ? json_object_new_string(value) : NULL);
}

bool
doc_add_int(struct json_object *doc, const char *key, int64_t value)
{
	return doc_add(doc, key, json_object_new_int64(value));
}

bool
doc_add_bool(struct json_object *doc, const char *key, bool value)
{
	return doc_add(doc, key, json_object_new_boolean(value));
}

bool
doc_add_float(struct json_object *doc, const char *key, float value)
{
	char text[32];

	snprintf(text, sizeof text, "%.7g", (double)value);
	return doc_add(doc, key, json_object_new_double_s((double)value, text));
}
