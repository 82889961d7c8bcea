/* store.c: migrations, group commit, snapshots, and what is left after kill -9. */
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

#include "core/store/store.c"

static char dir[64], file[96];

#define FIRST_STEP                                                                \
	"CREATE TABLE pair(n INTEGER PRIMARY KEY, twin INTEGER NOT NULL) STRICT;" \
	"CREATE TABLE twin(n INTEGER PRIMARY KEY REFERENCES pair(n)) STRICT"

static const char *const one_step[] = { FIRST_STEP, NULL };
static const char *const two_steps[] = { FIRST_STEP, "ALTER TABLE pair ADD COLUMN note TEXT", NULL };
static const char *const broken_step[] = { FIRST_STEP, "CREATE TABLE x(a); NOT SQL AT ALL", NULL };
static const char *const other_steps[] = { "CREATE TABLE other(n INTEGER) STRICT", NULL };

static const struct store_module numbers = { "numbers", one_step };
static const struct store_module numbers2 = { "numbers", two_steps };
static const struct store_module broken = { "numbers", broken_step };
static const struct store_module other = { "other", other_steps };

#define MODULES(...) ((const struct store_module *const[]){ __VA_ARGS__, NULL })

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/b3iq-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/state.db", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	char name[128];

	(void)state;
	unlink(file);
	snprintf(name, sizeof(name), "%s-wal", file);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", file);
	unlink(name);
	return rmdir(dir);
}

static struct store *
opened(const struct store_module *const *modules)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s;

	if (store_open(file, modules, &s, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return s;
}

/* A number and its twin: two rows that must never be apart. */
static int32_t
insert(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	int64_t n = *(const int64_t *)arg;
	int32_t rc = store_run(tx, err, "INSERT INTO pair(n, twin) VALUES(?, ?)", "ii", n, n);

	return rc == B3IQ_OK ? store_run(tx, err, "INSERT INTO twin(n) VALUES(?)", "i", n) : rc;
}

static int32_t
insert_and_fail(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	int32_t rc = insert(tx, arg, err);

	return rc == B3IQ_OK ? fail(err, B3IQ_E_DENIED, "thought better of it") : rc;
}

static int32_t
count(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT (SELECT count(*) FROM pair), (SELECT count(*) FROM twin)", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	assert_true(row);
	assert_int_equal(store_int(rows, 0), store_int(rows, 1));
	*(int64_t *)arg = store_int(rows, 0);
	return B3IQ_OK; /* the closure's end ends the query */
}

static int64_t
counted(struct store *s)
{
	struct b3iq_error err = NO_ERROR;
	int64_t n = -1;

	if (store_read(s, count, &n, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return n;
}

static void
test_write_read_and_reopen(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s = opened(MODULES(&numbers, &other));
	struct stat st;
	int64_t n;

	(void)state;
	for (n = 1; n <= 3; n++)
		assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	assert_int_equal(counted(s), 3);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(store_check(s, &err), B3IQ_OK);
	store_close(s);
	s = opened(MODULES(&numbers, &other));
	assert_int_equal(counted(s), 3);
	store_close(s);
	store_close(NULL);
}

static void
test_a_failed_closure_leaves_nothing(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s = opened(MODULES(&numbers));
	int64_t n = 1;

	(void)state;
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	n = 2;
	assert_int_equal(store_write(s, insert_and_fail, &n, &err), B3IQ_E_DENIED);
	assert_string_equal(err.text, "thought better of it");
	n = 1; /* the primary key is taken */
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "UNIQUE"));
	assert_int_equal(counted(s), 1);
	n = 2;
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	assert_int_equal(counted(s), 2);
	store_close(s);
}

static void
test_migrations(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s = opened(MODULES(&numbers));
	int64_t n = 1;

	(void)state;
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	store_close(s);
	/* A step that fails leaves the file as it was. */
	assert_int_equal(store_open(file, MODULES(&broken), &s, &err), B3IQ_E_INTERNAL);
	assert_null(s);
	s = opened(MODULES(&numbers2, &other));
	assert_int_equal(counted(s), 1);
	store_close(s);
	assert_int_equal(store_open(file, MODULES(&numbers), &s, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "newer b3iq (numbers 2, this one knows 1)"));
	s = opened(MODULES(&numbers2));
	store_close(s);
}

static int32_t
newer_layout(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	(void)arg;
	return store_run(tx, err, "PRAGMA user_version = 2", "");
}

static void
test_what_is_not_ours(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store_tx *tx;
	struct store *s;

	(void)state;
	assert_int_equal(path_write(file, "not a database, but long enough to be read as one: .......",
	                            58, 0600, &err), B3IQ_OK);
	assert_int_equal(store_open(file, MODULES(&numbers), &s, &err), B3IQ_E_INTERNAL);
	assert_non_null(strstr(err.text, "state.db is damaged"));
	unlink(file);
	assert_int_equal(create_private(file, &err), B3IQ_OK);
	assert_int_equal(conn_open(file, CONN_WRITE, 0, &tx, &err), B3IQ_OK);
	assert_int_equal(conn_exec(tx, "CREATE TABLE foreign_table(a)", &err), B3IQ_OK);
	conn_close(tx);
	assert_int_equal(store_open(file, MODULES(&numbers), &s, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "another program"));
	unlink(file);
	s = opened(MODULES(&numbers));
	assert_int_equal(store_write(s, newer_layout, NULL, &err), B3IQ_OK);
	store_close(s);
	assert_int_equal(store_open(file, MODULES(&numbers), &s, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "newer b3iq (layout 2"));
	chmod(file, 0644);
	assert_int_equal(store_open(file, MODULES(&numbers), &s, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "chmod 600"));
}

static void
test_reader_of_another_process(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s, *reader;
	int64_t n = 1;

	(void)state;
	assert_int_equal(store_open_reader(file, &reader, &err), B3IQ_E_NOT_FOUND);
	s = opened(MODULES(&numbers));
	assert_int_equal(store_open_reader(file, &reader, &err), B3IQ_OK);
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	assert_int_equal(counted(reader), 1);
	n = 2;
	assert_int_equal(store_write(reader, insert, &n, &err), B3IQ_E_DENIED);
	assert_int_equal(store_read(reader, insert, &n, &err),
			 B3IQ_E_DENIED); /* nor by the back door */
	assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	assert_int_equal(counted(reader), 2);
	store_close(s);
	assert_int_equal(counted(reader), 2);
	store_close(reader);
}

/* ---- many threads ------------------------------------------------------------------ */

#define THREADS 16
#define EACH    50

struct worker {
	pthread_t     thread;
	struct store *s;
	int64_t       from;
	int           ok, refused;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct b3iq_error err = NO_ERROR;
	int64_t n, seen = 0;
	int i;

	for (i = 0; i < EACH; i++) {
		n = w->from + i;
		w->ok += store_write(w->s, i % 5 ? insert : insert_and_fail, &n, &err) == B3IQ_OK;
		w->refused += i % 5 == 0;
		if (store_read(w->s, count, &seen, &err) != B3IQ_OK || seen < w->ok)
			return w; /* what was written must be seen by who wrote it */
	}
	return NULL;
}

static void
test_many_threads(void **state)
{
	struct worker w[THREADS] = { { .ok = 0 } };
	struct store *s = opened(MODULES(&numbers));
	void *wrong;
	int i, ok = 0;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		w[i].s = s;
		w[i].from = 1000 * i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, &wrong);
		assert_null(wrong);
		assert_int_equal(w[i].ok, EACH - w[i].refused);
		ok += w[i].ok;
	}
	assert_int_equal(counted(s), ok);
	assert_true(s->n_idle <= POOL_MAX);
	store_close(s);
}

