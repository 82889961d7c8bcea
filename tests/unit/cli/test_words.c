/* commands/help.c and commands/completion.c: what they print comes from the table they are given. */
#include "session.h"

#include "cli/commands/help.c" /* completion.c has the same static names: it is linked */

static const struct cli_command root = {
	.name = "b3iq",
	.summary = "the program",
	.about = "Two commands.",
	.words = "COMMAND",
	.subs = (const struct cli_command *const[]){ &command_help, &command_completion, NULL },
};

static void
test_help(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "help"), CLI_OK);
	assert_says(s.out, "completion");
	assert_int_equal(session_run(&s, "help", "completion"), CLI_OK);
	assert_says(s.out, "bash|zsh|fish");
	assert_int_equal(session_run(&s, "help", "--man"), CLI_OK);
	assert_says(s.out, ".TH B3IQ 1");
	assert_int_equal(session_run(&s, "help", "--markdown"), CLI_OK);
	assert_says(s.out, "completion");
	assert_int_equal(session_run(&s, "help", "nope"), CLI_NOT_FOUND);
	assert_says(s.err, "nope");
	assert_string_equal(s.out, "");
	session_end(&s);
}

static void
test_completion(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	struct session s;

	(void)state;
	session_begin(&s, &root);
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		assert_int_equal(session_run(&s, "completion", shells[i]), CLI_OK);
		assert_says(s.out, "completion");
	}
	assert_int_equal(session_run(&s, "completion", "tcsh"), CLI_NOT_FOUND);
	assert_says(s.err, "bash, zsh and fish");
	assert_int_equal(session_run(&s, "completion"), CLI_USAGE);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
