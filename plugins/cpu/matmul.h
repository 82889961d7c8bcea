/* matmul.h - what products with a matrix have in common in both widths of lanes.h: the choice of the
 * code for a format, weights as they lie in a file, and the scales of packed groups (pack.h). */
#ifndef B3IQ_CPU_MATMUL_H
#define B3IQ_CPU_MATMUL_H

#include "cpu/lanes.h"
#include "cpu/pack.h"

/* By the kernel set, compiled once for each format; parameters are those of struct kernels. */
INLINE void quantised_matmul(enum format_kind, const struct matrix *, size_t first, size_t last,
                             const struct operand *, float *out, size_t stride, void *scratch);
INLINE void float_matmul(enum format_kind, const struct matrix *, size_t first, size_t last,
                         const struct operand *, float *out, size_t stride, void *scratch);

static void
matmul(const struct matrix *w, size_t first, size_t last, const struct operand *x, float *out,
       size_t stride, void *scratch)
{
	switch (w->format->kind) {
#define REAL(kind)                                                           \
	case kind:                                                           \
		float_matmul(kind, w, first, last, x, out, stride, scratch); \
		break;
#define QUANTISED(kind)                                                          \
	case kind:                                                               \
		quantised_matmul(kind, w, first, last, x, out, stride, scratch); \
		break;
		REAL(FORMAT_F32) REAL(FORMAT_F16) REAL(FORMAT_BF16)
		QUANTISED(FORMAT_Q8_0) QUANTISED(FORMAT_Q4_0) QUANTISED(FORMAT_Q4_1)
		QUANTISED(FORMAT_Q5_0) QUANTISED(FORMAT_Q5_1) QUANTISED(FORMAT_Q4_K)
		QUANTISED(FORMAT_Q5_K) QUANTISED(FORMAT_Q6_K)
#undef REAL
#undef QUANTISED
	case FORMAT_N:
		break;
	}
}

/* LANES weights of a row of floats, from element i on. */
INLINE reals
weights(enum format_kind kind, const uint8_t *row, size_t i)
{
	switch (kind) {
	case FORMAT_F16:
		return load_half(row + 2 * i);
	case FORMAT_BF16:
		return load_bfloat(row + 2 * i);
	default:
		return MM(loadu_ps)((const float *)(const void *)(row + 4 * i));
	}
}

static size_t
packed_size(const struct format *format, size_t cols)
{
	return pack_size(format, LANES, cols);
}

static int32_t
sum_levels(const int8_t *level, size_t n)
{
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += level[i];
	return sum;
}

INLINE bool
is_k(enum format_kind kind)
{
	return kind == FORMAT_Q4_K || kind == FORMAT_Q5_K;
}

INLINE bool
has_minimum(enum format_kind kind)
{
	return is_k(kind) || kind == FORMAT_Q4_1 || kind == FORMAT_Q5_1;
}

/* Scales of a block, lanes being rows. */
struct scales {
	reals d, m;        /* of the block; m: what is taken off, or added where there is no K */
	reals first, last; /* Q6_K: of the two halves */
};

INLINE reals
signed_bytes(const uint8_t *p)
{
	return MM(cvtepi32_ps)(MM(cvtepi8_epi32)(load_bytes(p)));
}

INLINE reals
unsigned_bytes(const uint8_t *p)
{
	return MM(cvtepi32_ps)(MM(cvtepu8_epi32)(load_bytes(p)));
}

/* Of block i of a segment of n; p is where the segment begins. */
INLINE void
load_scales(enum format_kind kind, const uint8_t *p, size_t n, size_t i, struct scales *s)
{
	const size_t half = 2 * LANES; /* bytes of a binary16 for each lane */

	switch (kind) {
	case FORMAT_Q4_1:
	case FORMAT_Q5_1:
		s->d = load_half(p + half * i);
		s->m = load_half(p + half * (n + i));
		break;
	case FORMAT_Q4_K:
	case FORMAT_Q5_K:
		s->d = MM(mul_ps)(load_half(p), unsigned_bytes(p + 2 * half + LANES * i));
		s->m = MM(mul_ps)(load_half(p + half),
		                  unsigned_bytes(p + 2 * half + LANES * (KERNELS_SEGMENT + i)));
		break;
	case FORMAT_Q6_K:
		s->d = load_half(p);
		s->first = signed_bytes(p + half + LANES * 2 * i);
		s->last = signed_bytes(p + half + LANES * (2 * i + 1));
		break;
	default:
		s->d = load_half(p + half * i);
	}
}

#endif
