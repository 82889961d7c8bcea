#include "engine/numeric/format.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "engine/numeric/random.h"

/* binary16 by its definition. */
static double
half_value(uint16_t h)
{
	const int exponent = h >> 10 & 31, fraction = h & 1023;
	const double sign = h & 0x8000 ? -1.0 : 1.0;

	if (exponent == 31)
		return fraction ? (double)NAN : sign * (double)INFINITY;
	return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static void
half_is_exact_both_ways(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 65536; h++) {
		const float x = half_to_float((uint16_t)h);
		const double want = half_value((uint16_t)h);

		if (isnan(want)) {
			assert_true(isnan(x) && isnan(half_to_float(half_from_float(x))));
			continue;
		}
		assert_true((double)x == want && !signbit(x) == !signbit(want));
		assert_int_equal(half_from_float(x), h);
	}
}

/* Between two neighbours: the nearer, the even one at the midpoint. */
static void
half_rounds_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x7bff; h++) {
		const float a = half_to_float((uint16_t)h), b = half_to_float((uint16_t)(h + 1));
		const float middle = (float)(((double)a + (double)b) / 2.0);

		assert_int_equal(half_from_float(middle), h % 2 ? h + 1 : h);
		assert_int_equal(half_from_float(nextafterf(middle, a)), h);
		assert_int_equal(half_from_float(nextafterf(middle, b)), h + 1);
		assert_int_equal(half_from_float(-middle), (h % 2 ? h + 1 : h) | 0x8000);
	}
	assert_int_equal(half_from_float(65519.996f), 0x7bff);
	assert_int_equal(half_from_float(65520.0f), 0x7c00);
	assert_int_equal(half_from_float(-INFINITY), 0xfc00);
	assert_int_equal(half_from_float(0x1p-140f), 0);
}

static void
bf16_rounds_to_nearest_even(void **state)
{
	(void)state;
	assert_int_equal(half_bf16_from_float(1.0f), 0x3f80);
	assert_int_equal(half_bf16_from_float(half_float(0x3f808000u)), 0x3f80);
	assert_int_equal(half_bf16_from_float(half_float(0x3f818000u)), 0x3f82);
	assert_int_equal(half_bf16_from_float(half_float(0x3f808001u)), 0x3f81);
	assert_int_equal(half_bf16_from_float(half_float(0x7f7fffffu)), 0x7f80);
	assert_true(isnan(half_bf16_to_float(half_bf16_from_float(NAN))));
	for (uint32_t b = 0; b < 65536; b++)
		if (!isnan(half_bf16_to_float((uint16_t)b)))
			assert_int_equal(half_bf16_from_float(half_bf16_to_float((uint16_t)b)), b);
}

static void
blocks_follow_the_format(void **state)
{
	uint8_t q8[34] = { 0x00, 0x38 }, q4[18] = { 0x00, 0xb8 }; /* d = 0.5 and -0.5 */
	float out[32];

	(void)state;
	for (int i = 0; i < 32; i++)
		q8[2 + i] = (uint8_t)(int8_t)(i * 8 - 128);
	for (int i = 0; i < 16; i++)
		q4[2 + i] = (uint8_t)(i | (15 - i) << 4);
	q8_0_decode(q8, out, 32);
	for (int i = 0; i < 32; i++)
		assert_true(out[i] == 0.5f * (float)(i * 8 - 128));
	q4_0_decode(q4, out, 32);
	for (int i = 0; i < 16; i++) {
		assert_true(out[i] == -0.5f * (float)(i - 8));
		assert_true(out[i + 16] == -0.5f * (float)(15 - i - 8));
	}
}

static float
half_of(uint8_t *p, double x)
{
	const uint16_t h = half_from_float((float)x);

	p[0] = (uint8_t)h;
	p[1] = (uint8_t)(h >> 8);
	return half_to_float(h);
}

/* Some bytes without a pattern. */
static void
scribble(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(random_unit(11, i) * 256.0);
}

/* Element by element, by the words of format.h. */
static void
small_blocks_follow_the_format(void **state)
{
	uint8_t p[24];
	float out[32];

	(void)state;
	scribble(p, sizeof p);
	(void)half_of(p, 0.5), (void)half_of(p + 2, -3.0);
	q4_1_decode(p, out, 32);
	for (int i = 0; i < 32; i++)
		assert_true(out[i] ==
		            0.5f * (float)(p[4 + i % 16] >> (i / 16 * 4) & 15) - 3.0f);
	q5_1_decode(p, out, 32);
	for (int i = 0; i < 32; i++) {
		const int fifth = p[4 + i / 8] >> i % 8 & 1;

		assert_true(out[i] ==
		            0.5f * (float)((p[8 + i % 16] >> (i / 16 * 4) & 15) + 16 * fifth) -
		                    3.0f);
	}
	q5_0_decode(p, out, 32);
	for (int i = 0; i < 32; i++) {
		const int fifth = p[2 + i / 8] >> i % 8 & 1;

		assert_true(out[i] == 0.5f * (float)((p[6 + i % 16] >> (i / 16 * 4) & 15) +
		                                     16 * fifth - 16));
	}
}

/* All scales and minima of 6 bits are where they belong: number j is the j-th field when the 12
 * bytes are read as the specification does. */
static void
scales_follow_the_format(void **state)
{
	uint8_t packed[12], scale[8], minimum[8];

	(void)state;
	scribble(packed, sizeof packed);
	format_scales(packed, scale, minimum);
	for (int j = 0; j < 8; j++) {
		const int s = j < 4 ? packed[j] % 64 : packed[j + 4] % 16 + packed[j - 4] / 64 * 16;
		const int m =
		    j < 4 ? packed[j + 4] % 64 : packed[j + 4] / 16 + packed[j] / 64 * 16;

		assert_int_equal(scale[j], s);
		assert_int_equal(minimum[j], m);
	}
}

