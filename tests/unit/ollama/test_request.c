#include "request.c"

#include "bench.h"

static struct b3iq_gen_request
asking(const char *body)
{
	return (struct b3iq_gen_request){ .size = sizeof(struct b3iq_gen_request),
		                          .model = "m",
		                          .body = body,
		                          .body_len = strlen(body),
		                          .seed = 1ull << 40 | 7,
		                          .max_tokens = 9,
		                          .top_k = 40,
		                          .temperature = 0.7f,
		                          .top_p = 0.9f,
		                          .min_p = 0.05f,
		                          .repetition_penalty = 1.1f,
		                          .presence_penalty = 0.5f,
		                          .frequency_penalty = -0.25f };
}

static const struct config config = { .keep_alive = "5m" };

static void
becomes(const char *body, const char *expected)
{
	const struct b3iq_gen_request rq = asking(body);
	struct b3iq_error             err = { .size = sizeof err };
	struct request                r;

	assert_int_equal(request_make(&r, &config, &rq, 4096, &err), B3IQ_OK);
	assert_string_equal(doc_text(r.body, NULL), expected);
	request_finish(&r);
}

static void
refused(const char *body, int32_t code, const char *names)
{
	const struct b3iq_gen_request rq = asking(body);
	struct b3iq_error             err = { .size = sizeof err };
	struct request                r;

	assert_int_equal(request_make(&r, &config, &rq, 4096, &err), code);
	assert_non_null(strstr(err.text, names));
	request_finish(&r);
}

#define HEAD                                                                                  \
	"{\"model\":\"m\",\"stream\":true,\"truncate\":false,\"shift\":false,\"keep_alive\":" \
	"\"5m\","
#define OPTIONS                                                                              \
	"\"options\":{\"temperature\":0.7,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.05,"       \
	"\"repeat_penalty\":1.1,\"presence_penalty\":0.5,\"frequency_penalty\":-0.25,\"seed\":7," \
	"\"num_predict\":9,\"num_ctx\":4096"

static void
a_conversation(void **state)
{
	(void)state;
	becomes("{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
	        "\"content\":\"h\\u00e9\"}],"
	        "\"stop\":[\"END\"]}",
	        HEAD "\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
	             "{\"role\":\"user\",\"content\":\"h\xc3\xa9\"}]," OPTIONS
	             ",\"stop\":[\"END\"]}}");
}

static void
a_raw_prompt(void **state)
{
	(void)state;
	becomes("{\"prompt\":\"Once\"}", HEAD "\"raw\":true,\"prompt\":\"Once\"," OPTIONS "}}");
}

static void
tools_and_their_answers(void **state)
{
	(void)state;
	becomes("{\"messages\":["
	        "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
	        "\"function\","
	        "\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1.50}\"}}]},"
	        "{\"role\":\"tool\",\"content\":\"3\",\"tool_call_id\":\"c1\"}],"
	        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"strict\":false}"
	        "}],"
	        "\"tool_choice\":\"auto\",\"logit_bias\":{}}",
	        HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{"
	             "\"function\":"
	             "{\"name\":\"add\",\"arguments\":{\"a\":1.50}}}]},"
	             "{\"role\":\"tool\",\"content\":\"3\",\"tool_name\":\"add\"}],"
	             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"strict\":"
	             "false}}]," OPTIONS "}}");
	/* none: the model is not told of them */
	becomes("{\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\"}"
	        "}],"
	        "\"tool_choice\":\"none\"}",
	        HEAD "\"messages\":[]," OPTIONS "}}");
}

static void
formats(void **state)
{
	(void)state;
	becomes("{\"messages\":[],\"response_format\":{\"type\":\"text\"}}",
	        HEAD "\"messages\":[]," OPTIONS "}}");
	becomes("{\"messages\":[],\"response_format\":{\"type\":\"json_object\"}}",
	        HEAD "\"messages\":[],\"format\":\"json\"," OPTIONS "}}");
	becomes("{\"messages\":[],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	        "{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}}",
	        HEAD "\"messages\":[],\"format\":{\"type\":\"object\"}," OPTIONS "}}");
	refused("{\"messages\":[],\"response_format\":{\"type\":\"xml\"}}", B3IQ_E_INVALID,
	        "response_format");
	refused("{\"messages\":[],\"response_format\":{\"type\":\"json_schema\"}}", B3IQ_E_INVALID,
	        "response_format");
}

