#include "../check.h"

#include "core/plugin/sandbox/lines.c"

static void
test_keeps_the_last_forty(void **state)
{
	struct lines l;
	struct buf out;
	char line[32];

	(void)state;
	lines_init(&l);
	buf_init(&out, 65536);
	assert_int_equal(lines_text(&l, &out), B3IQ_OK);
	assert_int_equal(out.len, 0);
	for (int i = 0; i < 100; i++) {
		int n = snprintf(line, sizeof line, "line %d\n\n", i);

		lines_add(&l, line, 3); /* in pieces */
		lines_add(&l, line + 3, (size_t)n - 3);
	}
	lines_text(&l, &out);
	assert_null(strstr(out.data, "line 59\n"));
	assert_non_null(strstr(out.data, "line 99\n"));
	buf_clear(&out);
	lines_add(&l, "un\x1b[1mfinished\0", 15);
	lines_text(&l, &out);
	assert_non_null(strstr(out.data, "line 99\nun?[1mfinished?\n"));
	buf_free(&out);
	lines_finish(&l);
}

static void
test_cuts_long_lines(void **state)
{
	struct lines l;
	struct buf out;

	(void)state;
	lines_init(&l);
	buf_init(&out, 65536);
	for (int i = 0; i < 1000; i++)
		lines_add(&l, "x", 1);
	lines_add(&l, "\nnext\n", 6);
	lines_text(&l, &out);
	assert_int_equal(out.len, LINES_SIZE - 1 + 1 + 5);
	buf_free(&out);
	buf_init(&out, 10);
	assert_int_equal(lines_text(&l, &out), B3IQ_E_INVALID); /* more than may be */
	buf_free(&out);
	lines_finish(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_the_last_forty),
		cmocka_unit_test(test_cuts_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
