#include "node/jobs.c"
#include "node/identity.h"
#include "node/state.h"
#include "unit.h"

static struct home home;
static struct store *store;
static struct identity id;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	assert_ok(state_open(&home, &store, &err), err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(store);
	identity_close(&id);
	unit_home_end(&home);
	return 0;
}

static void
fill(struct receipt *r)
{
	memset(r, 0, sizeof *r);
	receipt_new_id(r->id);
	snprintf(r->model, sizeof r->model, "m");
	snprintf(r->engine, sizeof r->engine, "e/1");
	snprintf(r->profile, sizeof r->profile, "none");
	snprintf(r->price, sizeof r->price, "0");
	snprintf(r->amount, sizeof r->amount, "0");
	r->seed = UINT64_MAX - 5;
	r->seed_by_client = true;
	memset(r->prompt, 0x17, sizeof r->prompt);
	r->start_ms = clock_wall_ms();
}

static void
begin_one(struct receipt *r)
{
	struct b3iq_error err = NO_ERR;

	fill(r);
	assert_ok(jobs_begin(store, &(struct job){ .draft = r, .instance = "i", .principal = "p",
	                                           .request = "q" }, &err), err);
}

static int32_t
state_of(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	char *out = arg;
	int32_t rc = store_query(tx, &rows, err, "SELECT state FROM job WHERE receipt = ?", "s", out);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK)
		snprintf(out, 50, "%s", row ? store_text(rows, 0, NULL) : "absent");
	return rc;
}

static void
expect_state(const char *receipt, const char *wanted)
{
	struct b3iq_error err = NO_ERR;
	char text[50];

	snprintf(text, sizeof text, "%s", receipt);
	assert_ok(store_read(store, state_of, text, &err), err);
	assert_string_equal(text, wanted);
}

static void
test_end(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct buf envelope;
	struct receipt r;

	(void)state;
	begin_one(&r);
	expect_state(r.id, "running");
	r.kind = RECEIPT_FINAL;
	r.finish = B3IQ_STOP_END;
	r.end_ms = r.start_ms + 1;
	r.expires_ms = r.end_ms + JOBS_DISPUTE_MS;
	receipt_label(&r);
	buf_init(&envelope, RECEIPT_MAX);
	assert_ok(jobs_end(store, &r, id.key, &envelope, &err), err);
	expect_state(r.id, "done");
	assert_non_null(strstr(envelope.data, r.id));
	assert_int_equal(jobs_end(store, &r, id.key, &envelope, &err), B3IQ_E_INTERNAL);
	buf_free(&envelope);
}

/* A receipt that cannot be written leaves its job running: both or neither. */
static void
test_both_or_neither(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct buf envelope;
	struct receipt r;
	uint64_t lost;

	(void)state;
	begin_one(&r);
	r.kind = RECEIPT_FINAL; /* without finish, end and expiry */
	buf_init(&envelope, RECEIPT_MAX);
	assert_int_not_equal(jobs_end(store, &r, id.key, &envelope, &err), B3IQ_OK);
	expect_state(r.id, "running");
	buf_free(&envelope);
	assert_ok(jobs_recover(store, id.key, &lost, &err), err);
	assert_int_equal(lost, 1);
}

static int32_t
get(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct buf *out = arg;
	char idtext[RECEIPT_ID_SIZE];

	memcpy(idtext, out->data, sizeof idtext);
	buf_clear(out);
	return receipt_log_get(tx, idtext, out, err);
}

static void
open_receipt(const char *receipt, struct receipt_signed *out)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;
	struct buf text;

	buf_init(&text, RECEIPT_MAX);
	buf_append(&text, receipt, strlen(receipt) + 1);
	assert_ok(store_read(store, get, &text, &err), err);
	assert_ok(json_parse(text.data, text.len, "receipt", &doc, &err), err);
	assert_ok(receipt_open(doc, out, &err), err);
	json_object_put(doc);
	buf_free(&text);
}

static void
test_recovery(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct receipt_signed signed_receipt;
	struct receipt r[3];
	uint64_t lost, count;

	(void)state;
	for (int i = 0; i < 2; i++)
		begin_one(&r[i]);
	fill(&r[2]);
	r[2].has_order = true;
	memset(r[2].order, 0x5a, sizeof r[2].order);
	assert_ok(jobs_begin(store, &(struct job){ .draft = &r[2], .instance = "i", .principal = "p",
	                                           .request = "q" }, &err), err);
	assert_ok(jobs_recover(store, id.key, &lost, &err), err);
	assert_int_equal(lost, 3);
	assert_ok(jobs_recover(store, id.key, &lost, &err), err);
	assert_int_equal(lost, 0);
	expect_state(r[1].id, "lost");
	open_receipt(r[2].id, &signed_receipt);
	assert_true(signed_receipt.body.has_order);
	assert_memory_equal(signed_receipt.body.order, r[2].order, sizeof r[2].order);
	open_receipt(r[1].id, &signed_receipt);
	assert_false(signed_receipt.body.has_order);
	assert_int_equal(signed_receipt.body.kind, RECEIPT_FAILURE);
	assert_int_equal(signed_receipt.body.failure, B3IQ_E_DIED);
	assert_true(signed_receipt.body.seed == UINT64_MAX - 5);
	assert_int_equal(signed_receipt.body.prompt[0], 0x17);
	assert_int_equal(receipt_signature(&signed_receipt, ed25519_public(id.key)), B3IQ_OK);
	assert_ok(audit_verify(store, &count, &err), err);
	assert_true(count >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_both_or_neither),
		cmocka_unit_test(test_recovery),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