/* ---- a batch, closure by closure ----------------------------------------------------- */

static int32_t
lose_transaction(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	(void)arg;
	conn_rollback(tx); /* as SQLite does itself when the disk is full */
	return fail(err, B3IQ_E_UNAVAILABLE, "the disk is full");
}

static void
test_a_lost_transaction_is_nobodys_success(void **state)
{
	struct b3iq_error err[4] = { NO_ERROR, NO_ERROR, NO_ERROR, NO_ERROR };
	struct store *s = opened(MODULES(&numbers));
	int64_t n[4] = { 1, 2, 3, 4 };
	store_fn *const fn[4] = { insert, insert_and_fail, lose_transaction, insert };
	struct job jobs[4];
	int i;

	(void)state;
	memset(jobs, 0, sizeof(jobs));
	for (i = 0; i < 4; i++) {
		jobs[i].fn = fn[i];
		jobs[i].arg = &n[i];
		jobs[i].err = &err[i];
		jobs[i].next = i < 3 ? &jobs[i + 1] : NULL;
	}
	run_batch(s->writer, jobs); /* the thread is idle: nothing was queued */
	assert_int_equal(jobs[0].rc, B3IQ_E_UNAVAILABLE); /* it had worked, and is undone */
	assert_non_null(strstr(err[0].text, "the disk is full"));
	assert_int_equal(jobs[1].rc, B3IQ_E_DENIED);
	assert_int_equal(jobs[2].rc, B3IQ_E_UNAVAILABLE);
	assert_int_equal(jobs[3].rc, B3IQ_OK); /* in a transaction of its own */
	assert_int_equal(counted(s), 1);
	store_close(s);
}

