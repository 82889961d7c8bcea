#include "node/openai/completions.c"
#include "live.h"

static void
test_bodies(void **state)
{
	struct json_object *doc, *out[ANSWER_PROMPTS_MAX] = { 0 };
	struct b3iq_error err = NO_ERR;
	struct arguments args = { 0 };
	struct wrong w = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(bodies(&args, out, &n, &w), B3IQ_E_INVALID);
	assert_string_equal(w.param, "prompt");
	assert_ok(json_parse("[\"a\",5,[1],\"b\"]", 15, "test", &doc, &err), err);
	args.prompt = doc;
	assert_int_equal(bodies(&args, out, &n, &w), B3IQ_E_INVALID);
	assert_string_equal(w.param, "prompt[1]");
	json_object_put(out[0]);
	json_object_put(doc);
}

static void
test_logprobs(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *tokens, *one, *two;
	struct buf out;
	static const char json[] = "[{\"token\":\"ab\",\"bytes\":[97],\"logprob\":-1.5,\"top\":"
	                           "[{\"token\":\"x\",\"bytes\":[1],\"logprob\":-2.5}]}]";

	(void)state;
	assert_ok(json_parse(json, sizeof json - 1, "test", &tokens, &err), err);
	one = logprobs(tokens, 0);
	two = logprobs(tokens, 2);
	assert_int_equal(more_logprobs(one, two), B3IQ_OK);
	buf_init(&out, 10000);
	assert_int_equal(json_write(one, &out), B3IQ_OK);
	assert_string_equal(out.data, "{\"tokens\":[\"ab\",\"ab\"],\"token_logprobs\":[-1.5,-1.5],"
	                              "\"top_logprobs\":[{\"x\":-2.5},{\"x\":-2.5}],\"text_offset\":[0,2]}");
	buf_free(&out);
	json_object_put(one);
	json_object_put(two);
	json_object_put(tokens);
}

static void
test_default_length(void **state)
{
	struct live live;

	(void)state;
	live_start(&live, NULL);
	assert_int_equal(live_ask(&live, "/v1/completions", "{\"model\":\"echo\",\"prompt\":\"hello world, "
	                                                    "hello\"}"), 200);
	assert_true(live_says(&live, "\"completion_tokens\":16"));
	assert_true(live_says(&live, "\"finish_reason\":\"length\""));
	live_stop(&live);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_logprobs),
		cmocka_unit_test(test_default_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
