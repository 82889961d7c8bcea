/* answer.c: the request that the options ask for, and a stream in any pieces. */
#include "../check.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/answer.c"
#include "cli/option.h"

static const struct cli_option options[] = { ANSWER_OPTIONS, REMOTE_OPTIONS, { .name = NULL } };
static const struct cli_command command = { .name = "run", .options = options };

static void
test_request(void **state)
{
	struct cli          cli = { .command = &command, .path = "b3iq run" };
	struct b3iq_error   err = NO_ERROR;
	char *argv[] = { "-m", "tiny", "-t",       "0.5",     "--seed", "9007199254740991",
		         "-n", "7",    "--system", "Be kind." };
	struct json_object *messages, *rq;

	(void)state;
	assert_int_equal(option_parse(&cli, 10, argv, &err), 0);
	messages = answer_messages(&cli);
	assert_true(answer_message(messages, "user", "h\xc3\xa9", 3));
	rq = answer_request(&cli, messages);
	assert_string_equal(
		json_object_to_json_string_ext(rq, JSON_C_TO_STRING_PLAIN),
		"{\"model\":\"tiny\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
		"{\"role\":\"user\",\"content\":\"h\xc3\xa9\"}],\"stream\":true,"
		"\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,"
		"\"seed\":9007199254740991,\"max_completion_tokens\":7}");
	json_object_put(rq);
	json_object_put(messages);
}

static void
test_request_leaves_the_rest_to_the_node(void **state)
{
	struct cli          cli = { .command = &command };
	struct json_object *messages = answer_messages(&cli), *rq = answer_request(&cli, messages);

	(void)state;
	assert_string_equal(json_object_to_json_string_ext(rq, JSON_C_TO_STRING_PLAIN),
	                    "{\"model\":\"default\",\"messages\":[],\"stream\":true,"
	                    "\"stream_options\":{\"include_usage\":true}}");
	json_object_put(rq);
	json_object_put(messages);
}

#define DELTA(text)                                                                              \
	"data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}," \
	"\"finish_reason\":null}]}\n\n"

/* Feeds a stream in pieces of that size; the reader is at its end. */
static int32_t
play(struct reader *r, struct answer *a, struct cli *cli, const char *text, size_t piece)
{
	const size_t len = strlen(text);
	int32_t      rc = B3IQ_OK;

	*cli = (struct cli){ .json = true, .path = "b3iq run" };
	answer_init(a);
	*r = (struct reader){ .cli = cli, .answer = a };
	sse_parser_init(&r->parser, EVENT_MAX);
	for (size_t at = 0; !rc && at < len; at += piece)
		rc = on_data(r, text + at, at + piece < len ? piece : len - at);
	sse_parser_finish(&r->parser);
	return rc;
}

static void
test_stream_in_any_pieces(void **state)
{
	static const char text[] = ": hello\n\n" DELTA("He")
		DELTA("ll\xc3\xb6") "data: "
	                            "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
	                            "\"finish_reason\":\"stop\"}]}\n\n"
				    "data: "
	                            "{\"model\":\"m\",\"choices\":[],\"usage\":{\"completion_"
	                            "tokens\":2},\"b3iq\":{\"version\":1}}\n\n"
				    "data: [DONE]\n\n";
	struct reader r;
	struct answer a;
	struct cli    cli;

	(void)state;
	for (size_t piece = 1; piece < sizeof text; piece += 3) {
		assert_int_equal(play(&r, &a, &cli, text, piece), B3IQ_OK);
		assert_string_equal(a.text.data, "Hell\xc3\xb6");
		assert_string_equal(a.finish, "stop");
		assert_string_equal(a.model, "m");
		assert_non_null(a.usage);
		assert_non_null(a.own);
		assert_true(r.ended);
		answer_finish(&a);
	}
}

static void
test_errors_in_the_stream(void **state)
{
	const int     saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	struct reader r;
	struct answer a;
	struct cli    cli;

	(void)state;
	dup2(null, STDERR_FILENO);
	assert_int_equal(play(&r, &a, &cli,
	                      DELTA("x") "data: {\"error\":{\"message\":\"it broke\"}}\n\n", 9),
	                 B3IQ_DECLINED);
	assert_true(r.said);
	assert_non_null(strstr(json_object_to_json_string(cli.result), "it broke"));
	json_object_put(cli.result);
	answer_finish(&a);
	assert_int_equal(play(&r, &a, &cli, "data: {\"choices\":\n\n", 99), B3IQ_DECLINED);
	json_object_put(cli.result);
	answer_finish(&a);
	/* Odd but harmless shapes are no answer. */
	assert_int_equal(play(&r, &a, &cli,
	                      "data: {\"choices\":[7],\"model\":3}\n\ndata: {\"choices\":[{}]}\n\n",
	                      99),
	                 B3IQ_OK);
	assert_int_equal(a.text.len, 0);
	answer_finish(&a);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(null);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_leaves_the_rest_to_the_node),
		cmocka_unit_test(test_stream_in_any_pieces),
		cmocka_unit_test(test_errors_in_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
