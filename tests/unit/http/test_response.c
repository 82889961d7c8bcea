#include "core/http/response.c"
#include "unit.h"

static void
test_error(void **state)
{
	struct http_response rs;

	(void)state;
	response_init(&rs);
	response_error(&rs, 404, "model_not_found", "model", "no model \"%s\"", "x");
	assert_int_equal(rs.status, 404);
	assert_string_equal(rs.body.data,
	                    "{\"error\":{\"message\":\"no model \\\"x\\\"\",\"type\":"
	                    "\"invalid_request_error\",\"param\":\"model\",\"code\":"
	                    "\"model_not_found\"}}");
	response_error(&rs, 429, NULL, NULL, "slow down");
	assert_non_null(strstr(rs.body.data, "\"rate_limit_error\",\"param\":null,\"code\":null"));
	response_json(&rs, 200, NULL);
	assert_int_equal(rs.status, 500);
	assert_non_null(strstr(rs.body.data, "no_memory"));
	response_finish(&rs);
}

static void
test_headers(void **state)
{
	struct http_response rs;

	(void)state;
	response_init(&rs);
	assert_int_equal(response_set(&rs, "X-A", "%d", 1), B3IQ_OK);
	assert_int_equal(response_set(&rs, "x-a", "%d", 2), B3IQ_OK);
	assert_int_equal(rs.n_headers, 1);
	assert_string_equal(rs.headers[0].value, "2");
	assert_int_equal(response_set(&rs, "X-B", "a\r\nSet-Cookie: x"), B3IQ_E_INVALID);
	for (int i = 1; i < RESPONSE_HEADERS; i++) {
		char name[16];

		snprintf(name, sizeof name, "X-%d", i);
		assert_int_equal(response_set(&rs, name, "v"), B3IQ_OK);
	}
	assert_int_equal(response_set(&rs, "X-More", "v"), B3IQ_E_NO_MEMORY);
	response_text(&rs, 200, "text/plain", "hello");
	response_clear(&rs);
	assert_int_equal(rs.body.len, 0);
	assert_int_equal(rs.n_headers, RESPONSE_HEADERS);
	response_finish(&rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
