/* settled.c: a whole and true document passes; whatever is changed in it shows, and in the right check. */
#include "../check.h"

#include "cli/settled.c"
#include "core/receipt/params.h"

#include "../receipt/fixture.h"

#define QUESTION "What is it?"
#define REQUEST  "{\"messages\":[{\"content\":\"" QUESTION "\",\"role\":\"user\"}]}"
#define JOB      "job_1"

struct scene {
	struct fixture      f;
	struct ed25519_key *coordinator, *stranger;
	struct json_object *doc;
};

static void
put_hex(struct json_object *to, const char *key, const void *bytes, size_t n)
{
	char hex[257];

	hex_encode(bytes, n, hex);
	assert_int_equal(json_put_string(to, key, hex), B3IQ_OK);
}

/* The order's text; its hash goes into the receipt. */
static struct json_object *
make_order(struct scene *s)
{
	struct json_object *order = json_object_new_object();
	uint8_t             secret[32], digest[32];
	char                text[512], hex[65];

	memset(secret, 0x42, sizeof secret);
	assert_int_equal(commit_field(secret, COMMIT_PROMPT, REQUEST, strlen(REQUEST), digest), B3IQ_OK);
	hex_encode(digest, 32, hex);
	snprintf(text, sizeof text,
	         "{\"deadline_ms\":1,\"job\":\"" JOB "\",\"max_price\":\"0\",\"model\":\"tiny-chat\","
	         "\"params\":\"00\",\"prompt\":\"%s\",\"version\":\"b3iq.order/1\"}", hex);
	assert_int_equal(order_hash(text, hex), B3IQ_OK);
	assert_true(hex_decode(hex, 64, s->f.r.order, 32));
	s->f.r.has_order = true;
	json_put_string(order, "text", text);
	put_hex(order, "secret", secret, 32);
	return order;
}

static struct json_object *
sign_verdict(struct json_object *body, const struct ed25519_key *key)
{
	struct json_object *verdict = json_object_new_object();
	uint8_t             sig[ED25519_SIGNATURE], hash[32];
	struct buf          m;

	buf_init(&m, 65536);
	buf_puts(&m, "b3iq.verdict/1\n");
	assert_int_equal(json_canonical(body, &m, NULL), B3IQ_OK);
	assert_int_equal(ed25519_sign(key, m.data, m.len, sig, NULL), B3IQ_OK);
	assert_int_equal(sha256(m.data, m.len, hash), B3IQ_OK);
	json_put(verdict, "body", json_object_get(body));
	put_hex(verdict, "hash", hash, 32);
	put_hex(verdict, "signature", sig, sizeof sig);
	buf_free(&m);
	return verdict;
}

static struct json_object *
make_verdict(struct scene *s, const char *receipt_hash)
{
	struct json_object *body = json_object_new_object(), *verdict;

	json_put_string(body, "version", "b3iq.verdict/1");
	json_put_string(body, "job", JOB);
	json_put_string(body, "amount", "250000");
	json_put_string(body, "receipt", receipt_hash);
	put_hex(body, "order", s->f.r.order, 32);
	verdict = sign_verdict(body, s->coordinator);
	json_object_put(body);
	return verdict;
}

/* A tree of two: the receipt, and another one. */
static struct json_object *
make_anchor(const char *receipt_hash)
{
	struct json_object *anchor = json_object_new_object(), *path = json_object_new_array();
	uint8_t             leaves[64], root[32];
	char                hex[65];

	memset(leaves, 0x17, sizeof leaves);
	assert_true(hex_decode(receipt_hash, 64, leaves, 32));
	assert_int_equal(merkle_root_of(leaves, 2, root), B3IQ_OK);
	hex_encode(leaves + 32, 32, hex);
	json_object_array_add(path, json_object_new_string(hex));
	json_put(anchor, "path", path);
	put_hex(anchor, "root", root, 32);
	json_put_int(anchor, "index", 0);
	json_put_int(anchor, "count", 2);
	json_put_string(anchor, "ref", "0xabc");
	return anchor;
}

