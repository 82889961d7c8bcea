/* chat.c: the conversation that is sent, the slash commands, and what ends a talk. */
#include "session.h"

#include "canned.h"
#include "cli/commands/chat.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_chat, NULL },
};

/* A talk in which this is typed and those are the answers of the node. */
static int
talk(struct session *s, struct canned *c, const char *typed, const char *const *answers,
     const char *option)
{
	int exit;

	session_begin(s, &root);
	session_type(s, typed);
	canned_begin(c, answers);
	exit = session_run(s, "chat", "--url", c->url, option);
	canned_end(c);
	return exit;
}
#define ANSWERS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void
test_what_was_said_goes_along(void **state)
{
	struct canned  c;
	struct session s;

	(void)state;
	assert_int_equal(talk(&s, &c, "one\n\ntwo", /* an empty line asks nothing */
	                      ANSWERS(CANNED_STREAM CANNED_DELTA("first") CANNED_DONE,
	                              CANNED_STREAM CANNED_DELTA("second") CANNED_DONE),
	                      NULL),
	                 CLI_OK);
	assert_string_equal(s.out, "first\nsecond\n");
	assert_int_equal(c.n, 2);
	assert_says(c.asked[0], "\"messages\":[{\"role\":\"user\",\"content\":\"one\"}]");
	assert_says(c.asked[1], "\"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
	                        "{\"role\":\"assistant\",\"content\":\"first\"},"
	                        "{\"role\":\"user\",\"content\":\"two\"}]");
	session_end(&s);
}

static void
test_slash_commands(void **state)
{
	struct canned  c;
	struct session s;

	(void)state;
	assert_int_equal(talk(&s, &c, "one\n/what\n/reset\ntwo\n/quit\nthree\n",
	                      ANSWERS(CANNED_STREAM CANNED_DELTA("answer") CANNED_DONE),
	                      "--system=Be kind."),
	                 CLI_OK);
	assert_int_equal(c.n, 2); /* none after /quit */
	assert_says(s.out, "/reset   forget");
	assert_says(s.out, "forgotten\n");
	assert_says(c.asked[1], "\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
	                        "{\"role\":\"user\",\"content\":\"two\"}]");
	session_end(&s);
}

static void
test_controls_on_a_terminal(void **state)
{
	struct canned  c;
	struct session s;

	(void)state;
	session_begin(&s, &root);
	s.tty = true;
	session_type(&s, "one\n");
	canned_begin(&c, ANSWERS(CANNED_STREAM CANNED_DELTA("a\\u001b[2Jb\\u0007") CANNED_DONE));
	assert_int_equal(session_run(&s, "chat", "--url", c.url), CLI_OK);
	canned_end(&c);
	assert_string_equal(s.out, "a\\x1b[2Jb\\x07\r\n");
	session_end(&s);
}

/* A turn that failed is not part of what is sent with the next. */
static void
test_failed_turn_is_taken_out(void **state)
{
	struct canned  c;
	struct session s;

	(void)state;
	assert_int_equal(talk(&s, &c, "one\ntwo\n",
	                      ANSWERS(CANNED_ERROR("500", "it broke"),
	                              CANNED_STREAM CANNED_DELTA("fine") CANNED_DONE),
	                      NULL),
	                 CLI_OK);
	assert_says(s.err, "it broke");
	assert_string_equal(s.out, "fine\n");
	assert_says(c.asked[1], "\"messages\":[{\"role\":\"user\",\"content\":\"two\"}]");
	session_end(&s);
}

static void
test_what_ends_a_talk(void **state)
{
	struct canned  c;
	struct session s;

	(void)state;
	assert_int_equal(talk(&s, &c, "one\ntwo\n", ANSWERS(CANNED_ERROR("404", "no model x")), NULL),
	                 CLI_NOT_FOUND);
	assert_says(s.err, "no model x");
	assert_int_equal(c.n, 1);
	session_end(&s);
	assert_int_equal(talk(&s, &c, "one\ntwo\n", ANSWERS(CANNED_ERROR("401", "no")), NULL),
	                 CLI_DENIED);
	assert_int_equal(c.n, 1);
	session_end(&s);
	session_begin(&s, &root);
	session_type(&s, "one\n");
	assert_int_equal(session_run(&s, "chat", "--url", "http://127.0.0.1:1"), CLI_NO_NODE);
	assert_says(s.err, "no node answers");
	assert_int_equal(session_run(&s, "chat", "hello"), CLI_USAGE);
	assert_int_equal(session_run(&s, "chat", "--temperature", "3"), CLI_USAGE);
	session_end(&s);
}

static void
test_json(void **state)
{
	struct json_object *doc;
	struct canned       c;
	struct session      s;

	(void)state;
	assert_int_equal(talk(&s, &c, "one\n/help\n",
	                      ANSWERS(CANNED_STREAM CANNED_DELTA("first") CANNED_DONE), "--json"),
	                 CLI_OK);
	doc = session_json(&s); /* and nothing else on stdout */
	assert_string_equal(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN),
	                    "{\"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
	                    "{\"role\":\"assistant\",\"content\":\"first\"}]}");
	json_object_put(doc);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_said_goes_along),
		cmocka_unit_test(test_slash_commands),
		cmocka_unit_test(test_controls_on_a_terminal),
		cmocka_unit_test(test_failed_turn_is_taken_out),
		cmocka_unit_test(test_what_ends_a_talk),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
