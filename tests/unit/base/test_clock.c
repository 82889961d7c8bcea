/* clock.c: text of times, and clocks that do not run backwards. */
#include "../check.h"

#include "core/base/clock.c"

static void
test_iso(void **state)
{
	char out[25];

	(void)state;
	clock_iso(0, out);
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	clock_iso(1709210096789, out); /* a leap day */
	assert_string_equal(out, "2024-02-29T12:34:56.789Z");
	clock_iso(UINT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59.999Z");
}

static void
test_clocks(void **state)
{
	uint64_t a = clock_mono_us(), b = clock_mono_us();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_mono_ms() >= a / 1000);
	assert_true(clock_wall_ms() > UINT64_C(1600000000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
