#include "../check.h"

#include "core/base/backoff.c"

/* Each pause stays within its limit, and limits double up to the last. */
static void
test_limits(void **state)
{
	struct backoff b = { .first_ms = 100, .most_ms = 1500 };
	static const uint32_t limits[] = { 100, 200, 400, 800, 1500, 1500, 1500 };
	uint32_t most[7] = { 0 };

	(void)state;
	for (int round = 0; round < 2000; round++) {
		b.failures = 0;
		for (size_t i = 0; i < 7; i++) {
			const uint32_t ms = backoff_next(&b);

			assert_in_range(ms, 1, limits[i]);
			if (ms > most[i])
				most[i] = ms;
		}
		assert_int_equal(b.failures, 7);
	}
	for (size_t i = 0; i < 7; i++) /* and they are really spread: the upper half is met */
		assert_true(most[i] > limits[i] / 2);
}

static void
test_ends(void **state)
{
	struct backoff b = { .first_ms = 0, .most_ms = 0, .failures = UINT32_MAX };

	(void)state;
	assert_int_equal(backoff_next(&b), 1);
	assert_int_equal(b.failures, UINT32_MAX);
	b = (struct backoff){ .first_ms = 5000, .most_ms = 10, .failures = 63 };
	assert_in_range(backoff_next(&b), 1, 10);
	b = (struct backoff){ .first_ms = UINT32_MAX, .most_ms = UINT32_MAX, .failures = 40 };
	assert_in_range(backoff_next(&b), 1, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
