/* scalar.c - det-v1 in portable C: the kernel set that runs everywhere and that the others are held
 * to.
 *
 * The virtual lanes of the specification are plain arrays here, so each function reads like its
 * section of docs/det-v1.md. */
#include "cpu/kernels.h"

#include <string.h>
#include "engine/numeric/half.h"
#include "engine/numeric/real.h"

#define LANES KERNELS_LANES

/* The tree of sections 4 and 7: halves are added until one lane is left. */
static float
fold(float lane[LANES])
{
	for (size_t half = LANES / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			lane[i] += lane[i + half];
	return lane[0];
}

static void
quantise_block(const float *x, int8_t *level, float *scale)
{
	uint32_t top = 0; /* magnitudes compare as their bits, NaN above all */
	float factor;

	for (size_t i = 0; i < FORMAT_BLOCK; i++) {
		const uint32_t bits = half_bits(x[i]) & 0x7fffffffu;

		top = bits > top ? bits : top;
	}
	if (top < 0x0d800000u || top >= 0x7f800000u) { /* below 2^-100, or not finite */
		memset(level, 0, FORMAT_BLOCK);
		*scale = top < 0x0d800000u ? 0.0f : half_float(0x7fc00000u);
		return;
	}
	*scale = half_float(top) / 127.0f;
	factor = 127.0f / half_float(top);
	for (size_t i = 0; i < FORMAT_BLOCK; i++)
		level[i] = (int8_t)((x[i] * factor + REAL_ROUND) - REAL_ROUND);
}

static void
quantise(const float *x, size_t n, int8_t *level, float *scale, int32_t *sum)
{
	for (; n > 0; n -= FORMAT_BLOCK) {
		quantise_block(x, level, scale++);
		*sum = 0;
		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			*sum += level[i];
		sum++;
		x += FORMAT_BLOCK;
		level += FORMAT_BLOCK;
	}
}

/* Section 6: a chain of products and one of minima for each segment. */
static float
quantised_dot(const struct format_block *w, bool minimum, const struct operand *x, size_t t)
{
	const size_t n = x->cols / FORMAT_BLOCK;
	const int8_t *level = x->level + t * x->cols;
	const float *scale = x->scale + t * n;
	const int32_t *sum = x->sum + t * n;
	float total = 0.0f;

	for (size_t b = 0; b < n;) {
		const size_t end = b + KERNELS_SEGMENT < n ? b + KERNELS_SEGMENT : n;
		float chain = 0.0f, minima = -0.0f;

		for (; b < end; b++) {
			int32_t dot = 0;

			for (size_t i = 0; i < FORMAT_BLOCK; i++)
				dot += w[b].level[i] * *level++;
			chain = __builtin_fmaf(w[b].scale * scale[b], (float)dot, chain);
			if (minimum)
				minima = __builtin_fmaf(w[b].minimum, scale[b] * (float)sum[b],
				                        minima);
		}
		total += chain + minima;
	}
	return total;
}

static float
float_dot(const float *w, const float *x, size_t n)
{
	float lane[LANES] = { 0 };

	for (size_t i = 0; i < n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			lane[j] = __builtin_fmaf(w[i + j], x[i + j], lane[j]);
	return fold(lane);
}

static void
matmul(const struct matrix *w, size_t first, size_t last, const struct operand *x, float *out,
       size_t stride, void *scratch)
{
	const struct format *format = w->format;
	struct format_block *blocks = scratch;
	float *weights = scratch;

	for (size_t r = first; r < last; r++) {
		const uint8_t *row = w->data + r * w->stride;

		for (size_t b = 0; format->quantised && b < w->cols / FORMAT_BLOCK; b++)
			format->unpack(row, b, &blocks[b]);
		if (!format->quantised)
			format->decode(row, weights, w->cols);
		for (size_t t = 0; t < x->n; t++)
			out[t * stride + r] =
				format->quantised
					? quantised_dot(blocks, format->minimum, x, t)
					: float_dot(weights, x->real + t * x->cols, w->cols);
	}
}

/* The file's layout is the one to read. */
static size_t
packed_size(const struct format *format, size_t cols)
{
	(void)format, (void)cols;
	return 0;
}

static void
rmsnorm(const float *x, const float *weight, size_t n, float eps, float *out)
{
	const float mean = float_dot(x, x, n) / (float)n;
	const float scale = 1.0f / __builtin_sqrtf(mean + eps);

	for (size_t i = 0; i < n; i++)
		out[i] = x[i] * scale * weight[i];
}

static void
rope(float *x, size_t half, const float *cosine, const float *sine)
{
	for (size_t i = 0; i < half; i++) {
		const float a = x[2 * i], b = x[2 * i + 1];

		x[2 * i] = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
		x[2 * i + 1] = __builtin_fmaf(a, sine[i], b * cosine[i]);
	}
}

/* Scores of the first n positions of a block: one chain over the head for each position. */
static float
scores(const float *q, const uint16_t *keys, size_t head_dim, size_t n, float *score)
{
	float top = 0.0f;

	for (size_t t = 0; t < n; t++) {
		const uint16_t *tile = keys + t / KERNELS_KV_TILE * KERNELS_KV_TILE * head_dim;
		float chain = 0.0f;

		for (size_t d = 0; d < head_dim; d++)
			chain = __builtin_fmaf(
			    q[d], half_to_float(tile[d * KERNELS_KV_TILE + t % KERNELS_KV_TILE]),
			    chain);
		score[t] = chain;
		top = t == 0 || chain > top ? chain : top;
	}
	return top;
}

/* One query over one block: weights of the positions, their sum, and the weighted values. */
static void
attend_block(const struct kernels_attention *a, const struct kernels_query *query, size_t block,
             float *top, float *sum, float *value)
{
	const size_t left = (size_t)query->position + 1 - block * KERNELS_KV_BLOCK;
	const size_t n = left < KERNELS_KV_BLOCK ? left : KERNELS_KV_BLOCK;
	const uint16_t *values = a->blocks[block] + a->values;
	float score[KERNELS_KV_BLOCK], lane[LANES] = { 0 };

	*top = scores(query->q, a->blocks[block] + a->keys, a->head_dim, n, score);
	for (size_t t = 0; t < n; t++) {
		score[t] = real_exp(score[t] - *top);
		lane[t % LANES] += score[t];
	}
	*sum = fold(lane);
	memset(value, 0, a->head_dim * sizeof *value);
	for (size_t t = 0; t < n; t++)
		for (size_t d = 0; d < a->head_dim; d++)
			value[d] = __builtin_fmaf(
				score[t], half_to_float(values[t * a->head_dim + d]),
				value[d]);
}

static void
attend_query(const struct kernels_attention *a, const struct kernels_query *query)
{
	float top, sum, next_top, next_sum, next[KERNELS_HEAD_MAX], scale;

	attend_block(a, query, 0, &top, &sum, query->out);
	for (size_t b = 1; b <= query->position / KERNELS_KV_BLOCK; b++) {
		float most, old, new;

		attend_block(a, query, b, &next_top, &next_sum, next);
		most = next_top > top ? next_top : top;
		old = real_exp(top - most);
		new = real_exp(next_top - most);
		top = most;
		sum = __builtin_fmaf(sum, old, next_sum * new);
		for (size_t d = 0; d < a->head_dim; d++)
			query->out[d] = __builtin_fmaf(query->out[d], old, next[d] * new);
	}
	scale = 1.0f / sum;
	for (size_t d = 0; d < a->head_dim; d++)
		query->out[d] *= scale;
}

static void
attend(const struct kernels_attention *a)
{
	for (size_t i = 0; i < a->n_queries; i++)
		attend_query(a, &a->queries[i]);
}

static void
silu_mul(float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gate[i] = real_silu(gate[i]) * up[i];
}

static void
add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += y[i];
}

static void
to_half(const float *x, uint16_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = half_from_float(x[i]);
}

const struct kernels scalar_kernels = {
	.name = "scalar",
	.group = 1,
	.packed_size = packed_size,
	.quantise = quantise,
	.matmul = matmul,
	.rmsnorm = rmsnorm,
	.rope = rope,
	.attend = attend,
	.silu_mul = silu_mul,
	.add = add,
	.to_half = to_half,
};
