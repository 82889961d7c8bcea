/* fail.h - how the engine reports an error.
 *
 * Every function of the engine that can fail returns a code of plugin.h and, when it is given a
 * struct b3iq_error, one sentence: what was wrong, where, and the remedy.
 */
#ifndef B3IQ_ENGINE_FAIL_H
#define B3IQ_ENGINE_FAIL_H

#include "plugin.h"

/* Fills err (NULL is fine; a text that is too long is cut) and returns code, so that callers write
 * `return fail_with(err, B3IQ_E_INVALID, "...", ...)`. */
int32_t fail_with(struct b3iq_error *err, int32_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* fail_with() for an allocation that was refused; `what` names what it was for. */
int32_t fail_memory(struct b3iq_error *err, const char *what);

#endif
