/* node.c: what it prints, makes and refuses, short of serving. */
#include "session.h"

#include "cli/commands/node.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_node, NULL },
};

static void
test_print_url(void **state)
{
	struct json_object *doc;
	struct session      s;
	char                file[PATH_SIZE];

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "node", "--print-url"), CLI_OK);
	assert_string_equal(s.out, "http://127.0.0.1:8008\n");
	assert_false(path_exists(session_path(&s, "config.json", file))); /* it only looks */
	session_put(&s, "config.json", "{\"node\":{\"listen\":{\"port\":8123}}}");
	assert_int_equal(session_run(&s, "node", "--print-url"), CLI_OK);
	assert_string_equal(s.out, "http://127.0.0.1:8123\n");
	assert_int_equal(session_run(&s, "node", "--print-url", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "url"), "http://127.0.0.1:8123");
	json_object_put(doc);
	session_put(&s, "config.json", "{\"node\":{\"listen\":{\"port\":\"no\"}}}");
	assert_int_equal(session_run(&s, "node", "--print-url"), CLI_FAILED);
	assert_string_equal(s.out, "");
	assert_says(s.err, "port");
	session_end(&s);
}

static void
test_init_makes_a_home(void **state)
{
	static const char *const files[] = { "keys/node.key", "keys/cli.key", "state.db" };
	struct session           s;
	struct stat              st;
	char                     file[PATH_SIZE], before[128], after[128];
	ssize_t                  n;
	int                      fd;

	(void)state;
	session_begin(&s, &root);
	session_put(&s, "config.json", "{\"node\":{\"name\":\"mine\"}}");
	for (int times = 0; times < 2; times++) { /* the second changes nothing */
		char *text = times ? after : before;

		assert_int_equal(session_run(&s, "node", "--init"), CLI_OK);
		assert_string_equal(s.out, "");
		fd = open(session_path(&s, "keys/cli.key", file), O_RDONLY);
		n = read(fd, text, sizeof before - 1);
		assert_true(n > 64);
		text[n] = '\0';
		close(fd);
	}
	assert_string_equal(before, after);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		assert_int_equal(stat(session_path(&s, files[i], file), &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
	session_end(&s);
}

static void
test_wrong_ports(void **state)
{
	static const char *const ports[] = { "65536", "-1", "http", "80.5", "" };
	struct session           s;
	char                     file[PATH_SIZE];

	(void)state;
	session_begin(&s, &root);
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		assert_int_equal(session_run(&s, "node", "--port", ports[i]), CLI_USAGE);
		assert_says(s.err, "port");
	}
	assert_int_equal(session_run(&s, "node", "--port"), CLI_USAGE);
	assert_int_equal(session_run(&s, "node", "8008"), CLI_USAGE);
	assert_false(path_exists(session_path(&s, "keys", file))); /* nothing was begun */
	session_end(&s);
}

static void
test_refused_starts(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	session_put(&s, "config.json", "{}");
	assert_int_equal(session_run(&s, "node", "--port", "0", "--address", "localhost"),
	                 CLI_FAILED);
	assert_says(s.err, "localhost"); /* a name, where a number is wanted */
	assert_string_equal(s.out, "");
	assert_int_equal(session_run(&s, "node", "--port", "0", "--address", "0.0.0.0"), CLI_FAILED);
	assert_says(s.err, "allow_remote"); /* other machines only where the operator says so */
	assert_int_equal(session_run(&s, "node", "--port", "0", "--address", "::"), CLI_FAILED);
	session_put(&s, "config.json", "{\"node\":7}");
	assert_int_equal(session_run(&s, "node", "--port", "0"), CLI_FAILED);
	assert_says(s.err, "config.json");
	assert_int_equal(chmod(s.home, 0777), 0);
	assert_int_equal(session_run(&s, "node", "--init"), CLI_DENIED);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_print_url),
		                            cmocka_unit_test(test_init_makes_a_home),
		                            cmocka_unit_test(test_wrong_ports),
		                            cmocka_unit_test(test_refused_starts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
