#include "core/http/request.c"
#include "unit.h"

static void
test_lookup(void **state)
{
	struct http_pair headers[] = { { "Content-Type", "a" }, { "X-B", "b" } };
	struct http_pair query[] = { { "limit", "7" }, { "Limit", "8" }, { "bad", "7x" },
	                             { "none", "" }, { "low", "-3" }, { "big", "99999999999999999999" } };
	const struct http_request rq = { .headers = headers, .n_headers = 2, .query = query,
	                                 .n_query = 6 };
	struct b3iq_error err = NO_ERROR;
	int64_t n;

	(void)state;
	assert_string_equal(request_header(&rq, "content-type"), "a");
	assert_null(request_header(&rq, "content"));
	assert_string_equal(request_query(&rq, "limit"), "7");
	assert_int_equal(request_query_int(&rq, "limit", 1, 9, 5, &n, &err), B3IQ_OK);
	assert_int_equal(n, 7);
	assert_int_equal(request_query_int(&rq, "absent", 1, 9, 5, &n, &err), B3IQ_OK);
	assert_int_equal(n, 5);
	assert_int_equal(request_query_int(&rq, "low", -5, 9, 5, &n, &err), B3IQ_OK);
	assert_int_equal(n, -3);
	assert_int_equal(request_query_int(&rq, "Limit", 1, 7, 5, &n, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "Limit"));
	assert_int_equal(request_query_int(&rq, "bad", 1, 9, 5, &n, &err), B3IQ_E_INVALID);
	assert_int_equal(request_query_int(&rq, "none", 1, 9, 5, &n, &err), B3IQ_E_INVALID);
	assert_int_equal(request_query_int(&rq, "big", 1, 9, 5, &n, &err), B3IQ_E_INVALID);
	assert_int_equal(request_cancel_fd(&(struct http_request){ 0 }), -1);
	assert_false(request_gone(&rq));
}

static void
test_decode(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" }, { "a%20b", "a b" }, { "%C3%a9", "\xc3\xa9" }, { "%2", NULL }, { "%", NULL },
		{ "%zz", NULL }, { "%00", NULL }, { "%c3", NULL }, { "a+b", "a+b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[32];

		snprintf(text, sizeof text, "%s", cases[i].in);
		assert_int_equal(request_decode(text), cases[i].out != NULL);
		if (cases[i].out)
			assert_string_equal(text, cases[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