static void
k_blocks_follow_the_format(void **state)
{
	uint8_t p[176], scale[8], minimum[8];
	float out[256], d, e;

	(void)state;
	for (int five = 0; five < 2; five++) {
		scribble(p, sizeof p);
		d = half_of(p, 0.01), e = half_of(p + 2, 0.07);
		format_scales(p + 4, scale, minimum);
		(five ? q5_k_decode : q4_k_decode)(p, out, 256);
		for (int i = 0; i < 256; i++) {
			const int b = i / 32, at = (five ? 48 : 16) + b / 2 * 32 + i % 32;
			const int n = (p[at] >> (b % 2 * 4) & 15) +
			              (five ? 16 * (p[16 + i % 32] >> b & 1) : 0);
			const double want = (double)d * scale[b] * n - (double)e * minimum[b];

			assert_true(out[i] == (float)want); /* the difference rounds once */
		}
	}
}

static void
q6_k_blocks_follow_the_format(void **state)
{
	uint8_t p[210];
	float out[256], d;

	(void)state;
	scribble(p, sizeof p);
	p[192] = 0x80; /* -128 */
	d = half_of(p + 208, -0.03);
	q6_k_decode(p, out, 256);
	for (int i = 0; i < 256; i++) {
		const int half = i / 128, r = i % 128 / 32, l = i % 32;
		const int low = p[64 * half + (r % 2 ? 32 : 0) + l];
		const int n =
		    (r < 2 ? low % 16 : low / 16) + (p[128 + 32 * half + l] >> 2 * r & 3) * 16;
		const double want = (double)d * (int8_t)p[192 + i / 16] * (n - 32);

		assert_true((double)out[i] == want); /* exact */
	}
}

/* The parts that kernels use say the same as decode. */
static void
unpacked_blocks_are_the_decoded_ones(void **state)
{
	uint8_t row[2 * 256 * 4];
	float out[512];

	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++) {
		const struct format *f = format_at((enum format_kind)k);
		struct format_block block;

		assert_int_equal(f->quantised, f->unpack != NULL);
		if (!f->unpack)
			continue;
		scribble(row, sizeof row);
		for (size_t at = 0; at < format_row(f, 512); at += f->bytes) {
			(void)half_of(row + at + (k == FORMAT_Q6_K ? 208 : 0), 0.02);
			if (f->minimum)
				(void)half_of(row + at + 2, 0.3);
		}
		f->decode(row, out, 512);
		for (size_t b = 0; b < 512 / FORMAT_BLOCK; b++) {
			f->unpack(row, b, &block);
			assert_true(f->minimum || (block.minimum == 0.0f && signbit(block.minimum)));
			for (size_t i = 0; i < FORMAT_BLOCK; i++) {
				const double want =
				    (double)block.scale * block.level[i] + (double)block.minimum;

				assert_true(out[b * FORMAT_BLOCK + i] == (float)want);
				assert_in_range(block.level[i] + 4096, 0, 8192);
			}
		}
	}
}

/* A block of values that no format likes: NaN and infinite scales give values that are not finite,
 * and nothing else happens. */
static void
hostile_blocks_are_harmless(void **state)
{
	static const uint16_t halves[] = { 0x7c00, 0xfc00, 0x7e00, 0x7bff, 0x0001, 0x8000 };
	uint8_t row[256 * 4];
	float out[256];

	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++)
		for (size_t h = 0; h < 6; h++) {
			const struct format *f = format_at((enum format_kind)k);

			scribble(row, sizeof row);
			for (size_t i = 0; i < format_row(f, 256); i += f->bytes) {
				uint8_t *d = row + i + (k == FORMAT_Q6_K ? 208 : 0);

				d[0] = (uint8_t)halves[h];
				d[1] = (uint8_t)(halves[h] >> 8);
			}
			f->decode(row, out, 256);
			for (size_t i = 0; f->quantised && h < 3 && i < 256; i++)
				assert_true(!isfinite(out[i]));
			for (size_t i = 0; f->quantised && h >= 3 && i < 256; i++)
				assert_true(f->minimum || isfinite(out[i]));
		}
}

/* The sizes are those that the file reader checks; the names are all in the sentence for errors. */
static void
the_table_agrees_with_the_file(void **state)
{
	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++) {
		const struct format *f = format_at((enum format_kind)k);

		assert_int_equal(f->kind, k);
		assert_ptr_equal(format_of_gguf(f->gguf), f);
		assert_string_equal(f->name, gguf_type_name(f->gguf));
		assert_int_equal(format_row(f, 512), gguf_row_size(f->gguf, 512));
		assert_non_null(strstr(FORMAT_NAMES, f->name));
	}
	assert_null(format_of_gguf(GGUF_Q2_K));
	assert_null(format_at(FORMAT_N));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_is_exact_both_ways),
		cmocka_unit_test(half_rounds_to_nearest_even),
		cmocka_unit_test(bf16_rounds_to_nearest_even),
		cmocka_unit_test(blocks_follow_the_format),
		cmocka_unit_test(small_blocks_follow_the_format),
		cmocka_unit_test(scales_follow_the_format),
		cmocka_unit_test(k_blocks_follow_the_format),
		cmocka_unit_test(q6_k_blocks_follow_the_format),
		cmocka_unit_test(unpacked_blocks_are_the_decoded_ones),
		cmocka_unit_test(hostile_blocks_are_harmless),
		cmocka_unit_test(the_table_agrees_with_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
