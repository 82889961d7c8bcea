#include "node/node.c"
#include "unit.h"

#include <sys/wait.h>

static void
test_init_twice(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE], secret[KEYS_SECRET_SIZE];
	struct home home;

	(void)state;
	unit_home(&home);
	assert_ok(node_init(home.dir, &err), err);
	assert_ok(node_init(home.dir, &err), err);
	for (const char *const *name = (const char *const[]){ "config.json", "state.db", NULL }; *name;
	     name++) {
		assert_ok(home_path(&home, file, &err, *name, NULL), err);
		assert_true(path_exists(file));
	}
	assert_ok(keys_cli_read(&home, secret, &err), err);
	unit_home_end(&home);
}

/* A node in a process of its own: ready line, orderly end by SIGTERM, and the lock meanwhile. */
static void
test_life(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct node_options o = { .port = 0, .json = true };
	char line[512] = "";
	struct home home;
	int out[2], status;
	pid_t pid;

	(void)state;
	unit_home(&home);
	o.home = home.dir;
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		_exit(node_main(&o, &err) == B3IQ_OK ? 0 : 1);
	}
	close(out[1]);
	for (size_t n = 0; n < sizeof line - 1 && !strchr(line, '\n');) {
		const ssize_t more = read(out[0], line + n, sizeof line - 1 - n);

		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_int_equal(strncmp(line, "{\"ready\":true,\"url\":\"http://127.0.0.1:", 38), 0);
	assert_int_equal(home_locked_by(&home, "node", NULL), pid);
	assert_int_equal(node_main(&o, &err), B3IQ_E_BUSY);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(home_locked_by(&home, "node", NULL), 0);
	close(out[0]);
	unit_home_end(&home);
}

static void
test_bad_config(void **state)
{
	struct b3iq_error err = NO_ERR;
	const struct node_options o = { .port = 0, .quiet = true };
	struct node_options there = o;
	char file[PATH_SIZE];
	struct home home;

	(void)state;
	unit_home(&home);
	there.home = home.dir;
	assert_ok(home_path(&home, file, &err, "config.json", NULL), err);
	assert_ok(path_write(file, "{\"node\":{\"listen\":{\"port\":-1}}}", 31, 0600, &err), err);
	assert_int_equal(node_main(&there, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "node.listen.port"));
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_twice), cmocka_unit_test(test_life),
		cmocka_unit_test(test_bad_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
