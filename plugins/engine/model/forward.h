/* forward.h - one step of the network over a batch of rows.
 *
 * A row is one token of one sequence at one position.  Prefill of a long prompt, decode of many
 * sequences and the mixture of both are the same call, and by det-v1 a row's result depends on
 * nothing but the model and the tokens before it in its sequence.
 *
 *   Order     Rows of a sequence stand together, positions ascending without a gap, and all earlier
 *             positions of that sequence have been run before.
 *   Threads   One thread at a time; it works as a thread of the pool.  The caller pins its rounding
 *             mode (rounding.h).
 *   Memory    All buffers are made by forward_create(), which packs the matrices too: a step
 *             allocates nothing.
 */
#ifndef B3IQ_ENGINE_FORWARD_H
#define B3IQ_ENGINE_FORWARD_H

#include "engine/model/cache.h"
#include "engine/model/packed.h"

struct forward;

struct forward_row {
	uint16_t *const *blocks;   /* of the row's sequence, covering `position` (cache.h) */
	uint32_t         position; /* below the model's context                            */
	int32_t          token;    /* below the vocabulary                                 */
	bool             logits;   /* wanted                                               */
};

/* Rows a step, at most; and of these, with logits.  Everything passed stays the caller's and
 * outlives the forward.  Errors: B3IQ_E_NO_MEMORY. */
int32_t forward_create(struct forward **, const struct model *, const struct cache *,
                       const struct kernels *, struct pool *, size_t max_rows, size_t max_logits,
                       struct b3iq_error *);
void forward_destroy(struct forward *);

/* Runs the rows.  *logits: vocab floats for each row that wants them, in order; valid until the
 * next step.  Errors: B3IQ_E_INVALID (too many rows, token or position out of range). */
int32_t forward_run(struct forward *, const struct forward_row *rows, size_t n, float **logits,
                    struct b3iq_error *);

#endif
