/* half.h - binary16 and bfloat16 to binary32 and back, in integers.
 *
 * To binary32 is exact; from it rounds to nearest even.  A NaN stays a NaN (quiet), what is too
 * large becomes an infinity, subnormals are kept.  The same bits as the F16C instructions give.
 */
#ifndef B3IQ_ENGINE_HALF_H
#define B3IQ_ENGINE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t
half_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline float
half_float(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

static inline float
half_to_float(uint16_t h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
	const uint32_t exponent = h >> 10 & 0x1fu, fraction = h & 0x3ffu;

	if (exponent == 0x1f)
		return half_float(sign | 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0));
	if (exponent == 0) /* zero or subnormal: fraction * 2^-24, exact */
		return half_float(half_bits((float)fraction * 0x1p-24f) | sign);
	return half_float(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline uint16_t
half_from_float(float x)
{
	const uint32_t bits = half_bits(x), magnitude = bits & 0x7fffffffu;
	const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
	uint32_t rounded;

	if (magnitude > 0x7f800000u)
		return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
	if (magnitude >= 0x477ff000u) /* rounds to 2^16 or is larger */
		return (uint16_t)(sign | 0x7c00u);
	if (magnitude < 0x38800000u) { /* below 2^-14: a multiple of 2^-24, rounded by the adder */
		const float shifted = half_float(magnitude) + 0.5f;

		return (uint16_t)(sign | (half_bits(shifted) - 0x3f000000u));
	}
	rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
	return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

static inline float
half_bf16_to_float(uint16_t b)
{
	return half_float((uint32_t)b << 16);
}

static inline uint16_t
half_bf16_from_float(float x)
{
	const uint32_t bits = half_bits(x);

	if ((bits & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(bits >> 16 | 0x40u);
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#endif
