/* selftest.c: what is summed, and the verdict against the golden line. */
#include "session.h"

#include "cli/commands/selftest.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_selftest, NULL },
};

static void
test_golden_lines(void **state)
{
	(void)state;
	assert_non_null(golden[0].root);
	for (size_t i = 0; golden[i].root; i++) {
		assert_int_equal(strspn(golden[i].root, "0123456789abcdef"), 64);
		assert_int_equal(strspn(golden[i].digest, "0123456789abcdef"), 64);
		assert_int_equal(strlen(golden[i].root) + strlen(golden[i].digest), 128);
		assert_ptr_equal(golden_of(golden[i].root), golden[i].digest);
	}
	assert_null(golden_of(""));
	assert_null(golden_of(golden[0].digest));
}

/* The verdict on these digests; *doc gets the result. */
static int
verdict(const char *of, const char *fast, const char *plain, struct json_object **doc)
{
	struct cli     cli = { .path = "b3iq selftest", .json = true };
	struct outcome a = { .model = "mini", .used = "avx2", .tokens = 288 };
	struct outcome b = { .model = "mini", .used = "scalar", .tokens = 288 };
	int            exit;

	snprintf(a.root, sizeof a.root, "%s", of);
	snprintf(b.root, sizeof b.root, "%s", of);
	snprintf(a.digest, sizeof a.digest, "%s", fast);
	snprintf(b.digest, sizeof b.digest, "%s", plain);
	exit = judge(&cli, &a, &b);
	*doc = cli.result;
	return exit;
}

static void
test_verdicts(void **state)
{
	const char         *right = golden[0].digest;
	struct json_object *doc;
	char                wrong[65];

	(void)state;
	snprintf(wrong, sizeof wrong, "%s", right);
	wrong[63] = wrong[63] == '0' ? '1' : '0';
	assert_int_equal(verdict(golden[0].root, right, right, &doc), CLI_OK);
	assert_string_equal(session_text(doc, "kernels_agree"), "true");
	assert_string_equal(session_text(doc, "golden"), right);
	assert_string_equal(session_text(doc, "error"), "");
	json_object_put(doc);
	assert_int_equal(verdict(golden[0].root, wrong, wrong, &doc), CLI_DIFFERS);
	assert_string_equal(session_text(doc, "digest"), wrong);
	assert_says(session_text(doc, "error"), "other bits");
	json_object_put(doc);
	assert_int_equal(verdict(golden[0].root, right, wrong, &doc), CLI_DIFFERS);
	assert_string_equal(session_text(doc, "kernels_agree"), "false");
	json_object_put(doc);
	assert_int_equal(verdict(golden[0].root, wrong, right, &doc), CLI_DIFFERS);
	assert_says(session_text(doc, "error"), "kernels of this machine disagree");
	json_object_put(doc);
	assert_int_equal(verdict("00", right, right, &doc), CLI_UNAUDITABLE);
	json_object_put(doc);
}

/* SHA-256 over i32le(id) and the probe, in order. */
static void
test_what_is_summed(void **state)
{
	static const uint8_t probe[] = { 9, 8, 7 }, expected[] = { 4, 3, 2, 1, 9, 8, 7 };
	const int32_t        ids[] = { 0x01020304, 5 };
	struct collector     c = { .sink = { sizeof c.sink, -1, collect } };
	struct b3iq_chunk    chunk = { .size = sizeof chunk };
	struct sha256        sum;
	uint8_t              is[SHA256_SIZE], should[SHA256_SIZE];

	(void)state;
	sha256_begin(&c.sum);
	assert_int_equal(collect(&c.sink, &chunk), B3IQ_OK); /* text alone counts for nothing */
	chunk.ids = ids;
	chunk.n_ids = 1;
	chunk.probe = probe;
	chunk.probe_len = sizeof probe;
	assert_int_equal(collect(&c.sink, &chunk), B3IQ_OK);
	assert_false(c.incomplete);
	assert_int_equal(c.tokens, 1);
	chunk.n_ids = 2; /* one probe for two tokens shows neither */
	assert_int_equal(collect(&c.sink, &chunk), B3IQ_OK);
	assert_true(c.incomplete);
	c.incomplete = false;
	chunk.n_ids = 1;
	chunk.probe = NULL;
	assert_int_equal(collect(&c.sink, &chunk), B3IQ_OK);
	assert_true(c.incomplete);
	assert_int_equal(c.tokens, 1);
	assert_int_equal(sha256_end(&c.sum, is), B3IQ_OK);
	sha256_begin(&sum);
	sha256_add(&sum, expected, sizeof expected);
	assert_int_equal(sha256_end(&sum, should), B3IQ_OK);
	assert_memory_equal(is, should, SHA256_SIZE);
}

static void
test_builtin(void **state)
{
	struct json_object *models = json_tokener_parse(
		"[{\"id\":\"a\"},{\"id\":\"b\",\"builtin\":false},{\"id\":\"c\",\"builtin\":true}]");

	(void)state;
	assert_string_equal(session_text(builtin(models), "id"), "c");
	json_object_array_del_idx(models, 2, 1);
	assert_null(builtin(models));
	json_object_put(models);
}

static void
test_home_without_cpu(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	session_put(&s, "config.json", "{\"plugins\":{}}");
	assert_int_equal(session_run(&s, "selftest"), CLI_NOT_FOUND);
	assert_string_equal(s.out, "");
	assert_says(s.err, "b3iq plugin enable cpu");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden_lines),
		                            cmocka_unit_test(test_verdicts),
		                            cmocka_unit_test(test_what_is_summed),
		                            cmocka_unit_test(test_builtin),
		                            cmocka_unit_test(test_home_without_cpu) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
