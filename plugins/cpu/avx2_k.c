/* avx2_k.c - the K formats and their fallbacks for AVX2 and FMA.
 *
 * Eight rows are a panel; a lane of 32 bits is a row.  A segment of a panel is unpacked to bytes
 * that lie so that a register holds four elements of each row, with the scales and minima of its
 * blocks as floats.  For one token each segment is used at once; for more, all segments of a panel
 * are unpacked first and serve all tokens.  The sums of a block are exact integers in 16 bits as far
 * as they fit, so nothing depends on their order. */
#include "cpu/avx2_k.h"

#include <immintrin.h>
#include <string.h>

#define LANES   8u
#define TOKENS  4u /* that share what is loaded of a panel */
#define BLOCK   FORMAT_BLOCK
#define SEGMENT KERNELS_SEGMENT
#define INLINE  static inline __attribute__((always_inline))

/* Keeps an accumulator in its register and its order. */
#define KEEP(x) __asm__ volatile("" : "+x"(x))

/* A block of eight rows. */
struct panel_block {
	int8_t  element[8][BLOCK]; /* register i: elements 4i .. 4i+3 of each row           */
	int16_t sub[2][2 * LANES]; /* Q6_K: scale of each half, twice in the lane of a row  */
	float   scale[LANES], minimum[LANES];
};

_Static_assert(sizeof(struct panel_block) <= KERNELS_SCRATCH(BLOCK) - KERNELS_SCRATCH(0),
               "a panel of any width fits the scratch");

/* ---- small parts ---- */

INLINE __m256i
load(const void *p)
{
	return _mm256_loadu_si256(p);
}

INLINE void
store(void *p, __m256i v)
{
	_mm256_store_si256(p, v);
}

/* Rows to lanes: 8 x 8 words of 32 bits. */
INLINE void
transpose(__m256i v[8])
{
	__m256i a[8], b[8];

	for (size_t i = 0; i < 8; i += 2) {
		a[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
		a[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
	}
	for (size_t i = 0; i < 8; i += 4)
		for (size_t j = 0; j < 2; j++) {
			b[i + 2 * j] = _mm256_unpacklo_epi64(a[i + j], a[i + j + 2]);
			b[i + 2 * j + 1] = _mm256_unpackhi_epi64(a[i + j], a[i + j + 2]);
		}
	for (size_t i = 0; i < 4; i++) {
		v[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
		v[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
	}
}

INLINE void
store_elements(struct panel_block *p, __m256i v[8])
{
	transpose(v);
	for (size_t i = 0; i < 8; i++)
		store(p->element[i], v[i]);
}

INLINE uint16_t
load16(const uint8_t *p)
{
	uint16_t h;

	memcpy(&h, p, sizeof h);
	return h;
}

/* The halves at one place of each row. */
INLINE __m256
halves(const uint8_t *const row[LANES], size_t at)
{
	uint16_t h[LANES];

	for (size_t r = 0; r < LANES; r++)
		h[r] = load16(row[r] + at);
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)h));
}

/* 32 nibbles as bytes, in the order of the elements. */
INLINE __m256i
nibbles(const uint8_t *p)
{
	const __m128i packed = _mm_loadu_si128((const __m128i *)p);
	const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed),
	                                             _mm_srli_epi16(packed, 4), 1);

	return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* 16 in each byte whose bit of `mask` is set in v. */
INLINE __m256i
sixteens(__m256i v, __m256i mask)
{
	return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, mask), mask),
	                        _mm256_set1_epi8(16));
}

/* The same of 32 bits: bit i is that of byte i. */
INLINE __m256i
fifths(const uint8_t *p)
{
	const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
	                                          0x0303030303030303);
	const __m256i bits = _mm256_set1_epi64x((long long)0x8040201008040201u);
	int32_t word;

	memcpy(&word, p, sizeof word);
	return sixteens(_mm256_shuffle_epi8(_mm256_set1_epi32(word), spread), bits);
}

/* ---- unpacking ---- */

/* A block of Q4_1, Q5_0 or Q5_1 at byte `at` of each row. */
INLINE void
unpack_small(enum format_kind kind, const uint8_t *const row[LANES], size_t at,
             struct panel_block *p)
{
	const size_t head = kind == FORMAT_Q5_0 ? 2 : 4, high = kind == FORMAT_Q4_1 ? 0 : 4;
	__m256i v[8];

	_mm256_store_ps(p->scale, halves(row, at));
	if (kind != FORMAT_Q5_0)
		_mm256_store_ps(p->minimum, halves(row, at + 2));
	for (size_t r = 0; r < LANES; r++) {
		v[r] = nibbles(row[r] + at + head + high);
		if (high)
			v[r] = _mm256_or_si256(v[r], fifths(row[r] + at + head));
	}
	store_elements(p, v);
}

