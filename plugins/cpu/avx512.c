/* avx512.c - det-v1 for AVX-512 with VNNI.
 *
 * Same bits as scalar.c, by the order of each sum: a register is the 16 virtual lanes of a float
 * sum, or one output each of 16 rows, whose quantised blocks are exact integers.
 *
 * Quantised matrices are packed (pack.h) in groups of 16 rows, Q8_0 as q + 128: vpdpbusd multiplies
 * unsigned weights by signed levels without rounding or saturation, and the offset of the weights
 * times the sum of the levels is taken off again.  The eight registers of a block serve up to TOKENS
 * tokens, whose levels lie side by side.  One token reads its matrix once, front to back. */
#include "cpu/kernels.h"

#include <immintrin.h>
#include <string.h>
#include "cpu/pack.h"
#include "engine/numeric/half.h"

#define LANES  16u
#define TOKENS 8u /* that share what is loaded of a group                 */
#define SHARE  8u /* queries that share what is loaded of keys and values */

#include "cpu/attention.h"
#include "cpu/matmul.h"
#include "cpu/rows.h"

/* The first n of 16 lanes, n > 0. */
INLINE __mmask16
first_lanes(size_t n)
{
	return (__mmask16)(n >= LANES ? 0xffffu : (1u << n) - 1u);
}

/* ---- activations ---- */

static void
quantise_block(const float *x, int8_t *level, float *scale, int32_t *sum)
{
	const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
	const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
	const uint32_t top = _mm512_reduce_max_epu32(
		_mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(a), magnitude),
	                         _mm512_and_si512(_mm512_castps_si512(b), magnitude)));
	__m512i p, q;
	__m512 factor;

	if (top < 0x0d800000u || top >= 0x7f800000u) { /* below 2^-100, or not finite */
		memset(level, 0, BLOCK);
		*sum = 0;
		*scale = top < 0x0d800000u ? 0.0f : half_float(0x7fc00000u);
		return;
	}
	*scale = half_float(top) / 127.0f;
	factor = _mm512_set1_ps(127.0f / half_float(top));
	p = _mm512_cvtps_epi32(_mm512_mul_ps(a, factor));
	q = _mm512_cvtps_epi32(_mm512_mul_ps(b, factor));
	*sum = _mm512_reduce_add_epi32(_mm512_add_epi32(p, q));
	_mm_storeu_si128((__m128i *)level, _mm512_cvtepi32_epi8(p));
	_mm_storeu_si128((__m128i *)(level + 16), _mm512_cvtepi32_epi8(q));
}

/* ---- quantised matrices ---- */

/* What a block of up to TOKENS tokens is multiplied with, side by side. */
struct tile_block {
	int32_t level[TOKENS][BLOCK / 4]; /* four levels each                                */
	float   scale[TOKENS];
	float   low[TOKENS];              /* scale times the sum of the levels: for minima   */
	int32_t start[2][TOKENS];         /* what takes the offset of the weights off again: */
};                                        /* of the block, or (Q6_K) of each half            */

#define AHEAD 8192u /* bytes from what is read to what is asked for */

static void
pack(const struct matrix *w, size_t g, uint8_t *out)
{
	pack_group(w, g, LANES, 0x80, out);
}

/* Bit `bit` of each byte of v, moved to bit `to`, with those above it. */
INLINE __m512i
move_bits(__m512i v, int bit, int to)
{
	return bit < to ? _mm512_slli_epi32(v, (unsigned)(to - bit))
	                : _mm512_srli_epi32(v, (unsigned)(bit - to));
}

/* The eight registers of a block: four elements by 16 rows each, not negative. */
INLINE void
load_block(enum format_kind kind, const uint8_t *p, __m512i w[8])
{
	const __m512i low = _mm512_set1_epi8(15);
	const int bits = (int)pack_upper_bits(kind), per = bits == 2 ? 4 : 8;
	const __m512i mask = _mm512_set1_epi8(bits == 2 ? 0x30 : 0x10);

	for (int i = 0; i < (kind == FORMAT_Q8_0 ? 8 : 4); i++) {
		const __m512i v = _mm512_load_si512(p + 64 * i);

		w[i] = kind == FORMAT_Q8_0 ? v : _mm512_and_si512(v, low);
		if (kind != FORMAT_Q8_0)
			w[i + 4] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
	}
	for (int i = 0; bits && i < 8; i++) {
		const __m512i upper = _mm512_load_si512(p + 256 + 64 * (i / per));

		w[i] = _mm512_or_si512(
			w[i], _mm512_and_si512(move_bits(upper, i % per * bits, 4), mask));
	}
}

