/* avx2.c - det-v1 for AVX2, FMA and F16C.
 *
 * Same bits as scalar.c, by the order of each sum: a quantised block is an exact integer whatever
 * the instructions, a chain is one lane for one output, and the 16 virtual lanes of float sums are
 * two registers.  Quantised matrices are packed (pack.h) in groups of eight rows, a lane each. */
#include "cpu/kernels.h"

#include <immintrin.h>
#include <string.h>
#include "cpu/pack.h"
#include "engine/numeric/half.h"

#define LANES  8u
#define PANEL  8u /* rows of floats that are decoded together                    */
#define TOKENS 4u /* that share what is loaded of a group                        */
#define SHARE  4u /* queries that share what is loaded of keys and values        */

#include "cpu/attention.h"
#include "cpu/matmul.h"
#include "cpu/rows.h"

/* Keeps an accumulator in its register and its order: compilers like to turn integer sums into
 * trees that spill. */
#define KEEP(x) __asm__ volatile("" : "+x"(x))

#define AHEAD      2304u               /* bytes from what is read to what is asked for */
#define MANY       (2 * TOKENS)        /* tokens for which a group is opened           */
#define BAND_BYTES ((size_t)128 << 10) /* of the levels of tokens that pass together   */

/* ---- small parts ---- */

/* Rows are short and read side by side, which hides from the processor that all of it is one run:
 * so the next eight rows are asked for, a share at each step. */
INLINE void
prefetch(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		_mm_prefetch((const char *)p + i, _MM_HINT_T0);
}

/* ---- activations ---- */

INLINE int32_t
total(__m256i v)
{
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static void
quantise_block(const float *x, int8_t *level, float *scale, int32_t *sum)
{
	const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	__m256 v[4], factor;
	__m256i top = _mm256_setzero_si256(), q[4];
	__m128i most;
	uint32_t bits;

	for (size_t i = 0; i < 4; i++) {
		v[i] = _mm256_loadu_ps(x + 8 * i);
		top = _mm256_max_epi32(top, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
	}
	most = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
	most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0x4e));
	most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0xb1));
	bits = (uint32_t)_mm_cvtsi128_si32(most);
	if (bits < 0x0d800000u || bits >= 0x7f800000u) {
		memset(level, 0, BLOCK);
		*sum = 0;
		*scale = bits < 0x0d800000u ? 0.0f : half_float(0x7fc00000u);
		return;
	}
	*scale = half_float(bits) / 127.0f;
	factor = _mm256_set1_ps(127.0f / half_float(bits));
	for (size_t i = 0; i < 4; i++)
		q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], factor));
	*sum = total(_mm256_add_epi32(_mm256_add_epi32(q[0], q[1]), _mm256_add_epi32(q[2], q[3])));
	q[0] = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
	_mm256_storeu_si256((__m256i *)level, _mm256_permutevar8x32_epi32(q[0], order));
}

/* ---- quantised matrices ---- */

/* Tokens that share a pass over a group. */
struct tokens {
	const int8_t  *level[TOKENS];
	const float   *scale[TOKENS];
	const int32_t *sum[TOKENS];
};

static void
pack(const struct matrix *w, size_t g, uint8_t *out)
{
	pack_group(w, g, LANES, 0, out);
}