/* The six-bit scales (low half) and minima (high half) of a Q4_K or Q5_K block. */
INLINE __m128i
six_bits(const uint8_t packed[12])
{
	uint32_t a, b, c;

	memcpy(&a, packed, 4);
	memcpy(&b, packed + 4, 4);
	memcpy(&c, packed + 8, 4);
	return _mm_setr_epi32(
		(int)(a & 0x3f3f3f3f), (int)((c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)),
		(int)(b & 0x3f3f3f3f), (int)((c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)));
}

/* Scales and minima of the eight blocks of a Q4_K or Q5_K segment.  The products are exact. */
INLINE void
unpack_scales(const uint8_t *const row[LANES], size_t at, struct panel_block *p)
{
	const __m256 d = halves(row, at), e = halves(row, at + 2);
	const __m256 minus = _mm256_set1_ps(-0.0f);
	__m256i scale[8], minimum[8];

	for (size_t r = 0; r < LANES; r++) {
		const __m128i six = six_bits(row[r] + at + 4);

		scale[r] = _mm256_cvtepu8_epi32(six);
		minimum[r] = _mm256_cvtepu8_epi32(_mm_srli_si128(six, 8));
	}
	transpose(scale);
	transpose(minimum);
	for (size_t b = 0; b < SEGMENT; b++) {
		_mm256_store_ps(p[b].scale, _mm256_mul_ps(d, _mm256_cvtepi32_ps(scale[b])));
		_mm256_store_ps(p[b].minimum,
		                _mm256_xor_ps(minus, _mm256_mul_ps(e, _mm256_cvtepi32_ps(minimum[b]))));
	}
}

/* A segment of Q4_K or Q5_K. */
INLINE void
unpack_k(bool five, const uint8_t *const row[LANES], size_t at, struct panel_block *p)
{
	const size_t high = at + 16, low = at + (five ? 48 : 16);

	unpack_scales(row, at, p);
	for (size_t b = 0; b < SEGMENT; b++) {
		const __m256i bit = _mm256_set1_epi8((char)(1u << b));
		__m256i v[8];

		for (size_t r = 0; r < LANES; r++) {
			v[r] = load(row[r] + low + b / 2 * 32);
			v[r] = b % 2 ? _mm256_srli_epi16(v[r], 4) : v[r];
			v[r] = _mm256_and_si256(v[r], _mm256_set1_epi8(15));
			if (five)
				v[r] = _mm256_or_si256(v[r], sixteens(load(row[r] + high), bit));
		}
		store_elements(&p[b], v);
	}
}

/* Run i of 32 elements in half h of a Q6_K block: levels -32..31. */
INLINE __m256i
six_bit_levels(const uint8_t *block, size_t h, size_t i)
{
	const __m256i high = load(block + 128 + h * 32);
	__m256i low = load(block + h * 64 + i % 2 * 32), two;

	low = _mm256_and_si256(i < 2 ? low : _mm256_srli_epi16(low, 4), _mm256_set1_epi8(15));
	two = i == 0 ? _mm256_slli_epi16(high, 4)
	             : i == 1 ? _mm256_slli_epi16(high, 2)
	                      : i == 2 ? high : _mm256_srli_epi16(high, 2);
	two = _mm256_and_si256(two, _mm256_set1_epi8(0x30));
	return _mm256_sub_epi8(_mm256_or_si256(low, two), _mm256_set1_epi8(32));
}

/* A segment of Q6_K. */
INLINE void
unpack_six(const uint8_t *const row[LANES], size_t at, struct panel_block *p)
{
	const __m256 d = halves(row, at + 208);

	for (size_t h = 0; h < 2; h++) {
		__m256i scale[8];

		for (size_t r = 0; r < LANES; r++)
			scale[r] = _mm256_cvtepi8_epi32(
				_mm_loadl_epi64((const __m128i *)(row[r] + at + 192 + h * 8)));
		transpose(scale);
		for (size_t i = 0; i < 8; i++)
			store(p[h * 4 + i / 2].sub[i % 2],
			      _mm256_blend_epi16(scale[i], _mm256_slli_epi32(scale[i], 16), 0xaa));
		for (size_t i = 0; i < 4; i++) {
			__m256i v[8];

			for (size_t r = 0; r < LANES; r++)
				v[r] = six_bit_levels(row[r] + at, h, i);
			store_elements(&p[h * 4 + i], v);
			_mm256_store_ps(p[h * 4 + i].scale, d);
		}
	}
}

