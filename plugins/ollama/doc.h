/* doc.h - the few things that are done with JSON here, on json-c.
 *
 * Getters accept NULL and objects of other types and then find nothing, so that what a stranger
 * sent is read without a check before each step.
 */
#ifndef OLLAMA_DOC_H
#define OLLAMA_DOC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOC_DEPTH 32 /* nesting that is accepted */

/* One strict JSON document that ends where the bytes end (white space aside), or NULL. */
struct json_object *doc_parse(const char *text, size_t len);
/* Compact text, owned by the object; NULL: no memory. */
const char *doc_text(struct json_object *, size_t *len);

/* A member of that type, or NULL; borrowed. */
struct json_object *doc_member(struct json_object *, const char *key, enum json_type);
const char *doc_string(struct json_object *, const char *key);
uint64_t    doc_count(struct json_object *, const char *key); /* 0: absent or negative     */
bool        doc_true(struct json_object *, const char *key);
/* Elements of an array; 0 for anything else. */
size_t      doc_length(struct json_object *);
/* A string into a field of fixed size; "" when absent or too long. */
void        doc_copy(struct json_object *, const char *key, char *out, size_t size);

/* Adds value and takes it over, also on failure; false: no memory (NULL counts as that). */
bool doc_add(struct json_object *, const char *key, struct json_object *value);
bool doc_append(struct json_object *array, struct json_object *value);
bool doc_add_string(struct json_object *, const char *key, const char *);
bool doc_add_int(struct json_object *, const char *key, int64_t);
bool doc_add_bool(struct json_object *, const char *key, bool);
/* 0.7f as 0.7, not as 0.69999998807907104. */
bool doc_add_float(struct json_object *, const char *key, float);

#endif
