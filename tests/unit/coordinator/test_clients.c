#include "coordinator/api/clients.c"

#include "core/base/utf8.h"
#include "unit.h"

/* A long message of a worker is cut between two characters, wherever the limit falls. */
static void
test_a_reason_is_whole_characters(void **state)
{
	struct job job = { .phase = JOB_FAILED, .error = "worker_error" };

	(void)state;
	for (size_t first = 0; first < 3; first++) {
		struct outcome o = { .job = &job };
		struct http_request rq = { 0 };
		struct http_response rs = { 0 };

		buf_init(&rs.body, 1u << 16);
		jobbook_secrets_init(&o.hidden);
		for (size_t i = 0; i < first; i++)
			assert_int_equal(buf_append(&o.hidden.message, "x", 1), B3IQ_OK);
		for (int i = 0; i < 100; i++)
			assert_int_equal(buf_append(&o.hidden.message, "\xe2\x82\xac", 3), B3IQ_OK);
		say_failed(&rq, &rs, &o);
		assert_int_equal(rs.status, 409);
		assert_true(utf8_valid(rs.body.data, rs.body.len));
		assert_non_null(strstr(rs.body.data, "\xe2\x82\xac\""));
		jobbook_secrets_wipe(&o.hidden);
		buf_free(&rs.body);
	}
}

UNIT_MAIN(cmocka_unit_test(test_a_reason_is_whole_characters))
