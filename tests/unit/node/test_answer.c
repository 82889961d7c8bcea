#include "node/openai/answer.c"
#include "core/http/sse.h"
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

#define CHAT "/v1/chat/completions"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static void
test_whole(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"echo\"," HELLO ",\"max_tokens\":3}"), 200);
	assert_true(live_says(&live, "\"object\":\"chat.completion\""));
	assert_true(live_says(&live, "\"content\":\"{\\\"m\""));
	assert_true(live_says(&live, "\"finish_reason\":\"length\""));
	assert_true(live_says(&live, "\"total_tokens\":"));
	assert_true(live_says(&live, "\"secret\":\""));
	assert_int_equal(strncmp(live.reply.receipt, "rcpt_", 5), 0);
	assert_true(live_says(&live, live.reply.receipt));
}

static void
test_choices(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, "/v1/completions", "{\"model\":\"echo\",\"prompt\":[\"a\",\"b\"],"
	                                                    "\"n\":2,\"seed\":-1}"), 200);
	assert_true(live_says(&live, "\"index\":3"));
	assert_false(live_says(&live, "\"index\":4"));
	assert_true(live_says(&live, "\"value\":\"18446744073709551615\""));
	assert_true(live_says(&live, "\"value\":\"0\"")); /* -1 + 1 */
	assert_int_equal(live_ask(&live, "/v1/completions",
	                          "{\"model\":\"echo\",\"n\":8,\"prompt\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\","
	                          "\"7\",\"8\",\"9\"]}"), 400);
}

struct stream {
	struct buf text;
	int        events, done;
};

static int32_t
each(void *ctx, const char *event, const char *data, size_t len)
{
	struct stream *s = ctx;

	(void)event, (void)len;
	s->events++;
	s->done += strcmp(data, "[DONE]") == 0;
	return buf_printf(&s->text, "%s\n", data);
}

static void
test_stream(void **state)
{
	struct sse_parser parser;
	struct stream s = { 0 };

	(void)state;
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"echo\"," HELLO ",\"max_tokens\":3,\"stream\":true,"
	                                       "\"stream_options\":{\"include_usage\":true}}"), 200);
	buf_init(&s.text, 1u << 20);
	sse_parser_init(&parser, 1u << 20);
	assert_int_equal(sse_parse(&parser, live.reply.body.data, live.reply.body.len, each, &s), B3IQ_OK);
	assert_int_equal(s.events, 1 + 3 + 1 + 1 + 1); /* role, tokens, end, usage, [DONE] */
	assert_int_equal(s.done, 1);
	assert_non_null(strstr(s.text.data, "\"usage\":null"));
	assert_non_null(strstr(s.text.data, "\"completion_tokens\":3"));
	sse_parser_finish(&parser);
	buf_free(&s.text);
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, CHAT, "{"), 400);
	assert_true(live_says(&live, "invalid_json"));
	assert_int_equal(live_ask(&live, CHAT, "{" HELLO "}"), 400);
	assert_true(live_says(&live, "\"param\":\"model\""));
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"none\"," HELLO "}"), 404);
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"echo\",\"logprobs\":true," HELLO "}"), 400);
	assert_true(live_says(&live, "unsupported"));
}

/* Before the first token a stream can still fail with a status; after it, with an event. */
static void
test_failures(void **state)
{
	(void)state;
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"first-busy\",\"stream\":true," HELLO "}"), 429);
	assert_true(live.reply.retry_after_s >= 1);
	assert_true(live_says(&live, "\"failure\":\"E_BUSY\""));
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"internal\",\"stream\":true," HELLO "}"), 200);
	assert_true(live_says(&live, "data: {\"error\":{"));
	assert_true(live_says(&live, "\"failure\":\"E_INTERNAL\""));
	assert_false(live_says(&live, "[DONE]"));
	assert_int_equal(live_ask(&live, CHAT, "{\"model\":\"internal\"," HELLO "}"), 500);
	assert_true(live_says(&live, "\"b3iq\":{"));
}

static void
test_call_ids(void **state)
{
	struct json_object *calls = json_tokener_parse("[{\"index\":0,\"id\":\"call_0\"},{\"index\":0}]");
	struct choice c = { 0 };
	const char *id;

	(void)state;
	assert_int_equal(take_tool_calls(&c, calls), B3IQ_OK);
	assert_int_equal(json_get_string(json_object_array_get_idx(c.tool_calls, 0), "id", "", &id, NULL),
	                 B3IQ_OK);
	assert_int_equal(strlen(id), 5 + 24);
	assert_int_equal(json_object_array_length(c.tool_calls), 2);
	json_object_put(calls);
	choice_finish(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),    cmocka_unit_test(test_choices),
		cmocka_unit_test(test_stream),   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_call_ids),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
