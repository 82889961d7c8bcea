/* receipt_audit.c: honest work is equal; each dishonesty differs, at the position where it begins. */
#include "../check.h"

#include "core/receipt/receipt_audit.c"
#include "fixture.h"

static struct fixture f;
static struct bundle_opening open;
static struct receipt_audit audit;

static int
set_up(void **state)
{
	(void)state;
	fixture_make(&f);
	open = fixture_opening(&f);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static int32_t
run_audit(const struct receipt_auditor *with, struct b3iq_error *err)
{
	struct buf text;
	int32_t rc;

	buf_init(&text, BUNDLE_MAX);
	assert_int_equal(fixture_bundle(&f, &open, &text), B3IQ_OK);
	rc = receipt_audit(text.data, text.len, with, &audit, err);
	buf_free(&text);
	return rc;
}

static enum receipt_verdict
audited(void)
{
	struct receipt_auditor with = fixture_auditor(f.root);

	assert_int_equal(run_audit(&with, NULL), B3IQ_OK);
	return audit.verdict;
}

static void
test_honest(void **state)
{
	(void)state;
	assert_int_equal(audited(), RECEIPT_EQUAL);
	assert_int_equal(audit.positions, FIXTURE_TOKENS);
	assert_false(audit.has_position);
}

/* The node changes one token and signs everything as if it were right: verify finds nothing. */
static void
test_flipped_token(void **state)
{
	int32_t model_says = f.ids[3];

	(void)state;
	f.ids[3] ^= 5;
	fixture_commit(&f);
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_true(audit.has_position);
	assert_int_equal(audit.position, 3);
	assert_int_equal(audit.claimed, f.ids[3]);
	assert_int_equal(audit.replayed, model_says);
	assert_non_null(strstr(audit.text, "position 3"));
}

static void
test_other_seed(void **state)
{
	(void)state;
	f.r.seed = 12; /* it says 12, and used another */
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_true(audit.has_position);
	assert_int_equal(audit.position, 0);
}

static void
test_other_params(void **state)
{
	(void)state;
	*strstr(f.params, "700000") = '9'; /* stated and opened: 0.9; used: 0.7 */
	fixture_commit(&f);
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_true(audit.has_position);
}

static void
test_other_weights(void **state)
{
	uint8_t other[32] = { 1 };
	struct receipt_auditor with = fixture_auditor(other);

	(void)state;
	assert_int_equal(run_audit(&with, NULL), B3IQ_OK); /* the auditor's model is another one */
	assert_int_equal(audit.verdict, RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "model root"));
	assert_int_equal(audit.positions, 0);
	/* The node names the good root, and computed with other weights. */
	with = fixture_auditor(f.root);
	with.self = other;
	assert_int_equal(run_audit(&with, NULL), B3IQ_OK);
	assert_int_equal(audit.verdict, RECEIPT_DIFFERS);
	assert_true(audit.has_position);
}

static void
test_other_logits(void **state)
{
	(void)state;
	f.logits[5] ^= 1;
	fixture_commit(&f);
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_false(audit.has_position);
	assert_non_null(strstr(audit.text, "logit root"));
}

static void
test_truncated_and_over_counted(void **state)
{
	(void)state;
	open.n_tokens = FIXTURE_TOKENS - 1;
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "6 opened, 7 counted"));
	open.n_tokens = FIXTURE_TOKENS;
	f.r.output_tokens = FIXTURE_TOKENS + 1;
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	f.r.output_tokens = FIXTURE_TOKENS;
	f.r.prompt_tokens = 500; /* counted a hundredfold */
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "the prompt has 5 tokens"));
}

/* ---- text and ending ------------------------------------------------------------------- */

/* The fixture's replay, but for how it ends and what it holds back. */
static uint32_t ending;
static const char *held;

static int32_t
replay_ending(void *self, const struct b3iq_gen_request *req, const int32_t *ids, size_t n_ids,
              struct b3iq_sink *sink, struct b3iq_usage *usage, struct b3iq_error *err)
{
	struct b3iq_chunk c = { .size = sizeof(c), .text = held, .text_len = strlen(held) };
	int32_t rc = fixture_replay.replay(self, req, ids, n_ids, sink, usage, err);

	usage->stop = ending;
	return rc == B3IQ_OK && c.text_len ? sink->emit(sink, &c) : rc;
}

static enum receipt_verdict
audited_ending(uint32_t stop, const char *back)
{
	static const struct b3iq_replay other = { .size = sizeof(other), .replay = replay_ending };
	struct receipt_auditor with = fixture_auditor(f.root);

	ending = stop;
	held = back;
	with.replay = &other;
	open = fixture_opening(&f);
	fixture_commit(&f);
	assert_int_equal(run_audit(&with, NULL), B3IQ_OK);
	return audit.verdict;
}

