#include "engine/numeric/encode.h"

#include <stdint.h>
#include <string.h>
#include "engine/numeric/format.h"
#include "engine/numeric/half.h"

#define BLOCK FORMAT_BLOCK
#define SUPER FORMAT_SUPER

static void
store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* What the half that is stored stands for. */
static float
store_half(uint8_t *p, float x)
{
	const uint16_t h = half_from_float(x);

	store16(p, h);
	return half_to_float(h);
}

static float
magnitude(float x)
{
	return x < 0.0f ? -x : x;
}

/* Rounds half away from zero, as the tools of these formats do; |x| < 2^20. */
static int32_t
away(float x)
{
	return (int32_t)(x < 0.0f ? x - 0.5f : x + 0.5f);
}

static int32_t
clamp(int32_t x, int32_t min, int32_t max)
{
	return x < min ? min : x > max ? max : x;
}

static float
inverse(float x)
{
	return x != 0.0f ? 1.0f / x : 0.0f;
}

/* The value of the greatest magnitude, with its sign. */
static float
top_of(const float *in, size_t n)
{
	float top = 0.0f;

	for (size_t i = 0; i < n; i++)
		top = magnitude(in[i]) > magnitude(top) ? in[i] : top;
	return top;
}

/* ---- float formats ---- */

void
encode_f32(const float *in, void *dst, size_t n)
{
	memcpy(dst, in, n * sizeof *in);
}

void
encode_f16(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (size_t i = 0; i < n; i++)
		store16(p + 2 * i, half_from_float(in[i]));
}

void
encode_bf16(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (size_t i = 0; i < n; i++)
		store16(p + 2 * i, half_bf16_from_float(in[i]));
}

/* ---- blocks of 32 ---- */

void
encode_q8_0(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (; n >= BLOCK; n -= BLOCK, p += 34, in += BLOCK) {
		const float d = magnitude(top_of(in, BLOCK)) / 127.0f;

		store16(p, half_from_float(d));
		for (size_t i = 0; i < BLOCK; i++)
			p[2 + i] = (uint8_t)(int8_t)away(in[i] * inverse(d));
	}
}

/* Levels of 32 elements as nibbles; returns their fifth bits. */
static uint32_t
store_nibbles(uint8_t nibbles[16], const uint8_t level[BLOCK])
{
	uint32_t high = 0;

	for (size_t i = 0; i < BLOCK / 2; i++)
		nibbles[i] = (uint8_t)((level[i] & 15) | (level[i + 16] & 15) << 4);
	for (size_t i = 0; i < BLOCK; i++)
		high |= (uint32_t)(level[i] >> 4) << i;
	return high;
}

/* Levels around a middle: what is greatest in magnitude becomes level 0. */
static void
encode_around(const float *in, int32_t middle, uint8_t *scale, uint8_t level[BLOCK])
{
	const float d = top_of(in, BLOCK) / (float)-middle;

	store16(scale, half_from_float(d));
	for (size_t i = 0; i < BLOCK; i++)
		level[i] = (uint8_t)clamp(
			(int32_t)(in[i] * inverse(d) + ((float)middle + 0.5f)), 0, 2 * middle - 1);
}

/* Levels 0..most from the least value up. */
static void
encode_above(const float *in, int32_t most, uint8_t *scale, uint8_t *minimum,
             uint8_t level[BLOCK])
{
	float low = in[0], high = in[0], d;

	for (size_t i = 1; i < BLOCK; i++) {
		low = in[i] < low ? in[i] : low;
		high = in[i] > high ? in[i] : high;
	}
	d = (high - low) / (float)most;
	store16(scale, half_from_float(d));
	store16(minimum, half_from_float(low));
	for (size_t i = 0; i < BLOCK; i++)
		level[i] = (uint8_t)clamp(away((in[i] - low) * inverse(d)), 0, most);
}

void
encode_q4_0(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[BLOCK];

	for (; n >= BLOCK; n -= BLOCK, p += 18, in += BLOCK) {
		encode_around(in, 8, p, level);
		(void)store_nibbles(p + 2, level);
	}
}

void
encode_q4_1(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[BLOCK];

	for (; n >= BLOCK; n -= BLOCK, p += 20, in += BLOCK) {
		encode_above(in, 15, p, p + 2, level);
		(void)store_nibbles(p + 4, level);
	}
}

static void
store_high(uint8_t *p, uint32_t high)
{
	store16(p, (uint16_t)high);
	store16(p + 2, (uint16_t)(high >> 16));
}

void
encode_q5_0(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[BLOCK];

	for (; n >= BLOCK; n -= BLOCK, p += 22, in += BLOCK) {
		encode_around(in, 16, p, level);
		store_high(p + 2, store_nibbles(p + 6, level));
	}
}

