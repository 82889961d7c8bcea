/* The committed test vectors: this verifier finds in each what is written beside it, and makes the
 * same bytes again.  verify.py is a second verifier for the same files.
 *
 *   test_receipt_vectors write    makes the files anew, when the format itself changes
 */
#include "../check.h"

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/receipt/receipt_verify.h"
#include "fixture.h"

#define FOLDER SOURCE_DIR "/tests/unit/receipt/vectors"

static struct fixture f;
static struct bundle_opening open;

static void
nothing(void)
{
}

static void
bare(void)
{
	open = (struct bundle_opening){ .secret = NULL };
}

static void
tier_0(void)
{
	f.r.tier = RECEIPT_T0;
	f.r.has_tokens = f.r.has_logits = f.r.has_root = false;
	f.r.seed_by_client = false;
	snprintf(f.r.engine, sizeof(f.r.engine), "org.b3iq.ollama 0.1.0");
	snprintf(f.r.profile, sizeof(f.r.profile), "none");
	receipt_label(&f.r);
	open.tokens = NULL;
	open.logits = NULL;
}

static void
failure(void)
{
	f.r.kind = RECEIPT_FAILURE;
	f.r.failure = B3IQ_E_TIMEOUT;
	f.r.seq = 8;
	memset(f.r.prev, 0xab, 32);
	f.r.has_order = true;
	memset(f.r.order, 0xcd, 32);
}

static void
flipped_token(void)
{
	static int32_t ids[FIXTURE_TOKENS];

	memcpy(ids, f.ids, sizeof(ids));
	ids[3] ^= 1;
	open.tokens = ids;
}

static void
truncated(void)
{
	open.n_tokens--;
}

static void
over_counted(void)
{
	f.r.output_tokens += 5;
}

static void
other_params(void)
{
	static char params[512];

	snprintf(params, sizeof(params), "%s", f.params);
	*strstr(params, "700000") = '8';
	open.params = params;
}

static void
swapped_fields(void)
{
	uint8_t keep[32];

	memcpy(keep, f.r.prompt, 32);
	memcpy(f.r.prompt, f.r.output, 32);
	memcpy(f.r.output, keep, 32);
}

static const struct vector {
	const char *name;
	void (*prepare)(void);
	const char *from, *to; /* replaced in the bundle after it was signed, or NULL */
	const char *fails;     /* names, space separated; "" when it is valid         */
	bool        stranger;  /* another key is pinned                               */
} vectors[] = {
	{ "honest", nothing, NULL, NULL, "", false },
	{ "honest-bare", bare, NULL, NULL, "", false },
	{ "honest-tier-0", tier_0, NULL, NULL, "", false },
	{ "honest-failure", failure, NULL, NULL, "", false },
	{ "flipped-token", flipped_token, NULL, NULL, "tokens", false },
	{ "truncated", truncated, NULL, NULL, "tokens counts", false },
	{ "over-counted", over_counted, NULL, NULL, "counts", false },
	{ "other-params", other_params, NULL, NULL, "params", false },
	{ "swapped-fields", swapped_fields, NULL, NULL, "prompt output", false },
	{ "wrong-key", nothing, NULL, NULL, "key", true },
	{ "changed-seed", nothing, "\"value\":\"18446744073709551615\"", "\"value\":\"7\"",
	  "hash signature", false },
	{ "changed-amount", nothing, "\"amount\":\"0\"", "\"amount\":\"1\"", "hash signature", false },
	{ "forged-tier", nothing, "\"tier\":\"T2\"", "\"tier\":\"T0\"", "hash signature tier", false },
	{ "unknown-key", nothing, "{\"amount\":\"0\"", "{\"aaa\":\"0\",\"amount\":\"0\"", "form", false },
	{ "missing-key", nothing, "\"amount\":\"0\",", "", "form", false },
	{ "duplicate-key", nothing, "\"seq\":1,", "\"seq\":1,\"seq\":1,", "form", false },
	{ "float", nothing, "\"seq\":1,", "\"seq\":1.0,", "form", false },
	{ "not-canonical", nothing, "\"seq\":1,", "\"seq\": 1,", "form", false },
};
#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void
replace(struct buf *b, const char *from, const char *to)
{
	char *at = strstr(b->data, from);
	struct buf out;

	assert_non_null(at);
	buf_init(&out, b->max);
	buf_append(&out, b->data, (size_t)(at - b->data));
	buf_puts(&out, to);
	buf_puts(&out, at + strlen(from));
	buf_clear(b);
	buf_append(b, out.data, out.len);
	buf_free(&out);
}

