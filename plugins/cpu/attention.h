/* attention.h - attention over blocks of positions, the same in both widths of lanes.h.
 *
 * SHARE, which the kernel set defines, is how many queries share what is loaded of keys and values.
 * A block gives each query a maximum, a sum of weights and a weighted sum of values; blocks are
 * joined in order (docs/det-v1.md). */
#ifndef B3IQ_CPU_ATTENTION_H
#define B3IQ_CPU_ATTENTION_H

#include <string.h>
#include "cpu/lanes.h"

/* Up to SHARE queries within one block of positions. */
struct share {
	const struct kernels_query *query[SHARE];
	size_t                      n[SHARE]; /* positions of the block that each attends to */
	float score[SHARE][KERNELS_KV_BLOCK];
	float top[SHARE], sum[SHARE];
	float value[SHARE][KERNELS_HEAD_MAX];
};

/* By the kernel set: scores, weigh() and values of n queries in a block, those before first not
 * reaching into it. */
static void attend_block(struct share *, size_t first, size_t n, size_t head_dim,
                         const uint16_t *keys, const uint16_t *values);

/* Turns scores into weights: exact maximum, exponentials, the sum over virtual lanes. */
static void
weigh(struct share *s, size_t i)
{
	float *score = s->score[i], top = score[0], lane[LANES];
	size_t n = s->n[i];
	reals sum[PARTS], most;

	for (; n % KERNELS_LANES; n++)
		score[n] = -__builtin_inff(); /* weighs nothing */
	most = MM(loadu_ps)(score);
	for (size_t t = LANES; t < n; t += LANES)
		most = MM(max_ps)(most, MM(loadu_ps)(score + t));
	MM(storeu_ps)(lane, most);
	for (size_t t = 0; t < LANES; t++)
		top = lane[t] > top ? lane[t] : top;
	most = MM(set1_ps)(top);
	for (size_t p = 0; p < PARTS; p++)
		sum[p] = MM(setzero_ps)();
	for (size_t t = 0; t < n; t += KERNELS_LANES)
		for (size_t p = 0; p < PARTS; p++) {
			float *at = score + t + p * LANES;
			const reals weight = exp_lanes(MM(sub_ps)(MM(loadu_ps)(at), most));

			MM(storeu_ps)(at, weight);
			sum[p] = MM(add_ps)(sum[p], weight);
		}
	s->top[i] = top;
	s->sum[i] = fold(sum);
}

/* How far each of n queries reaches into block b.  Returns how many do not: the first ones, since
 * positions ascend. */
static size_t
enter(struct share *s, size_t n, size_t head_dim, size_t b)
{
	const size_t start = b * KERNELS_KV_BLOCK;
	size_t without = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t reach = (size_t)s->query[i]->position + 1;

		s->n[i] = reach <= start ? 0
		          : reach - start < KERNELS_KV_BLOCK ? reach - start : KERNELS_KV_BLOCK;
		without += s->n[i] == 0;
		memset(s->value[i], 0, head_dim * sizeof(float));
	}
	return without;
}

/* Joins what a block gave to what the blocks before it gave. */
static void
join(const struct share *s, size_t i, bool first, size_t head_dim, float *top, float *sum)
{
	float *out = s->query[i]->out, most, old, new;

	if (first) {
		memcpy(out, s->value[i], head_dim * sizeof *out);
		*top = s->top[i];
		*sum = s->sum[i];
		return;
	}
	most = s->top[i] > *top ? s->top[i] : *top;
	old = real_exp(*top - most);
	new = real_exp(s->top[i] - most);
	*top = most;
	*sum = __builtin_fmaf(*sum, old, s->sum[i] * new);
	for (size_t d = 0; d < head_dim; d++)
		out[d] = __builtin_fmaf(out[d], old, s->value[i][d] * new);
}

static void
attend_share(const struct kernels_attention *a, size_t first, size_t n)
{
	float top[SHARE], sum[SHARE];
	struct share s;

	for (size_t i = 0; i < n; i++)
		s.query[i] = &a->queries[first + i];
	for (size_t b = 0; b <= s.query[n - 1]->position / KERNELS_KV_BLOCK; b++) {
		const size_t from = enter(&s, n, a->head_dim, b);

		attend_block(&s, from, n, a->head_dim, a->blocks[b] + a->keys,
		             a->blocks[b] + a->values);
		for (size_t i = from; i < n; i++)
			join(&s, i, b == 0, a->head_dim, &top[i], &sum[i]);
	}
	for (size_t i = 0; i < n; i++) {
		const float scale = 1.0f / sum[i];

		for (size_t d = 0; d < a->head_dim; d++)
			s.query[i]->out[d] *= scale;
	}
}

static void
attend(const struct kernels_attention *a)
{
	for (size_t i = 0; i < a->n_queries; i += SHARE)
		attend_share(a, i, a->n_queries - i < SHARE ? a->n_queries - i : SHARE);
}

#endif
