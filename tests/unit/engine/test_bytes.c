#include "engine/bytes.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
grows_to_its_maximum_and_no_further(void **state)
{
	struct bytes b = BYTES(100);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(bytes_add(&b, &(char){ (char)i }, 1), B3IQ_OK);
	assert_int_equal(b.len, 100);
	assert_int_equal(b.cap, 100);
	assert_int_equal(bytes_add(&b, "x", 1), B3IQ_E_INVALID);
	assert_int_equal(bytes_reserve(&b, SIZE_MAX), B3IQ_E_INVALID);
	assert_int_equal(b.len, 100);
	for (int i = 0; i < 100; i++) /* the content stayed */
		assert_int_equal(b.data[i], i);
	bytes_finish(&b);
}

static void
sums_that_run_over_are_refused(void **state)
{
	struct bytes b = BYTES(SIZE_MAX);

	(void)state;
	assert_int_equal(bytes_text(&b, "abc"), B3IQ_OK);
	assert_int_equal(bytes_reserve(&b, SIZE_MAX - 1), B3IQ_E_INVALID);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "abc", 3);
	bytes_finish(&b);
}

static void
nothing_needs_no_memory(void **state)
{
	struct bytes b = BYTES(8);

	(void)state;
	assert_int_equal(bytes_add(&b, NULL, 0), B3IQ_OK);
	assert_int_equal(bytes_text(&b, ""), B3IQ_OK);
	assert_null(b.data);
	assert_int_equal(bytes_text(&b, "12345678"), B3IQ_OK);
	bytes_finish(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 8); /* ready for the next use */
	bytes_finish(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum_and_no_further),
		cmocka_unit_test(sums_that_run_over_are_refused),
		cmocka_unit_test(nothing_needs_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
