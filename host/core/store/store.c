/* Opening, migrating and the two ways in: the group-commit writer and the pool of readers.
 * Connections and
 * statements are in conn.c. */
#include "core/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/store/conn.h"

#define APPLICATION_ID 0x42334951 /* "B3IQ": tells our files from any other SQLite file */
#define LAYOUT_VERSION 1          /* user_version: how the versions of modules are kept  */
#define BUSY_MS        5000       /* another process may hold the write lock for a while */
#define BATCH_MAX      256        /* closures in one transaction                         */
#define POOL_MAX       8          /* idle reading connections that are kept              */

struct job { /* lies on the stack of the thread that waits in store_write() */
	store_fn          *fn;
	void              *arg;
	struct b3iq_error *err;
	int32_t            rc;
	bool               done;
	struct job        *next;
};

struct store {
	char             file[PATH_SIZE];
	bool             read_only;
	struct store_tx *writer;

	pthread_t       thread;
	pthread_mutex_t lock;   /* guards what follows            */
	pthread_cond_t  wanted; /* a job came, or closing          */
	pthread_cond_t  done;   /* a batch has been committed      */
	struct job     *first, **last;
	bool            closing, running;

	struct store_tx *idle[POOL_MAX];
	size_t           n_idle;
};

/* ---- opening ---------------------------------------------------------------- */

/* SQLite would create the file with the mode of the umask; private content needs 0600 from the first
 * moment, and its -wal and -shm files take over the mode of the file. */
static int32_t
create_private(const char *file, struct b3iq_error *err)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int32_t rc = B3IQ_OK;

	if (fd < 0)
		return fail(err, errno == EACCES ? B3IQ_E_DENIED : B3IQ_E_UNAVAILABLE,
		            "cannot open %s: %s", file, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = fail(err, B3IQ_E_INVALID, "%s is not a regular file", file);
	else if (st.st_mode & 077)
		rc = fail(err, B3IQ_E_DENIED,
		          "%s can be read by others (mode %03o); chmod 600 it", file,
		          (unsigned)(st.st_mode & 0777));
	close(fd);
	return rc;
}

static int32_t
number(struct store_tx *tx, const char *sql, int64_t *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err, sql, "");

	*out = 0;
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		*out = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

/* Refuses a file of another program before a single byte of it is changed. */
static int32_t
check_owner(struct store_tx *tx, bool *fresh, struct b3iq_error *err)
{
	int64_t application, version, tables;
	int32_t rc;

	rc = number(tx, "PRAGMA application_id", &application, err);
	if (rc == B3IQ_OK)
		rc = number(tx, "PRAGMA user_version", &version, err);
	if (rc == B3IQ_OK)
		rc = number(tx, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc != B3IQ_OK)
		return rc;
	*fresh = application == 0 && version == 0 && tables == 0;
	if (!*fresh && application != APPLICATION_ID)
		return fail(err, B3IQ_E_INVALID,
		            "%s is a database of another program; name another file", conn_name(tx));
	if (version > LAYOUT_VERSION)
		return fail(err, B3IQ_E_INVALID,
		            "%s was written by a newer b3iq (layout %lld, this one knows %d); use that "
		            "version again",
		            conn_name(tx), (long long)version, LAYOUT_VERSION);
	return B3IQ_OK;
}

