/* commands/submit.c: what is sent, what is kept, how it waits and what it shows in the end. */
#include "session.h"

#include "canned.h"
#include "cli/commands/submit.c"

#define JSON(status, body)                                                  \
	"HTTP/1.1 " status " X\r\nContent-Type: application/json\r\n"       \
	"Connection: close\r\n\r\n" body
#define PENDING JSON("201", "{\"job_id\":\"job_1\",\"status\":\"pending\",\"state\":\"QUEUED\"}")
#define RUNNING JSON("200", "{\"job_id\":\"job_1\",\"state\":\"RUNNING\"}")
#define DONE                                                                                       \
	JSON("200", "{\"job_id\":\"job_1\",\"status\":\"completed\",\"receipt_id\":\"receipt_7\","     \
	            "\"submitted_at\":\"2025-01-29T14:50:01Z\",\"completed_at\":\"2025-01-29T14:50:18.2Z\"}")
#define RESULT                                                                                     \
	JSON("200", "{\"result\":{\"output\":\"Machine learning is\"},\"receipt\":{\"receipt_id\":"    \
	            "\"receipt_7\",\"job_id\":\"job_1\",\"amount_paid\":\"0.25aitbc\"}}")
#define FAILED                                                                                     \
	JSON("200", "{\"job_id\":\"job_1\",\"status\":\"failed\",\"error\":\"model_not_found\"}")
#define WHY JSON("409", "{\"detail\":\"the job is failed: model_not_found: no such thing\"}")

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_submit, NULL },
};

static int
submit_words(struct session *s, struct canned *c, const char *const *answers, const char *const *words)
{
	const char *all[SESSION_WORDS] = { "submit", "--url", c->url };
	int         exit;

	for (size_t i = 0; words[i]; i++)
		all[3 + i] = words[i];
	canned_begin(c, answers);
	exit = session_words(s, all);
	canned_end(c);
	return exit;
}
#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void
test_body(void **state)
{
	struct session s;
	struct canned  c, again;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING),
	                              WORDS("inference", "--prompt", "What?", "--model", "llama3.2:latest",
	                                    "--ttl", "60", "--payment", "0.5", "-n", "9", "-t", "0",
	                                    "--seed", "3")), CLI_OK);
	assert_string_equal(s.out, "Job ID: job_1\nStatus: pending\n");
	assert_says(c.asked[0], "POST /v1/jobs HTTP");
	assert_says(c.asked[0], "{\"type\":\"inference\",\"prompt\":\"What?\",\"model\":\"llama3.2:latest\","
	                        "\"payment_amount\":\"0.5\",\"ttl_seconds\":60,\"max_tokens\":9,\"seed\":3,"
	                        "\"temperature\":0}");
	assert_says(c.asked[0], "Idempotency-Key: idem_");
	assert_int_equal(submit_words(&s, &again, WORDS(PENDING), WORDS("inference", "two", "words")), CLI_OK);
	assert_says(again.asked[0], "\"prompt\":\"two words\"}");
	assert_string_not_equal(strstr(again.asked[0], "Idempotency-Key: idem_"),
	                        strstr(c.asked[0], "Idempotency-Key: idem_"));
	session_type(&s, "from\nstdin");
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("chat", "-f", "-", "--idempotency-key",
	                                                             "mine")), CLI_OK);
	assert_says(c.asked[0], "{\"type\":\"chat\",\"prompt\":\"from\\nstdin\"}");
	assert_says(c.asked[0], "Idempotency-Key: mine\r\n");
	session_end(&s);
}

static void
test_usage(void **state)
{
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference")), CLI_USAGE);
	assert_says(s.err, "there is no prompt");
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference", "-p", "a", "b")), CLI_USAGE);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference", "-p", "a", "-f", "-")),
	                 CLI_USAGE);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference", "-p", "a",
	                                                             "--idempotency-key", "a\nb")), CLI_USAGE);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference", "-f", "/nonexistent")),
	                 CLI_NOT_FOUND);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING), WORDS("inference", "-p", "a", "--ttl", "0")),
	                 CLI_USAGE);
	assert_int_equal(c.n, 0);
	assert_int_equal(submit_words(&s, &c, WORDS(JSON("201", "{\"job_id\":\"../x\"}")),
	                              WORDS("inference", "-p", "a")), CLI_FAILED);
	assert_says(s.err, "no job id");
	session_end(&s);
}

