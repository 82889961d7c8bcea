/* The process: what it inherits, how its end is told. */
#include "live.h"

#include "core/plugin/sandbox/sandbox.c"

#include <poll.h>

static const struct manifest manifest = { .n_env = 2, .env = { "B3IQ_TEST_A", "B3IQ_TEST_UNSET" } };

static void
spawn_one(struct sandbox *s)
{
	struct b3iq_error err = NO_ERROR;

	if (sandbox_spawn("test", &manifest, live_dir, 1, s, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	assert_true(s->pid > 0 && s->pid_fd >= 0 && s->socket >= 0 && s->err_fd >= 0);
}

static void
test_environment(void **state)
{
	struct environment e = { .n = 0 };

	(void)state;
	setenv("B3IQ_TEST_A", "1=2", 1);
	setenv("B3IQ_TEST_B", "not listed", 1);
	unsetenv("B3IQ_TEST_UNSET");
	assert_true(make_environment(&e, &manifest, "/state"));
	assert_int_equal(e.n, 4);
	assert_string_equal(e.entry[2], "HOME=/state");
	assert_string_equal(e.entry[3], "B3IQ_TEST_A=1=2");
	free_environment(&e);
}

static void
test_descriptors(void **state)
{
	const int stray = fcntl(0, F_DUPFD, 50); /* not close-on-exec */
	char path[64], link[PATH_MAX];
	struct sandbox s;
	char how[SANDBOX_REASON];

	(void)state;
	assert_true(stray >= 50);
	spawn_one(&s);
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)s.pid, stray);
	assert_true(readlink(path, link, sizeof link) < 0);
	close(stray);
	sandbox_finish(&s, how);
	assert_string_equal(how, "was killed by SIGKILL");
	sandbox_finish(&s, how);
	assert_string_equal(how, "was not running");
	sandbox_signal(&s, SIGKILL); /* of nobody */
}

static void
test_ends_with_its_socket(void **state)
{
	struct sandbox s;
	struct pollfd p;
	char how[SANDBOX_REASON];

	(void)state;
	spawn_one(&s);
	close(s.socket);
	s.socket = -1;
	p = (struct pollfd){ .fd = s.pid_fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 60000), 1);
	sandbox_finish(&s, how);
	assert_string_equal(how, "ended with status 0");
}

static void
test_signals(void **state)
{
	struct sandbox s;
	struct pollfd p;
	char how[SANDBOX_REASON];

	(void)state;
	spawn_one(&s);
	sandbox_signal(&s, SIGABRT);
	p = (struct pollfd){ .fd = s.pid_fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 60000), 1);
	sandbox_finish(&s, how);
	assert_non_null(strstr(how, "SIGABRT"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment), cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_ends_with_its_socket), cmocka_unit_test(test_signals),
	};

	LIVE_MAIN(argc, argv);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