/* The exact sums of a block for token t, as floats. */
INLINE __m512
block_sum(enum format_kind kind, const __m512i w[8], const struct scales *s,
          const struct tile_block *x, size_t t)
{
	__m512i sum = _mm512_set1_epi32(x->start[0][t]), last;

	for (size_t i = 0; i < (kind == FORMAT_Q6_K ? 4 : 8); i++)
		sum = _mm512_dpbusd_epi32(sum, w[i], _mm512_set1_epi32(x->level[t][i]));
	if (kind != FORMAT_Q6_K)
		return _mm512_cvtepi32_ps(sum);
	last = _mm512_set1_epi32(x->start[1][t]);
	for (size_t i = 4; i < 8; i++)
		last = _mm512_dpbusd_epi32(last, w[i], _mm512_set1_epi32(x->level[t][i]));
	/* Products and sum are integers below 2^24. */
	return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), s->first,
	                       _mm512_mul_ps(_mm512_cvtepi32_ps(last), s->last));
}

/* A segment of n blocks by the tokens of a tile, added to total. */
INLINE void
segment_tile(enum format_kind kind, size_t tokens, const uint8_t *segment, size_t n,
             const struct tile_block *x, bool ahead, __m512 total[TOKENS])
{
	const size_t bytes = pack_block(kind, LANES);
	const uint8_t *element = segment + pack_scales(kind, LANES, n);
	__m512 chain[TOKENS], minima[TOKENS];

	for (size_t t = 0; t < tokens; t++) {
		chain[t] = _mm512_setzero_ps();
		minima[t] = _mm512_set1_ps(-0.0f);
	}
	for (size_t i = 0; i < n; i++, x++, element += bytes) {
		struct scales s;
		__m512i w[8];

		for (size_t at = 0; ahead && at < bytes + 2 * LANES; at += 64)
			_mm_prefetch((const char *)element + AHEAD + at, _MM_HINT_T0);
		load_scales(kind, segment, n, i, &s);
		load_block(kind, element, w);
		for (size_t t = 0; t < tokens; t++) {
			const __m512 step = _mm512_mul_ps(s.d, _mm512_set1_ps(x->scale[t]));
			const __m512 low = _mm512_set1_ps(x->low[t]);

			chain[t] = _mm512_fmadd_ps(step, block_sum(kind, w, &s, x, t), chain[t]);
			if (has_minimum(kind))
				minima[t] = is_k(kind) ? _mm512_fnmadd_ps(s.m, low, minima[t])
				                       : _mm512_fmadd_ps(s.m, low, minima[t]);
		}
	}
	for (size_t t = 0; t < tokens; t++)
		total[t] = _mm512_add_ps(total[t], has_minimum(kind)
		                                           ? _mm512_add_ps(chain[t], minima[t])
		                                           : chain[t]);
}

/* A group by the tokens of a tile: 16 outputs of each. */
INLINE void
group_tile(enum format_kind kind, size_t tokens, const uint8_t *group, size_t blocks,
           const struct tile_block *x, bool ahead, size_t rows, float *out, size_t stride)
{
	const __mmask16 mask = first_lanes(rows);
	const size_t full = pack_scales(kind, LANES, KERNELS_SEGMENT) +
	                    KERNELS_SEGMENT * pack_block(kind, LANES);
	__m512 total[TOKENS];

	for (size_t t = 0; t < tokens; t++)
		total[t] = _mm512_setzero_ps();
	for (; blocks >= KERNELS_SEGMENT; blocks -= KERNELS_SEGMENT) {
		segment_tile(kind, tokens, group, KERNELS_SEGMENT, x, ahead, total);
		group += full;
		x += KERNELS_SEGMENT;
	}
	if (blocks)
		segment_tile(kind, tokens, group, blocks, x, ahead, total);
	for (size_t t = 0; t < tokens; t++)
		_mm512_mask_storeu_ps(out + t * stride, mask, total[t]);
}