/* The seed's last words, and what is kept for later. */
static void
test_wait(void **state)
{
	struct json_object *doc;
	struct session      s;
	struct canned       c;
	struct buf          text;
	char                file[PATH_SIZE];

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, RUNNING, DONE, RESULT),
	                              WORDS("inference", "-p", "What?", "--wait")), CLI_OK);
	assert_string_equal(s.out, "Job ID: job_1\nStatus: completed\nResult: Machine learning is\n"
	                           "Receipt: receipt_7\nCompleted in: 17 seconds\nCost: 0.25 AITBC\n");
	assert_says(c.asked[1], "GET /v1/jobs/job_1?wait=");
	buf_init(&text, 65536);
	assert_int_equal(path_read(session_path(&s, "jobs/job_1.json", file), &text, NULL), B3IQ_OK);
	assert_says(text.data, "\"prompt\":\"What?\"");
	assert_says(text.data, "\"receipt_id\":\"receipt_7\"");
	buf_clear(&text);
	assert_int_equal(path_read(session_path(&s, "jobs/receipt_7.json", file), &text, NULL), B3IQ_OK);
	assert_says(text.data, "Machine learning is");
	buf_free(&text);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, DONE, RESULT),
	                              WORDS("inference", "-p", "x", "--wait", "--json")), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(json_object_object_get(doc, "job"), "job_id"), "job_1");
	assert_non_null(json_object_object_get(doc, "settled"));
	json_object_put(doc);
	session_end(&s);
}

static void
test_bad_ends(void **state)
{
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, FAILED, WHY),
	                              WORDS("inference", "-p", "x", "--wait")), CLI_JOB_ENDED_BADLY);
	assert_says(s.out, "Status: failed\n");
	assert_says(s.out, "Error: model_not_found\n");
	assert_says(s.err, "no such thing");
	assert_int_equal(submit_words(&s, &c, WORDS(JSON("402", "{\"detail\":\"too poor\"}")),
	                              WORDS("inference", "-p", "x", "--payment", "9")), CLI_UNPAID);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, RUNNING),
	                              WORDS("inference", "-p", "x", "--wait", "--timeout", "1")),
	                 CLI_NOT_READY);
	assert_says(s.err, "b3iq result job_1 --wait");
	session_end(&s);
}

#define EVENTS(text) "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" text

static void
test_stream(void **state)
{
	static const char good[] = EVENTS("event: text\ndata: {\"text\":\"Machine \"}\n\n: ping\n\n"
	                                  "event: text\ndata: {\"text\":\"learning\\u001b is\"}\n\n"
	                                  "event: done\ndata: {\"status\":\"completed\"}\n\n");
	static const char cut[] = EVENTS("event: text\ndata: {\"text\":\"Mach\"}\n\n");
	static const char begun_again[] = EVENTS("event: text\ndata: {\"text\":\"Ma\"}\n\n"
	                                         "event: restart\ndata: {}\n\n"
	                                         "event: text\ndata: {\"text\":\"Machine\"}\n\n"
	                                         "event: done\ndata: {}\n\n");
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, good, DONE, RESULT),
	                              WORDS("inference", "-p", "x", "--stream")), CLI_OK);
	assert_says(c.asked[0], "\"stream\":true");
	assert_says(c.asked[1], "GET /v1/jobs/job_1/stream ");
	assert_says(s.out, "Machine learning\x1b is\nJob ID: job_1\n");
	assert_silent_about(s.out, "Result:"); /* it was shown */
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, cut, DONE, RESULT),
	                              WORDS("inference", "-p", "x", "--stream")), CLI_OK);
	assert_says(s.out, "Result: Machine learning is\n"); /* only half of it was */
	assert_int_equal(submit_words(&s, &c, WORDS(PENDING, begun_again, DONE, RESULT),
	                              WORDS("inference", "-p", "x", "--stream")), CLI_OK);
	assert_says(s.out, "Ma\n[another worker begins again]\nMachine\n");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),     cmocka_unit_test(test_usage),
		cmocka_unit_test(test_wait),     cmocka_unit_test(test_bad_ends),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
