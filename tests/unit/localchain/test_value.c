#include "value.c"
#include "unit.h"

static void
test_bounds(void **state)
{
	struct value v = VALUE(4);

	(void)state;
	assert_int_equal(value_write(&v.writer, "ab", 2), B3IQ_OK);
	assert_int_equal(value_write(&v.writer, "cde", 3), B3IQ_E_INVALID);
	assert_int_equal(value_write(&v.writer, "cd", 2), B3IQ_OK);
	assert_int_equal(value_write(&v.writer, "e", SIZE_MAX), B3IQ_E_INVALID);
	assert_string_equal(v.data, "abcd");
	assert_null(value_json(&v));
	value_finish(&v);
	assert_null(value_json(&v));
	value_finish(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
