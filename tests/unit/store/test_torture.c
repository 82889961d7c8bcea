/* Every allocation of the room failed in turn, those of SQLite and of the writer thread too. */
#include "../check.h"
#include "../torture.h"

#include <unistd.h>

#include "core/base/fail.h"
#include "core/store/store.h"

/* Durability is not at stake here, and thousands of runs would wait for the disk. */
__attribute__((visibility("default"))) int
fsync(int fd)
{
	(void)fd;
	return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static char file[96];

static const char *const steps[] = { "CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT) STRICT", NULL };
static const struct store_module module = { "t", steps };

static int32_t
insert(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, "INSERT INTO t(s) VALUES(?)", "s", arg);
}

static int32_t
read_back(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT s FROM t ORDER BY n", "");

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	/* What was acknowledged must be there, whatever failed since. */
	return row && store_text(rows, 0, NULL) && strcmp(store_text(rows, 0, NULL), arg) == 0 ?
	               B3IQ_OK :
	               B3IQ_E_NO_MEMORY;
}

static int32_t
life(void *arg)
{
	const struct store_module *const modules[] = { &module, NULL };
	struct b3iq_error err = NO_ERROR;
	struct store *s = NULL;
	char name[128], text[] = "text";
	int32_t rc;

	(void)arg;
	unlink(file);
	snprintf(name, sizeof(name), "%s-wal", file);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", file);
	unlink(name);
	rc = store_open(file, modules, &s, &err);
	if (rc == B3IQ_OK)
		rc = store_write(s, insert, text, &err);
	if (rc == B3IQ_OK)
		rc = store_read(s, read_back, text, &err);
	store_close(s);
	return rc;
}

static void
test_life(void **state)
{
	char dir[] = "/tmp/b3iq-torture-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/state.db", dir);
	/* Where SQLite cannot map its shared index it calls that an error of the disk. */
	torture("store", life, NULL, B3IQ_E_UNAVAILABLE);
	unlink(file);
	snprintf(file, sizeof(file), "%s/state.db-wal", dir);
	unlink(file);
	snprintf(file, sizeof(file), "%s/state.db-shm", dir);
	unlink(file);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