static void
test_a_batch_is_bounded(void **state)
{
	struct store s = { .first = NULL };
	struct job jobs[BATCH_MAX + 3], *batch;
	int i, n = 0;

	(void)state;
	memset(jobs, 0, sizeof(jobs));
	s.last = &s.first;
	for (i = 0; i < BATCH_MAX + 3; i++) {
		*s.last = &jobs[i];
		s.last = &jobs[i].next;
	}
	for (batch = take_batch(&s); batch; batch = batch->next)
		n++;
	assert_int_equal(n, BATCH_MAX);
	n = 0;
	for (batch = take_batch(&s); batch; batch = batch->next)
		n++;
	assert_int_equal(n, 3);
	assert_null(s.first);
	assert_ptr_equal(s.last, &s.first);
}

/* ---- kill -9 --------------------------------------------------------------------------- */

static int report;

static void *
write_for_ever(void *arg)
{
	struct worker *w = arg;
	int64_t n;

	for (n = w->from;; n++) {
		if (store_write(w->s, insert, &n, NULL) != B3IQ_OK)
			_exit(2);
		if (write(report, &n, sizeof(n)) != sizeof(n)) /* atomic: shorter than PIPE_BUF */
			_exit(3);
	}
	return NULL;
}

static void
child_main(int round)
{
	struct worker w[4] = { { .ok = 0 } };
	struct store *s;
	int i;

	if (store_open(file, MODULES(&numbers), &s, NULL) != B3IQ_OK)
		_exit(1);
	for (i = 0; i < 4; i++) {
		w[i].s = s;
		w[i].from = 1000000 * round + 100000 * i;
		if (i > 0)
			pthread_create(&w[i].thread, NULL, write_for_ever, &w[i]);
	}
	write_for_ever(&w[0]);
}

static int32_t
is_there(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT 1 FROM pair JOIN twin USING(n) WHERE n = ?",
	                         "i", *(const int64_t *)arg);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	return rc == B3IQ_OK && !row ? B3IQ_E_NOT_FOUND : rc;
}

static void
test_killed_in_the_middle(void **state)
{
	int64_t acked[4096];
	struct store *s;
	size_t i, n;
	int round, fds[2], status;
	pid_t child;

	(void)state;
	for (round = 1; round <= 6; round++) {
		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0) {
			close(fds[0]);
			report = fds[1];
			child_main(round);
			_exit(0);
		}
		close(fds[1]);
		for (n = 0; n < (size_t)(20 * round); n++)
			assert_int_equal(read(fds[0], &acked[n], sizeof(acked[n])),
					 sizeof(acked[n]));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		while (n < 4096 && read(fds[0], &acked[n], sizeof(acked[n])) == sizeof(acked[n]))
			n++;
		close(fds[0]);
		s = opened(MODULES(&numbers));
		for (i = 0; i < n; i++) /* whatever was acknowledged is there */
			assert_int_equal(store_read(s, is_there, &acked[i], NULL), B3IQ_OK);
		assert_true(counted(s) >= (int64_t)n); /* and nothing is there in part */
		assert_int_equal(store_check(s, NULL), B3IQ_OK);
		store_close(s);
	}
}

static void
test_a_damaged_file_is_found(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct store *s = opened(MODULES(&numbers));
	unsigned char junk[4096];
	int64_t n;
	int fd;

	(void)state;
	for (n = 0; n < 4; n++)
		assert_int_equal(store_write(s, insert, &n, &err), B3IQ_OK);
	store_close(s);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(file, O_WRONLY);
	assert_true(pwrite(fd, junk, sizeof(junk), 3 * 4096) == sizeof(junk));
	close(fd);
	if (store_open(file, MODULES(&numbers), &s, &err) == B3IQ_OK) {
		assert_int_equal(store_check(s, &err), B3IQ_E_INTERNAL);
		store_close(s);
	}
	assert_non_null(strstr(err.text, "damaged"));
	assert_non_null(strstr(err.text, "backup"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
		TEST(test_write_read_and_reopen),
		TEST(test_a_failed_closure_leaves_nothing),
		TEST(test_migrations),
		TEST(test_what_is_not_ours),
		TEST(test_reader_of_another_process),
		TEST(test_many_threads),
		TEST(test_a_lost_transaction_is_nobodys_success),
		TEST(test_a_batch_is_bounded),
		TEST(test_killed_in_the_middle),
		TEST(test_a_damaged_file_is_found),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
