/* smoke.c: all that a plugin of its kind has is called, and nothing that it has not. */
#include "verdict.h"

#include "../../../sdk/check/smoke.c"

static struct check the_check = { .scratch = verdict_dir };
static struct buf calls; /* the name of each call that came, in order            */

static int32_t
note(const char *name, int32_t rc)
{
	buf_printf(&calls, "%s ", name);
	return rc;
}

static int32_t
probe(void *self, struct b3iq_writer *w, struct b3iq_error *err)
{
	(void)self, (void)err;
	return note("probe", w->write(w, "[]", 2));
}

static int32_t
models(void *self, struct b3iq_writer *w, struct b3iq_error *err)
{
	(void)self, (void)err;
	return note("models", w->write(w, "[]", 2));
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const struct b3iq_chunk k = { .size = sizeof k, .text = "a", .text_len = 1 };

	(void)self, (void)err;
	assert_string_equal(rq->model, "some");
	assert_int_equal(rq->max_tokens, 8);
	use->output_tokens = 1;
	return note("generate", sink->emit(sink, &k));
}

static int32_t
quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	(void)self, (void)tx, (void)err;
	assert_int_equal(op->op, B3IQ_OP_COMMIT);
	return note("quote", B3IQ_OK);
}

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	(void)self, (void)tx, (void)err;
	assert_string_equal(op->signer, "check");
	return note("submit", B3IQ_E_UNAVAILABLE); /* an error is fine */
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	(void)self, (void)tx, (void)err;
	assert_int_equal(key[31], 0x51);
	return note("status", B3IQ_E_NOT_FOUND);
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *w, struct b3iq_error *err)
{
	(void)self, (void)what, (void)err;
	return note("query", w->write(w, "{}", 2));
}

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	(void)self, (void)who, (void)err;
	return note(rq->credential ? rq->credential : "nothing", B3IQ_E_DENIED);
}

/* The calls that a plugin of this kind with these functions gets. */
static const char *
smoked(uint32_t kind, const struct backend *be, const char *model)
{
	struct subject s = { .check = &the_check, .be = *be };

	the_check.kind = s.be.kind = kind;
	snprintf(s.model, sizeof s.model, "%s", model);
	fakehost_init(&s.host, &the_check, "check");
	buf_clear(&calls);
	buf_puts(&calls, "");
	smoke(&s);
	assert_int_equal(s.host.inside, 0);
	fakehost_finish(&s.host);
	return calls.len ? calls.data : "";
}

static void
test_inference(void **state)
{
	struct backend be = { .inference = {
				      .probe = probe, .models = models, .generate = generate } };

	(void)state;
	assert_string_equal(smoked(B3IQ_INFERENCE, &be, "some"), "probe models generate ");
	assert_string_equal(smoked(B3IQ_INFERENCE, &be, ""), "probe models ");
	be.inference.probe = NULL;
	assert_string_equal(smoked(B3IQ_INFERENCE, &be, "some"), "models generate ");
}

static void
test_ledger(void **state)
{
	struct backend be = {
		.ledger = { .quote = quote, .submit = submit, .status = status, .query = query }
	};

	(void)state;
	assert_string_equal(smoked(B3IQ_LEDGER, &be, ""), "quote submit status query ");
	be.ledger.quote = NULL;
	be.ledger.query = NULL;
	assert_string_equal(smoked(B3IQ_LEDGER, &be, ""), "submit status ");
}

static void
test_auth(void **state)
{
	struct backend be = { .auth = { .authenticate = authenticate } };

	(void)state;
	assert_string_equal(smoked(B3IQ_AUTH, &be, ""), "nobody nothing ");
}

static void
smoke_without(void *arg)
{
	smoked(*(uint32_t *)arg, &(struct backend){ 0 }, "some");
}

static void
test_what_must_be_there(void **state)
{
	static const char *const missing[] = { "generate() is NULL", "submit() is NULL",
		                               "authenticate() is NULL" };
	uint32_t kinds[] = { B3IQ_INFERENCE, B3IQ_LEDGER, B3IQ_AUTH };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_refused(smoke_without, &kinds[i], missing[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inference),
		cmocka_unit_test(test_ledger),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_what_must_be_there),
	};
	int rc;

	buf_init(&calls, 4096);
	rc = cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
	buf_free(&calls);
	return rc;
}
