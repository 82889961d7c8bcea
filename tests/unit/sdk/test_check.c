/* check.c: a verdict is an exit status and a reason on CHECK_FD, and the groups are all there. */
#include "../check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "../../../sdk/check/check.c"

const struct check_test file_tests[1], load_tests[1], lifecycle_tests[1], thread_tests[1],
        inference_tests[1], ledger_tests[1], auth_tests[1], error_tests[1];

enum way { FAIL, SKIP, LONG, MUST_HOLD, MUST_BREAK, DEAF_FAIL, DEAF_SKIP };

static _Noreturn void
end_so(enum way way)
{
	char much[600];

	memset(much, 'x', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	switch (way) {
	case LONG:
		check_fail("%s", much);
	case MUST_HOLD:
		must(way == MUST_HOLD, "this held");
		_exit(CHECK_PASSED);
	case MUST_BREAK:
		must(way != MUST_BREAK, "%d is not %s", 7, "eight");
		_exit(CHECK_PASSED);
	case SKIP:
	case DEAF_SKIP:
		check_skip("no %s here", "device");
	default:
		check_fail("%s: %d", "wrong", 42);
	}
}

static ssize_t said; /* bytes of the reason, a NUL among them or not */

/* The exit status of a test that ends so; what it said is in `reason`. */
static int
verdict(enum way way, char reason[1024])
{
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		if (way == DEAF_FAIL || way == DEAF_SKIP)
			close(CHECK_FD);
		else
			dup2(fds[1], CHECK_FD);
		end_so(way);
	}
	assert_true(pid > 0);
	close(fds[1]);
	said = read(fds[0], reason, 1023);
	reason[said > 0 ? said : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_verdicts(void **state)
{
	char reason[1024];

	(void)state;
	assert_int_equal(verdict(FAIL, reason), CHECK_FAILED);
	assert_string_equal(reason, "wrong: 42");
	assert_int_equal(verdict(SKIP, reason), CHECK_SKIPPED);
	assert_string_equal(reason, "no device here");
	assert_int_equal(verdict(LONG, reason), CHECK_FAILED);
	assert_int_equal(said, 511); /* cut, and without what lies behind it */
	assert_int_equal(strspn(reason, "x"), 511);
	assert_int_equal(verdict(MUST_HOLD, reason), CHECK_PASSED);
	assert_string_equal(reason, "");
	assert_int_equal(verdict(MUST_BREAK, reason), CHECK_FAILED);
	assert_string_equal(reason, "7 is not eight");
}

/* Nobody hears the reason: that is no skipped test. */
static void
test_unheard(void **state)
{
	char reason[1024];

	(void)state;
	assert_int_equal(verdict(DEAF_FAIL, reason), CHECK_FAILED);
	assert_int_equal(verdict(DEAF_SKIP, reason), CHECK_FAILED);
}

static void
test_groups(void **state)
{
	static const struct {
		const char *name;
		const struct check_test *tests;
	} all[] = {
		{ "file", file_tests },           { "load", load_tests },
		{ "lifecycle", lifecycle_tests }, { "threads", thread_tests },
		{ "inference", inference_tests }, { "ledger", ledger_tests },
		{ "auth", auth_tests },           { "errors", error_tests },
	};
	size_t n = 0;

	(void)state;
	for (; check_groups[n].name != NULL; n++) {
		assert_true(n < sizeof all / sizeof all[0]);
		assert_string_equal(check_groups[n].name, all[n].name);
		assert_ptr_equal(check_groups[n].tests, all[n].tests);
	}
	assert_int_equal(n, sizeof all / sizeof all[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_unheard),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
