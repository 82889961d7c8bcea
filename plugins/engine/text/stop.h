/* stop.h - the last step before text leaves: stop strings across token borders, whole characters.
 *
 * Bytes of tokens go in, text goes out.  What could still become a stop string is held back, and
 * nothing else; what went out is always valid UTF-8: a character that is not all there waits,
 * and bytes that can never become one leave as U+FFFD (one per maximal subpart, as Unicode 3.9 and
 * WHATWG say).  The stop string itself never leaves.
 *
 *   Threads   One stream, one struct stop, one thread at a time.
 *   Cost      O(bytes x active strings); no allocation but the output buffer.
 */
#ifndef B3IQ_ENGINE_STOP_H
#define B3IQ_ENGINE_STOP_H

#include <stdbool.h>
#include "engine/bytes.h"
#include "plugin.h"

#define STOP_MAX_STRINGS 16u
#define STOP_MAX_LEN     256u /* bytes of one stop string */

struct stop_string {
	const char *text;
	size_t      len; /* 1..STOP_MAX_LEN */
};

/* Treat as opaque but for `hit`; zero-initialised it is a stream without stop strings. */
struct stop {
	char         strings[STOP_MAX_STRINGS][STOP_MAX_LEN];
	uint16_t     lens[STOP_MAX_STRINGS];
	uint16_t     fails[STOP_MAX_STRINGS][STOP_MAX_LEN]; /* Knuth-Morris-Pratt borders */
	uint16_t     matched[STOP_MAX_STRINGS];
	uint32_t     n_strings;
	int32_t      hit;     /* index of the string that ended the stream, -1 */
	char         held[STOP_MAX_LEN + 4]; /* a candidate behind part of a character */
	uint32_t     n_held;
	bool         ended;
	struct bytes out;
};

/* Copies the strings.  B3IQ_E_INVALID names the string that is empty, too long or one too many. */
int32_t stop_init(struct stop *, const struct stop_string *, size_t n, struct b3iq_error *);
void stop_finish(struct stop *);

/* Takes the bytes of one token; *text and *len are what may leave now (valid until the next call,
 * possibly empty).  *stopped turns true when a stop string was completed: the rest of the bytes is
 * dropped, and so is all that comes later.  Errors: B3IQ_E_NO_MEMORY. */
int32_t stop_push(struct stop *, const char *bytes, size_t n, const char **text, size_t *len,
		  bool *stopped);

/* The stream ended otherwise: what was held leaves. */
int32_t stop_flush(struct stop *, const char **text, size_t *len);

#endif
