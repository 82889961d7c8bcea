#include "coordinator/api/view.c"

#include "core/base/json.h"
#include "unit.h"

static void
test_job(void **state)
{
	struct job j = unit_job("alice", "m"), back;
	struct b3iq_error err = NO_ERR;
	struct json_object *doc = NULL, *v;
	char payment[JOB_ID_SIZE + 4];
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	snprintf(j.worker, sizeof j.worker, "a\"b\\c");
	j.mode = JOB_MODE_TIME;
	j.pay = JOB_PAY_RELEASED;
	j.escrow = 2000000;
	j.amount = 250001;
	view_job(&out, &j, "\"text\"");
	assert_ok(json_parse(out.data, out.len, "view", &doc, &err), err);
	assert_true(json_object_object_get_ex(doc, "assigned_miner_id", &v));
	assert_string_equal(json_object_get_string(v), "a\"b\\c");
	assert_true(json_object_object_get_ex(doc, "amount_paid", &v));
	assert_string_equal(json_object_get_string(v), "0.250001aitbc");
	assert_true(json_object_object_get_ex(doc, "amount_units", &v));
	assert_string_equal(json_object_get_string(v), "250001");
	assert_true(json_object_object_get_ex(doc, "result", &v));
	json_object_put(doc);
	view_payment_id(&j, payment);
	assert_true(view_job_of_payment(payment, back.id));
	assert_string_equal(back.id, j.id);
	assert_false(view_job_of_payment("pay_", back.id));
	assert_false(view_job_of_payment("job_00", back.id));
	buf_clear(&out);
	view_payment(&out, &j, "0x1", "0x2");
	assert_ok(json_parse(out.data, out.len, "view", &doc, &err), err);
	assert_true(json_object_object_get_ex(doc, "refunded_units", &v));
	assert_string_equal(json_object_get_string(v), "1749999"); /* the rest goes back */
	json_object_put(doc);
	buf_free(&out);
}

static size_t
list(const struct jobbook_filter *f, int64_t *total)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc = NULL;
	struct buf out;
	size_t n;

	buf_init(&out, 65536);
	buf_puts(&out, "[");
	assert_ok(view_jobs(&out, unit_store, f, total, &err), err);
	buf_puts(&out, "]");
	assert_ok(json_parse(out.data, out.len, "view", &doc, &err), err);
	n = json_object_array_length(doc);
	json_object_put(doc);
	buf_free(&out);
	return n;
}

static void
test_jobs(void **state)
{
	struct jobbook_filter f = { .client = "alice", .worker = "", .type = "", .phase = -1,
		                    .limit = 10 };
	struct job one = unit_job("alice", "m"), two = unit_job("alice", "m");
	struct job other = unit_job("bob", "m");
	int64_t total;

	(void)state;
	assert_int_equal(list(&f, &total), 0);
	assert_int_equal(total, 0);
	unit_put(&one);
	unit_put(&two);
	unit_put(&other);
	assert_int_equal(list(&f, &total), 2);
	assert_int_equal(total, 2);
	f.limit = 1;
	assert_int_equal(list(&f, &total), 1);
	assert_int_equal(total, 2);
}

UNIT_MAIN(cmocka_unit_test(test_job), UNIT_STORE(test_jobs))
