#include "node/openai/arguments.c"
#include "unit.h"

static struct arguments args;
static struct wrong w;
static struct json_object *doc;

static int32_t
read_text(const char *json, int dialect)
{
	struct b3iq_error err = NO_ERR;

	json_object_put(doc);
	memset(&w, 0, sizeof w);
	assert_ok(json_parse(json, strlen(json), "test", &doc, &err), err);
	return arguments_read(doc, dialect, &args, &w);
}

static void
test_reads(void **state)
{
	struct b3iq_gen_request rq = { 0 };

	(void)state;
	assert_int_equal(read_text("{\"model\":\"m\",\"messages\":[{}],\"temperature\":0.5,\"top_p\":null,"
	                           "\"top_k\":-1,\"seed\":-3,\"max_completion_tokens\":7,\"n\":2,"
	                           "\"logprobs\":true,\"top_logprobs\":3,\"user\":\"u\",\"store\":false,"
	                           "\"modalities\":[\"text\"],\"stream\":true,"
	                           "\"stream_options\":{\"include_usage\":true}}", ARGUMENTS_CHAT), B3IQ_OK);
	assert_string_equal(args.model, "m");
	assert_true(args.stream && args.include_usage && args.has_seed);
	assert_int_equal(args.seed, -3);
	assert_int_equal(args.max_tokens, 7);
	arguments_fill(&args, &rq);
	assert_int_equal(rq.max_tokens, 7);
	assert_int_equal(rq.top_k, 0);
	assert_int_equal(rq.top_logprobs, 3);
	assert_int_equal(rq.flags, B3IQ_GEN_LOGPROBS);
	assert_true(rq.temperature == 0.5f && rq.top_p == 1.0f && rq.repetition_penalty == 1.0f);
	assert_int_equal(read_text("{\"prompt\":\"x\",\"logprobs\":2}", ARGUMENTS_TEXT), B3IQ_OK);
	assert_true(args.logprobs && args.top_logprobs == 2);
	assert_null(args.model);
}

static void
test_refuses(void **state)
{
	static const struct {
		int         dialect;
		const char *json, *param, *code;
	} cases[] = {
		{ ARGUMENTS_CHAT, "{\"temperature\":2.1}", "temperature", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"temperature\":\"hot\"}", "temperature", "invalid_type" },
		{ ARGUMENTS_CHAT, "{\"n\":0}", "n", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"n\":1.0}", "n", "invalid_type" },
		{ ARGUMENTS_CHAT, "{\"seed\":\"1\"}", "seed", "invalid_type" },
		{ ARGUMENTS_CHAT, "{\"max_tokens\":4294967296}", "max_tokens", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"max_tokens\":1,\"max_completion_tokens\":2}", "max_tokens",
		  "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"top_logprobs\":1}", "top_logprobs", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"prompt\":\"x\"}", "prompt", "unknown_parameter" },
		{ ARGUMENTS_TEXT, "{\"messages\":[]}", "messages", "unknown_parameter" },
		{ ARGUMENTS_CHAT, "{\"reasoning_effort\":\"high\"}", "reasoning_effort", "unknown_parameter" },
		{ ARGUMENTS_CHAT, "{\"chat_template_kwargs\":1}", "chat_template_kwargs", "invalid_type" },
		{ ARGUMENTS_CHAT, "{\"chat_template_kwargs\":{\"x\":1}}", "chat_template_kwargs.x",
		  "unknown_parameter" },
		{ ARGUMENTS_CHAT, "{\"chat_template_kwargs\":{\"enable_thinking\":1}}",
		  "chat_template_kwargs.enable_thinking", "invalid_type" },
		{ ARGUMENTS_CHAT, "{\"store\":true}", "store", "unsupported_value" },
		{ ARGUMENTS_CHAT, "{\"modalities\":[\"text\",\"audio\"]}", "modalities", "unsupported_value" },
		{ ARGUMENTS_TEXT, "{\"echo\":true}", "echo", "unsupported_value" },
		{ ARGUMENTS_TEXT, "{\"best_of\":3}", "best_of", "unsupported_value" },
		{ ARGUMENTS_CHAT, "{\"stream_options\":{}}", "stream_options", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"stream\":true,\"stream_options\":{\"x\":1}}", "stream_options.x",
		  "unknown_parameter" },
		{ ARGUMENTS_CHAT, "{\"model\":\"\"}", "model", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"model\":\"a\\u0000b\"}", "model", "invalid_value" },
		{ ARGUMENTS_CHAT, "{\"messages\":{}}", "messages", "invalid_type" },
		{ ARGUMENTS_CHAT, "[1]", "", "invalid_json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (read_text(cases[i].json, cases[i].dialect) != B3IQ_E_INVALID)
			fail_msg("accepted %s", cases[i].json);
		assert_int_equal(w.status, 400);
		assert_string_equal(w.param, cases[i].param);
		assert_string_equal(w.code, cases[i].code);
	}
}

static int32_t
body_of(const char *json, struct buf *out)
{
	struct json_object *body = json_object_new_object();
	int32_t rc;

	assert_int_equal(read_text(json, ARGUMENTS_CHAT), B3IQ_OK);
	rc = arguments_body(&args, body, &w);
	buf_clear(out);
	assert_int_equal(json_write(body, out), B3IQ_OK);
	json_object_put(body);
	return rc;
}

static void
test_body(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	assert_int_equal(body_of("{\"stop\":\"a\",\"logit_bias\":{\"5\":-1.5}}", &out), B3IQ_OK);
	assert_string_equal(out.data, "{\"stop\":[\"a\"],\"logit_bias\":{\"5\":-1.5}}");
	assert_int_equal(body_of("{\"stop\":[\"a\",\"b\"]}", &out), B3IQ_OK);
	assert_string_equal(out.data, "{\"stop\":[\"a\",\"b\"]}");
	assert_int_equal(body_of("{\"stop\":[],\"logit_bias\":{}}", &out), B3IQ_OK);
	assert_string_equal(out.data, "{}");
	assert_int_equal(body_of("{\"chat_template_kwargs\":{\"enable_thinking\":true}}", &out), B3IQ_OK);
	assert_string_equal(out.data, "{}");
	assert_int_equal(body_of("{\"chat_template_kwargs\":{\"enable_thinking\":false}}", &out), B3IQ_OK);
	assert_string_equal(out.data, "{\"thinking\":false}");
	assert_int_equal(body_of("{\"stop\":[\"a\",5]}", &out), B3IQ_E_INVALID);
	assert_string_equal(w.param, "stop[1]");
	assert_int_equal(body_of("{\"stop\":\"\"}", &out), B3IQ_E_INVALID);
	assert_int_equal(body_of("{\"stop\":7}", &out), B3IQ_E_INVALID);
	assert_int_equal(body_of("{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"1\","
	                         "\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"]}", &out), B3IQ_E_INVALID);
	assert_int_equal(body_of("{\"logit_bias\":{\"x\":1}}", &out), B3IQ_E_INVALID);
	assert_string_equal(w.param, "logit_bias.x");
	assert_int_equal(body_of("{\"logit_bias\":{\"1\":101}}", &out), B3IQ_E_INVALID);
	assert_int_equal(body_of("{\"logit_bias\":{\"1\":\"x\"}}", &out), B3IQ_E_INVALID);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses), cmocka_unit_test(test_body),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	json_object_put(doc);
	return failed;
}