/* The bundle of a vector, and the key that its verifier has pinned. */
static void
make(const struct vector *v, struct buf *bundle, uint8_t pinned[32])
{
	fixture_make(&f);
	open = fixture_opening(&f);
	v->prepare();
	assert_int_equal(fixture_bundle(&f, &open, bundle), B3IQ_OK);
	if (v->from)
		replace(bundle, v->from, v->to);
	memcpy(pinned, ed25519_public(f.key), 32);
	if (v->stranger)
		memset(pinned, 0x0f, 32);
	fixture_free(&f);
}

static void
vector_file(const struct vector *v, struct buf *out)
{
	struct json_object *o = json_object_new_object();
	char key[ED25519_NAME_SIZE];
	struct buf bundle;
	uint8_t pinned[32];

	buf_init(&bundle, BUNDLE_MAX);
	make(v, &bundle, pinned);
	ed25519_name(pinned, key);
	json_put_string(o, "bundle", bundle.data);
	json_put_string(o, "fails", v->fails);
	json_put_string(o, "pinned", key);
	assert_int_equal(json_canonical(o, out, NULL), B3IQ_OK);
	buf_puts(out, "\n");
	json_object_put(o);
	buf_free(&bundle);
}

static void
test_files_are_what_we_make(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct buf want, got;
	char path[PATH_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < N_VECTORS; i++) {
		buf_init(&want, BUNDLE_MAX);
		buf_init(&got, BUNDLE_MAX);
		vector_file(&vectors[i], &want);
		snprintf(path, sizeof(path), FOLDER "/%s.json", vectors[i].name);
		if (path_read(path, &got, &err) != B3IQ_OK)
			fail_msg("%s", err.text);
		assert_string_equal(got.data, want.data);
		buf_free(&want);
		buf_free(&got);
	}
}

static void
test_verdicts(void **state)
{
	struct receipt_report report;
	struct buf bundle, failed;
	uint8_t pinned[32];
	size_t i, k;

	(void)state;
	for (i = 0; i < N_VECTORS; i++) {
		buf_init(&bundle, BUNDLE_MAX);
		buf_init(&failed, 1000);
		make(&vectors[i], &bundle, pinned);
		assert_int_equal(receipt_verify(bundle.data, bundle.len, pinned, 1, &report, NULL),
		                 B3IQ_OK);
		for (k = 0; k < report.n; k++)
			if (report.check[k].result == RECEIPT_FAIL)
				buf_printf(&failed, "%s%s", failed.len ? " " : "", report.check[k].name);
		if (strcmp(failed.len ? failed.data : "", vectors[i].fails) != 0)
			fail_msg("%s: %s", vectors[i].name, failed.len ? failed.data : "nothing fails");
		assert_int_equal(report.valid, vectors[i].fails[0] == '\0');
		buf_free(&bundle);
		buf_free(&failed);
	}
}

static int
write_files(void)
{
	char path[PATH_SIZE];
	struct buf b;
	size_t i;

	for (i = 0; i < N_VECTORS; i++) {
		buf_init(&b, BUNDLE_MAX);
		vector_file(&vectors[i], &b);
		snprintf(path, sizeof(path), FOLDER "/%s.json", vectors[i].name);
		if (path_write(path, b.data, b.len, 0644, NULL) != B3IQ_OK)
			return 1;
		buf_free(&b);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_are_what_we_make),
		cmocka_unit_test(test_verdicts),
	};

	if (argc > 1 && strcmp(argv[1], "write") == 0)
		return write_files();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
