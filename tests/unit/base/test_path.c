/* path.c: limits, modes, and a file that is old or new but never half. */
#include "../check.h"

#include <dirent.h>

#include "core/base/path.c"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/b3iq-path-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char cmd[PATH_SIZE];
	struct dirent *e;
	DIR *d = opendir(dir);

	(void)state;
	while (d && (e = readdir(d))) {
		if (path_join(cmd, NULL, dir, e->d_name, NULL) == B3IQ_OK && e->d_name[0] != '.' &&
		    unlink(cmd) != 0)
			rmdir(cmd);
	}
	if (d)
		closedir(d);
	return rmdir(dir);
}

static void
test_join(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char out[PATH_SIZE], part[PATH_SIZE];

	(void)state;
	assert_int_equal(path_join(out, &err, "/a", "b", "c.json", NULL), B3IQ_OK);
	assert_string_equal(out, "/a/b/c.json");
	assert_int_equal(path_join(out, &err, "/a/", "b", NULL), B3IQ_OK);
	assert_string_equal(out, "/a/b");
	memset(part, 'x', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	assert_int_equal(path_join(out, &err, part, NULL), B3IQ_OK); /* 4095 just fits */
	assert_int_equal(path_join(out, &err, part, "", NULL), B3IQ_OK);
	assert_int_equal(path_join(out, &err, "/", part, NULL), B3IQ_E_INVALID);
	assert_int_equal(path_join(out, &err, part, "y", NULL), B3IQ_E_INVALID);
	assert_string_equal(out, "");
}

static void
test_home(void **state)
{
	char out[PATH_SIZE], cwd[PATH_SIZE], want[PATH_SIZE + 8];

	(void)state;
	setenv("B3IQ_HOME", "/srv/b3iq", 1);
	assert_int_equal(path_home(out, NULL), B3IQ_OK);
	assert_string_equal(out, "/srv/b3iq");
	setenv("B3IQ_HOME", "here", 1);
	assert_int_equal(path_home(out, NULL), B3IQ_OK);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/here", cwd);
	assert_string_equal(out, want);
	unsetenv("B3IQ_HOME");
	setenv("HOME", "/srv/somebody", 1);
	assert_int_equal(path_home(out, NULL), B3IQ_OK);
	assert_string_equal(out, "/srv/somebody/.b3iq");
}

static void
test_make_dir(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char path[PATH_SIZE];
	struct stat st;

	(void)state;
	path_join(path, NULL, dir, "a/b", NULL);
	assert_int_equal(path_make_dir(path, 0700, &err), B3IQ_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(path_make_dir(path, 0700, &err), B3IQ_OK);
	rmdir(path);
	path_join(path, NULL, dir, "file", NULL);
	assert_int_equal(path_write(path, "x", 1, 0600, &err), B3IQ_OK);
	assert_int_not_equal(path_make_dir(path, 0700, &err), B3IQ_OK);
	assert_non_null(strstr(err.text, "file"));
	path_join(path, NULL, dir, "file/below", NULL);
	assert_int_not_equal(path_make_dir(path, 0700, &err), B3IQ_OK);
}

static void
test_write_and_read(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char path[PATH_SIZE], big[70000];
	struct stat st;
	struct buf b;

	(void)state;
	memset(big, 'z', sizeof(big));
	path_join(path, NULL, dir, "file", NULL);
	assert_int_equal(path_write(path, big, sizeof(big), 0600, &err), B3IQ_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init(&b, sizeof(big));
	assert_int_equal(path_read(path, &b, &err), B3IQ_OK); /* the limit itself is allowed */
	assert_int_equal(b.len, sizeof(big));
	buf_free(&b);
	buf_init(&b, sizeof(big) - 1);
	assert_int_equal(path_read(path, &b, &err), B3IQ_E_INVALID);
	buf_free(&b);
	assert_int_equal(path_write(path, "new", 3, 0644, &err), B3IQ_OK);
	buf_init(&b, 10);
	assert_int_equal(path_read(path, &b, &err), B3IQ_OK);
	assert_string_equal(b.data, "new");
	buf_free(&b);
	assert_true(path_exists(path));
}

static void
test_a_failed_write_leaves_the_old_file(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char path[PATH_SIZE];
	struct dirent *e;
	int left = 0;
	DIR *d;

	(void)state;
	/* The target is a folder with something in it: rename() fails after all was written. */
	path_join(path, NULL, dir, "folder/full", NULL);
	assert_int_equal(path_make_dir(path, 0700, &err), B3IQ_OK);
	path_join(path, NULL, dir, "folder", NULL);
	assert_int_not_equal(path_write(path, "x", 1, 0600, &err), B3IQ_OK);
	assert_true(path_exists(path));
	d = opendir(dir);
	while ((e = readdir(d)))
		left += e->d_name[0] != '.';
	closedir(d);
	assert_int_equal(left, 1); /* no temporary file stays behind */
	path_join(path, NULL, dir, "folder/full", NULL);
	rmdir(path);
}

static void
test_what_cannot_be_read(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char path[PATH_SIZE];
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	path_join(path, NULL, dir, "absent", NULL);
	assert_int_equal(path_read(path, &b, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "absent"));
	assert_int_equal(path_read(dir, &b, &err), B3IQ_E_INVALID);
	path_join(path, NULL, dir, "fifo", NULL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(path_read(path, &b, &err), B3IQ_E_INVALID); /* and does not hang */
	assert_int_equal(path_write("/nowhere/at/all", "x", 1, 0600, &err), B3IQ_E_NOT_FOUND);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_home),
		cmocka_unit_test_setup_teardown(test_make_dir, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_write_and_read, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_a_failed_write_leaves_the_old_file, make_dir,
		                                remove_dir),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_read, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