/* The tokens are right, and the client was shown another text; verify finds nothing. */
static void
test_other_text(void **state)
{
	(void)state;
	f.output[12] = 'T';
	fixture_commit(&f);
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_true(audit.has_position);
	assert_int_equal(audit.position, 2);
	assert_int_equal(audit.claimed, audit.replayed);
	assert_non_null(strstr(audit.text, "position 2: the text"));
	open.output = NULL; /* the commitment is enough to see it, not to see where */
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_false(audit.has_position);
	assert_non_null(strstr(audit.text, "text"));
}

static void
test_shorter_and_longer_text(void **state)
{
	(void)state;
	f.output[20] = '\0';
	assert_int_equal(audited_ending(B3IQ_STOP_LENGTH, ""), RECEIPT_DIFFERS);
	assert_int_equal(audit.position, 4);
	fixture_free(&f);
	fixture_make(&f);
	snprintf(f.output + strlen(f.output), 8, "Buy!");
	assert_int_equal(audited_ending(B3IQ_STOP_LENGTH, ""), RECEIPT_DIFFERS);
	assert_false(audit.has_position); /* each token's text is there */
}

static void
test_cut_characters(void **state)
{
	(void)state;
	snprintf(f.output + strlen(f.output), 8, "\xef\xbf\xbd");
	assert_int_equal(audited_ending(B3IQ_STOP_LENGTH, "\xe2\x82"), RECEIPT_EQUAL);
	f.r.kind = RECEIPT_FAILURE; /* there nothing follows, and the half is never delivered */
	f.r.finish = 0;
	f.r.failure = B3IQ_E_CANCELLED;
	assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "\xe2\x82"), RECEIPT_DIFFERS);
	f.output[strlen(f.output) - 3] = '\0';
	assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "\xe2\x82"), RECEIPT_EQUAL);
}

static void
test_endings(void **state)
{
	static const uint32_t stops[] = { B3IQ_STOP_END, B3IQ_STOP_LENGTH, B3IQ_STOP_SEQUENCE,
		                          B3IQ_STOP_TOOL };
	size_t i, k;

	(void)state;
	for (i = 0; i < 4; i++) {
		f.r.finish = stops[i];
		for (k = 0; k < 4; k++) {
			assert_int_equal(audited_ending(stops[k], ""),
			                 i == k ? RECEIPT_EQUAL : RECEIPT_DIFFERS);
			assert_true(i == k || strstr(audit.text, "says that the answer ended by"));
		}
		assert_int_equal(audited_ending(0, ""), RECEIPT_DIFFERS); /* padded behind its end */
		assert_non_null(strstr(audit.text, "ended before the last"));
		assert_int_equal(audited_ending(77, ""), RECEIPT_DIFFERS);
	}
	for (i = 0; i < 4; i++) { /* it would go on */
		f.r.finish = stops[i];
		assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, ""),
		                 stops[i] == B3IQ_STOP_LENGTH ? RECEIPT_EQUAL : RECEIPT_DIFFERS);
		assert_non_null(strstr(audit.text, stops[i] == B3IQ_STOP_LENGTH ? "would go on" : "goes on"));
	}
}

/* Who was cut short has got the text with or without what was held back; a whole answer is whole. */
static void
test_held_text(void **state)
{
	const size_t n = strlen(f.output);
	uint32_t k;

	(void)state;
	f.r.finish = B3IQ_STOP_LENGTH;
	assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "<|im"), RECEIPT_DIFFERS);
	f.r.finish = B3IQ_STOP_CANCELLED;
	for (k = 0; k < 3; k++) {
		f.r.kind = (enum receipt_kind)k;
		if (f.r.kind != RECEIPT_FINAL)
			f.r.finish = 0;
		f.r.failure = f.r.kind == RECEIPT_FAILURE ? B3IQ_E_TIMEOUT : 0;
		f.output[n] = '\0';
		assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "<|im"), RECEIPT_EQUAL);
		assert_null(strstr(audit.text, "would go on"));
		snprintf(f.output + n, sizeof(f.output) - n, "<|im");
		assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "<|im"), RECEIPT_EQUAL);
		assert_int_equal(audited_ending(B3IQ_STOP_END, "<|im"), RECEIPT_EQUAL);
		assert_int_equal(audited_ending(0, "<|im"), RECEIPT_DIFFERS);
		f.output[n + 2] = '\0';
		assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "<|im"), RECEIPT_DIFFERS);
	}
	f.output[n] = '\0';
	f.r.kind = RECEIPT_FINAL;
	f.r.failure = 0;
	f.r.finish = B3IQ_STOP_LENGTH;
	snprintf(f.output + n, sizeof(f.output) - n, "<|im");
	assert_int_equal(audited_ending(B3IQ_STOP_CANCELLED, "<|im"), RECEIPT_EQUAL);
}

static void
test_openings_of_something_else(void **state)
{
	(void)state;
	open.prompt = "{}";
	open.prompt_len = 2;
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "prompt"));
	open = fixture_opening(&f);
	open.output = "Another.";
	open.output_len = 8;
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "the opened output is not"));
	open = fixture_opening(&f);
	*strstr(f.params, "700000") = '9'; /* opened differently from what was signed */
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "parameters"));
}