static int32_t
module_version(struct store_tx *tx, const char *name, int64_t *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = false;
	int32_t rc;

	*out = 0;
	rc = store_query(tx, &rows, err, "SELECT version FROM store_module WHERE name = ?", "s", name);
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		*out = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

static int32_t
migrate_module(struct store_tx *tx, const struct store_module *m, struct b3iq_error *err)
{
	int64_t have, known = 0;
	int32_t rc;

	while (m->migrations[known])
		known++;
	rc = module_version(tx, m->name, &have, err);
	if (rc != B3IQ_OK)
		return rc;
	if (have > known)
		return fail(err, B3IQ_E_INVALID,
		            "%s was written by a newer b3iq (%s %lld, this one knows %lld); use that "
		            "version again",
		            conn_name(tx), m->name, (long long)have, (long long)known);
	if (have == known)
		return B3IQ_OK;
	for (; have < known; have++) {
		rc = conn_exec(tx, m->migrations[have], err);
		if (rc != B3IQ_OK)
			return rc;
	}
	return store_run(tx, err,
	                 "INSERT INTO store_module(name, version) VALUES(?1, ?2) "
	                 "ON CONFLICT(name) DO UPDATE SET version = ?2",
	                 "si", m->name, known);
}

static int32_t
migrate_all(struct store_tx *tx, const struct store_module *const *modules, bool fresh,
            struct b3iq_error *err)
{
	char sql[160];
	int32_t rc = B3IQ_OK;

	snprintf(sql, sizeof(sql),
	         "CREATE TABLE store_module(name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;"
	         "PRAGMA application_id = %d; PRAGMA user_version = %d",
	         APPLICATION_ID, LAYOUT_VERSION);
	if (fresh)
		rc = conn_exec(tx, sql, err);
	for (; rc == B3IQ_OK && *modules; modules++)
		rc = migrate_module(tx, *modules, err);
	return rc;
}

static int32_t
migrate(struct store_tx *tx, const struct store_module *const *modules, struct b3iq_error *err)
{
	bool fresh;
	int32_t rc;

	rc = conn_exec(tx, "BEGIN IMMEDIATE", err);
	if (rc != B3IQ_OK)
		return rc;
	rc = check_owner(tx, &fresh, err);
	if (rc == B3IQ_OK)
		rc = migrate_all(tx, modules, fresh, err);
	conn_end_all(tx);
	if (rc == B3IQ_OK)
		rc = conn_exec(tx, "COMMIT", err);
	if (rc != B3IQ_OK)
		conn_rollback(tx);
	return rc;
}

static int32_t
open_writer(struct store *s, const struct store_module *const *modules, struct b3iq_error *err)
{
	bool fresh;
	int32_t rc;

	rc = create_private(s->file, err);
	if (rc == B3IQ_OK)
		rc = conn_open(s->file, CONN_WRITE, BUSY_MS, &s->writer, err);
	if (rc == B3IQ_OK)
		rc = check_owner(s->writer, &fresh, err);
	if (rc == B3IQ_OK)
		rc = conn_exec(s->writer,
		               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		               "PRAGMA journal_size_limit = 16777216; PRAGMA foreign_keys = ON",
		               err);
	if (rc == B3IQ_OK)
		rc = migrate(s->writer, modules, err);
	return rc;
}

/* ---- the writer thread -------------------------------------------------------- */

static int32_t
run_one(struct store_tx *tx, struct job *j)
{
	int32_t rc, undo;

	rc = store_run(tx, j->err, "SAVEPOINT job", "");
	if (rc != B3IQ_OK)
		return rc;
	conn_begin_closure(tx);
	rc = j->fn(tx, j->arg, j->err);
	conn_end_all(tx);
	if (rc == B3IQ_OK) {
		rc = store_run(tx, j->err, "RELEASE job", "");
		undo = rc;
	} else {
		undo = store_run(tx, NULL, "ROLLBACK TO job", "");
		if (undo == B3IQ_OK)
			undo = store_run(tx, NULL, "RELEASE job", "");
	}
	if (undo != B3IQ_OK) /* half a closure must never be committed */
		conn_rollback(tx);
	return rc;
}

static void
fail_batch(struct job *from, const struct job *until, int32_t rc, const struct b3iq_error *why)
{
	struct job *j;

	for (j = from; j != until; j = j->next)
		if (j->rc == B3IQ_OK)
			j->rc = fail(j->err, rc, "nothing was written: %.200s", why->text);
}

/* Runs the jobs in one transaction.  Their results are final only after COMMIT. */
static void
run_batch(struct store_tx *tx, struct job *jobs)
{
	struct b3iq_error why = NO_ERROR;
	struct job *j, *from = jobs; /* where the running transaction began */
	bool open = false;
	int32_t rc;

	for (j = jobs; j; j = j->next) {
		if (!open) {
			j->rc = store_run(tx, j->err, "BEGIN IMMEDIATE", "");
			if (j->rc != B3IQ_OK)
				continue;
			open = true;
			from = j;
		}
		j->rc = run_one(tx, j);
		if (conn_in_transaction(tx))
			continue;
		/* SQLite gave up the whole transaction (disk full, out of memory). */
		open = false;
		if (j->rc == B3IQ_OK)
			j->rc = fail(j->err, B3IQ_E_UNAVAILABLE, "the transaction was lost; try again");
		if (j->err)
			why = *j->err;
		fail_batch(from, j, B3IQ_E_UNAVAILABLE, &why);
	}
	if (!open)
		return;
	rc = store_run(tx, &why, "COMMIT", "");
	if (rc == B3IQ_OK)
		return;
	conn_rollback(tx);
	fail_batch(from, NULL, rc, &why);
}

/* Takes up to BATCH_MAX jobs off the queue; the lock is held. */
static struct job *
take_batch(struct store *s)
{
	struct job *jobs = s->first, **end = &jobs;
	int n;

	for (n = 0; n < BATCH_MAX && *end; n++)
		end = &(*end)->next;
	s->first = *end;
	*end = NULL;
	if (!s->first)
		s->last = &s->first;
	return jobs;
}

static void *
writer_main(void *arg)
{
	struct store *s = arg;
	struct job *jobs, *next;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->first && !s->closing)
			pthread_cond_wait(&s->wanted, &s->lock);
		if (!s->first)
			break;
		jobs = take_batch(s);
		pthread_mutex_unlock(&s->lock);
		run_batch(s->writer, jobs);
		pthread_mutex_lock(&s->lock);
		for (; jobs; jobs = next) {
			next = jobs->next; /* the job is gone as soon as its owner sees `done` */
			jobs->done = true;
		}
		pthread_cond_broadcast(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int32_t
store_write(struct store *s, store_fn *fn, void *arg, struct b3iq_error *err)
{
	struct job j = { .fn = fn, .arg = arg, .err = err };

	if (s->read_only)
		return fail(err, B3IQ_E_DENIED, "%s is open for reading only", s->file);
	pthread_mutex_lock(&s->lock);
	*s->last = &j;
	s->last = &j.next;
	pthread_cond_signal(&s->wanted);
	while (!j.done)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return j.rc;
}

/* ---- readers -------------------------------------------------------------------- */

static int32_t
borrow(struct store *s, struct store_tx **out, struct b3iq_error *err)
{
	*out = NULL;
	pthread_mutex_lock(&s->lock);
	if (s->n_idle > 0)
		*out = s->idle[--s->n_idle];
	pthread_mutex_unlock(&s->lock);
	return *out ? B3IQ_OK : conn_open(s->file, CONN_READ, BUSY_MS, out, err);
}

static void
give_back(struct store *s, struct store_tx *tx)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_idle < POOL_MAX) {
		s->idle[s->n_idle++] = tx;
		tx = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	conn_close(tx);
}

int32_t
store_read(struct store *s, store_fn *fn, void *arg, struct b3iq_error *err)
{
	struct store_tx *tx;
	int32_t rc;

	rc = borrow(s, &tx, err);
	if (rc != B3IQ_OK)
		return rc;
	rc = store_run(tx, err, "BEGIN", "");
	if (rc == B3IQ_OK) {
		conn_begin_closure(tx);
		rc = fn(tx, arg, err);
		conn_end_all(tx);
	}
	conn_rollback(tx); /* nothing was written: this only ends the snapshot */
	give_back(s, tx);
	return rc;
}

static int32_t
check_all(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	const char *finding;
	bool row;
	int32_t rc;

	(void)arg;
	rc = store_query(tx, &rows, err, "PRAGMA integrity_check(1)", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	finding = row ? store_text(rows, 0, NULL) : NULL;
	if (!finding || strcmp(finding, "ok") != 0)
		return fail(err, B3IQ_E_INTERNAL, "%s is damaged (%.100s); restore it from a backup",
		            conn_name(tx), finding ? finding : "no answer");
	rc = store_query(tx, &rows, err, "PRAGMA foreign_key_check", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row)
		return fail(err, B3IQ_E_INTERNAL,
		            "%s is damaged (a row of %.60s refers to nothing); restore it from a backup",
		            conn_name(tx), store_text(rows, 0, NULL));
	return rc;
}

int32_t
store_check(struct store *s, struct b3iq_error *err)
{
	return store_read(s, check_all, NULL, err);
}

/* ---- life ------------------------------------------------------------------------ */

static struct store *
create(const char *file, bool read_only)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	snprintf(s->file, sizeof(s->file), "%s", file);
	s->read_only = read_only;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wanted, NULL);
	pthread_cond_init(&s->done, NULL);
	return s;
}