/* Four elements by eight rows, number i of a block; all but Q8_0 not negative. */
INLINE __m256i
elements(enum format_kind kind, const uint8_t *block, size_t i)
{
	const __m256i *const p = (const __m256i *)(const void *)block;
	const int bits = (int)pack_upper_bits(kind), bit = (int)(i % (bits == 2 ? 4 : 8)) * bits;
	__m256i v = _mm256_load_si256(p + (kind == FORMAT_Q8_0 ? i : i % 4)), upper;

	if (kind == FORMAT_Q8_0)
		return v;
	v = _mm256_and_si256(i < 4 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
	if (bits == 0)
		return v;
	upper = _mm256_load_si256(p + 4 + (bits == 2 ? i / 4 : 0));
	upper = bit < 4 ? _mm256_slli_epi32(upper, 4 - bit) : _mm256_srli_epi32(upper, bit - 4);
	return _mm256_or_si256(
		v, _mm256_and_si256(upper, _mm256_set1_epi8(bits == 2 ? 0x30 : 0x10)));
}

/* Four levels of a token in each lane. */
INLINE __m256i
levels4(const struct tokens *x, size_t t, size_t b, size_t i)
{
	int32_t four;

	memcpy(&four, x->level[t] + b * BLOCK + 4 * i, sizeof four);
	return _mm256_set1_epi32(four);
}

/* Adds parts from .. to-1 of block b for n tokens.  Two products fit 16 bits in every format (at most
 * 128 * 127 * 2), the eight pairs of a block only where the levels are nibbles. */
INLINE void
add_parts(enum format_kind kind, size_t n, const uint8_t *block, const struct tokens *x, size_t b,
          size_t from, size_t to, __m256i sum[TOKENS])
{
	const __m256i ones = _mm256_set1_epi16(1);
	const bool nibbles = kind != FORMAT_Q8_0 && pack_upper_bits(kind) == 0;

	for (size_t i = from; i < to; i++) {
		const __m256i w = elements(kind, block, i);
		const __m256i size = kind == FORMAT_Q8_0 ? _mm256_abs_epi8(w) : w;

		for (size_t t = 0; t < n; t++) {
			const __m256i level = levels4(x, t, b, i);
			const __m256i pairs = _mm256_maddubs_epi16(
				size, kind == FORMAT_Q8_0 ? _mm256_sign_epi8(level, w) : level);

			sum[t] = nibbles ? _mm256_add_epi16(sum[t], pairs)
			                 : _mm256_add_epi32(sum[t], _mm256_madd_epi16(ones, pairs));
			KEEP(sum[t]);
		}
	}
	for (size_t t = 0; nibbles && t < n; t++)
		sum[t] = _mm256_madd_epi16(ones, sum[t]);
}

/* Exact sums of block b of a group for n tokens, as floats. */
INLINE void
block_sums(enum format_kind kind, size_t n, const uint8_t *block, const struct scales *s,
           const struct tokens *x, size_t b, __m256 out[TOKENS])
{
	__m256i sum[TOKENS], last[TOKENS];

	for (size_t t = 0; t < n; t++)
		sum[t] = last[t] = _mm256_setzero_si256();
	add_parts(kind, n, block, x, b, 0, kind == FORMAT_Q6_K ? 4 : 8, sum);
	if (kind == FORMAT_Q6_K)
		add_parts(kind, n, block, x, b, 4, 8, last);
	for (size_t t = 0; t < n; t++) {
		const int32_t half = kind == FORMAT_Q6_K
		                             ? sum_levels(x->level[t] + b * BLOCK, BLOCK / 2)
		                             : x->sum[t][b];
		const __m256i off = _mm256_set1_epi32(-pack_offset(kind) * half);

		out[t] = _mm256_cvtepi32_ps(_mm256_add_epi32(sum[t], off));
		if (kind != FORMAT_Q6_K)
			continue;
		last[t] = _mm256_add_epi32(
			last[t], _mm256_set1_epi32(-pack_offset(kind) * (x->sum[t][b] - half)));
		/* Products and sum are integers below 2^24. */
		out[t] = _mm256_fmadd_ps(out[t], s->first,
		                         _mm256_mul_ps(_mm256_cvtepi32_ps(last[t]), s->last));
	}
}

/* Blocks b .. b + n - 1, a segment, by the tokens, added to total. */
INLINE void
segment_tile(enum format_kind kind, size_t tokens, const uint8_t *segment, size_t b, size_t n,
             const struct tokens *x, bool ahead, __m256 total[TOKENS])
{
	const size_t bytes = pack_block(kind, LANES);
	const uint8_t *element = segment + pack_scales(kind, LANES, n);
	__m256 chain[TOKENS], minima[TOKENS], sum[TOKENS];

	for (size_t t = 0; t < tokens; t++) {
		chain[t] = _mm256_setzero_ps();
		minima[t] = _mm256_set1_ps(-0.0f);
	}
	for (size_t i = 0; i < n; i++, b++, element += bytes) {
		struct scales s;

		for (size_t at = 0; ahead && at < bytes + 2 * LANES; at += 64)
			_mm_prefetch((const char *)element + AHEAD + at, _MM_HINT_T0);
		load_scales(kind, segment, n, i, &s);
		block_sums(kind, tokens, element, &s, x, b, sum);
		for (size_t t = 0; t < tokens; t++) {
			const __m256 scale = _mm256_set1_ps(x->scale[t][b]);
			const __m256 low = _mm256_mul_ps(
				scale, _mm256_set1_ps((float)x->sum[t][b]));

			chain[t] = _mm256_fmadd_ps(_mm256_mul_ps(s.d, scale), sum[t], chain[t]);
			if (has_minimum(kind))
				minima[t] = is_k(kind) ? _mm256_fnmadd_ps(s.m, low, minima[t])
				                       : _mm256_fmadd_ps(s.m, low, minima[t]);
		}
	}
	for (size_t t = 0; t < tokens; t++)
		total[t] = _mm256_add_ps(total[t], has_minimum(kind)
		                                           ? _mm256_add_ps(chain[t], minima[t])
		                                           : chain[t]);
}

/* n tokens from token t on. */
INLINE struct tokens
tokens_at(const struct operand *x, size_t t, size_t n)
{
	const size_t blocks = x->cols / BLOCK;
	struct tokens tokens;

	for (size_t i = 0; i < n; i++) {
		tokens.level[i] = x->level + (t + i) * x->cols;
		tokens.scale[i] = x->scale + (t + i) * blocks;
		tokens.sum[i] = x->sum + (t + i) * blocks;
	}
	return tokens;
}

INLINE void
store_lanes(float *out, __m256 v, size_t rows)
{
	float lane[LANES];

	_mm256_storeu_ps(lane, v);
	memcpy(out, lane, rows * sizeof *lane);
}

/* n tokens, from token t on, by a group: the first `rows` outputs of each. */
INLINE void
group_tokens(enum format_kind kind, size_t n, const uint8_t *group, const struct operand *x,
             size_t t, size_t rows, float *out, size_t stride)
{
	const size_t blocks = x->cols / BLOCK;
	const struct tokens tokens = tokens_at(x, t, n);
	__m256 total[TOKENS];

	for (size_t i = 0; i < n; i++)
		total[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < blocks; b += KERNELS_SEGMENT) {
		const size_t here = blocks - b < KERNELS_SEGMENT ? blocks - b : KERNELS_SEGMENT;

		segment_tile(kind, n, group, b, here, &tokens, t == 0, total);
		group += pack_scales(kind, LANES, here) + here * pack_block(kind, LANES);
	}
	for (size_t i = 0; i < n; i++)
		store_lanes(out + (t + i) * stride, total[i], rows);
}

/* ---- quantised matrices, many tokens: a group opened to bytes ---- */

/* A block of a group.  Opened once, it serves all tokens: what is packed to save memory would be
 * taken apart again for every few of them. */
struct open_block {
	int8_t  element[8][BLOCK]; /* number i: elements 4i .. 4i+3 of each row; Q6_K less 32  */
	int16_t half[2][2 * LANES]; /* Q6_K: scale of each half, twice in the lane of a row    */
	float   d[LANES], m[LANES]; /* m as it is added                                         */
};

_Static_assert(sizeof(struct open_block) <= KERNELS_SCRATCH(BLOCK) - KERNELS_SCRATCH(0),
               "a group of any width fits the scratch");

/* An integer of each lane, which fits 16 bits, in both halves of the lane. */
INLINE __m256i
twice(__m256 v)
{
	const __m256i n = _mm256_cvtps_epi32(v);

	return _mm256_blend_epi16(n, _mm256_slli_epi32(n, 16), 0xaa);
}

INLINE void
open_segment(enum format_kind kind, const uint8_t *segment, size_t n, struct open_block *p)
{
	const uint8_t *block = segment + pack_scales(kind, LANES, n);
	const __m256i off = _mm256_set1_epi8(kind == FORMAT_Q6_K ? 32 : 0);

	for (size_t i = 0; i < n; i++, p++, block += pack_block(kind, LANES)) {
		struct scales s;

		load_scales(kind, segment, n, i, &s);
		_mm256_store_ps(p->d, s.d);
		if (has_minimum(kind))
			_mm256_store_ps(p->m, is_k(kind) ? _mm256_xor_ps(s.m, _mm256_set1_ps(-0.0f))
			                                 : s.m);
		if (kind == FORMAT_Q6_K) {
			_mm256_store_si256((__m256i *)(void *)p->half[0], twice(s.first));
			_mm256_store_si256((__m256i *)(void *)p->half[1], twice(s.last));
		}
		for (size_t j = 0; j < 8; j++)
			_mm256_store_si256((__m256i *)(void *)p->element[j],
			                   _mm256_sub_epi8(elements(kind, block, j), off));
	}
}

/* Adds half h of a block, sixteen elements, in 16 bits: at most 4 * 2 * 32 * 127. */
INLINE void
add_half(enum format_kind kind, size_t n, const struct open_block *p, const struct tokens *x,
         size_t b, size_t h, __m256i sum[TOKENS])
{
	for (size_t i = 4 * h; i < 4 * h + 4; i++) {
		const __m256i w = _mm256_load_si256((const __m256i *)(const void *)p->element[i]);
		const __m256i size = kind == FORMAT_Q6_K ? _mm256_abs_epi8(w) : w;

		for (size_t t = 0; t < n; t++) {
			const __m256i level = levels4(x, t, b, i);

			sum[t] = _mm256_add_epi16(
				sum[t],
				_mm256_maddubs_epi16(size, kind == FORMAT_Q6_K
			                                           ? _mm256_sign_epi8(level, w)
			                                           : level));
			KEEP(sum[t]);
		}
	}
}

/* Exact sums of a block for n tokens. */
INLINE void
open_sums(enum format_kind kind, size_t n, const struct open_block *p, const struct tokens *x,
          size_t b, __m256i sum[TOKENS])
{
	const bool nibbles = pack_upper_bits(kind) == 0; /* all eight fit 16 bits */
	const int32_t off = kind == FORMAT_Q6_K ? 0 : pack_offset(kind);
	__m256i first = _mm256_set1_epi16(1), last = first, high[TOKENS];

	if (kind == FORMAT_Q6_K) {
		first = _mm256_load_si256((const __m256i *)(const void *)p->half[0]);
		last = _mm256_load_si256((const __m256i *)(const void *)p->half[1]);
	}
	for (size_t t = 0; t < n; t++)
		sum[t] = high[t] = _mm256_setzero_si256();
	add_half(kind, n, p, x, b, 0, sum);
	add_half(kind, n, p, x, b, 1, nibbles ? sum : high);
	for (size_t t = 0; t < n; t++) {
		sum[t] = _mm256_madd_epi16(sum[t], first);
		if (!nibbles)
			sum[t] = _mm256_add_epi32(sum[t], _mm256_madd_epi16(high[t], last));
		if (off)
			sum[t] = _mm256_add_epi32(sum[t], _mm256_set1_epi32(-off * x->sum[t][b]));
	}
}

/* Blocks b .. b + n - 1, a segment, by the tokens, added to total. */
INLINE void
open_tile(enum format_kind kind, size_t tokens, const struct open_block *p, size_t b, size_t n,
          const struct tokens *x, __m256 total[TOKENS])
{
	__m256 chain[TOKENS], minima[TOKENS];

	for (size_t t = 0; t < tokens; t++) {
		chain[t] = _mm256_setzero_ps();
		minima[t] = _mm256_set1_ps(-0.0f);
	}
	for (size_t i = 0; i < n; i++, b++, p++) {
		__m256i sum[TOKENS];

		open_sums(kind, tokens, p, x, b, sum);
		for (size_t t = 0; t < tokens; t++) {
			const float scale = x->scale[t][b];

			chain[t] = _mm256_fmadd_ps(
				_mm256_mul_ps(_mm256_load_ps(p->d), _mm256_set1_ps(scale)),
				_mm256_cvtepi32_ps(sum[t]), chain[t]);
			if (has_minimum(kind))
				minima[t] = _mm256_fmadd_ps(
					_mm256_load_ps(p->m),
					_mm256_set1_ps(scale * (float)x->sum[t][b]), minima[t]);
		}
	}
	for (size_t t = 0; t < tokens; t++)
		total[t] = _mm256_add_ps(total[t], has_minimum(kind)
		                                           ? _mm256_add_ps(chain[t], minima[t])
		                                           : chain[t]);
}

/* n tokens, from token t on, by an opened group: the first `rows` outputs of each. */
INLINE void
open_tokens(enum format_kind kind, size_t n, const struct open_block *group,
            const struct operand *x, size_t t, size_t rows, float *out, size_t stride)
{
	const size_t blocks = x->cols / BLOCK;
	const struct tokens tokens = tokens_at(x, t, n);
	__m256 total[TOKENS];

	for (size_t i = 0; i < n; i++)
		total[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < blocks; b += KERNELS_SEGMENT)
		open_tile(kind, n, group + b, b,
		          blocks - b < KERNELS_SEGMENT ? blocks - b : KERNELS_SEGMENT, &tokens,
		          total);
	for (size_t i = 0; i < n; i++)
		store_lanes(out + (t + i) * stride, total[i], rows);
}

INLINE void
open_group(enum format_kind kind, const uint8_t *group, size_t blocks, struct open_block *out)
{
	for (size_t b = 0; b < blocks; b += KERNELS_SEGMENT) {
		const size_t here = blocks - b < KERNELS_SEGMENT ? blocks - b : KERNELS_SEGMENT;

		open_segment(kind, group, here, out + b);
		group += pack_scales(kind, LANES, here) + here * pack_block(kind, LANES);
	}
}

/* The tokens of a band stay in the second level of cache while all groups pass. */
INLINE void
quantised_matmul(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
                 const struct operand *x, float *out, size_t stride, void *scratch)
{
	struct open_block *opened = scratch;
	const size_t size = pack_size(w->format, LANES, w->cols);
	const size_t fit = BAND_BYTES / (TOKENS * x->cols), band = TOKENS * (fit > 1 ? fit : 1);

	for (size_t from = 0; from < x->n; from += band) {
		const size_t to = x->n - from < band ? x->n : from + band;
		const bool open = kind != FORMAT_Q8_0 && to - from >= MANY;

		for (size_t r = first; r < last; r += LANES) {
			const uint8_t *group = w->packed + r / LANES * size;
			const size_t rows = last - r < LANES ? last - r : LANES;
			size_t t = from;

			if (open)
				open_group(kind, group, x->cols / BLOCK, opened);
			for (; open && t + TOKENS <= to; t += TOKENS)
				open_tokens(kind, TOKENS, opened, x, t, rows, out + r, stride);
			for (; t + TOKENS <= to; t += TOKENS)
				group_tokens(kind, TOKENS, group, x, t, rows, out + r, stride);
			for (; t < to; t++)
				group_tokens(kind, 1, group, x, t, rows, out + r, stride);
		}
	}
}

/* ---- float matrices ---- */

/* r rows by t tokens (r * t <= 6): two registers for each output. */
INLINE void
tile(enum format_kind kind, size_t rows, size_t tokens, const uint8_t *w, size_t w_stride,
     const float *x, size_t cols, float *out, size_t stride)
{
	__m256 lane[6][PARTS];

	for (size_t i = 0; i < rows * tokens; i++)
		lane[i][0] = lane[i][1] = _mm256_setzero_ps();
	for (size_t k = 0; k < cols; k += 16)
		for (size_t r = 0; r < rows; r++) {
			const __m256 a = weights(kind, w + r * w_stride, k);
			const __m256 b = weights(kind, w + r * w_stride, k + 8);

			for (size_t t = 0; t < tokens; t++) {
				const float *p = x + t * cols + k;
				const size_t i = r * tokens + t;

				lane[i][0] = _mm256_fmadd_ps(a, _mm256_loadu_ps(p), lane[i][0]);
				lane[i][1] = _mm256_fmadd_ps(b, _mm256_loadu_ps(p + 8), lane[i][1]);
			}
		}
	for (size_t r = 0; r < rows; r++)
		for (size_t t = 0; t < tokens; t++)
			out[t * stride + r] = fold(lane[r * tokens + t]);
}

/* One token: straight from the file. */
INLINE void
float_row(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
          const struct operand *x, float *out)
{
	size_t r = first;

	for (; r + 4 <= last; r += 4) {
		const uint8_t *row = w->data + r * w->stride;

		prefetch(row + 4 * w->stride, 4 * w->stride);
		tile(kind, 4, 1, row, w->stride, x->real, x->cols, out + r, 0);
	}
	for (; r < last; r++)
		tile(kind, 1, 1, w->data + r * w->stride, w->stride, x->real, x->cols, out + r, 0);
}

INLINE void
float_panel(const float *panel, size_t rows, const struct operand *x, float *out, size_t stride)
{
	const size_t bytes = x->cols * sizeof(float);
	const uint8_t *w = (const uint8_t *)panel;

	for (size_t t = 0; t < x->n;) {
		const size_t tokens = x->n - t >= 3 ? 3 : 1;
		const float *in = x->real + t * x->cols;
		float *to = out + t * stride;
		size_t r = 0;

		for (; tokens == 3 && r + 2 <= rows; r += 2)
			tile(FORMAT_F32, 2, 3, w + r * bytes, bytes, in, x->cols, to + r, stride);
		for (; tokens == 1 && r + 4 <= rows; r += 4)
			tile(FORMAT_F32, 4, 1, w + r * bytes, bytes, in, x->cols, to + r, stride);
		for (; r < rows; r++)
			for (size_t i = 0; i < tokens; i++)
				tile(FORMAT_F32, 1, 1, w + r * bytes, bytes, in + i * x->cols,
				     x->cols, to + i * stride + r, 0);
		t += tokens;
	}
}

INLINE void
float_matmul(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
             const struct operand *x, float *out, size_t stride, void *scratch)
{
	float *panel = scratch;

	if (x->n == 1) {
		float_row(kind, w, first, last, x, out);
		return;
	}
	for (size_t r = first; r < last; r += PANEL) {
		const size_t rows = last - r < PANEL ? last - r : PANEL;

		for (size_t i = 0; i < rows; i++)
			for (size_t k = 0; k < w->cols; k += 8)
				_mm256_storeu_ps(panel + i * w->cols + k,
				                 weights(kind, w->data + (r + i) * w->stride, k));
		float_panel(panel, rows, x, out + r, stride);
	}
}

/* ---- rows ---- */

static void
rope(float *x, size_t half, const float *cosine, const float *sine)
{
	for (size_t i = 0; i < half; i++) {
		const float a = x[2 * i], b = x[2 * i + 1];

		x[2 * i] = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
		x[2 * i + 1] = __builtin_fmaf(a, sine[i], b * cosine[i]);
	}
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
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i),
								       _MM_FROUND_TO_NEAREST_INT));
	for (; i < n; i++)
		out[i] = half_from_float(x[i]);
}