/* The blocks of a segment, from block b of the rows on. */
INLINE void
unpack(enum format_kind kind, const uint8_t *const row[LANES], size_t b, size_t blocks,
       struct panel_block *p)
{
	switch (kind) {
	case FORMAT_Q4_K:
		unpack_k(false, row, b / SEGMENT * 144, p);
		break;
	case FORMAT_Q5_K:
		unpack_k(true, row, b / SEGMENT * 176, p);
		break;
	case FORMAT_Q6_K:
		unpack_six(row, b / SEGMENT * 210, p);
		break;
	default:
		for (size_t i = 0; i < blocks; i++)
			unpack_small(kind, row,
			             (b + i) * (kind == FORMAT_Q4_1   ? 20u
			                        : kind == FORMAT_Q5_0 ? 22u
			                                              : 24u),
			             &p[i]);
	}
}

/* ---- products ---- */

/* Tokens that share a pass over a panel. */
struct tokens {
	const int8_t  *level[TOKENS];
	const float   *scale[TOKENS];
	const int32_t *sum[TOKENS];
};

/* Adds half h of a block, sixteen elements, in 16 bits: at most 4 * 2 * 31 * 127 for unsigned
 * elements, 4 * 2 * 32 * 127 for signed ones. */
INLINE void
half_sums(bool with_sign, size_t n, const struct panel_block *p, const struct tokens *x, size_t b,
          size_t h, __m256i sum[TOKENS])
{
	for (size_t i = 4 * h; i < 4 * h + 4; i++) {
		const __m256i w = load(p->element[i]);
		const __m256i size = with_sign ? _mm256_abs_epi8(w) : w;

		for (size_t t = 0; t < n; t++) {
			int32_t four;
			__m256i level;

			memcpy(&four, x->level[t] + b * BLOCK + 4 * i, sizeof four);
			level = _mm256_set1_epi32(four);
			level = with_sign ? _mm256_sign_epi8(level, w) : level;
			sum[t] = _mm256_add_epi16(sum[t], _mm256_maddubs_epi16(size, level));
			KEEP(sum[t]);
		}
	}
}

/* Exact sums of a block for n tokens. */
INLINE void
block_sums(enum format_kind kind, size_t n, const struct panel_block *p, const struct tokens *x,
           size_t b, __m256i sum[TOKENS])
{
	const bool four = kind == FORMAT_Q4_1 || kind == FORMAT_Q4_K;
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i low[TOKENS], high[TOKENS];

	for (size_t t = 0; t < n; t++)
		low[t] = high[t] = _mm256_setzero_si256();
	half_sums(kind == FORMAT_Q6_K, n, p, x, b, 0, low);
	half_sums(kind == FORMAT_Q6_K, n, p, x, b, 1, four ? low : high); /* 8 * 2 * 15 * 127 fit */
	for (size_t t = 0; t < n; t++) {
		sum[t] = _mm256_madd_epi16(low[t], kind == FORMAT_Q6_K ? load(p->sub[0]) : ones);
		if (!four)
			sum[t] = _mm256_add_epi32(
				sum[t], _mm256_madd_epi16(
					high[t], kind == FORMAT_Q6_K ? load(p->sub[1]) : ones));
		if (kind == FORMAT_Q5_0)
			sum[t] = _mm256_add_epi32(sum[t], _mm256_set1_epi32(-16 * x->sum[t][b]));
	}
}

