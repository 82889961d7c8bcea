/* rope.h - rotary position embedding: the angles of a model, with its scaling.
 *
 * The frequencies are computed once in binary64 from real.h, the cosines and sines of a position
 * when it is reached; both are rounded once to binary32 (docs/det-v1.md section 8).
 *
 *   Threads   Immutable after rope_create().
 *   Sources   Su et al. 2021 (RoPE); Peng et al. 2023 (YaRN); Llama 3.1's factors come as a tensor.
 */
#ifndef B3IQ_ENGINE_ROPE_H
#define B3IQ_ENGINE_ROPE_H

#include "engine/model/hyper.h"

struct rope;

/* factors: h->rope_dim / 2 divisors of the frequencies (tensor rope_freqs.weight), or NULL. Errors:
 * B3IQ_E_INVALID (a factor that is not a positive number), B3IQ_E_NO_MEMORY. */
int32_t rope_create(struct rope **, const struct hyper *h, const float *factors,
                    struct b3iq_error *);
void rope_destroy(struct rope *);

/* rope_dim / 2 cosines and sines for a position. */
void rope_turns(const struct rope *, uint32_t position, float *cosine, float *sine);

#endif
