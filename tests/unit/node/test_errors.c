#include "node/openai/errors.c"
#include "unit.h"

static void
test_table(void **state)
{
	static const struct {
		int32_t     rc;
		int         status;
		const char *code;
	} cases[] = {
		{ B3IQ_E_INVALID, 400, "invalid_value" }, { B3IQ_E_NOT_FOUND, 404, "model_not_found" },
		{ B3IQ_E_BUSY, 429, "overloaded" }, { B3IQ_E_DIED, 502, "backend_died" },
		{ B3IQ_E_UNAVAILABLE, 503, "unavailable" }, { B3IQ_E_TIMEOUT, 504, "timeout" },
		{ B3IQ_E_UNKNOWN_OUTCOME, 500, "internal" }, { -999, 500, "internal" },
	};
	struct b3iq_error err = { .retry_ms = 2500 };
	struct wrong w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		errors_from(&w, cases[i].rc, &err, "messages");
		assert_int_equal(w.status, cases[i].status);
		assert_string_equal(w.code, cases[i].code);
		assert_true(w.message[0]);
		assert_int_equal(w.retry_s, w.status == 429 || w.status == 503 ? 3 : 0);
	}
	snprintf(err.text, sizeof err.text, "context_length_exceeded: 5 of 4");
	errors_from(&w, B3IQ_E_INVALID, &err, "prompt");
	assert_string_equal(w.code, "context_length_exceeded");
	assert_string_equal(w.param, "prompt");
}

static void
test_answer(void **state)
{
	struct http_response rs;
	struct wrong w = { 0 };

	(void)state;
	response_init(&rs);
	assert_int_equal(errors_wrong(&w, "invalid_type", "messages[2].content[0].type", "%s", "no"),
	                 B3IQ_E_INVALID);
	errors_answer(&w, &rs);
	assert_int_equal(rs.status, 400);
	assert_non_null(strstr(rs.body.data, "\"param\":\"messages[2].content[0].type\""));
	assert_non_null(strstr(rs.body.data, "\"type\":\"invalid_request_error\""));
	response_finish(&rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_answer) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
