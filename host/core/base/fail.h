/* fail.h - errors of the whole house: a code of sdk/plugin.h's closed list and one sentence.
 *
 * The sentence names what was wrong, where, and the remedy.  Errors are returned up and logged
 * once, at the top.  The same struct crosses the plugin interface, so there is one kind of error.
 */
#ifndef CORE_BASE_FAIL_H
#define CORE_BASE_FAIL_H

#include "plugin.h"

/* Fills *err (may be NULL) and returns code, so that `return fail(err, ...)` is the idiom.
 * Text that does not fit is cut at a UTF-8 border. */
__attribute__((format(printf, 3, 4))) int32_t fail(struct b3iq_error *err, int32_t code,
                                                   const char *fmt, ...);

/* Out of memory while doing `what` ("reading config.json"). */
int32_t fail_memory(struct b3iq_error *err, const char *what);

/* What the errno of open() and its like means: B3IQ_E_NOT_FOUND; B3IQ_E_NO_MEMORY or
 * B3IQ_E_UNAVAILABLE where the machine is short of something, which may pass; else B3IQ_E_DENIED. */
int32_t fail_code(int reason);

/* "E_INVALID" and "the request is wrong; do not retry it" for a code of the list. */
const char *result_name(int32_t code);
const char *result_text(int32_t code);

/* An empty error slot. */
#define NO_ERROR ((struct b3iq_error){ .size = sizeof(struct b3iq_error) })

#endif
