/* sampler.h - from a row of logits to a token.
 *
 * Deterministic to the bit (docs/det-v1.md section 10): ties go to the lower id, sums have a fixed
 * order, and chance comes from random_unit(seed, number of the output token).  The steps, in this
 * order:
 *
 *   bias         logit += logit_bias[id]
 *   penalties    repetition over prompt and output; frequency and presence over the output
 *   temperature  0: the greatest logit, and nothing below matters
 *   top_k        the k first in the order (logit descending, id ascending)
 *   top_p        the shortest prefix of that order with this share of the probability
 *   min_p        those with at least this share of the greatest probability
 *   draw
 *
 *   Threads   One thread at a time for a sampler and for a room.
 */
#ifndef B3IQ_ENGINE_SAMPLER_H
#define B3IQ_ENGINE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "plugin.h"

#define SAMPLER_MAX_TOP  20u   /* alternatives that are reported for a token */
#define SAMPLER_MAX_BIAS 4096u

struct sampler_bias {
	int32_t id;
	float   value;
};

struct sampler_params {
	uint64_t seed;
	float    temperature; /* 0: greedy            */
	uint32_t top_k;       /* 0: off               */
	float    top_p;       /* 1: off               */
	float    min_p;       /* 0: off               */
	float    repetition;  /* 1: off               */
	float    presence, frequency; /* 0: off       */
	const struct sampler_bias *bias; /* ids below the vocabulary, each once; copied */
	size_t   n_bias;
};

struct sampler;      /* of one sequence: what was seen so far           */
struct sampler_room; /* working memory that samplers of a thread share  */

/* Checks the numbers a client gave: B3IQ_E_INVALID names the one that is out of range. */
int32_t sampler_check(const struct sampler_params *, struct b3iq_error *);

int32_t sampler_create(struct sampler **, const struct sampler_params *, uint32_t vocab,
                       struct b3iq_error *);
void sampler_destroy(struct sampler *);
int32_t sampler_room_create(struct sampler_room **, uint32_t vocab, struct b3iq_error *);
void sampler_room_destroy(struct sampler_room *);

/* The tokens of the prompt, for the repetition penalty. */
void sampler_prompt(struct sampler *, const int32_t *ids, size_t n);
/* The token that follows; changes nothing.  -1: a logit is not finite. */
int32_t sampler_pick(const struct sampler *, struct sampler_room *, const float *logits);
/* Says which token did follow (the one picked, or the one that a replay is given). */
void sampler_accept(struct sampler *, int32_t id);

/* Log probabilities under the model's own distribution, before bias, penalties and temperature. */
struct sampler_logprob {
	int32_t id;
	float   logprob; /* natural, at most 0 */
};

/* Fills out[0] with `id` and out[1..n_top] with the likeliest ones, likeliest first. */
void sampler_logprobs(const float *logits, uint32_t vocab, int32_t id, size_t n_top,
                      struct sampler_logprob *out);

#endif
