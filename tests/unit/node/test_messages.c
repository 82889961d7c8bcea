#include "node/openai/messages.c"
#include "unit.h"

static struct wrong w;
static struct buf out;

/* The messages or tools of a request, brought to one form; its text is in out. */
static int32_t
convert(const char *json, bool tools)
{
	struct json_object *doc, *body = json_object_new_object();
	struct b3iq_error err = NO_ERR;
	struct arguments args;
	int32_t rc;

	memset(&w, 0, sizeof w);
	assert_ok(json_parse(json, strlen(json), "test", &doc, &err), err);
	rc = arguments_read(doc, ARGUMENTS_CHAT, &args, &w);
	if (rc == B3IQ_OK)
		rc = tools ? messages_add_tools(&args, body, &w) : messages_add(&args, body, &w);
	buf_init(&out, 100000);
	assert_int_equal(json_write(body, &out), B3IQ_OK);
	json_object_put(body);
	json_object_put(doc);
	return rc;
}

static void
expect(const char *json, bool tools, const char *wanted)
{
	const int32_t rc = convert(json, tools);

	if (rc != B3IQ_OK)
		fail_msg("%s: %s", json, w.message);
	assert_string_equal(out.data, wanted);
	buf_free(&out);
}

static void
test_forms(void **state)
{
	(void)state;
	expect("{\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
	       "[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\\u0000\"}],"
	       "\"name\":\"n\"}]}", false,
	       "{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
	       "\"bc\\u0000\",\"name\":\"n\"}]}");
	expect("{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":"
	       "[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
	       "{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"1\"}]}", false,
	       "{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\",\"type\":"
	       "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
	       "\"content\":\"r\",\"tool_call_id\":\"1\"}]}");
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *json, *param;
	} cases[] = {
		{ "{}", "messages" },
		{ "{\"messages\":[5]}", "messages[0]" },
		{ "{\"messages\":[{\"content\":\"a\"}]}", "messages[0].role" },
		{ "{\"messages\":[{\"role\":\"boss\",\"content\":\"a\"}]}", "messages[0].role" },
		{ "{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":5}]}", "messages[0].content" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", "messages[0].content" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
		  "[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"image_url\",\"image_url\":{}}]}]}",
		  "messages[1].content[1].type" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
		  "messages[0].content[0].text" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"mood\":1}]}", "messages[0].mood" },
		{ "{\"messages\":[{\"role\":\"tool\",\"content\":\"a\"}]}", "messages[0].tool_call_id" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":[]}]}",
		  "messages[0].tool_calls" },
		{ "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"id\":\"1\"}]}]}",
		  "messages[0].tool_calls[0]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (convert(cases[i].json, false) != B3IQ_E_INVALID)
			fail_msg("accepted %s", cases[i].json);
		assert_string_equal(w.param, cases[i].param);
		buf_free(&out);
	}
}

#define TOOL "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}"

static void
test_tools(void **state)
{
	static const struct {
		const char *json, *param;
	} wrong[] = {
		{ "{\"tools\":[{}]}", "tools[0]" },
		{ "{\"tool_choice\":\"auto\"}", "tool_choice" },
		{ "{\"tools\":[" TOOL "],\"tool_choice\":\"maybe\"}", "tool_choice" },
		{ "{\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\"}}", "tool_choice" },
		{ "{\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\","
		  "\"function\":{\"name\":\"absent\"}}}", "tool_choice" },
		{ "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"}}}",
		  "response_format" },
		{ "{\"response_format\":{\"type\":\"xml\"}}", "response_format.type" },
		{ "{\"response_format\":{\"type\":\"json_schema\"}}", "response_format.json_schema" },
	};

	(void)state;
	expect("{\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
	       "\"parallel_tool_calls\":false}", true,
	       "{\"tools\":[" TOOL "],\"tool_choice\":\"required\",\"tool_name\":\"f\","
	       "\"parallel_tool_calls\":false}");
	expect("{\"response_format\":{\"type\":\"text\"},\"tools\":[],\"tool_choice\":\"none\"}", true, "{}");
	expect("{\"response_format\":{\"type\":\"json_object\"}}", true,
	       "{\"response_format\":{\"type\":\"json_object\"}}");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (convert(wrong[i].json, true) != B3IQ_E_INVALID)
			fail_msg("accepted %s", wrong[i].json);
		assert_string_equal(w.param, wrong[i].param);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_refuses), cmocka_unit_test(test_tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
