/* avx2_k.h - products with the K formats and those that stand in for them (Q4_1, Q5_0, Q5_1), for
 * AVX2 and FMA, from the file's layout.  Same bits as scalar.c.
 *
 * Arguments and scratch are those of kernels.h; first and last are any rows.
 */
#ifndef B3IQ_CPU_AVX2_K_H
#define B3IQ_CPU_AVX2_K_H

#include "engine/numeric/kernels.h"

void avx2_k_matmul(const struct matrix *w, size_t first, size_t last, const struct operand *x,
                   float *out, size_t stride, void *scratch);

#endif
