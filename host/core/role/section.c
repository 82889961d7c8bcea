#include "core/role/section.h"

#include <stdlib.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/base/schema.h"

int32_t
section_load(const char *file, size_t max, struct json_object **doc, struct b3iq_error *err)
{
	struct buf content;
	int32_t rc;

	*doc = NULL;
	buf_init(&content, max);
	rc = path_read(file, &content, err);
	if (rc == B3IQ_OK)
		rc = json_parse(content.len ? content.data : "", content.len, file, doc, err);
	buf_free(&content);
	return rc;
}

int32_t
section_check(struct json_object *doc, const char *schema, const char *what,
              struct b3iq_error *err)
{
	struct json_object *parsed = NULL;
	size_t len = 0;
	const char *text = schema_text(schema, &len);
	int32_t rc = text ? json_parse(text, len, schema, &parsed, err)
	                  : fail(err, B3IQ_E_INTERNAL, "schemas/%s is not in this program", schema);

	if (rc == B3IQ_OK)
		rc = schema_check(parsed, doc, what, err);
	json_object_put(parsed);
	return rc;
}

struct json_object *
section_member(struct json_object *of, const char *key)
{
	struct json_object *found = NULL;

	json_object_object_get_ex(of, key, &found);
	return found;
}

const char *
section_text(struct json_object *of, const char *key)
{
	return json_object_get_string(section_member(of, key));
}

uint32_t
section_number(struct json_object *of, const char *key)
{
	return (uint32_t)json_object_get_int64(section_member(of, key));
}

bool
section_truth(struct json_object *of, const char *key)
{
	return json_object_get_boolean(section_member(of, key));
}

const char **
section_texts(struct json_object *of, const char *key, size_t *count)
{
	struct json_object *array = section_member(of, key);
	const size_t n = array ? json_object_array_length(array) : 0;
	const char **list = calloc(n + 1, sizeof *list);

	for (size_t i = 0; list && i < n; i++)
		list[i] = json_object_get_string(json_object_array_get_idx(array, i));
	if (count)
		*count = n;
	return list;
}
