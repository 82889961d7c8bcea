/* receipt_verify.c: each way of cheating is found, by the check that is meant to find it. */
#include "../check.h"

#include "core/receipt/receipt_verify.c"
#include "fixture.h"

static struct fixture f;
static struct bundle_opening open;
static struct buf text;
static struct receipt_report report;

static int
set_up(void **state)
{
	(void)state;
	fixture_make(&f);
	open = fixture_opening(&f);
	buf_init(&text, BUNDLE_MAX);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&text);
	fixture_free(&f);
	return 0;
}

static void
verify_text(void)
{
	assert_int_equal(
	    receipt_verify(text.data, text.len, ed25519_public(f.key), 1, &report, NULL), B3IQ_OK);
	assert_true(report.n <= RECEIPT_CHECKS);
}

/* Signs what the fixture says now, and verifies it with the node's key pinned. */
static void
verify(void)
{
	buf_clear(&text);
	assert_int_equal(fixture_bundle(&f, &open, &text), B3IQ_OK);
	verify_text();
}

static enum receipt_result
result(const char *name)
{
	size_t i;

	for (i = 0; i < report.n; i++)
		if (strcmp(report.check[i].name, name) == 0)
			return report.check[i].result;
	fail_msg("no check %s", name);
	return RECEIPT_FAIL;
}

/* Exactly this check failed, and the receipt does not count as valid. */
static void
only_failed(const char *name)
{
	size_t i;

	assert_false(report.valid);
	for (i = 0; i < report.n; i++)
		if ((report.check[i].result == RECEIPT_FAIL) !=
		    (strcmp(report.check[i].name, name) == 0))
			fail_msg("%s: %s (%s)", report.check[i].name,
			         receipt_result_text(report.check[i].result), report.check[i].text);
}

/* Replaces the first `from` in the bundle, leaving hash and signature as they are. */
static void
replace(const char *from, const char *to)
{
	char *at = strstr(text.data, from);
	struct buf other;

	if (!at)
		fail_msg("no %s in %s", from, text.data);
	buf_init(&other, BUNDLE_MAX);
	buf_append(&other, text.data, (size_t)(at - text.data));
	buf_puts(&other, to);
	buf_puts(&other, at + strlen(from));
	buf_free(&text);
	text = other;
	text.writer = other.writer;
}

static void
test_honest(void **state)
{
	static const char *const all[] = { "form", "hash", "signature", "key", "tier", "prompt", "params",
		"output", "tokens", "logits", "counts", "times" };
	size_t i;

	(void)state;
	verify();
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (result(all[i]) != RECEIPT_PASS)
			fail_msg("%s fails", all[i]);
	assert_int_equal(result("inclusion"), RECEIPT_NOT_CHECKED);
	assert_int_equal(report.n, RECEIPT_CHECKS);
	assert_true(report.valid && report.readable);
	assert_string_equal(report.body.model, "tiny-chat");
}

static void
test_nothing_opened(void **state)
{
	(void)state;
	open = (struct bundle_opening){ .secret = NULL };
	verify();
	assert_true(report.valid); /* a valid receipt of which nothing private was shown */
	assert_int_equal(result("prompt"), RECEIPT_NOT_CHECKED);
	assert_int_equal(result("tokens"), RECEIPT_NOT_CHECKED);
	assert_int_equal(result("logits"), RECEIPT_NOT_CHECKED);
	assert_int_equal(result("params"), RECEIPT_NOT_CHECKED);
}

static void
test_one_field_opened_alone(void **state)
{
	uint8_t salt[32];
	char salts[128] = "\"salts\":{\"output\":\"";

	(void)state;
	open = (struct bundle_opening){ .output = f.output, .output_len = strlen(f.output),
		                        .prompt = f.prompt, .prompt_len = strlen(f.prompt) };
	commit_salt(f.secret, COMMIT_OUTPUT, salt);
	hex_encode(salt, 32, salts + strlen(salts));
	strncat(salts, "\"},\"prompt\"", sizeof(salts) - strlen(salts) - 1);
	buf_clear(&text);
	assert_int_equal(fixture_bundle(&f, &open, &text), B3IQ_OK);
	replace("\"prompt\"", salts);
	verify_text();
	assert_int_equal(result("output"), RECEIPT_PASS);
	assert_int_equal(result("prompt"), RECEIPT_NOT_CHECKED); /* its salt was not given */
	assert_true(report.valid);
}