/* ---- attention ---- */

/* Scores of 8 * vectors positions of a tile for queries first .. first + n - 1. */
INLINE void
score_part(struct share *s, size_t first, size_t n, size_t vectors, const uint16_t *keys,
           size_t head_dim, size_t at)
{
	__m256 chain[8];

	for (size_t i = 0; i < n * vectors; i++)
		chain[i] = _mm256_setzero_ps();
	for (size_t d = 0; d < head_dim; d++, keys += KERNELS_KV_TILE)
		for (size_t v = 0; v < vectors; v++) {
			const __m256 k = load_half(keys + 8 * v);

			for (size_t i = 0; i < n; i++)
				chain[i * vectors + v] = _mm256_fmadd_ps(
					_mm256_set1_ps(s->query[first + i]->q[d]), k,
					chain[i * vectors + v]);
		}
	for (size_t i = 0; i < n; i++)
		for (size_t v = 0; v < vectors; v++)
			_mm256_storeu_ps(s->score[first + i] + at + 8 * v, chain[i * vectors + v]);
}

static void
score_all(struct share *s, const uint16_t *keys, size_t head_dim, size_t n)
{
	for (size_t at = 0; at < n; at += 16)
		score_part(s, 0, SHARE, 2,
		           keys + at / KERNELS_KV_TILE * KERNELS_KV_TILE * head_dim +
		                   at % KERNELS_KV_TILE,
		           head_dim, at);
}

