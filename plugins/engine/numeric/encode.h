/* encode.h - floats to the weight formats of format.h, by the simplest rule of each.
 *
 * For tools and tests: a quantiser that is to keep a model's quality searches for better scales.
 * n is a multiple of the format's block; dst has format_row() bytes.  Finite values only.  The bytes
 * depend on the values alone, on any machine.
 */
#ifndef B3IQ_ENGINE_ENCODE_H
#define B3IQ_ENGINE_ENCODE_H

#include <stddef.h>

void encode_f32(const float *in, void *dst, size_t n);
void encode_f16(const float *in, void *dst, size_t n);
void encode_bf16(const float *in, void *dst, size_t n);
void encode_q8_0(const float *in, void *dst, size_t n);
void encode_q4_0(const float *in, void *dst, size_t n);
void encode_q4_1(const float *in, void *dst, size_t n);
void encode_q5_0(const float *in, void *dst, size_t n);
void encode_q5_1(const float *in, void *dst, size_t n);
void encode_q4_k(const float *in, void *dst, size_t n);
void encode_q5_k(const float *in, void *dst, size_t n);
void encode_q6_k(const float *in, void *dst, size_t n);

#endif