/* The same for any width of a tile. */
INLINE void
group_any(enum format_kind kind, size_t tokens, const uint8_t *group, size_t blocks,
          const struct tile_block *x, bool ahead, size_t rows, float *out, size_t stride)
{
	switch (tokens) {
#define CASE(k)                                                                      \
	case k:                                                                      \
		group_tile(kind, k, group, blocks, x, ahead, rows, out, stride); \
		break;
		CASE(1) CASE(2) CASE(4) CASE(8)
#undef CASE
	}
}

/* The widest tile that so many tokens fill: each width is code of its own, so there are four. */
static size_t
tile_width(size_t tokens)
{
	return tokens >= 8 ? 8 : tokens >= 4 ? 4 : tokens >= 2 ? 2 : 1;
}

/* Lays tokens first .. first + n - 1 side by side. */
static void
lay_tile(enum format_kind kind, const struct operand *x, size_t first, size_t n,
         struct tile_block *out)
{
	const size_t blocks = x->cols / BLOCK;
	const int32_t offset = kind == FORMAT_Q8_0 ? 128 : pack_offset(kind);

	for (size_t t = 0; t < n; t++) {
		const size_t at = (first + t) * blocks;

		for (size_t b = 0; b < blocks; b++) {
			const int8_t *level = x->level + (at + b) * BLOCK;
			const int32_t sum = x->sum[at + b];
			const int32_t half = kind == FORMAT_Q6_K ? sum_levels(level, 16) : sum;

			memcpy(out[b].level[t], level, BLOCK);
			out[b].scale[t] = x->scale[at + b];
			out[b].low[t] = x->scale[at + b] * (float)sum;
			out[b].start[0][t] = -offset * half;
			out[b].start[1][t] = -offset * (sum - half);
		}
	}
}

/* Tokens are taken in bands whose tiles fit the scratch and, with the rows of a call, the second
 * level of cache; a band of tiles goes over all groups, a group over all tiles of the band. */
INLINE void
quantised_matmul(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
                 const struct operand *x, float *out, size_t stride, void *scratch)
{
	const size_t blocks = x->cols / BLOCK, size = pack_size(w->format, LANES, w->cols);
	const size_t fit = KERNELS_SCRATCH(x->cols) / (blocks * sizeof(struct tile_block));
	const size_t band = TOKENS * ((fit < 10 ? fit : 10) - 2); /* the last 7 may be 3 tiles */

	for (size_t from = 0; from < x->n; from += band) {
		const size_t to = x->n - from < band ? x->n : from + band;
		struct tile_block *tile = scratch;

		for (size_t t = from; t < to; t += tile_width(to - t), tile += blocks)
			lay_tile(kind, x, t, tile_width(to - t), tile);
		for (size_t r = first; r < last; r += LANES) {
			const uint8_t *group = w->packed + r / LANES * size;

			tile = scratch;
			for (size_t t = from; t < to; t += tile_width(to - t), tile += blocks)
				group_any(kind, tile_width(to - t), group, blocks, tile, t == from,
				          last - r, out + t * stride + r, stride);
		}
	}
}

/* ---- float matrices: rows as they lie in the file ---- */

#define ROWS  4u /* of a tile of float weights */
#define WIDTH 6u /* tokens of one              */

/* r rows by t tokens (r <= ROWS, t <= WIDTH). */
INLINE void
float_tile(enum format_kind kind, size_t rows, size_t tokens, const uint8_t *w, size_t w_stride,
           const float *x, size_t cols, float *out, size_t stride)
{
	__m512 lane[ROWS][WIDTH];

	for (size_t r = 0; r < rows; r++)
		for (size_t t = 0; t < tokens; t++)
			lane[r][t] = _mm512_setzero_ps();
	for (size_t k = 0; k < cols; k += LANES) {
		__m512 a[ROWS];

		for (size_t r = 0; r < rows; r++)
			a[r] = weights(kind, w + r * w_stride, k);
		for (size_t t = 0; t < tokens; t++) {
			const __m512 b = _mm512_loadu_ps(x + t * cols + k);

			for (size_t r = 0; r < rows; r++)
				lane[r][t] = _mm512_fmadd_ps(a[r], b, lane[r][t]);
		}
	}
	for (size_t r = 0; r < rows; r++)
		for (size_t t = 0; t < tokens; t++)
			out[t * stride + r] = fold(&lane[r][t]);
}