static void
score_one(struct share *s, size_t i, const uint16_t *keys, size_t head_dim)
{
	for (size_t at = 0; at < s->n[i]; at += KERNELS_KV_TILE)
		score_part(s, i, 1, 4, keys + at * head_dim, head_dim, at);
}

/* Adds positions from .. to-1 to 8 * vectors values, from dimension d on, of n queries. */
INLINE void
value_part(struct share *s, size_t first, size_t n, size_t vectors, const uint16_t *values,
           size_t head_dim, size_t d, size_t from, size_t to)
{
	__m256 chain[8];

	for (size_t i = 0; i < n; i++)
		for (size_t v = 0; v < vectors; v++)
			chain[i * vectors + v] = _mm256_loadu_ps(s->value[first + i] + d + 8 * v);
	for (size_t t = from; t < to; t++)
		for (size_t v = 0; v < vectors; v++) {
			const __m256 value = load_half(values + t * head_dim + d + 8 * v);

			for (size_t i = 0; i < n; i++)
				chain[i * vectors + v] =
					_mm256_fmadd_ps(_mm256_set1_ps(s->score[first + i][t]),
				                        value, chain[i * vectors + v]);
		}
	for (size_t i = 0; i < n; i++)
		for (size_t v = 0; v < vectors; v++)
			_mm256_storeu_ps(s->value[first + i] + d + 8 * v, chain[i * vectors + v]);
}

