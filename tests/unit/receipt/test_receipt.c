/* receipt.c: one text for a receipt, nothing else is read, and no tier claims more than it can. */
#include "../check.h"

#include "core/base/schema.h"
#include "core/receipt/receipt.c"
#include "fixture.h"

static struct fixture f;

static int
set_up(void **state)
{
	(void)state;
	fixture_make(&f);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static char *
body_of(const struct receipt *r)
{
	struct b3iq_error err = NO_ERROR;
	struct buf b;

	buf_init(&b, RECEIPT_MAX);
	if (receipt_write(r, &b, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return buf_take(&b);
}

/* Does schemas/receipt.json accept it inside a well-formed envelope? */
static bool
schema_accepts(const char *body)
{
	static const uint8_t sig[64], pub[32];
	struct json_object *schema, *doc = NULL;
	size_t len;
	const char *text = schema_text("receipt.json", &len);
	struct buf b;
	bool ok;

	buf_init(&b, 2 * RECEIPT_MAX);
	assert_int_equal(receipt_envelope(body, strlen(body), sig, pub, &b, NULL), B3IQ_OK);
	assert_int_equal(json_parse(text, len, "schema", &schema, NULL), B3IQ_OK);
	ok = json_parse(b.data, b.len, "doc", &doc, NULL) == B3IQ_OK &&
	     schema_check(schema, doc, "doc", NULL) == B3IQ_OK;
	json_object_put(doc);
	json_object_put(schema);
	buf_free(&b);
	return ok;
}

static void
test_round_trip(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct receipt back;
	char *body = body_of(&f.r);

	(void)state;
	assert_true(schema_accepts(body));
	if (receipt_read(body, strlen(body), &back, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	assert_memory_equal(&back.order, &f.r.order, sizeof(f.r.order));
	assert_string_equal(back.model, f.r.model);
	assert_true(back.seed == f.r.seed && back.seed_by_client);
	assert_memory_equal(back.tokens, f.r.tokens, 32);
	assert_int_equal(back.finish, f.r.finish);
	free(body);
	/* And each of the optional parts. */
	f.r.has_order = true;
	memset(f.r.order, 9, 32);
	f.r.seq = 2;
	memset(f.r.prev, 1, 32);
	f.r.kind = RECEIPT_FAILURE;
	f.r.failure = B3IQ_E_TIMEOUT;
	f.r.tier = RECEIPT_T3;
	f.r.has_quote = true;
	f.r.seed_by_client = false;
	body = body_of(&f.r);
	assert_true(schema_accepts(body));
	assert_int_equal(receipt_read(body, strlen(body), &back, &err), B3IQ_OK);
	assert_int_equal(back.failure, B3IQ_E_TIMEOUT);
	assert_true(back.has_order && back.has_quote && !back.seed_by_client &&
		    back.tier == RECEIPT_T3);
	free(body);
	f.r.failure = -77; /* of a newer plugin */
	body = body_of(&f.r);
	assert_non_null(strstr(body, "\"failure\":\"E_INTERNAL\""));
	free(body);
}

static void
test_every_field_counts(void **state)
{
	/* Any byte that changes changes the hash, or the body is refused. */
	char *body = body_of(&f.r);
	size_t i, len = strlen(body);
	uint8_t hash[32], other[32];
	struct receipt r;

	(void)state;
	assert_int_equal(receipt_hash(body, len, hash), B3IQ_OK);
	for (i = 0; i < len; i++) {
		body[i] ^= 1;
		assert_int_equal(receipt_hash(body, len, other), B3IQ_OK);
		assert_memory_not_equal(hash, other, 32);
		receipt_read(body, len, &r, NULL); /* must at least not fall over */
		body[i] ^= 1;
	}
	for (i = 0; i < len; i++)
		assert_int_equal(receipt_read(body, i, &r, NULL), B3IQ_E_INVALID);
	free(body);
}

/* Replaces the first `from` in the good body, and reads the result. */
static int32_t
read_with(const char *from, const char *to, struct b3iq_error *err, bool *in_schema)
{
	char *body = body_of(&f.r), *at = strstr(body, from);
	struct receipt r;
	struct buf b;
	int32_t rc;

	if (!at)
		fail_msg("no %s in %s", from, body);
	buf_init(&b, RECEIPT_MAX);
	buf_append(&b, body, (size_t)(at - body));
	buf_puts(&b, to);
	buf_puts(&b, at + strlen(from));
	rc = receipt_read(b.data, b.len, &r, err);
	*in_schema = schema_accepts(b.data);
	buf_free(&b);
	free(body);
	return rc;
}

static void
test_closed_form(void **state)
{
	static const char *const wrong[][2] = { /* what the schema must refuse as well */
		{ "{\"amount\"", "{\"also\":1,\"amount\"" },
		{ "\"amount\":\"0\",", "" },
		{ "\"amount\":\"0\"", "\"amount\":0" },
		{ "\"amount\":\"0\"", "\"amount\":\"00\"" },
		{ "\"amount\":\"0\"", "\"amount\":\"1.5\"" },
		{ "\"amount\":\"0\"", "\"amount\":null" },
		{ "\"seq\":1", "\"seq\":1.5" },
		{ "\"seq\":1", "\"seq\":-1" },
		{ "\"seq\":1", "\"seq\":0" },
		{ "\"cached\":2", "\"cached\":9007199254740992" },
		{ "\"cached\":2", "\"cached\":2,\"cached\":2" },
		{ "\"cached\":2", "\"cached\":2,\"other\":2" },
		{ "\"cached\":2,", "" },
		{ "\"kind\":\"final\"", "\"kind\":\"Final\"" },
		{ "b3iq.receipt/1", "b3iq.receipt/2" },
		{ "rcpt_", "rcpx_" },
		{ "rcpt_0", "rcpt_G" },
		{ "\"node\":\"ed25519:", "\"node\":\"ed25519:A" },
		{ "\"by\":\"client\"", "\"by\":\"me\"" },
		{ "\"value\":\"18446744073709551615\"", "\"value\":\"-1\"" },
		{ "\"value\":\"18446744073709551615\"", "\"value\":5" },
		{ "\"tier\":\"T2\"", "\"tier\":\"T9\"" },
		{ "\"times\":\"signed-claim\"", "\"times\":\"certain\"" },
		{ "\"usage\":{", "\"usage\":[{" },
		{ "\"finish\":\"length\"", "\"finish\":\"\"" },
		{ "\"name\":\"tiny-chat\"", "\"name\":\"\"" },
		{ "\"name\":\"tiny-chat\",", "" },
	};
	struct b3iq_error err = NO_ERROR;
	bool in_schema;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_with(wrong[i][0], wrong[i][1], &err, &in_schema) != B3IQ_E_INVALID)
			fail_msg("read with %s", wrong[i][1]);
		if (in_schema)
			fail_msg("the schema accepts %s", wrong[i][1]);
	}
}

static void
test_bytes_and_rules_beyond_the_schema(void **state)
{
	static const char *const wrong[][3] = {
		{ "\"amount\":\"0\",", "\"amount\": \"0\",", "canonical" },
		{ "tiny-chat", "tiny\\u002dchat", "canonical" },
		{ "\"value\":\"18446744073709551615\"", "\"value\":\"18446744073709551616\"", "2^64" },
		{ "\"finish\":\"length\",", "", "finish is missing" },
		{ "\"finish\":\"length\",", "\"failure\":\"E_BUSY\",\"finish\":\"length\",", "not be there" },
		{ "\"kind\":\"final\"", "\"kind\":\"prefix\"", "finish must not" },
		{ "\"cached\":2", "\"cached\":6", "cached" },
		{ "\"prev\":\"0", "\"prev\":\"1", "prev" },
		{ "\"name\":\"tiny-chat\"", "\"name\":\"a\\nb\"", "printable" },
		{ "\"tokens\":\"recomputed\",", "", "missing" },
		{ "\"tier\":\"T2\"", "\"tier\":\"T0\"", "T0" },
		{ "\"tier\":\"T2\"", "\"tier\":\"T1\"", "T1" },
		{ "\"tier\":\"T2\"", "\"tier\":\"T3\"", "quote" },
		{ "\"profile\":\"det-v1\"", "\"profile\":\"none\"", "profile" },
		{ "\"times\":\"signed-claim\"", "\"times\":\"recomputed\"", "times" },
	};
	struct b3iq_error err = NO_ERROR;
	bool in_schema;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_with(wrong[i][0], wrong[i][1], &err, &in_schema) != B3IQ_E_INVALID)
			fail_msg("read with %s", wrong[i][1]);
		if (!strstr(err.text, wrong[i][2]))
			fail_msg("%s: %s", wrong[i][1], err.text);
	}
}

static void
test_tier_0_never_looks_like_tier_2(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct receipt t0 = f.r, r;
	char *body;

	(void)state;
	t0.tier = RECEIPT_T0;
	t0.has_tokens = t0.has_logits = t0.has_root = false;
	snprintf(t0.profile, sizeof(t0.profile), "none");
	receipt_label(&t0);
	assert_int_equal(t0.model_evidence, RECEIPT_SIGNED_CLAIM);
	body = body_of(&t0);
	assert_null(strstr(body, "recomputed"));
	assert_true(schema_accepts(body));
	free(body);
	r = t0;
	r.has_tokens = true;
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
	r = t0;
	r.has_logits = true;
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
	r = t0;
	snprintf(r.profile, sizeof(r.profile), "det-v1");
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
	r = t0;
	r.output_evidence = RECEIPT_RECOMPUTED;
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
	r = t0;
	r.has_quote = true;
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
	r = t0;
	r.tier = (enum receipt_tier)4;
	assert_int_equal(receipt_check_tier(&r, &err), B3IQ_E_INVALID);
}

static void
test_what_cannot_be_written(void **state)
{
	struct receipt r;
	struct buf b;

	(void)state;
	buf_init(&b, RECEIPT_MAX);
#define REFUSED(change)                                                          \
	do {                                                                     \
		r = f.r;                                                         \
		change;                                                          \
		buf_clear(&b);                                                   \
		assert_int_equal(receipt_write(&r, &b, NULL), B3IQ_E_INVALID);   \
	} while (0)
	REFUSED(r.id[0] = '\0');
	REFUSED(r.model[0] = '\0');
	REFUSED(memset(r.model, 'x', sizeof(r.model)));
	REFUSED(r.model[0] = '\xff');
	REFUSED(r.finish = 0);
	REFUSED(r.finish = 77);
	REFUSED((r.kind = RECEIPT_FAILURE, r.failure = 0));
	REFUSED(r.kind = (enum receipt_kind)3);
	REFUSED(r.end_ms = r.start_ms - 1);
	REFUSED(r.first_ms = r.end_ms + 1);
	REFUSED(r.expires_ms = r.end_ms - 1);
	REFUSED(r.first_ms = 0);
	REFUSED(r.seq = 2);
	REFUSED(r.seq = 0);
	REFUSED(r.output_tokens = SAFE_INTEGER + 1);
	REFUSED(snprintf(r.price, sizeof(r.price), "-1"));
	REFUSED(r.model_evidence = (enum receipt_evidence)9);
#undef REFUSED
	buf_free(&b);
}

static void
test_envelope(void **state)
{
	char *body = body_of(&f.r);
	struct receipt_signed s;
	struct json_object *o;
	uint8_t other[32];
	struct buf b, again;

	(void)state;
	buf_init(&b, RECEIPT_MAX);
	assert_int_equal(receipt_sign(body, strlen(body), f.key, &b, NULL), B3IQ_OK);
	assert_int_equal(json_parse(b.data, b.len, "envelope", &o, NULL), B3IQ_OK);
	buf_init(&again, RECEIPT_MAX);
	assert_int_equal(json_canonical(o, &again, NULL), B3IQ_OK);
	assert_string_equal(b.data, again.data); /* the envelope is canonical as a whole */
	assert_int_equal(receipt_open(o, &s, NULL), B3IQ_OK);
	assert_memory_equal(s.hash, s.stated_hash, 32);
	assert_memory_equal(s.node_key, ed25519_public(f.key), 32);
	assert_int_equal(receipt_signature(&s, ed25519_public(f.key)), B3IQ_OK);
	memcpy(other, ed25519_public(f.key), 32);
	other[3] ^= 4;
	assert_int_equal(receipt_signature(&s, other), B3IQ_E_DENIED);
	s.hash[0] ^= 1;
	assert_int_equal(receipt_signature(&s, ed25519_public(f.key)), B3IQ_E_DENIED);
	json_object_object_del(o, "hash");
	assert_int_equal(receipt_open(o, &s, NULL), B3IQ_E_INVALID);
	assert_int_equal(receipt_open(NULL, &s, NULL), B3IQ_E_INVALID);
	json_object_put(o);
	buf_free(&b);
	buf_free(&again);
	free(body);
}

static void
test_small_help(void **state)
{
	char id[RECEIPT_ID_SIZE], profile[64];

	(void)state;
	receipt_new_id(id);
	assert_true(valid_id(id, strlen(id)));
	receipt_profile("det-v1 / b3iq 0.1.0 / avx2", profile);
	assert_string_equal(profile, "det-v1");
	receipt_profile("det-v1/x", profile);
	assert_string_equal(profile, "det-v1");
	receipt_profile("", profile);
	assert_string_equal(profile, "none");
	receipt_profile(" / x", profile);
	assert_string_equal(profile, "none");
	receipt_profile("a\nb", profile);
	assert_string_equal(profile, "none");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_round_trip),
		TEST(test_every_field_counts),
		TEST(test_closed_form),
		TEST(test_bytes_and_rules_beyond_the_schema),
		TEST(test_tier_0_never_looks_like_tier_2),
		TEST(test_what_cannot_be_written),
		TEST(test_envelope),
		TEST(test_small_help),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
