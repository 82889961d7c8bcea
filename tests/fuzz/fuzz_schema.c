/* Hostile schema and document, parted by a NUL: a document that passed passes again, defaults and all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *schema = NULL, *doc = NULL;
	const uint8_t *part = memchr(data, '\0', size);
	size_t head = part ? (size_t)(part - data) : size;

	if (!part || size > 1 << 14 ||
	    json_parse((const char *)data, head, "schema", &schema, NULL) != B3IQ_OK)
		return 0;
	if (json_parse((const char *)part + 1, size - head - 1, "doc", &doc, NULL) == B3IQ_OK &&
	    schema_check(schema, doc, "doc", NULL) == B3IQ_OK &&
	    schema_check(schema, doc, "doc", NULL) != B3IQ_OK)
		abort();
	json_object_put(doc);
	json_object_put(schema);
	return 0;
}
