/* lend.c: borrowed, exactly so long, exactly so big: what goes beyond is a signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../../../sdk/check/lend.c"

_Noreturn void
check_fail(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

/* Does reading there end a process? */
static bool
deadly(const volatile char *at)
{
	pid_t pid = fork();
	int   status;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
		_exit(*at & 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void
test_exact_size(void **state)
{
	static const size_t sizes[] = { 1, 8, 1024, 4096, 4097, 10000 };
	struct lend         l = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *p = lend(&l, NULL, sizes[i]);

		assert_false(deadly(p));
		assert_false(deadly(p + sizes[i] - 1));
		assert_true(deadly(p + sizes[i]));
		lend_back(&l);
	}
}

static void
test_taken_back(void **state)
{
	struct lend l = { 0 };
	const char *p = lend_string(&l, "for a while");

	(void)state;
	assert_string_equal(p, "for a while");
	lend_back(&l);
	assert_true(deadly(p));
	lend_back(&l); /* twice is fine */
	assert_null(lend_string(&l, NULL));
	lend_back(&l);
}

static void
test_never_used_again(void **state)
{
	struct lend l = { 0 };
	const char *first = lend_string(&l, "one");

	(void)state;
	lend_back(&l);
	for (int i = 0; i < 100; i++) {
		assert_ptr_not_equal(lend_string(&l, "two"), first);
		lend_back(&l);
	}
}

static void
test_aligned(void **state)
{
	struct lend l = { 0 };

	(void)state;
	assert_int_equal((uintptr_t)lend(&l, NULL, sizeof(struct b3iq_gen_request)) % 8, 0);
	lend_back(&l);
	assert_int_equal((uintptr_t)lend(&l, NULL, B3IQ_SLOT) % 16, 0);
	lend_back(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_size),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_never_used_again),
		cmocka_unit_test(test_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
