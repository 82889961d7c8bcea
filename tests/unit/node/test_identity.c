#include "node/identity.c"
#include "unit.h"

static void
test_made_once(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct identity first, second;
	char file[PATH_SIZE];
	struct home home;
	struct stat st;
	struct buf text;

	(void)state;
	unit_home(&home);
	assert_ok(identity_open(&first, &home, &err), err);
	assert_true(first.fresh);
	assert_int_equal(strlen(first.id), IDENTITY_ID_SIZE - 1);
	assert_ok(identity_open(&second, &home, &err), err);
	assert_false(second.fresh);
	assert_string_equal(first.id, second.id);
	assert_ok(home_path(&home, file, &err, "keys", "node.key", NULL), err);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(home_path(&home, file, &err, "keys", "node.pub", NULL), err);
	buf_init(&text, 1000);
	assert_ok(path_read(file, &text, &err), err);
	assert_int_equal(strncmp(text.data, first.public_name, strlen(first.public_name)), 0);
	buf_free(&text);
	identity_close(&first);
	identity_close(&second);
	unit_home_end(&home);
}

static void
test_readable_key_refused(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct identity id;
	char file[PATH_SIZE];
	struct home home;

	(void)state;
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	identity_close(&id);
	assert_ok(home_path(&home, file, &err, "keys", "node.key", NULL), err);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(identity_open(&id, &home, &err), B3IQ_E_DENIED);
	assert_null(id.key);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_once),
		cmocka_unit_test(test_readable_key_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
