/* Every allocation that passes an answer on failed in turn. */
#include "stream.c"

#include "../torture.h"
#include "bench.h"

static const char *const lines[] = {
	("{\"message\":{\"content\":\"hi\",\"thinking\":\"hm\"},\"logprobs\":[{\"token\":\"hi\","
	 "\"logprob\":-1,\"top_logprobs\":[{\"token\":\"ho\",\"logprob\":-2}]}]}"),
	("{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
	 "\"arguments\":{\"x\":1}}}]},\"logprobs\":[]}"),
	"{\"done\":true,\"done_reason\":\"stop\"}",
};

/* arg: the lines, parsed before: json-c's parser itself does not survive a failed allocation. */
static int32_t
answer(void *arg)
{
	static struct memory_sink sink;
	struct json_object      **line = arg;
	struct b3iq_usage         use = { .size = sizeof use };
	struct b3iq_error         err = { .size = sizeof err };
	struct stream s = { .model = "m",
		            .sink = &sink.base,
		            .usage = &use,
		            .context = 100,
		            .chat = true,
		            .logprobs = true };
	int32_t       rc;

	sink = (struct memory_sink)MEMORY_SINK;
	stream_init(&s);
	rc = take_step(&s, line[0], &err);
	if (!rc)
		rc = take_step(&s, line[1], &err);
	if (!rc)
		take_usage(&s, line[2]);
	if (!rc && (strcmp(sink.text, "hi") != 0 || use.stop != B3IQ_STOP_TOOL ||
	            !strstr(sink.delta, "\"reasoning\":\"hm\"") || !strstr(sink.delta, "\"ho\"") ||
	            !strstr(sink.delta, "{\\\"x\\\":1}")))
		rc = B3IQ_E_INTERNAL;
	stream_finish(&s);
	return rc;
}

static void
test_answers(void **state)
{
	struct json_object *line[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_non_null(line[i] = doc_parse(lines[i], strlen(lines[i])));
	torture("answer", answer, line, B3IQ_E_UNAVAILABLE);
	for (size_t i = 0; i < 3; i++)
		json_object_put(line[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
