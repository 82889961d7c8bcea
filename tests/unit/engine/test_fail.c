#include "engine/fail.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void
code_and_sentence(void **state)
{
	struct b3iq_error err = { .size = sizeof err };

	(void)state;
	assert_int_equal(fail_with(&err, B3IQ_E_BUSY, "%s of %d", "one", 7), B3IQ_E_BUSY);
	assert_string_equal(err.text, "one of 7");
	assert_int_equal(fail_memory(&err, "the weights"), B3IQ_E_NO_MEMORY);
	assert_non_null(strstr(err.text, "the weights"));
	assert_int_equal(fail_with(NULL, B3IQ_E_INVALID, "nobody asks"), B3IQ_E_INVALID);
}

static void
long_sentences_are_cut(void **state)
{
	struct {
		struct b3iq_error err;
		char              behind;
	} r = { .err.size = sizeof r.err, .behind = '#' };
	char text[2 * sizeof r.err.text];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_int_equal(fail_with(&r.err, B3IQ_E_INVALID, "%s", text), B3IQ_E_INVALID);
	assert_int_equal(strlen(r.err.text), sizeof r.err.text - 1);
	assert_int_equal(r.behind, '#');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_and_sentence),
		cmocka_unit_test(long_sentences_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
