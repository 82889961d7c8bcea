/* reference.h - the network in plain floating point: an independent check of forward.h.
 *
 * Weights are decoded to floats, activations are never quantised, sums are in binary64, functions
 * come from libm, the whole prompt is computed at once: no kernel, cache, batch or det-v1 rule is
 * shared with the engine.  Slow, and meant to be read.
 */
#ifndef B3IQ_ENGINE_REFERENCE_H
#define B3IQ_ENGINE_REFERENCE_H

#include "engine/model/model.h"

/* Logits after each of n tokens: n x vocab floats in `logits`.  Errors: B3IQ_E_NO_MEMORY. */
int32_t reference_run(const struct model *, const int32_t *tokens, size_t n, float *logits,
                      struct b3iq_error *);

#endif
