/* schema.h - validates a document against the JSON Schema subset of schemas/plugin-config-meta.json,
 * which our own schemas keep to as well, and fills in defaults.
 *
 * Subset of 2020-12: type (one name), properties, required, additionalProperties (false or a schema),
 * items, minItems, maxItems, enum, const, minLength, maxLength (code points), pattern (POSIX extended,
 * anchored as written), minimum, maximum, exclusiveMinimum, exclusiveMaximum, default, format,
 * oneOf of const/title pairs; $ref to "#/$defs/NAME" only.  Any other keyword that constrains is an
 * error in the schema.
 */
#ifndef CORE_BASE_SCHEMA_H
#define CORE_BASE_SCHEMA_H

#include <json-c/json.h>
#include <stdint.h>

#include "plugin.h"

/* The error names the path ("plugins.cpu.threads") and the rule.  Absent members that have a
 * default get it.  `what` names the document. */
int32_t schema_check(struct json_object *schema, struct json_object *doc, const char *what,
                     struct b3iq_error *err);
/* Is the schema itself within the subset? */
int32_t schema_valid(struct json_object *schema, const char *what, struct b3iq_error *err);
/* A schema of schemas/ that is embedded in the program ("config.json"); borrowed text, or NULL. */
const char *schema_text(const char *name, size_t *len);

#endif