int32_t
store_open(const char *file, const struct store_module *const *modules, struct store **out,
           struct b3iq_error *err)
{
	struct store *s;
	int32_t rc;

	*out = NULL;
	if (strlen(file) >= PATH_SIZE)
		return fail(err, B3IQ_E_INVALID, "the path of the database is too long");
	s = create(file, false);
	if (!s)
		return fail_memory(err, "opening the database");
	rc = open_writer(s, modules, err);
	if (rc == B3IQ_OK && pthread_create(&s->thread, NULL, writer_main, s) != 0)
		rc = fail(err, B3IQ_E_NO_MEMORY, "cannot start the thread that writes %s", file);
	else if (rc == B3IQ_OK)
		s->running = true;
	if (rc != B3IQ_OK)
		store_close(s);
	else
		*out = s;
	return rc;
}

int32_t
store_open_reader(const char *file, struct store **out, struct b3iq_error *err)
{
	struct store_tx *tx = NULL;
	struct store *s;
	bool fresh;
	int32_t rc;

	*out = NULL;
	if (strlen(file) >= PATH_SIZE)
		return fail(err, B3IQ_E_INVALID, "the path of the database is too long");
	if (!path_exists(file))
		return fail(err, B3IQ_E_NOT_FOUND, "there is no database %s yet", file);
	s = create(file, true);
	if (!s)
		return fail_memory(err, "opening the database");
	rc = borrow(s, &tx, err);
	if (rc == B3IQ_OK)
		rc = check_owner(tx, &fresh, err);
	if (rc == B3IQ_OK)
		give_back(s, tx);
	else
		conn_close(tx);
	if (rc != B3IQ_OK)
		store_close(s);
	else
		*out = s;
	return rc;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->closing = true;
		pthread_cond_signal(&s->wanted);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	while (s->n_idle > 0)
		conn_close(s->idle[--s->n_idle]);
	conn_close(s->writer); /* last: it folds the log back into the file */
	pthread_cond_destroy(&s->done);
	pthread_cond_destroy(&s->wanted);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