/* Adds a segment, blocks b and on, to the totals of n tokens. */
INLINE void
segment_dot(enum format_kind kind, size_t n, const struct panel_block *p, size_t blocks,
            const struct tokens *x, size_t b, __m256 total[TOKENS])
{
	const bool minimum = kind != FORMAT_Q5_0 && kind != FORMAT_Q6_K;
	__m256 chain[TOKENS], minima[TOKENS];

	for (size_t t = 0; t < n; t++) {
		chain[t] = _mm256_setzero_ps();
		minima[t] = _mm256_set1_ps(-0.0f);
	}
	for (size_t i = 0; i < blocks; i++, p++, b++) {
		__m256i sum[TOKENS];

		block_sums(kind, n, p, x, b, sum);
		for (size_t t = 0; t < n; t++) {
			const float scale = x->scale[t][b];
			const __m256 step = _mm256_mul_ps(_mm256_load_ps(p->scale), _mm256_set1_ps(scale));

			chain[t] = _mm256_fmadd_ps(step, _mm256_cvtepi32_ps(sum[t]), chain[t]);
			if (minimum)
				minima[t] = _mm256_fmadd_ps(
					_mm256_load_ps(p->minimum),
					_mm256_set1_ps(scale * (float)x->sum[t][b]), minima[t]);
		}
	}
	for (size_t t = 0; t < n; t++)
		total[t] = _mm256_add_ps(
			total[t], minimum ? _mm256_add_ps(chain[t], minima[t]) : chain[t]);
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

/* One token: each segment is used while it is in the first level of cache.  What the next panel
 * reads is asked for meanwhile. */
INLINE void
one_token(enum format_kind kind, const struct matrix *w, const uint8_t *const row[LANES],
          size_t rows, const struct operand *x, float *out, struct panel_block *panel)
{
	const size_t blocks = x->cols / BLOCK, share = LANES * w->stride / blocks;
	const uint8_t *next = row[0] + LANES * w->stride;
	const struct tokens tokens = tokens_at(x, 0, 1);
	__m256 total[TOKENS] = { _mm256_setzero_ps() };

	for (size_t b = 0; b < blocks; b += SEGMENT) {
		const size_t n = blocks - b < SEGMENT ? blocks - b : SEGMENT;

		for (size_t i = 0; i < n * share; i += 64, next += 64)
			_mm_prefetch((const char *)next, _MM_HINT_T0);
		unpack(kind, row, b, n, panel);
		segment_dot(kind, 1, panel, n, &tokens, b, total);
	}
	store_lanes(out, total[0], rows);
}

/* n tokens from token t on by an unpacked panel. */
INLINE void
some_tokens(enum format_kind kind, size_t n, const struct panel_block *panel, size_t rows,
            const struct operand *x, size_t t, float *out, size_t stride)
{
	const size_t blocks = x->cols / BLOCK;
	const struct tokens tokens = tokens_at(x, t, n);
	__m256 total[TOKENS];

	for (size_t i = 0; i < n; i++)
		total[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < blocks; b += SEGMENT)
		segment_dot(kind, n, panel + b, blocks - b < SEGMENT ? blocks - b : SEGMENT,
		            &tokens, b, total);
	for (size_t i = 0; i < n; i++)
		store_lanes(out + (t + i) * stride, total[i], rows);
}

INLINE void
k_matmul(enum format_kind kind, const struct matrix *w, size_t first, size_t last,
         const struct operand *x, float *out, size_t stride, struct panel_block *panel)
{
	const size_t blocks = x->cols / BLOCK;

	for (size_t r = first; r < last; r += LANES) {
		const size_t rows = last - r < LANES ? last - r : LANES;
		const uint8_t *row[LANES];
		size_t t = 0;

		/* Lanes beyond the last row take it again; what they give is dropped. */
		for (size_t i = 0; i < LANES; i++)
			row[i] = w->data + (r + (i < rows ? i : rows - 1)) * w->stride;
		if (x->n == 1) {
			one_token(kind, w, row, rows, x, out + r, panel);
			continue;
		}
		for (size_t b = 0; b < blocks; b += SEGMENT)
			unpack(kind, row, b, blocks - b < SEGMENT ? blocks - b : SEGMENT, panel + b);
		for (; t + TOKENS <= x->n; t += TOKENS)
			some_tokens(kind, TOKENS, panel, rows, x, t, out + r, stride);
		for (; t < x->n; t++)
			some_tokens(kind, 1, panel, rows, x, t, out + r, stride);
	}
}

/* A function for each format: all that depends on it is decided when they are compiled. */
#define MATMUL(name, kind)                                                                      \
	static void name##_matmul(const struct matrix *w, size_t first, size_t last,            \
	                          const struct operand *x, float *out, size_t stride,           \
	                          void *scratch)                                                \
	{                                                                                       \
		k_matmul(kind, w, first, last, x, out, stride, scratch);                        \
	}

MATMUL(q4_1, FORMAT_Q4_1)
MATMUL(q5_0, FORMAT_Q5_0)
MATMUL(q5_1, FORMAT_Q5_1)
MATMUL(q4_k, FORMAT_Q4_K)
MATMUL(q5_k, FORMAT_Q5_K)
MATMUL(q6_k, FORMAT_Q6_K)

void
avx2_k_matmul(const struct matrix *w, size_t first, size_t last, const struct operand *x,
              float *out, size_t stride, void *scratch)
{
	static void (*const by_format[FORMAT_N])(const struct matrix *, size_t, size_t,
	                                         const struct operand *, float *, size_t, void *) = {
		[FORMAT_Q4_1] = q4_1_matmul, [FORMAT_Q5_0] = q5_0_matmul, [FORMAT_Q5_1] = q5_1_matmul,
		[FORMAT_Q4_K] = q4_k_matmul, [FORMAT_Q5_K] = q5_k_matmul, [FORMAT_Q6_K] = q6_k_matmul,
	};

	by_format[w->format->kind](w, first, last, x, out, stride, scratch);
}
