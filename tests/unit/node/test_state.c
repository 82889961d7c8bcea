#include "node/state.c"
#include "unit.h"

static int32_t
count_tables(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
	                         "('job','api_key','audit_event','receipt','plugin_kv')", "");

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	*(int64_t *)arg = rc == B3IQ_OK ? store_int(rows, 0) : -1;
	return rc;
}

static void
test_opens_twice(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct store *one, *two;
	char file[PATH_SIZE];
	struct home home;
	struct stat st;
	int64_t n;

	(void)state;
	unit_home(&home);
	assert_ok(state_open(&home, &one, &err), err);
	assert_ok(state_open(&home, &two, &err), err); /* the CLI beside the node */
	assert_ok(store_read(two, count_tables, &n, &err), err);
	assert_int_equal(n, 5);
	assert_ok(home_path(&home, file, &err, "state.db", NULL), err);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(two);
	store_close(one);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_opens_twice) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
