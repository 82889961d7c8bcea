#include "coordinator/jobs/price.c"

#include "core/base/json.h"
#include "unit.h"

static int32_t
read_text(const char *json, uint64_t *out)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc = NULL, *v;
	int32_t rc = json_parse(json, strlen(json), "test", &doc, &err);

	assert_ok(rc, err);
	json_object_object_get_ex(doc, "a", &v);
	rc = price_read(v, "a", out, &err);
	json_object_put(doc);
	return rc;
}

static void
test_read(void **state)
{
	static const struct {
		const char *json;
		uint64_t    want;
	} good[] = {
		{ "{\"a\":0}", 0 },           { "{\"a\":10.5}", 10500000 },
		{ "{\"a\":0.000001}", 1 },    { "{\"a\":0.1}", 100000 },
		{ "{\"a\":1e3}", 1000000000 }, { "{\"a\":\"0.25 AITBC\"}", 250000 },
		{ "{\"a\":\"0.25aitbc\"}", 250000 }, { "{\"a\":\"3\"}", 3000000 },
		{ "{\"a\":1000000}", PRICE_MOST },
	};
	static const char *const bad[] = { "{\"a\":-1}", "{\"a\":1e300}", "{\"a\":0.0000001}",
		                           "{\"a\":1000000.000001}", "{\"a\":\"-1\"}",
		                           "{\"a\":\"1.0000001\"}", "{\"a\":true}", "{\"a\":[]}",
		                           "{\"a\":\"\"}" };
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(read_text(good[i].json, &n), B3IQ_OK);
		assert_int_equal(n, good[i].want);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(read_text(bad[i], &n), B3IQ_E_INVALID);
}

static void
test_cost(void **state)
{
	struct job j = { .mode = JOB_MODE_TIME, .rate = 20000, .escrow = 2000000 };
	struct json_object *o;

	(void)state;
	assert_int_equal(price_of(&j, 12500, 0), 250000); /* the seed's example */
	assert_int_equal(price_of(&j, 49, 0), 980);
	assert_int_equal(price_of(&j, 0, 100), 0);
	assert_int_equal(price_of(&j, UINT64_MAX, 0), j.escrow);
	assert_int_equal(price_of(&j, 1000000, 0), j.escrow);
	j.mode = JOB_MODE_TOKENS;
	assert_int_equal(price_of(&j, 5, 7), 140000);
	j.mode = JOB_MODE_FREE;
	assert_int_equal(price_of(&j, 5, 7), 0);
	assert_int_equal(price_cut(999, 100), 99);
	assert_int_equal(price_cut(UINT64_C(1) << 62, 1000), UINT64_C(1) << 62);
	o = price_number(250000);
	assert_string_equal(json_object_to_json_string(o), "0.25");
	json_object_put(o);
}

UNIT_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_cost))