static int
setup(void **state)
{
	struct scene         *s = calloc(1, sizeof *s);
	struct json_object   *receipt = json_object_new_object(), *bundle, *order, *envelope;
	struct bundle_opening opening;
	struct buf            text;
	const char           *hash;

	fixture_make(&s->f);
	assert_int_equal(ed25519_generate(&s->coordinator, NULL), B3IQ_OK);
	assert_int_equal(ed25519_generate(&s->stranger, NULL), B3IQ_OK);
	snprintf(s->f.prompt, sizeof s->f.prompt, "%s", REQUEST);
	fixture_commit(&s->f);
	order = make_order(s);
	opening = fixture_opening(&s->f);
	buf_init(&text, 1u << 20);
	assert_int_equal(fixture_bundle(&s->f, &opening, &text), B3IQ_OK);
	bundle = json_tokener_parse(text.data);
	envelope = json_object_object_get(bundle, "receipt");
	hash = json_object_get_string(json_object_object_get(envelope, "hash"));
	s->doc = json_object_new_object();
	json_put_string(receipt, "job_id", JOB);
	json_put_string(receipt, "amount_units", "250000");
	json_put(receipt, "node_receipt", json_object_get(envelope));
	json_put(receipt, "verdict", make_verdict(s, hash));
	json_put(receipt, "anchor", make_anchor(hash));
	json_put_string(s->doc, "result", s->f.output);
	json_put(s->doc, "receipt", receipt);
	json_put(s->doc, "openings", json_object_get(json_object_object_get(bundle, "openings")));
	json_put(s->doc, "order", order);
	json_object_put(bundle);
	buf_free(&text);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	json_object_put(s->doc);
	ed25519_free(s->coordinator);
	ed25519_free(s->stranger);
	fixture_free(&s->f);
	free(s);
	return 0;
}

static void
verify(const struct scene *s, const char *question, struct settled_report *r)
{
	struct b3iq_error err = NO_ERROR;

	assert_int_equal(settled_verify(s->doc, question,
	                                &(struct settled_pins){
						.coordinators = ed25519_public(s->coordinator),
						.n_coordinators = 1 }, r, &err), B3IQ_OK);
}

static enum receipt_result
found(const struct settled_report *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->check[i].name, name) == 0)
			return r->check[i].result;
	fail_msg("no check %s", name);
	return RECEIPT_NOT_CHECKED;
}

static void
test_true(void **state)
{
	static const char *const passing[] = { "verdict", "form",  "hash",   "signature", "key",
		                               "prompt",  "output", "tokens", "order",     "question",
		                               "answer",  "anchor" };
	struct settled_report r;

	verify(*state, QUESTION, &r);
	assert_true(r.valid);
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (found(&r, passing[i]) != RECEIPT_PASS)
			fail_msg("%s", passing[i]);
	assert_true(settled_is(((struct scene *)*state)->doc));
	assert_false(settled_is(NULL));
	verify(*state, NULL, &r); /* a home that did not ask */
	assert_true(r.valid);
	assert_int_equal(found(&r, "question"), RECEIPT_NOT_CHECKED);
}

static struct json_object *
at(struct json_object *of, const char *path)
{
	char key[64];

	while (of && *path) {
		const size_t n = strcspn(path, ".");

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		of = json_object_object_get(of, key);
		path += n + (path[n] == '.');
	}
	return of;
}

