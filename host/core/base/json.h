/* json.h - json-c with the house's strictness, and the canonical form of receipts.
 *
 * Parsing: one document, valid UTF-8, no duplicate keys, depth at most 32, no trailing bytes,
 * no NaN or Infinity.  Typed getters name the field in their error.
 *
 * Canonical form: RFC 8785 restricted to objects, arrays, strings, booleans and integers within
 * +-(2^53 - 1).  Floats and nulls are refused.  Keys are sorted by UTF-16 code units.
 */
#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define JSON_DEPTH 32

/* *out is owned by the caller (json_object_put). `what` names the document in errors. */
int32_t json_parse(const char *text, size_t len, const char *what, struct json_object **out,
                   struct b3iq_error *err);
/* Compact text without "\/" ; appends to buf. */
int32_t json_write(struct json_object *, struct buf *);
int32_t json_canonical(struct json_object *, struct buf *, struct b3iq_error *err);

/* Typed access.  Absent (or null): the getters return `otherwise` with B3IQ_OK; of another type or
 * out of range: B3IQ_E_INVALID, naming the field.  Strings are borrowed from the object. */
int32_t json_get_string(struct json_object *, const char *key, const char *otherwise,
                        const char **out, struct b3iq_error *err);
int32_t json_get_int(struct json_object *, const char *key, int64_t least, int64_t most,
                     int64_t otherwise, int64_t *out, struct b3iq_error *err);
int32_t json_get_number(struct json_object *, const char *key, double least, double most,
                        double otherwise, double *out, struct b3iq_error *err);
int32_t json_get_bool(struct json_object *, const char *key, bool otherwise, bool *out,
                      struct b3iq_error *err);
/* A member of the wanted json_type, or NULL if absent; B3IQ_E_INVALID if of another type. */
int32_t json_get(struct json_object *, const char *key, enum json_type, struct json_object **out,
                 struct b3iq_error *err);
/* object_add that takes over `value` and reports memory: NULL value counts as out of memory. */
int32_t json_put(struct json_object *, const char *key, struct json_object *value);
/* The same for a value that may be null: NULL stands for it, never for a lack of memory. */
int32_t json_put_or_null(struct json_object *, const char *key, struct json_object *value);
/* json_put() at the end of an array. */
int32_t json_add(struct json_object *array, struct json_object *value);
int32_t json_put_string(struct json_object *, const char *key, const char *value);
int32_t json_put_int(struct json_object *, const char *key, int64_t value);
int32_t json_put_bool(struct json_object *, const char *key, bool value);

#endif
