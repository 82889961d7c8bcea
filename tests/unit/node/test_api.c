#include "node/api.c"
#include "live.h"

static struct live live;

static int
setup(void **state)
{
	(void)state;
	live_start(&live, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	live_stop(&live);
	return 0;
}

static void
test_state(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, "/health", NULL), 200);
	assert_int_equal(live_ask(&live, "/ready", NULL), 200);
	atomic_store(&live.node->ready, false);
	assert_int_equal(live_ask(&live, "/ready", NULL), 503);
	assert_int_equal(live_ask(&live, "/health", NULL), 200);
	atomic_store(&live.node->ready, true);
	assert_int_equal(live_ask(&live, "/openapi.yaml", NULL), 200);
	assert_true(live_says(&live, "openapi: 3.1"));
	assert_int_equal(live_ask(&live, "/metrics", NULL), 200);
	assert_true(live_says(&live, "b3iq_instance_up"));
	assert_int_equal(live_ask(&live, "/api/status", NULL), 200);
	assert_true(live_says(&live, live.node->identity.id));
	assert_true(live_says(&live, "\"name\":\"echo\",\"kind\":\"inference\",\"state\":\"ready\""));
}

static void
test_receipts(void **state)
{
	char path[128];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(live_ask(&live, "/v1/completions", "{\"model\":\"echo\",\"prompt\":\"a\"}"), 200);
	snprintf(path, sizeof path, "/v1/receipts/%s", live.reply.receipt);
	assert_int_equal(live_ask(&live, path, NULL), 200);
	assert_true(live_says(&live, "\"signature\""));
	assert_int_equal(live_ask(&live, "/v1/receipts/rcpt_none", NULL), 404);
	assert_true(live_says(&live, "\"code\":\"not_found\""));
	assert_int_equal(live_ask(&live, "/api/receipts?limit=2", NULL), 200);
	assert_true(live_says(&live, "\"seq\":3"));
	assert_true(live_says(&live, "\"next_before\":2"));
	assert_int_equal(live_ask(&live, "/api/receipts?limit=2&before=2", NULL), 200);
	assert_true(live_says(&live, "\"seq\":1"));
	assert_false(live_says(&live, "next_before"));
	assert_int_equal(live_ask(&live, "/api/receipts?limit=0", NULL), 400);
	assert_int_equal(live_ask(&live, "/api/receipts?before=x", NULL), 400);
}

static void
test_restart(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, "/api/plugins/none/restart", ""), 404);
	assert_int_equal(live_ask(&live, "/api/plugins/echo/restart", ""), 200);
	assert_true(live_says(&live, "\"state\":\"ready\""));
	assert_int_equal(live_ask(&live, "/api/audit", NULL), 200);
	assert_true(live_says(&live, "plugin.restarted"));
}

/* Every route says who may enter, and only these are open to all. */
static void
test_table(void **state)
{
	size_t n, open = 0;
	const struct http_route *table = api_routes(70000, &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		open += table[i].scope == NULL;
		assert_true(table[i].body_max <= 70000);
		if (strncmp(table[i].pattern, "/api/", 5) == 0)
			assert_string_equal(table[i].scope, "admin");
	}
	assert_int_equal(open, 3);
	api_routes(65536, &n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state), cmocka_unit_test(test_receipts), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