/* Every claim in turn says something else. */
static void
test_changed(void **state)
{
	static const struct {
		const char *at, *key, *value, *check;
	} cases[] = {
		{ "", "result", "\"another answer\"", "answer" },
		{ "openings", "output", "\"another answer\"", "output" },
		{ "openings", "prompt", "\"{}\"", "prompt" },
		{ "receipt", "amount_units", "\"250001\"", "verdict" },
		{ "receipt", "job_id", "\"job_2\"", "verdict" },
		{ "receipt.verdict.body", "amount", "\"1\"", "verdict" },
		{ "receipt.verdict.body", "receipt", "\"00\"", "verdict" },
		{ "receipt.verdict", "signature", "\"00\"", "verdict" },
		{ "receipt.verdict", "hash", "\"00\"", "verdict" },
		{ "receipt.node_receipt", "signature", NULL, "form" },
		{ "receipt.node_receipt.receipt.usage", "output", "9", "hash" },
		{ "order", "text", "\"{}\"", "order" },
		{ "order", "secret", "\"0000000000000000000000000000000000000000000000000000000000000000\"", "order" },
		{ "receipt.anchor", "root",
		  "\"0000000000000000000000000000000000000000000000000000000000000000\"", "anchor" },
		{ "receipt.anchor", "index", "1", "anchor" },
		{ "receipt.anchor", "path", "[7]", "anchor" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settled_report r;
		struct json_object   *of;

		teardown(state);
		setup(state);
		of = at(((struct scene *)*state)->doc, cases[i].at);
		assert_non_null(of);
		json_object_object_del(of, cases[i].key);
		if (cases[i].value)
			json_object_object_add(of, cases[i].key, json_tokener_parse(cases[i].value));
		verify(*state, QUESTION, &r);
		if (r.valid || found(&r, cases[i].check) != RECEIPT_FAIL)
			fail_msg("%s.%s: %s did not fail", cases[i].at, cases[i].key, cases[i].check);
	}
}

/* Another question of this client; another coordinator; another node than the pinned one. */
static void
test_others(void **state)
{
	struct scene         *s = *state;
	struct settled_report r;
	struct settled_pins   pins = { .coordinators = ed25519_public(s->stranger), .n_coordinators = 1 };
	struct b3iq_error     err = NO_ERROR;

	verify(s, "Another question?", &r);
	assert_int_equal(found(&r, "question"), RECEIPT_FAIL);
	assert_int_equal(settled_verify(s->doc, NULL, &pins, &r, &err), B3IQ_OK);
	assert_int_equal(found(&r, "verdict"), RECEIPT_FAIL);
	assert_int_not_equal(found(&r, "key"), RECEIPT_PASS); /* nobody vouches for the node */
	assert_false(r.valid);
	pins = (struct settled_pins){ .coordinators = ed25519_public(s->coordinator), .n_coordinators = 1,
		                      .nodes = ed25519_public(s->stranger), .n_nodes = 1 };
	assert_int_equal(settled_verify(s->doc, NULL, &pins, &r, &err), B3IQ_OK);
	assert_int_equal(found(&r, "verdict"), RECEIPT_PASS);
	assert_int_equal(found(&r, "key"), RECEIPT_FAIL);
	pins = (struct settled_pins){ .n_coordinators = 0 };
	assert_int_equal(settled_verify(s->doc, NULL, &pins, &r, &err), B3IQ_OK);
	assert_int_equal(found(&r, "verdict"), RECEIPT_NOT_CHECKED);
	assert_false(r.valid); /* nothing that is not signed by somebody known is valid */
}

/* A job of a worker that signs nothing: the verdict alone. */
static void
test_unverified(void **state)
{
	struct scene         *s = *state;
	struct json_object   *receipt = json_object_object_get(s->doc, "receipt");
	struct json_object   *body = json_object_new_object();
	struct settled_report r;

	json_object_object_del(receipt, "node_receipt");
	verify(s, QUESTION, &r);
	assert_int_equal(found(&r, "verdict"), RECEIPT_FAIL); /* it is about a receipt that is gone */
	json_put_string(body, "version", "b3iq.verdict/1");
	json_put_string(body, "job", JOB);
	json_put_string(body, "amount", "250000");
	json_put(receipt, "verdict", sign_verdict(body, s->coordinator));
	json_object_object_del(receipt, "anchor");
	verify(s, QUESTION, &r);
	assert_int_equal(found(&r, "verdict"), RECEIPT_PASS);
	assert_int_equal(found(&r, "form"), RECEIPT_NOT_CHECKED);
	assert_int_equal(found(&r, "anchor"), RECEIPT_NOT_CHECKED);
	json_object_put(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_true, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unverified, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
