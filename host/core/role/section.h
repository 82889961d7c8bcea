/* section.h - the settings of a role: a JSON document that its schema has found right, read section
 * by section.
 *
 * After section_check() every member is of the schema's type, and those with a default are there;
 * so the getters cannot fail, and have no error.  What they return is borrowed from the document.
 */
#ifndef CORE_ROLE_SECTION_H
#define CORE_ROLE_SECTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

/* The document of a file of at most `max` bytes, unchecked; *doc is the caller's
 * (json_object_put).  B3IQ_E_NOT_FOUND when there is no file. */
int32_t section_load(const char *file, size_t max, struct json_object **doc,
                     struct b3iq_error *err);
/* Checks the document against a schema of schemas/ and fills in what is absent.  `what` names the
 * document in errors. */
int32_t section_check(struct json_object *doc, const char *schema, const char *what,
                      struct b3iq_error *err);

struct json_object *section_member(struct json_object *, const char *key); /* or NULL */
const char         *section_text(struct json_object *, const char *key);   /* or NULL */
uint32_t            section_number(struct json_object *, const char *key);
bool                section_truth(struct json_object *, const char *key);
/* A NULL-terminated array, which is the caller's (free); its strings are borrowed.  NULL: out of
 * memory.  `count` may be NULL. */
const char        **section_texts(struct json_object *, const char *key, size_t *count);

#endif
