#include "config.c"
#include "unit.h"

static void
test_read(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct config c;

	(void)state;
	assert_ok(config_read("{\"url\":\"http://h:1/\",\"chain\":\"ait-devnet\",\"timeout_ms\":5,"
	                      "\"inclusion_ms\":0}", &c, &err), err);
	assert_string_equal(c.url, "http://h:1");
	assert_string_equal(c.chain, "ait-devnet");
	assert_int_equal(c.timeout_ms, 5);
	assert_int_equal(c.inclusion_ms, 0);
}

static void
test_refused(void **state)
{
	static const char *const wrong[] = {
		"", "7", "{}",
		"{\"url\":\"\",\"chain\":\"c\",\"timeout_ms\":5,\"inclusion_ms\":0}",
		"{\"url\":\"http://h\",\"chain\":7,\"timeout_ms\":5,\"inclusion_ms\":0}",
		"{\"url\":\"http://h\",\"chain\":\"c\",\"timeout_ms\":0,\"inclusion_ms\":0}",
		"{\"url\":\"http://h\",\"chain\":\"c\",\"timeout_ms\":5,\"inclusion_ms\":-1}",
		("{\"url\":\"http://h\",\"chain\":\"a-name-that-is-too-long-for-a-chain-id\",\"timeout_ms\":5,"
		 "\"inclusion_ms\":0}"),
		"{\"url\":\"a\\u0000b\",\"chain\":\"c\",\"timeout_ms\":5,\"inclusion_ms\":0}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct b3iq_error err = NO_ERR;
		struct config c;

		assert_int_equal(config_read(wrong[i], &c, &err), B3IQ_E_INVALID);
		assert_true(err.text[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_read), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
