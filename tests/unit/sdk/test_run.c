/* run.c: what a test's end means, and that no end is overlooked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../sdk/check/run.c"

static void
nothing(const struct check *c)
{
	(void)c;
}

static const struct check_test some[] = {
	{ "first", nothing, 0, 0, 0, "" },
	{ "inline-only", nothing, B3IQ_LEDGER, CHECK_INLINE, 0, "" },
	{ "timed", nothing, 0, CHECK_TIMED, 0, "" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
const struct check_group check_groups[] = { { "group", some }, { NULL, NULL } };

/* How one shell command, as a test's process, is judged. */
static struct report
outcome(const char *command, unsigned limit_s)
{
	const char   *argv[] = { "/bin/sh", "-c", command, NULL };
	struct report r = { 0 };
	int           fds[2], status = 0;
	bool          in_time;
	ssize_t       n;
	pid_t         pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = spawn(argv, fds[1], "/dev/null");
	assert_true(pid > 0);
	close(fds[1]);
	in_time = await(pid, limit_s, &status);
	n = read(fds[0], r.reason, sizeof r.reason - 1);
	r.reason[n > 0 ? n : 0] = 0;
	close(fds[0]);
	judge(&r, in_time, status, limit_s);
	return r;
}

static void
test_verdicts(void **state)
{
	static const struct {
		const char  *command;
		enum outcome outcome;
		const char  *reason;
	} cases[] = {
		{ "printf passed >&3", PASSED, "" },
		{ "true", FAILED, "the process ended with status 0" }, /* a plugin that exits */
		{ "printf 'it leaks' >&3; exit 1", FAILED, "it leaks" },
		{ "printf 'no secrets' >&3; exit 77", SKIPPED, "no secrets" },
		{ "exit 1", FAILED, "the process ended with status 1" },
		{ "printf passed >&3; exit 23", FAILED, "the process ended with status 23" },
		{ "printf passed >&3; kill -SEGV $$", FAILED, "crashed: Segmentation fault" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct report r = outcome(cases[i].command, 10);

		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.reason, cases[i].reason);
	}
}

static void
test_time_limit(void **state)
{
	struct report r = outcome("sleep 100 & wait", 1); /* and its child goes with it */

	(void)state;
	assert_int_equal(r.outcome, FAILED);
	assert_string_equal(r.reason, "did not end within 1 s");
}

static void
test_choice(void **state)
{
	struct run_options o = { .kind = B3IQ_AUTH };
	regex_t            first;

	(void)state;
	assert_int_equal(count(&o), 2); /* one is for ledgers */
	o.kind = B3IQ_LEDGER;
	assert_int_equal(count(&o), 3);
	assert_int_equal(regcomp(&first, "first", REG_EXTENDED | REG_NOSUB), 0);
	o.only = &first;
	assert_int_equal(count(&o), 1);
	o.only = NULL;
	o.except = &first;
	assert_int_equal(count(&o), 2);
	regfree(&first);
	assert_null(pointless(&o, &some[1]));
	o.sandbox = true;
	assert_non_null(pointless(&o, &some[1]));
	o.valgrind = true;
	assert_non_null(pointless(&o, &some[2]));
}

static void
test_find(void **state)
{
	(void)state;
	assert_ptr_equal(run_find("group/first"), &some[0]);
	assert_null(run_find("group/second"));
	assert_null(run_find("group"));
	assert_null(run_find("other/first"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
