/* conn.c: every type of parameter and column, statements within statements, SQLite's errors. */
#include "../check.h"

#include <unistd.h>

#include "core/store/conn.c"

static struct store_tx *tx;
static char file[] = "/tmp/b3iq-conn-XXXXXX";

static int
set_up(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	close(fd);
	if (conn_open(file, CONN_WRITE, 0, &tx, NULL) != B3IQ_OK)
		return -1;
	return conn_exec(tx, "CREATE TABLE t(i INTEGER, s TEXT, b BLOB, u TEXT UNIQUE) STRICT", NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	conn_close(tx);
	unlink(file);
	memcpy(file + strlen(file) - 6, "XXXXXX", 6);
	return 0;
}

static void
test_types(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store_rows *rows;
	char text[2] = "zz";
	uint8_t blob[2] = { 9, 9 };
	size_t len;
	bool row;

	(void)state;
	assert_int_equal(store_run(tx, &err, "INSERT INTO t VALUES(?,?,?,?)", "itbs", INT64_MIN,
	                           "a\0b", (size_t)3, "\0\1", (size_t)2, "u"), B3IQ_OK);
	assert_int_equal(store_changes(tx), 1);
	assert_int_equal(store_run(tx, &err, "INSERT INTO t VALUES(?,?,?,?)", "nsbs", NULL,
	                           NULL, (size_t)0, NULL), B3IQ_OK);
	assert_int_equal(store_query(tx, &rows, &err, "SELECT i, s, b FROM t ORDER BY rowid", ""),
	                 B3IQ_OK);
	assert_int_equal(store_next(rows, &row, &err), B3IQ_OK);
	assert_true(row);
	assert_true(store_int(rows, 0) == INT64_MIN);
	assert_memory_equal(store_text(rows, 1, &len), "a\0b", 4);
	assert_int_equal(len, 3);
	assert_memory_equal(store_blob(rows, 2, &len), "\0\1", 2);
	assert_int_equal(len, 2);
	store_copy_text(rows, 1, text, sizeof text);
	assert_string_equal(text, "a");
	store_copy_text(rows, 1, text, 1);
	assert_string_equal(text, "");
	store_copy_blob(rows, 2, blob, 1); /* of another length */
	assert_int_equal(blob[0], 9);
	store_copy_blob(rows, 2, blob, sizeof blob);
	assert_memory_equal(blob, "\0\1", 2);
	assert_int_equal(store_next(rows, &row, &err), B3IQ_OK);
	assert_true(row);
	assert_true(store_is_null(rows, 0));
	assert_int_equal(store_int(rows, 0), 0);
	assert_null(store_text(rows, 1, &len));
	assert_int_equal(len, 0);
	assert_false(store_is_null(rows, 2)); /* an empty blob is no null */
	store_blob(rows, 2, &len);
	assert_int_equal(len, 0);
	text[0] = 'z';
	store_copy_text(rows, 1, text, sizeof text);
	assert_string_equal(text, "");
	store_copy_blob(rows, 2, blob, sizeof blob);
	assert_memory_equal(blob, "\0\1", 2);
	assert_int_equal(store_next(rows, &row, &err), B3IQ_OK);
	assert_false(row);
	assert_int_equal(store_next(rows, &row, &err), B3IQ_OK); /* past the end: still the end */
	assert_false(row);
	store_end(rows);
	store_end(NULL);
}

static void
test_parameters_must_fit(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(i) VALUES(?)", "ii", INT64_C(1), INT64_C(2)),
	                 B3IQ_E_INTERNAL);
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(i) VALUES(?)", ""), B3IQ_E_INTERNAL);
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(i) VALUES(?)", "x"), B3IQ_E_INTERNAL);
	assert_int_equal(store_run(tx, &err, "SELEKT 1", ""), B3IQ_E_INTERNAL);
	assert_non_null(strstr(err.text, "SELEKT"));
	assert_int_equal(store_run(tx, &err, "", ""), B3IQ_E_INTERNAL);
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(i) VALUES(?)", "i", INT64_C(1)), B3IQ_OK);
}