static void
value_one(struct share *s, size_t i, const uint16_t *values, size_t head_dim, size_t from)
{
	size_t d = 0;

	for (; d + 64 <= head_dim; d += 64)
		value_part(s, i, 1, 8, values, head_dim, d, from, s->n[i]);
	for (; d < head_dim; d += 16)
		value_part(s, i, 1, 2, values, head_dim, d, from, s->n[i]);
}

static void
value_all(struct share *s, const uint16_t *values, size_t head_dim, size_t n)
{
	for (size_t d = 0; d < head_dim; d += 16)
		value_part(s, 0, SHARE, 2, values, head_dim, d, 0, n);
	for (size_t i = 0; i < SHARE; i++)
		if (s->n[i] > n)
			value_one(s, i, values, head_dim, n);
}

static void
attend_block(struct share *s, size_t first, size_t n, size_t head_dim, const uint16_t *keys,
             const uint16_t *values)
{
	if (n - first == SHARE) {
		score_all(s, keys, head_dim, s->n[n - 1]);
		for (size_t i = 0; i < n; i++)
			weigh(s, i);
		value_all(s, values, head_dim, s->n[0]);
		return;
	}
	for (size_t i = first; i < n; i++) {
		score_one(s, i, keys, head_dim);
		weigh(s, i);
		value_one(s, i, values, head_dim, 0);
	}
}

const struct kernels avx2_kernels = {
	.name = "avx2",
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
