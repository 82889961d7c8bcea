#include "core/role/home.c"
#include "../home.h"

static void
test_folders(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];
	struct home home;
	struct stat st;

	(void)state;
	unit_home(&home);
	assert_ok(home_path(&home, file, &err, "keys", "trust", NULL), err);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(home_path(&home, file, &err, "x", NULL), B3IQ_OK);
	assert_string_equal(file + strlen(home.dir), "/x");
	unit_home_end(&home);
}

static void
test_refuses_what_others_write(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct home home, again;

	(void)state;
	unit_home(&home);
	assert_int_equal(chmod(home.dir, 0777), 0);
	assert_int_equal(home_open(&again, home.dir, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "chmod go-w"));
	unit_home_end(&home);
}

static void
test_one_node_a_home(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct home home, second;

	(void)state;
	unit_home(&home);
	assert_int_equal(home_locked_by(&home, "node", NULL), 0);
	assert_ok(home_lock(&home, "node", &err), err);
	assert_ok(home_open(&second, home.dir, &err), err);
	assert_int_equal(home_lock(&second, "node", &err), B3IQ_E_BUSY);
	assert_int_equal(home_locked_by(&second, "node", NULL), getpid());
	home_close(&home);
	assert_ok(home_lock(&second, "node", &err), err);
	unit_home_end(&second);
}

static void
test_long_paths(void **state)
{
	static char name[PATH_SIZE];
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];
	struct home home;

	(void)state;
	unit_home(&home);
	memset(name, 'x', sizeof name - 1);
	assert_int_equal(home_path(&home, file, &err, name, NULL), B3IQ_E_INVALID);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_refuses_what_others_write),
		cmocka_unit_test(test_one_node_a_home),
		cmocka_unit_test(test_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