static void
test_wrong_key(void **state)
{
	struct ed25519_key *thief;
	uint8_t keys[64];

	(void)state;
	verify();
	assert_int_equal(ed25519_generate(&thief, NULL), B3IQ_OK);
	/* Not pinned. */
	assert_int_equal(
	    receipt_verify(text.data, text.len, ed25519_public(thief), 1, &report, NULL), B3IQ_OK);
	only_failed("key");
	/* No pins at all: nothing fails, and still nothing is trusted. */
	assert_int_equal(receipt_verify(text.data, text.len, NULL, 0, &report, NULL), B3IQ_OK);
	assert_int_equal(result("key"), RECEIPT_NOT_CHECKED);
	assert_false(report.valid);
	/* One of several pins. */
	memcpy(keys, ed25519_public(thief), 32);
	memcpy(keys + 32, ed25519_public(f.key), 32);
	assert_int_equal(receipt_verify(text.data, text.len, keys, 2, &report, NULL), B3IQ_OK);
	assert_true(report.valid);
	/* Signed by a thief in the node's name: body says node, key travels along. */
	{
		struct ed25519_key *own = f.key;

		f.key = thief;
		buf_clear(&text);
		assert_int_equal(fixture_bundle(&f, &open, &text), B3IQ_OK);
		f.key = own;
		verify_text();
		only_failed("key");
	}
	ed25519_free(thief);
}

static void
test_stolen_key_name(void **state)
{
	char thief_name[ED25519_NAME_SIZE], own_name[ED25519_NAME_SIZE], from[128], to[128];
	struct ed25519_key *own = f.key, *thief;

	(void)state;
	assert_int_equal(ed25519_generate(&thief, NULL), B3IQ_OK);
	ed25519_name(ed25519_public(thief), thief_name);
	ed25519_name(ed25519_public(own), own_name);
	f.key = thief;
	buf_clear(&text);
	assert_int_equal(fixture_bundle(&f, &open, &text), B3IQ_OK);
	f.key = own;
	snprintf(from, sizeof(from), "\"node_key\":\"%s\"", thief_name);
	snprintf(to, sizeof(to), "\"node_key\":\"%s\"", own_name);
	replace(from, to);
	verify_text();
	only_failed("signature");
	ed25519_free(thief);
}

