#include "engine/numeric/format.h"

#include <string.h>
#include "engine/file/gguf.h"
#include "engine/numeric/encode.h"
#include "engine/numeric/half.h"

static uint16_t
load16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
load32(const uint8_t *p)
{
	return load16(p) | (uint32_t)load16(p + 2) << 16;
}

static float
load_half(const uint8_t *p)
{
	return half_to_float(load16(p));
}

/* ---- float formats ---- */

static void
f32_decode(const void *src, float *out, size_t n)
{
	memcpy(out, src, n * sizeof *out);
}

static void
f16_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (size_t i = 0; i < n; i++)
		out[i] = half_to_float(load16(p + 2 * i));
}

static void
bf16_decode(const void *src, float *out, size_t n)
{
	const uint8_t *p = src;

	for (size_t i = 0; i < n; i++)
		out[i] = half_bf16_to_float(load16(p + 2 * i));
}

/* ---- blocks of 32 ---- */

static void
q8_0_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b * 34;

	out->scale = load_half(p);
	out->minimum = -0.0f;
	for (size_t i = 0; i < FORMAT_BLOCK; i++)
		out->level[i] = (int8_t)p[2 + i];
}

/* 16 bytes of nibbles, and bit i of `high` (0: none) as the fifth bit of element i, less `bias`. */
static void
unpack_nibbles(const uint8_t *nibbles, uint32_t high, int bias, int16_t level[FORMAT_BLOCK])
{
	for (size_t i = 0; i < FORMAT_BLOCK; i++) {
		const int low = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;

		level[i] = (int16_t)((low | (int)(high >> i & 1) << 4) - bias);
	}
}

static void
q4_0_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b * 18;

	out->scale = load_half(p);
	out->minimum = -0.0f;
	unpack_nibbles(p + 2, 0, 8, out->level);
}

static void
q4_1_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b * 20;

	out->scale = load_half(p);
	out->minimum = load_half(p + 2);
	unpack_nibbles(p + 4, 0, 0, out->level);
}

static void
q5_0_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b * 22;

	out->scale = load_half(p);
	out->minimum = -0.0f;
	unpack_nibbles(p + 6, load32(p + 2), 16, out->level);
}

static void
q5_1_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b * 24;

	out->scale = load_half(p);
	out->minimum = load_half(p + 2);
	unpack_nibbles(p + 8, load32(p + 4), 0, out->level);
}

/* ---- blocks of 256 ---- */

void
format_scales(const uint8_t packed[12], uint8_t scale[8], uint8_t minimum[8])
{
	const uint8_t *p = packed;

	/* The first four are the low bits of bytes; the last four take a nibble of the last bytes and
	 * the two bits that the first four left over. */
	for (size_t i = 0; i < 4; i++) {
		scale[i] = p[i] & 63;
		minimum[i] = p[i + 4] & 63;
		scale[i + 4] = (uint8_t)((p[i + 8] & 15) | p[i] >> 6 << 4);
		minimum[i + 4] = (uint8_t)(p[i + 8] >> 4 | p[i + 4] >> 6 << 4);
	}
}

/* Sub-block b of a Q4_K or Q5_K block; high: 32 bytes of fifth bits, or NULL. */
static void
unpack_k(const uint8_t *p, size_t b, const uint8_t *high, const uint8_t *nibbles,
         struct format_block *out)
{
	const unsigned shift = b % 2 ? 4 : 0;
	uint8_t scale[8], minimum[8];

	format_scales(p + 4, scale, minimum);
	out->scale = load_half(p) * (float)scale[b];
	out->minimum = -(load_half(p + 2) * (float)minimum[b]);
	for (size_t i = 0; i < FORMAT_BLOCK; i++) {
		const int low = nibbles[b / 2 * 32 + i] >> shift & 15;

		out->level[i] = (int16_t)(low | (high ? (high[i] >> b & 1) << 4 : 0));
	}
}

static void
q4_k_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b / 8 * 144;

	unpack_k(p, b % 8, NULL, p + 16, out);
}

static void
q5_k_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b / 8 * 176;

	unpack_k(p, b % 8, p + 16, p + 48, out);
}

/* Each half of 128 elements has 64 bytes of nibbles and 32 bytes of bit pairs.  Of its four runs of
 * 32 elements number r has the nibbles of bytes 32 * (r mod 2) and on, low ones for r < 2, and pair
 * r of each byte. */
static void
q6_k_unpack(const uint8_t *row, size_t b, struct format_block *out)
{
	const uint8_t *p = row + b / 8 * 210;
	const size_t half = b % 8 / 4, r = b % 4;
	const uint8_t *low = p + half * 64 + r % 2 * 32, *high = p + 128 + half * 32;
	const uint8_t *scale = p + 192 + b % 8 * 2;

	out->scale = load_half(p + 208);
	out->minimum = -0.0f;
	for (size_t i = 0; i < FORMAT_BLOCK; i++) {
		const int n = (low[i] >> (r / 2 * 4) & 15) | (high[i] >> (r * 2) & 3) << 4;

		out->level[i] = (int16_t)((int8_t)scale[i / 16] * (n - 32));
	}
}

/* ---- decoding ---- */

/* The products are exact: 11 bits of a half, 6 of a scale, 6 of a level at most. */
static void
decode_blocks(void (*unpack)(const uint8_t *row, size_t b, struct format_block *), const void *src,
              float *out, size_t n)
{
	struct format_block block;

	for (size_t b = 0; b < n / FORMAT_BLOCK; b++) {
		unpack(src, b, &block);
		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			*out++ = block.scale * (float)block.level[i] + block.minimum;
	}
}

#define DECODE(name)                                               \
	static void name##_decode(const void *src, float *out, size_t n) \
	{                                                          \
		decode_blocks(name##_unpack, src, out, n);         \
	}

DECODE(q8_0)
DECODE(q4_0)
DECODE(q4_1)
DECODE(q5_0)
DECODE(q5_1)
DECODE(q4_k)
DECODE(q5_k)
DECODE(q6_k)

/* ---- the table ---- */

#define REAL(NAME, name, bytes)                                                                \
	{ #NAME, FORMAT_##NAME, GGUF_##NAME, 1, bytes, false, false, name##_decode, NULL,      \
	  encode_##name }
#define QUANTISED(NAME, name, block, bytes, minimum)                                           \
	{ #NAME, FORMAT_##NAME, GGUF_##NAME, block, bytes, true, minimum, name##_decode,       \
	  name##_unpack, encode_##name }

static const struct format formats[FORMAT_N] = {
	REAL(F32, f32, 4),
	REAL(F16, f16, 2),
	REAL(BF16, bf16, 2),
	QUANTISED(Q8_0, q8_0, 32, 34, false),
	QUANTISED(Q4_0, q4_0, 32, 18, false),
	QUANTISED(Q4_1, q4_1, 32, 20, true),
	QUANTISED(Q5_0, q5_0, 32, 22, false),
	QUANTISED(Q5_1, q5_1, 32, 24, true),
	QUANTISED(Q4_K, q4_k, 256, 144, true),
	QUANTISED(Q5_K, q5_k, 256, 176, true),
	QUANTISED(Q6_K, q6_k, 256, 210, false),
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
