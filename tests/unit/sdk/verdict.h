/* verdict.h - what the tests of plugin-check's parts share: a verdict ends the process, so whatever
 * is to be refused runs in a child, and a folder that is gone afterwards. */
#ifndef TESTS_UNIT_SDK_VERDICT_H
#define TESTS_UNIT_SDK_VERDICT_H

#include "../check.h"

#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../sdk/check/check.h"

#define VERDICT_RETURNED 42   /* the child did not end itself                */
#define VERDICT_CRASHED  1000 /* and the number of the signal               */

static int verdict_fd = -1; /* of the child                                */
static char verdict_reason[512];
static char verdict_dir[] = "/tmp/b3iq-check-XXXXXX";

static _Noreturn void
verdict_end(int status, const char *fmt, va_list args)
{
	if (verdict_fd < 0) {
		vfprintf(stderr, fmt, args);
		abort();
	}
	vdprintf(verdict_fd, fmt, args);
	_exit(status);
}

_Noreturn void
check_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	verdict_end(CHECK_FAILED, fmt, args);
}

_Noreturn void
check_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	verdict_end(CHECK_SKIPPED, fmt, args);
}

/* How run(arg) ends in a child; what it said is in verdict_reason. */
static inline int
verdict(void (*run)(void *), void *arg)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		verdict_fd = fds[1];
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
		run(arg);
		_exit(VERDICT_RETURNED);
	}
	assert_true(pid > 0);
	close(fds[1]);
	n = read(fds[0], verdict_reason, sizeof verdict_reason - 1);
	verdict_reason[n > 0 ? n : 0] = 0;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? VERDICT_CRASHED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* run(arg) fails the test, and says this about it. */
static inline void
assert_refused(void (*run)(void *), void *arg, const char *reason)
{
	assert_int_equal(verdict(run, arg), CHECK_FAILED);
	if (!strstr(verdict_reason, reason))
		fail_msg("\"%s\" does not say \"%s\"", verdict_reason, reason);
}

static inline int
verdict_setup(void **state)
{
	(void)state;
	return mkdtemp(verdict_dir) ? 0 : -1;
}

static inline int
verdict_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline int
verdict_teardown(void **state)
{
	(void)state;
	return nftw(verdict_dir, verdict_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
