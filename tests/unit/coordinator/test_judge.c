#include "coordinator/settle/judge.c"

#include "core/base/encode.h"
#include "core/receipt/commit.h"
#include "core/receipt/params.h"
#include "unit.h"

static struct ed25519_key *key;
static const uint8_t secret[32] = { 5 };
static const char request[] = "{\"prompt\":\"x\"}", output[] = "an answer";
static struct job job;
static struct buf ordered, params;

static int
setup(void **state)
{
	struct b3iq_gen_request g = { .max_tokens = 10, .repetition_penalty = 1, .top_p = 1 };
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(ed25519_generate(&key, &err), err);
	buf_init(&ordered, 100);
	buf_init(&params, 1000);
	buf_puts(&ordered, request);
	assert_ok(params_write(&g, &params, &err), err);
	job = unit_job("alice", "mini");
	job.max_tokens = 10;
	job.leased_ms = 100000;
	memset(job.order, 7, sizeof job.order);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ed25519_free(key);
	buf_free(&ordered);
	buf_free(&params);
	return 0;
}

/* What an honest node would write. */
static struct receipt
honest(void)
{
	struct receipt r;

	memset(&r, 0, sizeof r);
	r.kind = RECEIPT_FINAL;
	receipt_new_id(r.id);
	ed25519_name(ed25519_public(key), r.node);
	r.seq = 1;
	r.has_order = true;
	memcpy(r.order, job.order, sizeof r.order);
	snprintf(r.model, sizeof r.model, "mini");
	snprintf(r.engine, sizeof r.engine, "unit 1");
	snprintf(r.profile, sizeof r.profile, "none");
	params_digest(params.data, params.len, r.params);
	commit_field(secret, COMMIT_PROMPT, request, sizeof request - 1, r.prompt);
	commit_field(secret, COMMIT_OUTPUT, output, sizeof output - 1, r.output);
	r.prompt_tokens = 2;
	r.output_tokens = 3;
	r.finish = B3IQ_STOP_END;
	r.start_ms = 100100;
	r.first_ms = 100200;
	r.end_ms = 100900;
	r.expires_ms = 200000;
	snprintf(r.price, sizeof r.price, "0");
	snprintf(r.amount, sizeof r.amount, "0");
	receipt_label(&r);
	return r;
}

static int32_t
judge_receipt(const struct receipt *r, const struct ed25519_key *by, const char *seed,
              struct judge_finding *f, struct why *why)
{
	struct json_object *envelope = NULL, *openings = json_object_new_object(), *p = NULL;
	struct judge_case c = { .job = &job, .request = &ordered, .params = &params, .seed = seed,
		                .pinned = ed25519_public(key), .now_ms = 101000,
		                .output = output, .output_len = sizeof output - 1 };
	struct b3iq_error err = NO_ERR;
	struct buf body, text;
	char hex[65];
	int32_t rc;

	buf_init(&body, RECEIPT_MAX);
	buf_init(&text, RECEIPT_MAX);
	assert_ok(receipt_write(r, &body, &err), err);
	assert_ok(receipt_sign(body.data, body.len, by, &text, &err), err);
	assert_ok(json_parse(text.data, text.len, "envelope", &envelope, &err), err);
	assert_ok(json_parse(params.data, params.len, "params", &p, &err), err);
	hex_encode(secret, 32, hex);
	json_put_string(openings, "secret", hex);
	json_put(openings, "params", p);
	c.receipt = envelope;
	c.openings = openings;
	judge_finding_init(f);
	*why = NO_WHY;
	rc = judge(&c, f, why);
	json_object_put(envelope);
	json_object_put(openings);
	buf_free(&body);
	buf_free(&text);
	return rc;
}

static void
refused(struct receipt r, const char *code)
{
	struct judge_finding f;
	struct why why;

	assert_int_not_equal(judge_receipt(&r, key, "", &f, &why), B3IQ_OK);
	assert_non_null(why.code);
	assert_string_equal(why.code, code);
	judge_finding_free(&f);
}

static void
test_honest(void **state)
{
	struct receipt r = honest();
	struct judge_finding f;
	struct why why;

	(void)state;
	assert_ok(judge_receipt(&r, key, "", &f, &why), why.err);
	assert_int_equal(f.units_ms, 800); /* the node's own time, which is less than the lease's */
	assert_int_equal(f.units_tokens, 3);
	assert_memory_equal(f.output, r.output, 32);
	judge_finding_free(&f);
	r.first_ms = r.end_ms = r.start_ms; /* done within a millisecond: one that was begun */
	assert_ok(judge_receipt(&r, key, "", &f, &why), why.err);
	assert_int_equal(f.units_ms, 1);
	judge_finding_free(&f);
	r.seed = 42;
	r.seed_by_client = true;
	assert_ok(judge_receipt(&r, key, "42", &f, &why), why.err);
	judge_finding_free(&f);
}

static void
test_forged(void **state)
{
	struct ed25519_key *other = NULL;
	struct b3iq_error err = NO_ERR;
	struct judge_finding f;
	struct receipt r;
	struct why why;

	(void)state;
	assert_ok(ed25519_generate(&other, &err), err);
	r = honest();
	assert_int_equal(judge_receipt(&r, other, "", &f, &why), B3IQ_E_DENIED);
	assert_string_equal(why.code, "receipt_signature");
	judge_finding_free(&f);
	ed25519_name(ed25519_public(other), r.node); /* in its own name: still not the pinned one */
	assert_int_equal(judge_receipt(&r, other, "", &f, &why), B3IQ_E_DENIED);
	judge_finding_free(&f);
	r = honest();
	assert_int_equal(judge_receipt(&r, key, "42", &f, &why), B3IQ_E_INVALID);
	assert_string_equal(why.code, "receipt_params");
	judge_finding_free(&f);
	ed25519_free(other);
	r = honest();
	r.order[0] ^= 1;
	refused(r, "receipt_order");
	r = honest();
	r.has_order = false;
	refused(r, "receipt_order");
	r = honest();
	r.prompt[0] ^= 1;
	refused(r, "receipt_prompt");
	r = honest();
	r.output[0] ^= 1;
	refused(r, "receipt_output");
	r = honest();
	r.params[0] ^= 1;
	refused(r, "receipt_params");
	r = honest();
	snprintf(r.model, sizeof r.model, "maxi");
	refused(r, "receipt_model");
}

static void
test_units(void **state)
{
	struct receipt r = honest();

	(void)state;
	r.output_tokens = 11;
	refused(r, "receipt_units"); /* more than ordered */
	r = honest();
	job.max_tokens = 0;
	r.output_tokens = 4 * (sizeof output - 1) + 17;
	refused(r, "receipt_units"); /* more than the text can have */
	job.max_tokens = 10;
	r = honest();
	r.prompt_tokens = 5000;
	refused(r, "receipt_units");
	r = honest();
	r.start_ms = 90000;
	refused(r, "receipt_units"); /* longer than the lease */
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
UNIT_MAIN(T(test_honest), T(test_forged), T(test_units))
