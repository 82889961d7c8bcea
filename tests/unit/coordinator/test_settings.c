#include "coordinator/settings.c"

#include "unit.h"

static int32_t
from(const char *text, struct settings **out, struct b3iq_error *err)
{
	struct json_object *doc = NULL;

	assert_int_equal(json_parse(text, strlen(text), "test", &doc, err), B3IQ_OK);
	return settings_from(doc, out, err);
}

static void
test_defaults(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct settings *s;

	(void)state;
	assert_ok(from("{}", &s, &err), err);
	assert_int_equal(s->port, 8000);
	assert_int_equal(s->rate_time, 20000); /* the seed's 0.02 AITBC a second */
	assert_int_equal(s->no_worker_s, 60);
	assert_int_equal(s->ttl_s, 900);
	assert_false(s->has_ledger);
	assert_true(settings_may_listen(s, "127.0.0.1"));
	assert_true(settings_may_listen(s, "::1"));
	assert_false(settings_may_listen(s, "0.0.0.0"));
	settings_free(s);
	settings_free(NULL);
}

static void
test_ledger(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct settings *s;

	(void)state;
	assert_ok(from("{\"ledger\":{\"plugin\":\"x\",\"config\":{\"path\":\"/y\"},\"signers\":[\"a\"]},"
	               "\"allow_remote\":true,\"log\":{\"format\":\"json\"}}", &s, &err), err);
	assert_true(s->has_ledger);
	assert_string_equal(s->ledger_config, "{\"path\":\"/y\"}");
	assert_string_equal(s->signers[0], "a");
	assert_null(s->signers[1]);
	assert_true(settings_may_listen(s, "0.0.0.0"));
	assert_int_equal(s->log_format, LOG_JSON);
	settings_free(s);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "{\"odd\":1}", "{\"ledger\":{}}", "{\"listen\":{\"port\":70000}}",
		                           "{\"price\":{\"second\":\"-1\"}}",
		                           "{\"times\":{\"lease_s\":0}}" };
	struct settings *s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct b3iq_error err = NO_ERR;

		assert_int_equal(from(bad[i], &s, &err), B3IQ_E_INVALID);
		assert_null(s);
		assert_true(err.text[0]);
	}
}

UNIT_MAIN(cmocka_unit_test(test_defaults), cmocka_unit_test(test_ledger),
          cmocka_unit_test(test_refused))
