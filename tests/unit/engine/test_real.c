#include "engine/numeric/real.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "engine/numeric/random.h"

/* Distance in units of the last place of the true value. */
static double
ulps(double got, long double want, int digits)
{
	int exponent;

	(void)frexpl(want, &exponent);
	return (double)fabsl((long double)got - want) / ldexp(1.0, exponent - digits);
}

static void
exp_is_near(void **state)
{
	double worst = 0.0;

	(void)state;
	for (uint32_t i = 0; i < 2000000; i++) {
		const float x = -87.0f + 175.0f * (float)random_unit(1, i);
		const double e = ulps((double)real_exp(x), expl((long double)x), 24);

		worst = e > worst ? e : worst;
	}
	print_message("exp: %.3f ulp\n", worst);
	assert_true(worst < 1.1);
}

static void
exp_at_its_ends(void **state)
{
	(void)state;
	assert_true(real_exp(0.0f) == 1.0f);
	assert_true(real_exp(-0.0f) == 1.0f);
	assert_true(real_exp(-87.0f) > 0.0f);
	assert_true(real_exp(-87.00001f) == 0.0f && !signbit(real_exp(-87.00001f)));
	assert_true(real_exp(-INFINITY) == 0.0f);
	assert_true(real_exp(INFINITY) == real_exp(88.0f) && isfinite(real_exp(88.0f)));
	assert_true(isnan(real_exp(NAN)));
}

static void
silu_is_near(void **state)
{
	double worst = 0.0;

	(void)state;
	for (uint32_t i = 0; i < 500000; i++) {
		const float x = -80.0f + 160.0f * (float)random_unit(2, i);
		const long double want = (long double)x / (1.0L + expl(-(long double)x));
		const double e = ulps((double)real_silu(x), want, 24);

		worst = e > worst ? e : worst;
	}
	print_message("silu: %.3f ulp\n", worst);
	assert_true(worst < 2.6); /* three roundings */
	assert_true(real_silu(0.0f) == 0.0f);
}

static void
binary64_functions_are_near(void **state)
{
	double worst_exp = 0.0, worst_log = 0.0;

	(void)state;
	for (uint32_t i = 0; i < 500000; i++) {
		const double x = -700.0 + 1400.0 * random_unit(3, i);
		const double y =
		    exp2(-1000.0 + 2000.0 * random_unit(4, i)) * (1.0 + random_unit(5, i));
		const double e = ulps(real_exp64(x), expl((long double)x), 53);
		const double l = ulps(real_log64(y), logl((long double)y), 53);

		worst_exp = e > worst_exp ? e : worst_exp;
		worst_log = l > worst_log ? l : worst_log;
	}
	print_message("exp64: %.3f ulp, log64: %.3f ulp\n", worst_exp, worst_log);
	assert_true(worst_exp < 1.5 && worst_log < 2.0);
	assert_true(real_log64(1.0) == 0.0 && real_exp64(0.0) == 1.0);
}

static void
turns_are_near(void **state)
{
	double worst = 0.0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		const double x = i % 2 ? random_unit(6, i) * 0x1p+30 : random_unit(6, i) * 7.0;
		double s, c, e;

		real_turn64(x, &s, &c);
		/* Absolute: what a rotation needs. */
		e = (double)fmaxl(fabsl((long double)s - sinl((long double)x)),
		                  fabsl((long double)c - cosl((long double)x)));
		worst = e > worst ? e : worst;
	}
	print_message("sine and cosine: %.2e\n", worst);
	assert_true(worst < 2.3e-16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exp_is_near),
		cmocka_unit_test(exp_at_its_ends),
		cmocka_unit_test(silu_is_near),
		cmocka_unit_test(binary64_functions_are_near),
		cmocka_unit_test(turns_are_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
