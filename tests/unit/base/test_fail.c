/* fail.c: one sentence and a code, cut at a character border. */
#include "../check.h"

#include "core/base/fail.c"

static void
test_code_and_sentence(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	err.retry_ms = 7;
	assert_int_equal(fail(&err, B3IQ_E_BUSY, "queue %s is %d long", "a", 3), B3IQ_E_BUSY);
	assert_string_equal(err.text, "queue a is 3 long");
	assert_int_equal(err.retry_ms, 0);
	assert_int_equal(err.size, sizeof(err));
	assert_int_equal(fail(NULL, B3IQ_E_DENIED, "%s", "nobody listens"), B3IQ_E_DENIED);
	assert_int_equal(fail_memory(&err, "reading x"), B3IQ_E_NO_MEMORY);
	assert_non_null(strstr(err.text, "reading x"));
}

static void
test_long_text_is_cut_between_characters(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	text[i] = '\0';
	fail(&err, B3IQ_E_INVALID, "x%s", text); /* 1 + 3k never meets 247 */
	assert_true(utf8_valid(err.text, strlen(err.text)));
	assert_int_equal(strlen(err.text), 1 + 3 * 82);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(result_name(B3IQ_OK), "OK");
	assert_string_equal(result_name(B3IQ_E_TIMEOUT), "E_TIMEOUT");
	assert_string_equal(result_name(-999), "E_INTERNAL");
	assert_string_equal(result_text(B3IQ_E_TIMEOUT), "the deadline passed");
}

static void
test_errno(void **state)
{
	(void)state;
	assert_int_equal(fail_code(ENOENT), B3IQ_E_NOT_FOUND);
	assert_int_equal(fail_code(ENOMEM), B3IQ_E_NO_MEMORY);
	assert_int_equal(fail_code(EMFILE), B3IQ_E_UNAVAILABLE);
	assert_int_equal(fail_code(ENFILE), B3IQ_E_UNAVAILABLE);
	assert_int_equal(fail_code(EIO), B3IQ_E_UNAVAILABLE);
	assert_int_equal(fail_code(EACCES), B3IQ_E_DENIED);
	assert_int_equal(fail_code(ELOOP), B3IQ_E_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_and_sentence),
		cmocka_unit_test(test_long_text_is_cut_between_characters),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
