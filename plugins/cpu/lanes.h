/* lanes.h - a register of floats under one name for AVX2 and AVX-512, and what is read into one.
 *
 * The file of a kernel set says how wide it is (LANES: 8 or 16) and then includes what is the same
 * in both widths: rows.h, matmul.h, attention.h.  All of it is static, compiled with the flags of the
 * set.  Order of sums: a float sum has KERNELS_LANES virtual lanes, which are PARTS registers. */
#ifndef B3IQ_CPU_LANES_H
#define B3IQ_CPU_LANES_H

#include <immintrin.h>
#include "engine/numeric/kernels.h"
#include "engine/numeric/real.h"

#define BLOCK  FORMAT_BLOCK
#define PARTS  (KERNELS_LANES / LANES)
#define INLINE static inline __attribute__((always_inline))

/* ---- what the two spell apart ---- */

#if LANES == 16
#define MM(operation) _mm512_##operation
typedef __m512 reals;
typedef __m512i integers;

/* Lanes i and i + 8 of a sum, added. */
INLINE __m256
fold_once(const reals sum[PARTS])
{
	return _mm256_add_ps(_mm512_castps512_ps256(*sum), _mm512_extractf32x8_ps(*sum, 1));
}

/* y, but +0 in the lanes where x is below the limit; NaN is not. */
INLINE reals
zero_below(reals x, float limit, reals y)
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(limit), _CMP_NLT_UQ), y);
}

INLINE reals
load_half(const void *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

INLINE reals
load_bfloat(const void *p)
{
	return _mm512_castsi512_ps(
		_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16));
}

INLINE __m128i
load_bytes(const uint8_t *p)
{
	return _mm_load_si128((const __m128i *)(const void *)p);
}

INLINE reals
power_of_two(integers exponent)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}
#else
#define MM(operation) _mm256_##operation
typedef __m256 reals;
typedef __m256i integers;

INLINE __m256
fold_once(const reals sum[PARTS])
{
	return _mm256_add_ps(sum[0], sum[1]);
}

INLINE reals
zero_below(reals x, float limit, reals y)
{
	return _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(limit), _CMP_LT_OQ), y);
}

INLINE reals
load_half(const void *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128(p));
}

INLINE reals
load_bfloat(const void *p)
{
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
}

INLINE __m128i
load_bytes(const uint8_t *p)
{
	return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

INLINE reals
power_of_two(integers exponent)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
#endif

/* ---- what follows from it ---- */

/* The tree fold of the virtual lanes. */
INLINE float
fold(const reals sum[PARTS])
{
	const __m256 eight = fold_once(sum);
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));

	four = _mm_add_ps(four, _mm_movehl_ps(four, four));
	return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

/* real_exp() of each lane. */
INLINE reals
exp_lanes(reals x)
{
	const reals small = MM(min_ps)(MM(set1_ps)(REAL_EXP_MAX), x); /* NaN stays */
	reals n, r, y = MM(setzero_ps)();

	n = MM(add_ps)(MM(mul_ps)(small, MM(set1_ps)(REAL_LOG2E)), MM(set1_ps)(REAL_ROUND));
	n = MM(sub_ps)(n, MM(set1_ps)(REAL_ROUND));
	r = MM(fmadd_ps)(n, MM(set1_ps)(-REAL_LN2_HIGH), small);
	r = MM(fmadd_ps)(n, MM(set1_ps)(-REAL_LN2_LOW), r);
#define STEP(c) y = MM(fmadd_ps)(y, r, MM(set1_ps)(c));
	REAL_EXP_SERIES(STEP)
#undef STEP
	n = power_of_two(MM(add_epi32)(MM(cvtps_epi32)(n), MM(set1_epi32)(127)));
	return zero_below(x, REAL_EXP_MIN, MM(mul_ps)(y, n));
}

#endif
