#include "node/worker/lease.c"

#include "desk.h"

static void
test_good(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct lease l;

	(void)state;
	assert_ok(lease_read(desk_job(7, "m/x:latest", true), &l, &err), err);
	assert_string_equal(l.job, "job_7");
	assert_string_equal(l.id, "lease_7");
	assert_string_equal(l.model, "m/x:latest");
	assert_int_equal(l.request_len, strlen(l.request));
	assert_true(l.stream && l.has_seed && l.seed == UINT64_MAX);
	lease_free(&l);
	lease_free(&l);
}

/* Each thing that can be wrong; `id` tells whether the lease can still be handed back. */
static void
test_bad(void **state)
{
	static const struct {
		const char *key, *json; /* json NULL: the member is missing */
		bool        id;
	} cases[] = {
		{ "job_id", NULL, false }, { "job_id", "7", false }, { "job_id", "\"../x\"", false },
		{ "lease", NULL, false }, { "lease", "\"lease_1\"", false }, { "lease", "{}", false },
		{ "lease", "{\"id\":\"a/b\"}", false }, { "model", NULL, true }, { "model", "\"\"", true },
		{ "model", "\"other\"", true }, { "request", NULL, true }, { "request", "{}", true },
		{ "params", NULL, true }, { "params", "[]", true }, { "params", "{\"flags\":0}", true },
		{ "seed", "\"\"", true }, { "seed", "\"-1\"", true }, { "seed", "\"1 \"", true },
		{ "seed", "\"18446744073709551616\"", true }, { "seed", "\"12x\"", true },
		{ "stream", "\"yes\"", true }, { "order", NULL, true }, { "order", "\"00\"", true },
		{ "order_text", NULL, true }, { "order_text", "\"{}\"", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *doc = desk_job(1, "m", false);
		struct b3iq_error err = NO_ERR;
		struct lease l;

		json_object_object_del(doc, cases[i].key);
		if (cases[i].json)
			json_object_object_add(doc, cases[i].key, json_tokener_parse(cases[i].json));
		if (lease_read(doc, &l, &err) != B3IQ_E_INVALID || !err.text[0])
			fail_msg("%s = %s was taken", cases[i].key, cases[i].json ? cases[i].json : "");
		if (cases[i].id)
			assert_string_equal(l.id, "lease_1");
		lease_free(&l);
	}
}

/* An order of the right hash about something else. */
static void
test_other_order(void **state)
{
	static const char *const from[] = { "\"job\":\"job_1\"", "\"model\":\"m\"", "b3iq.order/1",
		                            "\"params\":\"" };
	static const char *const to[] = { "\"job\":\"job_2\"", "\"model\":\"n\"", "b3iq.order/2",
		                          "\"params\":\"0" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct json_object *doc = desk_job(1, "m", false), *text;
		char changed[1024], hash[65];
		struct b3iq_error err = NO_ERR;
		const char *at;
		uint8_t digest[32];
		struct sha256 s;
		struct lease l;

		assert_true(json_object_object_get_ex(doc, "order_text", &text));
		at = strstr(json_object_get_string(text), from[i]);
		assert_non_null(at);
		snprintf(changed, sizeof changed, "%.*s%s%s",
		         (int)(at - json_object_get_string(text)), json_object_get_string(text), to[i],
		         at + strlen(from[i]));
		sha256_begin(&s);
		sha256_add(&s, domain, sizeof domain - 1);
		sha256_add(&s, changed, strlen(changed));
		assert_int_equal(sha256_end(&s, digest), B3IQ_OK);
		hex_encode(digest, 32, hash);
		json_put_string(doc, "order_text", changed);
		json_put_string(doc, "order", hash);
		assert_int_equal(lease_read(doc, &l, &err), B3IQ_E_INVALID);
		assert_non_null(strstr(err.text, "something else"));
		lease_free(&l);
	}
}

static void
test_no_object(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct lease l;

	(void)state;
	assert_int_equal(lease_read(json_object_new_array(), &l, &err), B3IQ_E_INVALID);
	lease_free(&l);
	assert_int_equal(lease_read(NULL, &l, &err), B3IQ_E_INVALID);
	lease_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_other_order), cmocka_unit_test(test_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