/* The same for any number of tokens up to WIDTH. */
INLINE void
float_tiles(enum format_kind kind, size_t rows, size_t tokens, const uint8_t *w, size_t w_stride,
            const float *x, size_t cols, float *out, size_t stride)
{
	switch (tokens) {
#define CASE(k)                                                                     \
	case k:                                                                     \
		float_tile(kind, rows, k, w, w_stride, x, cols, out, stride); \
		break;
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#undef CASE
	}
}

/* A band of tokens stays in the second level of cache while all rows pass. */
INLINE void
float_matmul(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
             const struct operand *x, float *out, size_t stride, void *scratch)
{
	const size_t fit = ((size_t)256 << 10) / (WIDTH * x->cols * sizeof(float));
	const size_t band = WIDTH * (fit > 1 ? fit : 1);

	(void)scratch; /* rows are read as they lie */
	for (size_t from = 0; from < x->n; from += band) {
		const size_t to = x->n - from < band ? x->n : from + band;

		for (size_t r = first; r < last; r += ROWS) {
			const size_t rows = last - r < ROWS ? last - r : ROWS;
			const uint8_t *row = w->data + r * w->stride;

			for (size_t i = 0; from == 0 && i < rows * w->stride; i += 64)
				_mm_prefetch((const char *)row + ROWS * w->stride + i, _MM_HINT_T1);
			for (size_t t = from; t < to; t += WIDTH) {
				const size_t n = to - t < WIDTH ? to - t : WIDTH;
				const float *in = x->real + t * x->cols;
				float *to_row = out + t * stride + r;

				if (rows == ROWS)
					float_tiles(kind, ROWS, n, row, w->stride, in, x->cols,
					            to_row, stride);
				else
					for (size_t i = 0; i < rows; i++)
						float_tiles(kind, 1, n, row + i * w->stride,
						            w->stride, in, x->cols, to_row + i,
						            stride);
			}
		}
	}
}

/* ---- rows ---- */

/* Eight pairs: in even lanes fma(a, cosine, -(b * sine)), in odd ones fma(a, sine, b * cosine). */
static void
rope(float *x, size_t half, const float *cosine, const float *sine)
{
	const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	const __m256 sign = _mm256_set1_ps(-0.0f);

	for (size_t i = 0; i < half; i += 8) {
		const size_t n = half - i < 8 ? half - i : 8;
		const __mmask8 pairs = (__mmask8)((1u << n) - 1u);
		const __mmask16 mask = first_lanes(2 * n);
		const __m256 c = _mm256_maskz_loadu_ps(pairs, cosine + i);
		const __m256 s = _mm256_maskz_loadu_ps(pairs, sine + i);
		const __m512 v = _mm512_maskz_loadu_ps(mask, x + 2 * i);
		const __m512 fused = _mm512_permutex2var_ps(_mm512_castps256_ps512(c), low,
		                                            _mm512_castps256_ps512(s));
		const __m512 rounded = _mm512_permutex2var_ps(
			_mm512_castps256_ps512(_mm256_xor_ps(s, sign)), low,
			_mm512_castps256_ps512(c));

		_mm512_mask_storeu_ps(
			x + 2 * i, mask,
			_mm512_fmadd_ps(_mm512_moveldup_ps(v), fused,
		                        _mm512_mul_ps(_mm512_movehdup_ps(v), rounded)));
	}
}

static void
add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i += LANES) {
		const __mmask16 mask = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, mask,
		                      _mm512_add_ps(_mm512_maskz_loadu_ps(mask, x + i),
		                                    _mm512_maskz_loadu_ps(mask, y + i)));
	}
}

static void
to_half(const float *x, uint16_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += LANES) {
		const __mmask16 mask = first_lanes(n - i);

		_mm256_mask_storeu_epi16(out + i, mask,
		                         _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, x + i),
		                                         _MM_FROUND_TO_NEAREST_INT));
	}
}

/* ---- attention ---- */

