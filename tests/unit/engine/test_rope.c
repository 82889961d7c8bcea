#include "engine/model/rope.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct hyper plain = { .rope_dim = 64, .rope_base = 500000.0, .factor = 1.0,
	.attention_factor = 1.0, .trained_context = 8192 };

/* Largest difference to cos and sin of position * frequency, over some positions. */
static void
check(const struct hyper *h, const float *factors, double (*frequency_of)(size_t), double magnitude)
{
	static const uint32_t positions[] = { 0, 1, 2, 255, 4096, 131071, 1000000 };
	float cosine[32], sine[32];
	struct rope *r;

	assert_int_equal(rope_create(&r, h, factors, NULL), B3IQ_OK);
	for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
		rope_turns(r, positions[p], cosine, sine);
		for (size_t i = 0; i < 32; i++) {
			const double angle = positions[p] * frequency_of(i);

			assert_true(fabs((double)cosine[i] - magnitude * cos(angle)) <
				    2e-7 + 1e-15 * angle);
			assert_true(fabs((double)sine[i] - magnitude * sin(angle)) <
				    2e-7 + 1e-15 * angle);
		}
	}
	rope_destroy(r);
}

static double
base_frequency(size_t i)
{
	return pow(500000.0, -2.0 * (double)i / 64.0);
}

static double
quarter_frequency(size_t i)
{
	return base_frequency(i) / 4.0;
}

static double
factor_frequency(size_t i)
{
	return base_frequency(i) / (double)(1.0f + (float)i * 0.25f);
}

/* YaRN as the paper defines it, in other words than rope.c: by wavelengths. */
static double
yarn_frequency(size_t i)
{
	const double low = floor(64.0 * log(8192.0 / (32.0 * 2.0 * M_PI)) / (2.0 * log(500000.0)));
	const double high = ceil(64.0 * log(8192.0 / (1.0 * 2.0 * M_PI)) / (2.0 * log(500000.0)));
	const double ramp = fmin(1.0, fmax(0.0, ((double)i - low) / (high - low)));

	return base_frequency(i) * (1.0 - ramp) + base_frequency(i) / 8.0 * ramp;
}

static void
angles_are_right(void **state)
{
	struct hyper h = plain;
	float factors[32];

	(void)state;
	check(&h, NULL, base_frequency, 1.0);
	h.scaling = HYPER_SCALING_LINEAR;
	h.factor = 4.0;
	check(&h, NULL, quarter_frequency, 1.0);
	h = plain;
	for (size_t i = 0; i < 32; i++)
		factors[i] = 1.0f + (float)i * 0.25f;
	check(&h, factors, factor_frequency, 1.0);
	h.scaling = HYPER_SCALING_YARN;
	h.factor = 8.0;
	check(&h, NULL, yarn_frequency, 1.0 + 0.1 * log(8.0));
}

static void
bad_factors_are_refused(void **state)
{
	float factors[32] = { 1.0f };
	struct rope *r;

	(void)state;
	assert_int_equal(rope_create(&r, &plain, factors, NULL), B3IQ_E_INVALID); /* zeros */
	for (size_t i = 0; i < 32; i++)
		factors[i] = 1.0f;
	factors[31] = NAN;
	assert_int_equal(rope_create(&r, &plain, factors, NULL), B3IQ_E_INVALID);
	rope_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(angles_are_right),
		cmocka_unit_test(bad_factors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