static void
nothing_is_ignored(void **state)
{
	(void)state;
	refused("{\"messages\":[],\"logit_bias\":{\"5\":1}}", B3IQ_E_UNSUPPORTED, "logit_bias");
	refused("{\"messages\":[],\"audio\":true}", B3IQ_E_UNSUPPORTED, "audio");
	refused("{\"messages\":[],\"tool_choice\":\"required\"}", B3IQ_E_UNSUPPORTED,
	        "tool_choice");
	refused("{\"messages\":[],\"tool_name\":\"x\"}", B3IQ_E_UNSUPPORTED, "tool_choice");
	refused("{\"messages\":[],\"tools\":[{\"function\":{\"name\":\"a\"}}],"
	        "\"parallel_tool_calls\":false}", B3IQ_E_UNSUPPORTED, "parallel_tool_calls");
	refused("{\"messages\":[],\"tools\":[{\"function\":{\"name\":\"a\",\"strict\":true}}]}",
	        B3IQ_E_UNSUPPORTED, "strict");
	refused("{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":\"bob\"}]}",
	        B3IQ_E_UNSUPPORTED, "name");
	refused("{\"prompt\":\"x\",\"tools\":[]}", B3IQ_E_UNSUPPORTED, "tools");
}

static void
malformed_bodies(void **state)
{
	(void)state;
	refused("", B3IQ_E_INVALID, "JSON");
	refused("[]", B3IQ_E_INVALID, "JSON");
	refused("{}", B3IQ_E_INVALID, "either");
	refused("{\"messages\":[],\"prompt\":\"x\"}", B3IQ_E_INVALID, "either");
	refused("{\"messages\":{}}", B3IQ_E_INVALID, "messages");
	refused("{\"messages\":[1]}", B3IQ_E_INVALID, "messages[0]");
	refused("{\"messages\":[{\"role\":\"user\"}]}", B3IQ_E_INVALID, "content");
	refused("{\"messages\":[],\"stop\":\"x\"}", B3IQ_E_INVALID, "stop");
	refused("{\"messages\":[],\"tools\":{}}", B3IQ_E_INVALID, "tools");
	refused("{\"messages\":[{\"role\":\"tool\",\"content\":\"3\",\"tool_call_id\":\"c9\"}]}",
	        B3IQ_E_INVALID, "tool_call_id");
	refused("{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":"
	        "\"c\","
	        "\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}]}]}",
	        B3IQ_E_INVALID, "arguments");
	refused("{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{}]}]}",
	        B3IQ_E_INVALID, "tool call");
}

static void
zeros_have_their_meaning(void **state)
{
	struct b3iq_gen_request rq = asking("{\"prompt\":\"\"}");
	struct b3iq_error       err = { .size = sizeof err };
	struct request          r;
	struct json_object     *o;

	(void)state;
	rq.max_tokens = 0;
	rq.repetition_penalty = 0;
	rq.temperature = 0;
	rq.flags = B3IQ_GEN_LOGPROBS;
	rq.top_logprobs = 3;
	assert_int_equal(request_make(&r, &config, &rq, 4096, &err), B3IQ_OK);
	o = doc_member(r.body, "options", json_type_object);
	assert_int_equal(doc_count(o, "num_predict"), 4096);
	assert_string_equal(doc_text(member(o, "repeat_penalty"), NULL), "1");
	assert_string_equal(doc_text(member(o, "temperature"), NULL), "0");
	assert_true(doc_true(r.body, "logprobs"));
	assert_int_equal(doc_count(r.body, "top_logprobs"), 3);
	request_finish(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(a_raw_prompt),
		cmocka_unit_test(tools_and_their_answers),
		cmocka_unit_test(formats),
		cmocka_unit_test(nothing_is_ignored),
		cmocka_unit_test(malformed_bodies),
		cmocka_unit_test(zeros_have_their_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
