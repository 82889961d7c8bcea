#include "node/openai/listing.c"
#include "live.h"

static void
test_list(void **state)
{
	struct live live;
	struct principal *who = live_principal();

	(void)state;
	live_start(&live, NULL);
	assert_int_equal(live_ask(&live, "/v1/models", NULL), 200);
	assert_true(live_says(&live, "\"object\":\"list\""));
	assert_true(live_says(&live, "\"id\":\"echo\",\"object\":\"model\""));
	assert_true(live_says(&live, "\"engine\":\"org.b3iq.example.echo/"));
	assert_int_equal(live_ask(&live, "/v1/models/flaky%2Fok", NULL), 200);
	assert_true(live_says(&live, "\"id\":\"ok\""));
	assert_int_equal(live_ask(&live, "/v1/models/none", NULL), 404);
	assert_true(live_says(&live, "model_not_found"));
	snprintf(who->models, sizeof who->models, "echo"); /* what a key may not use, it does not see */
	assert_int_equal(live_ask(&live, "/v1/models", NULL), 200);
	assert_false(live_says(&live, "\"id\":\"ok\""));
	assert_int_equal(live_ask(&live, "/v1/models/ok", NULL), 404);
	assert_int_equal(live_ask(&live, "/v1/chat/completions", "{\"model\":\"ok\",\"messages\":[{\"role\":"
	                                                         "\"user\",\"content\":\"a\"}]}"), 403);
	who->models[0] = '\0';
	live_stop(&live);
}

static void
test_model(void **state)
{
	const struct node node = { .start_ms = 5000 };
	const struct model m = { .id = "x", .name = "x", .instance = "i", .engine = "e", .profile = "det-v1",
	                         .has_root = true, .root = { 0xab }, .size = 7, .architecture = "llama",
	                         .quantisation = "Q8_0" };
	struct json_object *o = model_object(&node, &m);
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(json_write(o, &out), B3IQ_OK);
	assert_non_null(strstr(out.data, "\"created\":5"));
	assert_non_null(strstr(out.data, "\"root\":\"ab000000"));
	assert_non_null(strstr(out.data, "\"architecture\":\"llama\""));
	assert_non_null(strstr(out.data, "\"quantisation\":\"Q8_0\""));
	buf_free(&out);
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list), cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
