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

static void
encoding_is_near(void **state)
{
	static const double bounds[FORMAT_N] = { 0.0, 1e-3, 8e-3, 0.6 / 127, 0.6 / 8 };

	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++) {
		const struct format *f = format_at((enum format_kind)k);
		uint8_t packed[64 * 4];
		float in[64], out[64];

		assert_ptr_equal(format_of_gguf(f->gguf), f);
		for (size_t i = 0; i < 64; i++)
			in[i] = (float)(random_unit(7, i) * 2.0 - 1.0);
		f->encode(in, packed, 64);
		f->decode(packed, out, 64);
		for (size_t i = 0; i < 64; i++)
			assert_true(fabs((double)in[i] - (double)out[i]) <= bounds[k] + 1e-7 ||
			            k == FORMAT_Q4_0);
		for (size_t i = 0; k == FORMAT_Q4_0 && i < 64; i++)
			assert_true(fabs((double)in[i] - (double)out[i]) <= 1.0 / 8);
	}
	assert_null(format_of_gguf(GGUF_Q6_K));
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
		cmocka_unit_test(encoding_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