static void
test_refusals(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(u) VALUES(?)", "s", "private"), B3IQ_OK);
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(u) VALUES(?)", "s", "private"),
	                 B3IQ_E_INVALID);
	assert_null(strstr(err.text, "private")); /* content stays out of errors */
	assert_int_equal(store_run(tx, &err, "INSERT INTO t(i) VALUES(?)", "s", "private"),
	                 B3IQ_E_INVALID);
	assert_null(strstr(err.text, "private"));
}

static void
test_statement_within_itself(void **state)
{
	static const char sql[] = "SELECT value FROM json_each('[1,2,3]')";
	struct store_rows *outer, *inner;
	bool row;
	int sum = 0;

	(void)state;
	assert_int_equal(store_query(tx, &outer, NULL, sql, ""), B3IQ_OK);
	while (store_next(outer, &row, NULL) == B3IQ_OK && row) {
		assert_int_equal(store_query(tx, &inner, NULL, sql, ""), B3IQ_OK);
		assert_ptr_not_equal(inner, outer);
		while (store_next(inner, &row, NULL) == B3IQ_OK && row)
			sum += (int)store_int(outer, 0) * (int)store_int(inner, 0);
	}
	assert_int_equal(sum, 36);
	assert_int_equal(tx->n_cache, 1);
	conn_end_all(tx);
	assert_null(tx->spare);
}

static void
test_the_cache_is_bounded(void **state)
{
	static char sql[CACHE_MAX + 20][40];
	struct store_rows *rows;
	bool row;
	int i, round;

	(void)state;
	for (round = 0; round < 2; round++)
		for (i = 0; i < CACHE_MAX + 20; i++) {
			snprintf(sql[i], sizeof(sql[i]), "SELECT %d", i);
			assert_int_equal(store_query(tx, &rows, NULL, sql[i], ""), B3IQ_OK);
			assert_int_equal(store_next(rows, &row, NULL), B3IQ_OK);
			assert_int_equal(store_int(rows, 0), i);
			store_end(rows);
		}
	assert_int_equal(tx->n_cache, CACHE_MAX);
	conn_end_all(tx);
}

static void
test_rollback_ends_everything(void **state)
{
	struct store_rows *rows;
	bool row;

	(void)state;
	assert_int_equal(conn_exec(tx, "BEGIN", NULL), B3IQ_OK);
	assert_int_equal(store_run(tx, NULL, "INSERT INTO t(i) VALUES(1)", ""), B3IQ_OK);
	assert_int_equal(store_query(tx, &rows, NULL, "SELECT * FROM t", ""), B3IQ_OK);
	assert_int_equal(store_next(rows, &row, NULL), B3IQ_OK);
	assert_true(row && conn_in_transaction(tx));
	conn_rollback(tx);
	assert_false(conn_in_transaction(tx));
	conn_rollback(tx); /* none is running: nothing happens */
	assert_int_equal(store_query(tx, &rows, NULL, "SELECT count(*) FROM t", ""), B3IQ_OK);
	assert_int_equal(store_next(rows, &row, NULL), B3IQ_OK);
	assert_int_equal(store_int(rows, 0), 0);
	store_end(rows);
}

static void
test_a_file_held_by_another(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store_tx *second;

	(void)state;
	assert_int_equal(conn_open(file, CONN_WRITE, 0, &second, &err), B3IQ_OK);
	assert_int_equal(conn_exec(tx, "BEGIN IMMEDIATE", &err), B3IQ_OK);
	assert_int_equal(store_run(second, &err, "INSERT INTO t(i) VALUES(1)", ""), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 1000);
	conn_rollback(tx);
	assert_int_equal(store_run(second, &err, "INSERT INTO t(i) VALUES(1)", ""), B3IQ_OK);
	conn_close(second);
	conn_close(NULL);
	assert_int_equal(conn_open("/nowhere/at/all", CONN_READ, 0, &second, &err),
	                 B3IQ_E_UNAVAILABLE);
	assert_null(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_types),
		TEST(test_parameters_must_fit),
		TEST(test_refusals),
		TEST(test_statement_within_itself),
		TEST(test_the_cache_is_bounded),
		TEST(test_rollback_ends_everything),
		TEST(test_a_file_held_by_another),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
