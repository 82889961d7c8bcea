#include "engine/numeric/format.h"

#include <string.h>
#include "engine/file/gguf.h"
#include "engine/numeric/half.h"

static uint16_t
load16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void
store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void
f32_decode(const void *src, float *out, size_t n)
{
	memcpy(out, src, n * sizeof *out);
}

static void
f32_encode(const float *in, void *dst, size_t n)
{
	memcpy(dst, in, n * sizeof *in);
}

static void
f16_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (size_t i = 0; i < n; i++)
		out[i] = half_to_float(load16(p + 2 * i));
}

static void
f16_encode(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (size_t i = 0; i < n; i++)
		store16(p + 2 * i, half_from_float(in[i]));
}

static void
bf16_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (size_t i = 0; i < n; i++)
		out[i] = half_bf16_to_float(load16(p + 2 * i));
}

static void
bf16_encode(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (size_t i = 0; i < n; i++)
		store16(p + 2 * i, half_bf16_from_float(in[i]));
}

static void
q8_0_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (; n >= FORMAT_BLOCK; n -= FORMAT_BLOCK, p += 34) {
		const float d = half_to_float(load16(p));

		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			*out++ = d * (float)(int8_t)p[2 + i];
	}
}

static float
magnitude(float x)
{
	return x < 0.0f ? -x : x;
}

/* Rounds half away from zero, as the format's tools do; |x| < 2^20. */
static int32_t
away(float x)
{
	return (int32_t)(x < 0.0f ? x - 0.5f : x + 0.5f);
}

static void
q8_0_encode(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (; n >= FORMAT_BLOCK; n -= FORMAT_BLOCK, p += 34, in += FORMAT_BLOCK) {
		float top = 0.0f, d, inverse;

		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			top = magnitude(in[i]) > top ? magnitude(in[i]) : top;
		d = top / 127.0f;
		inverse = d > 0.0f ? 1.0f / d : 0.0f;
		store16(p, half_from_float(d));
		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			p[2 + i] = (uint8_t)(int8_t)away(in[i] * inverse);
	}
}

static void
q4_0_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (; n >= FORMAT_BLOCK; n -= FORMAT_BLOCK, p += 18, out += FORMAT_BLOCK) {
		const float d = half_to_float(load16(p));

		for (size_t i = 0; i < FORMAT_BLOCK / 2; i++) {
			out[i] = d * (float)((p[2 + i] & 15) - 8);
			out[i + 16] = d * (float)((p[2 + i] >> 4) - 8);
		}
	}
}

static uint8_t
nibble(float x, float inverse)
{
	const int32_t q = (int32_t)(x * inverse + 8.5f);

	return (uint8_t)(q < 0 ? 0 : q > 15 ? 15 : q);
}

static void
q4_0_encode(const float *in, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (; n >= FORMAT_BLOCK; n -= FORMAT_BLOCK, p += 18, in += FORMAT_BLOCK) {
		float top = 0.0f, d, inverse; /* top keeps its sign: it becomes level -8 */

		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			top = magnitude(in[i]) > magnitude(top) ? in[i] : top;
		d = top / -8.0f;
		inverse = d != 0.0f ? 1.0f / d : 0.0f;
		store16(p, half_from_float(d));
		for (size_t i = 0; i < FORMAT_BLOCK / 2; i++)
			p[2 + i] = (uint8_t)(nibble(in[i], inverse) |
			                     nibble(in[i + 16], inverse) << 4);
	}
}

static const struct format formats[FORMAT_N] = {
	{ "F32", FORMAT_F32, GGUF_F32, 1, 4, false, f32_decode, f32_encode },
	{ "F16", FORMAT_F16, GGUF_F16, 1, 2, false, f16_decode, f16_encode },
	{ "BF16", FORMAT_BF16, GGUF_BF16, 1, 2, false, bf16_decode, bf16_encode },
	{ "Q8_0", FORMAT_Q8_0, GGUF_Q8_0, 32, 34, true, q8_0_decode, q8_0_encode },
	{ "Q4_0", FORMAT_Q4_0, GGUF_Q4_0, 32, 18, true, q4_0_decode, q4_0_encode },
};

const struct format *
format_of_gguf(uint32_t gguf_type)
{
	for (size_t i = 0; i < FORMAT_N; i++)
		if (formats[i].gguf == gguf_type)
			return &formats[i];
	return NULL;
}

const struct format *
format_at(enum format_kind kind)
{
	return (unsigned)kind < FORMAT_N ? &formats[kind] : NULL;
}

size_t
format_row(const struct format *format, size_t n)
{
	return n / format->block * format->bytes;
}