void
encode_q5_1(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[BLOCK];

	for (; n >= BLOCK; n -= BLOCK, p += 24, in += BLOCK) {
		encode_above(in, 31, p, p + 2, level);
		store_high(p + 4, store_nibbles(p + 8, level));
	}
}

/* ---- blocks of 256 ---- */

/* The 12 bytes that format_scales() reads. */
static void
store_scales(uint8_t p[12], const uint8_t scale[8], const uint8_t minimum[8])
{
	for (size_t i = 0; i < 4; i++) {
		p[i] = (uint8_t)(scale[i] | scale[i + 4] >> 4 << 6);
		p[i + 4] = (uint8_t)(minimum[i] | minimum[i + 4] >> 4 << 6);
		p[i + 8] = (uint8_t)((scale[i + 4] & 15) | (minimum[i + 4] & 15) << 4);
	}
}

/* Levels 0..most of a block of Q4_K or Q5_K, and its first 16 bytes. */
static void
encode_k(const float *in, int32_t most, uint8_t head[16], uint8_t level[SUPER])
{
	float range[8], below[8], d, e, top_range = 0.0f, top_below = 0.0f;
	uint8_t scale[8], minimum[8];

	for (size_t b = 0; b < 8; b++) {
		float low = 0.0f, high = 0.0f; /* minima are below zero, or zero */

		for (size_t i = 0; i < BLOCK; i++) {
			low = in[b * BLOCK + i] < low ? in[b * BLOCK + i] : low;
			high = in[b * BLOCK + i] > high ? in[b * BLOCK + i] : high;
		}
		range[b] = (high - low) / (float)most;
		below[b] = -low;
		top_range = range[b] > top_range ? range[b] : top_range;
		top_below = below[b] > top_below ? below[b] : top_below;
	}
	d = store_half(head, top_range / 63.0f);
	e = store_half(head + 2, top_below / 63.0f);
	for (size_t b = 0; b < 8; b++) {
		scale[b] = (uint8_t)clamp(away(range[b] * inverse(d)), 0, 63);
		minimum[b] = (uint8_t)clamp(away(below[b] * inverse(e)), 0, 63);
		for (size_t i = 0; i < BLOCK; i++) {
			const float x = in[b * BLOCK + i] + e * (float)minimum[b];

			level[b * BLOCK + i] = (uint8_t)clamp(
				away(x * inverse(d * (float)scale[b])), 0, most);
		}
	}
	store_scales(head + 4, scale, minimum);
}

/* The low nibbles of 256 levels, two sub-blocks in 32 bytes. */
static void
store_k_nibbles(uint8_t out[SUPER / 2], const uint8_t level[SUPER])
{
	for (size_t i = 0; i < SUPER / 2; i++) {
		const uint8_t *pair = level + i / 32 * 64 + i % 32;

		out[i] = (uint8_t)((pair[0] & 15) | (pair[32] & 15) << 4);
	}
}

void
encode_q4_k(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[SUPER];

	for (; n >= SUPER; n -= SUPER, p += 144, in += SUPER) {
		encode_k(in, 15, p, level);
		store_k_nibbles(p + 16, level);
	}
}

void
encode_q5_k(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[SUPER];

	for (; n >= SUPER; n -= SUPER, p += 176, in += SUPER) {
		encode_k(in, 31, p, level);
		memset(p + 16, 0, 32);
		for (size_t i = 0; i < SUPER; i++)
			p[16 + i % 32] |= (uint8_t)(level[i] >> 4 << i / 32);
		store_k_nibbles(p + 48, level);
	}
}

/* One sub-block of Q6_K: levels 0..63 around 32. */
static void
encode_sixteen(const float in[16], float d, int8_t scale, uint8_t level[16])
{
	for (size_t i = 0; i < 16; i++)
		level[i] = (uint8_t)clamp(away(in[i] * inverse(d * (float)scale)) + 32, 0, 63);
}

void
encode_q6_k(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst, level[SUPER];

	for (; n >= SUPER; n -= SUPER, p += 210, in += SUPER) {
		const float d = store_half(p + 208, top_of(in, SUPER) / (-32.0f * 127.0f));

		for (size_t b = 0; b < 16; b++) {
			const int8_t scale = (int8_t)clamp(
				away(top_of(in + b * 16, 16) / -32.0f * inverse(d)), -128, 127);

			p[192 + b] = (uint8_t)scale;
			encode_sixteen(in + b * 16, d, scale, level + b * 16);
		}
		memset(p, 0, 192);
		for (size_t i = 0; i < SUPER; i++) {
			const size_t half = i / 128, r = i % 128 / 32, at = i % 32;

			p[half * 64 + r % 2 * 32 + at] |= (uint8_t)((level[i] & 15) << r / 2 * 4);
			p[128 + half * 32 + at] |= (uint8_t)(level[i] >> 4 << r * 2);
		}
	}
}
