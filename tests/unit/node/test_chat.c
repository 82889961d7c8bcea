#include "node/openai/chat.c"
#include "live.h"

static struct json_object *
parse(const char *json)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;

	assert_ok(json_parse(json, strlen(json), "test", &doc, &err), err);
	return doc;
}

static void
expect(struct json_object *o, const char *wanted)
{
	struct buf out;

	buf_init(&out, 100000);
	assert_int_equal(json_write(o, &out), B3IQ_OK);
	assert_string_equal(out.data, wanted);
	buf_free(&out);
	json_object_put(o);
}

static void
test_chunks(void **state)
{
	struct json_object *o = json_object_new_object(), *calls = parse("[{\"index\":0,\"id\":\"c\"}]");

	(void)state;
	assert_int_equal(chunk_part(o, NULL, true), B3IQ_OK);
	expect(o, "{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}");
	o = json_object_new_object();
	assert_int_equal(chunk_part(o, &(struct piece){ .text = "hi", .len = 2 }, false), B3IQ_OK);
	expect(o, "{\"delta\":{\"content\":\"hi\"}}");
	o = json_object_new_object();
	assert_int_equal(chunk_part(o, &(struct piece){ .text = "", .tool_calls = calls,
	                                                .reasoning = "hm" }, false), B3IQ_OK);
	expect(o, "{\"delta\":{\"reasoning_content\":\"hm\",\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}");
	o = json_object_new_object();
	assert_int_equal(chunk_part(o, NULL, false), B3IQ_OK);
	expect(o, "{\"delta\":{}}");
	json_object_put(calls);
}

static void
test_logprobs(void **state)
{
	struct json_object *tokens = parse("[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-1.5,\"top\":"
	                                   "[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-1.5}]}]");
	struct json_object *one = logprobs(tokens, 0), *two = logprobs(tokens, 1), *content;

	(void)state;
	assert_int_equal(more_logprobs(one, two), B3IQ_OK);
	assert_true(json_object_object_get_ex(one, "content", &content));
	assert_int_equal(json_object_array_length(content), 2);
	expect(two, "{\"content\":[{\"token\":\"a\",\"logprob\":-1.5,\"bytes\":[97],\"top_logprobs\":"
	            "[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-1.5}]}],\"refusal\":null}");
	json_object_put(one);
	json_object_put(tokens);
}

/* Calls that came in pieces are whole in an answer. */
static void
test_calls(void **state)
{
	struct choice c = { .tool_calls = parse(
		"[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}},"
		"{\"index\":0,\"function\":{\"arguments\":\"}\"}},"
		"{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"[]\"}}]") };
	struct json_object *o = json_object_new_object();

	(void)state;
	assert_int_equal(whole_part(o, &c, "", 0), B3IQ_OK);
	expect(o, "{\"message\":{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":["
	          "{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"type\":\"function\"},"
	          "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"[]\"},\"type\":\"function\"}]}}");
	json_object_put(c.tool_calls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks), cmocka_unit_test(test_logprobs), cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