static void
test_what_cannot_be_audited(void **state)
{
	struct receipt_auditor with = fixture_auditor(f.root);

	(void)state;
	with.replay = NULL;
	assert_int_equal(run_audit(&with, NULL), B3IQ_OK);
	assert_int_equal(audit.verdict, RECEIPT_CANNOT);
	open.tokens = NULL;
	assert_int_equal(audited(), RECEIPT_CANNOT);
	open = fixture_opening(&f);
	open.secret = NULL;
	assert_int_equal(audited(), RECEIPT_CANNOT);
	open = fixture_opening(&f);
	f.r.output_tokens = 0; /* nothing came: nothing to replay */
	f.r.finish = B3IQ_STOP_CANCELLED;
	assert_int_equal(audited(), RECEIPT_CANNOT);
	f.r.finish = B3IQ_STOP_END; /* nothing, and it calls that an answer */
	assert_int_equal(audited(), RECEIPT_DIFFERS);
	f.r.finish = B3IQ_STOP_LENGTH;
	f.r.output_tokens = FIXTURE_TOKENS;
	snprintf(f.r.profile, sizeof(f.r.profile), "det-v2");
	assert_int_equal(audited(), RECEIPT_CANNOT);
	assert_non_null(strstr(audit.text, "det-v2"));
	f.r.tier = RECEIPT_T1;
	snprintf(f.r.profile, sizeof(f.r.profile), "det-v1");
	receipt_label(&f.r);
	assert_int_equal(audited(), RECEIPT_CANNOT);
	assert_non_null(strstr(audit.text, "T1"));
}

/* ---- backends that do not keep to the extension ------------------------------------- */

static int behaviour;

static int32_t
misbehave(void *self, const struct b3iq_gen_request *req, const int32_t *ids, size_t n_ids,
          struct b3iq_sink *sink, struct b3iq_usage *usage, struct b3iq_error *err)
{
	struct b3iq_chunk c = { .size = sizeof(c), .text = "", .ids = ids, .n_ids = 1 };
	size_t i;
	int32_t rc = B3IQ_OK;

	(void)self, (void)req;
	snprintf(usage->fingerprint, sizeof(usage->fingerprint), "det-v1");
	usage->prompt_tokens = 5;
	switch (behaviour) {
	case 0: /* two ids in a chunk */
		c.n_ids = 2;
		return sink->emit(sink, &c);
	case 1: /* one chunk too many, and it does not listen */
		for (i = 0; i < n_ids; i++)
			sink->emit(sink, &c);
		sink->emit(sink, &c);
		return B3IQ_OK;
	case 2: /* ends early */
		return B3IQ_OK;
	case 3: /* no probes */
		for (i = 0; i < n_ids && rc == B3IQ_OK; i++) {
			c.ids = &ids[i];
			rc = sink->emit(sink, &c);
		}
		return rc;
	case 4: /* a fingerprint without an end */
		memset(usage->fingerprint, 'x', sizeof(usage->fingerprint));
		return B3IQ_OK;
	default:
		return fail(err, B3IQ_E_UNAVAILABLE, "the device is gone");
	}
}

static void
test_backends_that_misbehave(void **state)
{
	static const struct b3iq_replay bad = { .size = sizeof(bad), .replay = misbehave };
	struct receipt_auditor with = fixture_auditor(f.root);
	struct b3iq_error err = NO_ERROR;

	(void)state;
	with.replay = &bad;
	behaviour = 0;
	assert_int_equal(run_audit(&with, &err), B3IQ_E_INTERNAL);
	behaviour = 1;
	assert_int_equal(run_audit(&with, &err), B3IQ_E_INTERNAL);
	behaviour = 2;
	assert_int_equal(run_audit(&with, &err), B3IQ_OK);
	assert_int_equal(audit.verdict, RECEIPT_DIFFERS);
	assert_non_null(strstr(audit.text, "after 0 of 7"));
	behaviour = 3;
	assert_int_equal(run_audit(&with, &err), B3IQ_OK);
	assert_int_equal(audit.verdict, RECEIPT_CANNOT);
	behaviour = 4;
	assert_int_equal(run_audit(&with, &err), B3IQ_OK);
	assert_int_equal(audit.verdict, RECEIPT_CANNOT);
	behaviour = 5;
	assert_int_equal(run_audit(&with, &err), B3IQ_E_UNAVAILABLE);
	assert_string_equal(err.text, "the device is gone");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_honest),
		TEST(test_flipped_token),
		TEST(test_other_seed),
		TEST(test_other_params),
		TEST(test_other_weights),
		TEST(test_other_logits),
		TEST(test_truncated_and_over_counted),
		TEST(test_other_text),
		TEST(test_shorter_and_longer_text),
		TEST(test_cut_characters),
		TEST(test_endings),
		TEST(test_held_text),
		TEST(test_openings_of_something_else),
		TEST(test_what_cannot_be_audited),
		TEST(test_backends_that_misbehave),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
