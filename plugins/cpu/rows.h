/* rows.h - kernels over one row that are the same in both widths of lanes.h. */
#ifndef B3IQ_CPU_ROWS_H
#define B3IQ_CPU_ROWS_H

#include "cpu/lanes.h"

/* By the kernel set: BLOCK values to levels, their scale, and the sum of the levels. */
static void quantise_block(const float *x, int8_t *level, float *scale, int32_t *sum);

static void
quantise(const float *x, size_t n, int8_t *level, float *scale, int32_t *sum)
{
	for (size_t i = 0; i < n; i += BLOCK)
		quantise_block(x + i, level + i, scale++, sum++);
}

static void
rmsnorm(const float *x, const float *weight, size_t n, float eps, float *out)
{
	reals sum[PARTS], scale;

	for (size_t p = 0; p < PARTS; p++)
		sum[p] = MM(setzero_ps)();
	for (size_t i = 0; i < n; i += KERNELS_LANES)
		for (size_t p = 0; p < PARTS; p++) {
			const reals v = MM(loadu_ps)(x + i + p * LANES);

			sum[p] = MM(fmadd_ps)(v, v, sum[p]);
		}
	scale = MM(set1_ps)(1.0f / __builtin_sqrtf(fold(sum) / (float)n + eps));
	for (size_t i = 0; i < n; i += LANES)
		MM(storeu_ps)(out + i, MM(mul_ps)(MM(mul_ps)(MM(loadu_ps)(x + i), scale),
		                                  MM(loadu_ps)(weight + i)));
}

static void
silu_mul(float *gate, const float *up, size_t n)
{
	const reals one = MM(set1_ps)(1.0f), sign = MM(set1_ps)(-0.0f);

	for (size_t i = 0; i < n; i += LANES) {
		const reals g = MM(loadu_ps)(gate + i);
		const reals below = MM(add_ps)(one, exp_lanes(MM(xor_ps)(g, sign)));

		MM(storeu_ps)(gate + i, MM(mul_ps)(MM(div_ps)(g, below), MM(loadu_ps)(up + i)));
	}
}

#endif
