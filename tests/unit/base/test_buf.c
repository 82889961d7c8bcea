/* buf.c: the maximum holds, the first failure sticks, a NUL always follows. */
#include "../check.h"

#include "core/base/buf.c"

static void
test_grows_up_to_its_maximum(void **state)
{
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(buf_append(&b, "x", 1), B3IQ_OK);
	assert_int_equal(b.len, 1000);
	assert_int_equal(b.data[1000], '\0');
	assert_true(b.cap <= 1001);
	assert_int_equal(buf_append(&b, "x", 1), B3IQ_E_INVALID);
	assert_int_equal(buf_append(&b, "", 0), B3IQ_E_INVALID); /* it sticks */
	assert_null(buf_reserve(&b, 0));
	assert_int_equal(b.len, 1000);
	buf_clear(&b);
	assert_int_equal(buf_puts(&b, "again"), B3IQ_OK);
	assert_string_equal(b.data, "again");
	buf_free(&b);
	assert_int_equal(b.max, 1000);
	assert_null(b.data);
}

static void
test_sizes_that_would_wrap_are_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_puts(&b, "abc"), B3IQ_OK);
	assert_null(buf_reserve(&b, SIZE_MAX - 3));
	assert_int_equal(b.rc, B3IQ_E_INVALID);
	buf_free(&b);
	buf_init(&b, 10);
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_free(&b);
}

static void
test_printf(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 12);
	assert_int_equal(buf_printf(&b, "%d-%s", 42, "abc"), B3IQ_OK);
	assert_string_equal(b.data, "42-abc");
	assert_int_equal(buf_printf(&b, "%08d", 1), B3IQ_E_INVALID);
	assert_int_equal(b.len, 6);
	buf_free(&b);
}

static void
test_reserve_consume_take(void **state)
{
	struct buf b;
	char *s;

	(void)state;
	buf_init(&b, 100);
	s = buf_reserve(&b, 5);
	memcpy(s, "hello", 5);
	buf_grew(&b, 5);
	buf_consume(&b, 2);
	assert_string_equal(b.data, "llo");
	buf_consume(&b, 50);
	assert_int_equal(b.len, 0);
	buf_puts(&b, "kept");
	s = buf_take(&b);
	assert_string_equal(s, "kept");
	assert_null(b.data);
	free(s);
	s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
	buf_consume(&b, 1); /* an empty one has nothing to lose */
	buf_init(&b, 2);
	buf_puts(&b, "long");
	assert_null(buf_take(&b));
	assert_int_equal(b.rc, B3IQ_OK);
}

static void
test_is_a_writer(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	assert_int_equal(b.writer.write(&b.writer, "abc", 3), B3IQ_OK);
	assert_int_equal(b.writer.write(&b.writer, "d", 1), B3IQ_E_INVALID);
	assert_string_equal(b.data, "abc");
	buf_wipe(&b);
	assert_null(b.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_up_to_its_maximum),
		cmocka_unit_test(test_sizes_that_would_wrap_are_refused),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_reserve_consume_take),
		cmocka_unit_test(test_is_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
