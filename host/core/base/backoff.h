/* backoff.h - how long to wait before the next try: doubling pauses, cut at random ("full jitter"),
 * so that many who failed together do not come back together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
#ifndef CORE_BASE_BACKOFF_H
#define CORE_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t first_ms, most_ms; /* the first pause's limit, and that of every one */
	uint32_t failures;          /* in a row; 0 after a success                    */
};

/* The pause after one more failure: 1 ms up to first_ms * 2^failures, at most most_ms. */
uint32_t backoff_next(struct backoff *);

#endif