/* Scores of a tile of positions for queries first .. first + n - 1. */
INLINE void
score_tile(struct share *s, size_t first, size_t n, const uint16_t *keys, size_t head_dim,
           size_t at)
{
	const float *q[SHARE];
	__m512 low[SHARE], high[SHARE];

	for (size_t i = 0; i < n; i++) {
		q[i] = s->query[first + i]->q;
		low[i] = high[i] = _mm512_setzero_ps();
	}
	for (size_t d = 0; d < head_dim; d++, keys += KERNELS_KV_TILE) {
		const __m512 a = load_half(keys), b = load_half(keys + LANES);

		for (size_t i = 0; i < n; i++) {
			const __m512 x = _mm512_set1_ps(q[i][d]);

			low[i] = _mm512_fmadd_ps(x, a, low[i]);
			high[i] = _mm512_fmadd_ps(x, b, high[i]);
		}
	}
	for (size_t i = 0; i < n; i++) {
		_mm512_storeu_ps(s->score[first + i] + at, low[i]);
		_mm512_storeu_ps(s->score[first + i] + at + LANES, high[i]);
	}
}

/* Adds positions from .. to-1 to 16 * vectors values, from dimension d on, of n queries. */
INLINE void
value_part(struct share *s, size_t first, size_t n, size_t vectors, const uint16_t *values,
           size_t head_dim, size_t d, size_t from, size_t to)
{
	__m512 chain[SHARE][4];

	for (size_t i = 0; i < n; i++)
		for (size_t v = 0; v < vectors; v++)
			chain[i][v] = _mm512_loadu_ps(s->value[first + i] + d + LANES * v);
	for (size_t t = from; t < to; t++) {
		__m512 value[4];

		for (size_t v = 0; v < vectors; v++)
			value[v] = load_half(values + t * head_dim + d + LANES * v);
		for (size_t i = 0; i < n; i++) {
			const __m512 weight = _mm512_set1_ps(s->score[first + i][t]);

			for (size_t v = 0; v < vectors; v++)
				chain[i][v] = _mm512_fmadd_ps(weight, value[v], chain[i][v]);
		}
	}
	for (size_t i = 0; i < n; i++)
		for (size_t v = 0; v < vectors; v++)
			_mm512_storeu_ps(s->value[first + i] + d + LANES * v, chain[i][v]);
}

INLINE void
value_all(struct share *s, size_t first, size_t n, const uint16_t *values, size_t head_dim,
          size_t from, size_t to)
{
	const size_t vectors = n > 4 ? 2 : 4;
	size_t d = 0;

	for (; d + LANES * vectors <= head_dim; d += LANES * vectors)
		value_part(s, first, n, vectors, values, head_dim, d, from, to);
	for (; d < head_dim; d += LANES)
		value_part(s, first, n, 1, values, head_dim, d, from, to);
}

/* The same two for an n that is not known before. */
static void
score_any(struct share *s, size_t first, size_t n, const uint16_t *keys, size_t head_dim,
          size_t positions)
{
	for (size_t at = 0; at < positions; at += KERNELS_KV_TILE) {
		const uint16_t *tile = keys + at * head_dim;

		switch (n) {
#define CASE(k)                                                    \
	case k:                                                    \
		score_tile(s, first, k, tile, head_dim, at); \
		break;
			CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
		}
	}
}

static void
value_any(struct share *s, size_t first, size_t n, const uint16_t *values, size_t head_dim,
          size_t from, size_t to)
{
	switch (n) {
#define CASE(k)                                                        \
	case k:                                                        \
		value_all(s, first, k, values, head_dim, from, to); \
		break;
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
	}
}

static void
attend_block(struct share *s, size_t first, size_t n, size_t head_dim, const uint16_t *keys,
             const uint16_t *values)
{
	size_t from = 0;

	score_any(s, first, n - first, keys, head_dim, s->n[n - 1]);
	for (size_t i = first; i < n; i++)
		weigh(s, i);
	for (size_t i = first; i < n; i++) { /* the further positions, the fewer queries */
		if (s->n[i] > from)
			value_any(s, i, n - i, values, head_dim, from, s->n[i]);
		from = s->n[i];
	}
}

const struct kernels avx512_kernels = {
	.name = "avx512",
	.group = LANES,
	.packed_size = packed_size,
	.pack = pack,
	.quantise = quantise,
	.matmul = matmul,
	.rmsnorm = rmsnorm,
	.rope = rope,
	.attend = attend,
	.silu_mul = silu_mul,
	.add = add,
	.to_half = to_half,
};
