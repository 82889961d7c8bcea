#include "coordinator/api/reply.c"

#include "unit.h"

static void
test_both_shapes(void **state)
{
	struct http_request rq = { .id = "req_1" };
	struct why why = NO_WHY;
	struct http_response rs;
	struct json_object *doc = NULL, *v, *error;
	struct b3iq_error err = NO_ERR;

	(void)state;
	response_init(&rs);
	why.code = "lease_lost";
	snprintf(why.err.text, sizeof why.err.text, "a \"quote\"\n\x01");
	reply_why(&rq, &rs, B3IQ_E_INVALID, &why);
	assert_int_equal(rs.status, 409);
	assert_ok(json_parse(rs.body.data, rs.body.len, "answer", &doc, &err), err);
	assert_true(json_object_object_get_ex(doc, "detail", &v));
	assert_string_equal(json_object_get_string(v), "a \"quote\"\n\x01");
	assert_true(json_object_object_get_ex(doc, "error", &error));
	assert_true(json_object_object_get_ex(error, "code", &v));
	assert_string_equal(json_object_get_string(v), "lease_lost");
	assert_true(json_object_object_get_ex(doc, "request_id", &v));
	json_object_put(doc);
	response_finish(&rs);
}

static void
test_statuses(void **state)
{
	(void)state;
	assert_int_equal(reply_status(B3IQ_E_DENIED, "insufficient_funds"), 402);
	assert_int_equal(reply_status(B3IQ_E_INVALID, "receipt_units"), 422);
	assert_int_equal(reply_status(B3IQ_E_INVALID, NULL), 400);
	assert_int_equal(reply_status(B3IQ_E_NOT_FOUND, "odd"), 404);
	assert_int_equal(reply_status(B3IQ_E_BUSY, NULL), 503);
	assert_int_equal(reply_status(B3IQ_E_INTERNAL, NULL), 500);
}

static void
test_body(void **state)
{
	struct http_request rq = { .body = "[]", .body_len = 2 };
	struct http_response rs;
	struct json_object *doc;

	(void)state;
	response_init(&rs);
	assert_null(reply_body(&rq, &rs));
	assert_int_equal(rs.status, 400);
	rq.body_len = 0;
	doc = reply_body(&rq, &rs);
	assert_int_equal(json_object_object_length(doc), 0);
	json_object_put(doc);
	response_finish(&rs);
}

UNIT_MAIN(cmocka_unit_test(test_both_shapes), cmocka_unit_test(test_statuses),
          cmocka_unit_test(test_body))