static void
test_changed_body(void **state)
{
	static const char *const changes[][2] = {
		{ "\"output\":7,", "\"output\":8," },
		{ "\"value\":\"18446744073709551615\"", "\"value\":\"1\"" },
		{ "\"by\":\"client\"", "\"by\":\"node\"" },
		{ "\"amount\":\"0\"", "\"amount\":\"9\"" },
		{ "tiny-chat", "huge-chat" },
		{ "\"finish\":\"length\"", "\"finish\":\"end\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		verify();
		assert_true(report.valid);
		replace(changes[i][0], changes[i][1]);
		verify_text();
		assert_int_equal(result("hash"), RECEIPT_FAIL);
		assert_int_equal(result("signature"), RECEIPT_FAIL);
		assert_false(report.valid);
	}
	verify();
	replace("\"hash\":\"", "\"hash\":\"00");
	verify_text();
	only_failed("form");
}

static void
test_flipped_token(void **state)
{
	int32_t ids[FIXTURE_TOKENS];

	(void)state;
	memcpy(ids, f.ids, sizeof(ids));
	ids[3] ^= 1;
	open.tokens = ids;
	verify();
	only_failed("tokens");
}

static void
test_truncated_and_over_counted(void **state)
{
	(void)state;
	open.n_tokens = FIXTURE_TOKENS - 1; /* the client got one less than the chain has */
	verify();
	assert_int_equal(result("tokens"), RECEIPT_FAIL);
	assert_int_equal(result("counts"), RECEIPT_FAIL);
	assert_false(report.valid);
	open.n_tokens = FIXTURE_TOKENS;
	f.r.output_tokens = FIXTURE_TOKENS + 5; /* the node counts more than it gave */
	verify();
	only_failed("counts");
	f.r.output_tokens =
	    FIXTURE_TOKENS - 1; /* a shorter claim over a shorter chain: consistent */
	fixture_commit(&f);
	open.n_tokens = FIXTURE_TOKENS - 1;
	verify();
	assert_true(report.valid);
}

static void
test_other_openings(void **state)
{
	uint8_t other[32] = { 3 };
	char params[512];

	(void)state;
	open.prompt = "{\"messages\":[]}";
	open.prompt_len = strlen(open.prompt);
	verify();
	only_failed("prompt");
	open = fixture_opening(&f);
	open.output = "Another answer.";
	open.output_len = strlen(open.output);
	verify();
	only_failed("output");
	open = fixture_opening(&f);
	snprintf(params, sizeof(params), "%s", f.params);
	*strstr(params, "700000") = '8'; /* another temperature */
	open.params = params;
	verify();
	only_failed("params");
	open = fixture_opening(&f);
	open.logits = other;
	verify();
	only_failed("logits");
	open = fixture_opening(&f);
	open.secret = other; /* another receipt's secret opens nothing here */
	verify();
	assert_int_equal(result("prompt"), RECEIPT_FAIL);
	assert_int_equal(result("output"), RECEIPT_FAIL);
	assert_int_equal(result("tokens"), RECEIPT_FAIL);
	assert_int_equal(result("logits"), RECEIPT_FAIL);
}

static void
test_swapped_fields(void **state)
{
	uint8_t keep[32];

	(void)state;
	/* Prompt and output commitments exchanged, honestly signed. */
	memcpy(keep, f.r.prompt, 32);
	memcpy(f.r.prompt, f.r.output, 32);
	memcpy(f.r.output, keep, 32);
	verify();
	assert_int_equal(result("prompt"), RECEIPT_FAIL);
	assert_int_equal(result("output"), RECEIPT_FAIL);
	fixture_commit(&f);
	/* The output committed under the prompt's name. */
	commit_field(f.secret, COMMIT_PROMPT, f.output, strlen(f.output), f.r.output);
	verify();
	only_failed("output");
	fixture_commit(&f);
	/* Head of the chain where the logits stand. */
	memcpy(f.r.logits, f.r.tokens, 32);
	verify();
	only_failed("logits");
}

static void
append_probes(bool wrong)
{
	struct buf probes;
	char hex[17];
	int i;

	buf_init(&probes, 4096);
	buf_puts(&probes, "\"probes\":[");
	for (i = 0; i < FIXTURE_TOKENS; i++) {
		hex_encode(f.probes[i], 8, hex);
		if (wrong && i == 2)
			hex[0] = hex[0] == '0' ? '1' : '0';
		buf_printf(&probes, "%s\"%s\"", i ? "," : "", hex);
	}
	buf_puts(&probes, "],\"prompt\"");
	replace("\"prompt\"", probes.data);
	buf_free(&probes);
}

static void
test_probes(void **state)
{
	(void)state;
	verify();
	append_probes(false);
	verify_text();
	assert_int_equal(result("logits"), RECEIPT_PASS);
	assert_true(report.valid);
	verify();
	append_probes(true);
	verify_text();
	only_failed("logits");
	replace("\"probes\":[\"", "\"probes\":[\"x");
	verify_text();
	only_failed("logits");
}

/* A T0 receipt cannot even be written with T2's claims; one that was forged is refused. */
static void
test_tier(void **state)
{
	(void)state;
	verify();
	replace("\"tier\":\"T2\"", "\"tier\":\"T0\"");
	verify_text();
	assert_int_equal(result("tier"), RECEIPT_FAIL);
	f.r.tier = RECEIPT_T0;
	f.r.has_tokens = f.r.has_logits = f.r.has_root = false;
	snprintf(f.r.profile, sizeof(f.r.profile), "none");
	receipt_label(&f.r);
	open.tokens = NULL;
	open.logits = NULL;
	verify();
	assert_true(report.valid);
	assert_int_equal(result("tokens"), RECEIPT_NOT_CHECKED);
	open.tokens = f.ids; /* ids beside a receipt that does not claim any */
	verify();
	assert_int_equal(result("tokens"), RECEIPT_FAIL);
}

static void
test_malformed(void **state)
{
	size_t n;

	(void)state;
	verify();
	for (n = 0; n < text.len; n += 7) {
		assert_int_equal(receipt_verify(text.data, n, NULL, 0, &report, NULL), B3IQ_OK);
		only_failed("form");
		assert_false(report.readable);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_honest),
		TEST(test_nothing_opened),
		TEST(test_one_field_opened_alone),
		TEST(test_wrong_key),
		TEST(test_stolen_key_name),
		TEST(test_changed_body),
		TEST(test_flipped_token),
		TEST(test_truncated_and_over_counted),
		TEST(test_other_openings),
		TEST(test_swapped_fields),
		TEST(test_probes),
		TEST(test_tier),
		TEST(test_malformed),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
