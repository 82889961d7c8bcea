/* bundle.c: what is opened, by secret or by salts, and what is refused. */
#include "../check.h"

#include "core/receipt/bundle.c"
#include "fixture.h"

static struct fixture f;
static struct buf text;

static int
set_up(void **state)
{
	struct bundle_opening open;

	(void)state;
	fixture_make(&f);
	buf_init(&text, BUNDLE_MAX);
	open = fixture_opening(&f);
	return fixture_bundle(&f, &open, &text);
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
test_everything_opened(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct bundle b;
	uint8_t salt[32];
	int i;

	(void)state;
	if (bundle_read(text.data, text.len, &b, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	assert_string_equal(b.prompt, f.prompt);
	assert_string_equal(b.output, f.output);
	assert_int_equal(b.n_tokens, FIXTURE_TOKENS);
	assert_memory_equal(b.tokens, f.ids, sizeof(f.ids));
	assert_memory_equal(b.logits, f.logits, 32);
	assert_non_null(b.params);
	for (i = 0; i < BUNDLE_SALTS; i++) {
		assert_true(b.has_salt[i]);
		assert_int_equal(commit_salt(f.secret, salt_fields[i], salt), B3IQ_OK);
		assert_memory_equal(b.salt[i], salt, 32);
	}
	bundle_free(&b);
	bundle_free(NULL);
}

static void
test_bare_envelope(void **state)
{
	struct bundle_opening nothing = { .secret = NULL };
	struct receipt_signed direct;
	struct bundle b;
	char *from, *to;

	(void)state;
	buf_clear(&text);
	assert_int_equal(fixture_bundle(&f, &nothing, &text), B3IQ_OK);
	from = strstr(text.data, "{\"hash\"");
	to = strstr(text.data, ",\"version\":\"b3iq.bundle/1\"");
	assert_int_equal(bundle_read(from, (size_t)(to - from), &b, NULL), B3IQ_OK);
	assert_null(b.prompt);
	assert_null(b.tokens);
	assert_false(b.has_salt[0] || b.has_logits);
	direct = b.receipt;
	bundle_free(&b);
	assert_int_equal(bundle_read(text.data, text.len, &b, NULL), B3IQ_OK);
	assert_memory_equal(direct.hash, b.receipt.hash, 32);
	bundle_free(&b);
}

/* The bundle with the first `from` replaced. */
static int32_t
read_with(const char *from, const char *to, struct b3iq_error *err)
{
	char *at = strstr(text.data, from);
	struct bundle b;
	struct buf other;
	int32_t rc;

	if (!at)
		fail_msg("no %s in %s", from, text.data);
	buf_init(&other, BUNDLE_MAX);
	buf_append(&other, text.data, (size_t)(at - text.data));
	buf_puts(&other, to);
	buf_puts(&other, at + strlen(from));
	rc = bundle_read(other.data, other.len, &b, err);
	if (rc == B3IQ_OK)
		bundle_free(&b);
	else
		assert_null(b.doc);
	buf_free(&other);
	return rc;
}

static void
test_refusals(void **state)
{
	static const char *const wrong[][2] = {
		{ "b3iq.bundle/1", "b3iq.bundle/2" },
		{ "\"version\":\"b3iq.bundle/1\"", "\"version\":1" },
		{ "\"version\":\"b3iq", "\"anchor\":{},\"version\":\"b3iq" },
		{ "\"openings\":{", "\"openings\":{\"else\":1," },
		{ "\"openings\":{", "\"openings\":{\"salts\":{}," }, /* beside a secret */
		{ "\"openings\":{", "\"openings\":{\"probes\":[]," },
		{ "\"openings\":{", "\"openings\":{\"probes\":[1,2,3,4,5,6,7]," },
		{ "\"secret\":\"5e", "\"secret\":\"5E" },
		{ "\"secret\":\"5e", "\"secret\":\"" },
		{ "\"tokens\":[", "\"tokens\":[2147483648," },
		{ "\"tokens\":[", "\"tokens\":[\"1\"," },
		{ "\"tokens\":[", "\"tokens\":[null," },
		{ "\"tokens\":[", "\"tokens\":5,\"output\":[" },
		{ "\"output\":\"A ", "\"output\":7,\"x\":\"" },
		{ "\"params\":{", "\"params\":null,\"x\":{" },
		{ "\"params\":{", "\"params\":[],\"x\":{" },
		{ "\"amount\":\"0\"", "\"amount\": \"0\"" }, /* reformatted */
		{ "\"hash\":", "\"hush\":" },
		{ "\"node_key\":\"ed25519:", "\"node_key\":\"ed25519;" },
		{ "\"signature\":\"", "\"signature\":\"0" },
	};
	struct b3iq_error err = NO_ERROR;
	struct bundle b;
	size_t i;

	(void)state;
	assert_int_equal(read_with("\"version\":\"b3iq.bundle", " \"version\" : \"b3iq.bundle", &err),
	                 B3IQ_OK);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (read_with(wrong[i][0], wrong[i][1], &err) != B3IQ_E_INVALID)
			fail_msg("read with %s", wrong[i][1]);
	assert_int_equal(bundle_read("[]", 2, &b, &err), B3IQ_E_INVALID);
	assert_int_equal(bundle_read("{}", 2, &b, &err), B3IQ_E_INVALID);
	assert_int_equal(bundle_read("", 0, &b, &err), B3IQ_E_INVALID);
	assert_int_equal(bundle_read(text.data, (size_t)BUNDLE_MAX + 1, &b, &err), B3IQ_E_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_everything_opened),
		TEST(test_bare_envelope),
		TEST(test_refusals),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
