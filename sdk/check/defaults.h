/* defaults.h - a config for a plugin that nobody configured, made from its own schema.
 *
 * Fields with a default keep it; required ones without get the smallest value that satisfies them:
 * a folder or file inside the test's scratch folder, the first choice, the lower bound.  A field of
 * format secret gets a made-up value, which the fake host hands out under the field's name.
 */
#ifndef CHECK_DEFAULTS_H
#define CHECK_DEFAULTS_H

#include "check.h"

#define DEFAULTS_SECRET "b3iq-check-secret-of-" /* made-up secrets begin with this */

/* Fills c->config, c->secrets and c->unready from the manifest and, unless NULL, JSON text that was
 * given: its members go before what would be made up, and its secrets stand as plain strings. */
void defaults_config(struct check *c, const char *given, size_t len);
/* A copy of the config with one field replaced (value NULL: without it); owned by the caller. */
struct json_object *defaults_with(const struct check *, const char *field,
                                  struct json_object *value);

#endif
