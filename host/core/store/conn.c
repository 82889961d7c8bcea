#include "core/store/conn.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

#define CACHE_MAX  96               /* statements kept per connection: more than all rooms have */
#define LENGTH_MAX (128 << 20)      /* bytes of a row or a string                               */

struct store_rows {
	struct store_tx   *tx;
	sqlite3_stmt      *stmt;
	bool               running;
	struct store_rows *next; /* in tx->spare */
};

struct store_tx {
	sqlite3           *db;
	sqlite3_stmt      *rollback; /* ready beforehand: it must work when memory is out */
	struct store_rows *cache[CACHE_MAX];
	size_t             n_cache;
	struct store_rows *spare;    /* same SQL twice, or the cache is full: for one closure */
	int64_t            changes;
};

const char *
conn_name(const struct store_tx *tx)
{
	const char *file = sqlite3_db_filename(tx->db, "main");
	const char *slash = file ? strrchr(file, '/') : NULL;

	return slash ? slash + 1 : file ? file : "the database";
}

/* ---- errors -------------------------------------------------------------------- */

static int32_t
failure(struct store_tx *tx, int code, struct b3iq_error *err)
{
	int32_t rc;

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return fail_memory(err, "using the database");
	case SQLITE_FULL:
		return fail(err, B3IQ_E_UNAVAILABLE, "the disk of %s is full; make room", conn_name(tx));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		rc = fail(err, B3IQ_E_BUSY, "another process holds %s; try again", conn_name(tx));
		if (err)
			err->retry_ms = 1000;
		return rc;
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
		return fail(err, B3IQ_E_INVALID, "%s refuses the row: %s", conn_name(tx),
		            sqlite3_errmsg(tx->db));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(err, B3IQ_E_INTERNAL, "%s is damaged (%s); restore it from a backup",
		            conn_name(tx), sqlite3_errmsg(tx->db));
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fail(err, B3IQ_E_DENIED, "%s cannot be written; look at its owner and mode",
		            conn_name(tx));
	case SQLITE_IOERR:
		if (code == SQLITE_IOERR_NOMEM)
			return fail_memory(err, "using the database");
		return fail(err, B3IQ_E_UNAVAILABLE, "the disk of %s fails (%s); look at the system log",
		            conn_name(tx), sqlite3_errmsg(tx->db));
	case SQLITE_CANTOPEN:
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "%s cannot be opened; look at the owner and mode of its folder",
		            conn_name(tx));
	default:
		return fail(err, B3IQ_E_INTERNAL, "wrong SQL for %s: %s", conn_name(tx),
		            sqlite3_errmsg(tx->db));
	}
}

/* ---- connections ----------------------------------------------------------------- */

static int
configure(struct store_tx *tx, int busy_ms)
{
	sqlite3_extended_result_codes(tx->db, 1);
	sqlite3_busy_timeout(tx->db, busy_ms);
	sqlite3_limit(tx->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_limit(tx->db, SQLITE_LIMIT_ATTACHED, 0);
	/* A file from elsewhere cannot make us run functions or damage itself through SQL. */
	sqlite3_db_config(tx->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(tx->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return sqlite3_prepare_v3(tx->db, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &tx->rollback,
	                          NULL);
}

int32_t
conn_open(const char *file, enum conn_mode mode, int busy_ms, struct store_tx **out,
          struct b3iq_error *err)
{
	int flags = mode == CONN_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	struct store_tx *tx = calloc(1, sizeof(*tx));
	int32_t rc = B3IQ_OK;
	int code;

	*out = NULL;
	if (!tx)
		return fail_memory(err, "opening the database");
	code = sqlite3_open_v2(file, &tx->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			       NULL);
	if (code == SQLITE_OK)
		code = configure(tx, busy_ms);
	if (!tx->db)
		rc = fail_memory(err, "opening the database");
	else if (code != SQLITE_OK)
		rc = failure(tx, code, err);
	else
		rc = conn_exec(tx, "PRAGMA temp_store = MEMORY", err); /* no copies in /tmp */
	if (rc != B3IQ_OK)
		conn_close(tx);
	else
		*out = tx;
	return rc;
}

void
conn_close(struct store_tx *tx)
{
	if (!tx)
		return;
	conn_end_all(tx);
	while (tx->n_cache > 0) {
		tx->n_cache--;
		sqlite3_finalize(tx->cache[tx->n_cache]->stmt);
		free(tx->cache[tx->n_cache]);
	}
	sqlite3_finalize(tx->rollback);
	sqlite3_close(tx->db);
	free(tx);
}

int32_t
conn_exec(struct store_tx *tx, const char *sql, struct b3iq_error *err)
{
	int code = sqlite3_exec(tx->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? B3IQ_OK : failure(tx, code, err);
}

bool
conn_in_transaction(const struct store_tx *tx)
{
	return !sqlite3_get_autocommit(tx->db);
}

void
conn_rollback(struct store_tx *tx)
{
	if (!conn_in_transaction(tx))
		return;
	conn_end_all(tx);
	sqlite3_step(tx->rollback);
	sqlite3_reset(tx->rollback);
}

void
conn_begin_closure(struct store_tx *tx)
{
	tx->changes = 0;
}

void
conn_end_all(struct store_tx *tx)
{
	struct store_rows *r;
	size_t i;

	for (i = 0; i < tx->n_cache; i++)
		store_end(tx->cache[i]);
	while ((r = tx->spare)) {
		tx->spare = r->next;
		sqlite3_finalize(r->stmt);
		free(r);
	}
}

/* ---- statements -------------------------------------------------------------------- */

/* A prepared statement that is not running: a kept one, or a new one. */
static int32_t
prepare(struct store_tx *tx, const char *sql, struct store_rows **out, struct b3iq_error *err)
{
	struct store_rows *r;
	bool busy = false;
	size_t i;
	int code;

	for (i = 0; i < tx->n_cache && !busy; i++) {
		if (strcmp(sqlite3_sql(tx->cache[i]->stmt), sql) != 0)
			continue;
		*out = tx->cache[i];
		if (!tx->cache[i]->running)
			return B3IQ_OK;
		busy = true;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return fail_memory(err, "using the database");
	r->tx = tx;
	code = sqlite3_prepare_v3(tx->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, NULL);
	if (code != SQLITE_OK || !r->stmt) {
		free(r);
		return failure(tx, code == SQLITE_OK ? SQLITE_ERROR : code, err);
	}
	if (!busy && tx->n_cache < CACHE_MAX) {
		tx->cache[tx->n_cache++] = r;
	} else {
		r->next = tx->spare;
		tx->spare = r;
	}
	*out = r;
	return B3IQ_OK;
}

static int
bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args)
{
	const void *data;
	size_t n;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
	case 's':
		return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
	case 'n':
		return sqlite3_bind_null(stmt, at);
	case 't':
	case 'b':
		data = va_arg(*args, const void *);
		n = va_arg(*args, size_t);
		if (n == 0)
			data = ""; /* NULL would bind null instead of something empty */
		if (type == 't')
			return sqlite3_bind_text64(stmt, at, data, n, SQLITE_STATIC, SQLITE_UTF8);
		return sqlite3_bind_blob64(stmt, at, data, n, SQLITE_STATIC);
	default:
		return SQLITE_MISUSE;
	}
}

static int32_t
bind_all(struct store_rows *r, const char *types, va_list *args, struct b3iq_error *err)
{
	int i, code = SQLITE_OK;

	if (strlen(types) != (size_t)sqlite3_bind_parameter_count(r->stmt))
		return fail(err, B3IQ_E_INTERNAL, "\"%s\" does not fit the parameters of: %.150s", types,
		            sqlite3_sql(r->stmt));
	for (i = 0; types[i] && code == SQLITE_OK; i++)
		code = bind_one(r->stmt, i + 1, types[i], args);
	if (code == SQLITE_OK)
		return B3IQ_OK;
	sqlite3_clear_bindings(r->stmt);
	return failure(r->tx, code, err);
}

static int32_t
start(struct store_tx *tx, struct store_rows **out, struct b3iq_error *err, const char *sql,
      const char *types, va_list *args)
{
	int32_t rc = prepare(tx, sql, out, err);

	if (rc == B3IQ_OK)
		rc = bind_all(*out, types, args, err);
	if (rc != B3IQ_OK)
		*out = NULL;
	else
		(*out)->running = true;
	return rc;
}

int32_t
store_query(struct store_tx *tx, struct store_rows **out, struct b3iq_error *err, const char *sql,
            const char *types, ...)
{
	va_list args;
	int32_t rc;

	va_start(args, types);
	rc = start(tx, out, err, sql, types, &args);
	va_end(args);
	return rc;
}

int32_t
store_run(struct store_tx *tx, struct b3iq_error *err, const char *sql, const char *types, ...)
{
	struct store_rows *r;
	bool row = true;
	va_list args;
	int32_t rc;

	va_start(args, types);
	rc = start(tx, &r, err, sql, types, &args);
	va_end(args);
	while (rc == B3IQ_OK && row)
		rc = store_next(r, &row, err);
	if (rc == B3IQ_OK)
		tx->changes = sqlite3_changes64(tx->db);
	return rc;
}

int32_t
store_next(struct store_rows *r, bool *row, struct b3iq_error *err)
{
	int32_t rc;
	int code;

	*row = false;
	if (!r->running)
		return B3IQ_OK;
	code = sqlite3_step(r->stmt);
	if (code == SQLITE_ROW) {
		*row = true;
		return B3IQ_OK;
	}
	rc = code == SQLITE_DONE ? B3IQ_OK : failure(r->tx, code, err);
	store_end(r);
	return rc;
}

void
store_end(struct store_rows *r)
{
	if (!r || !r->running)
		return;
	sqlite3_reset(r->stmt);
	sqlite3_clear_bindings(r->stmt); /* what was bound is borrowed no longer */
	r->running = false;
}

int64_t
store_changes(struct store_tx *tx)
{
	return tx->changes;
}

int64_t
store_int(struct store_rows *r, int column)
{
	return sqlite3_column_int64(r->stmt, column);
}

const char *
store_text(struct store_rows *r, int column, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(r->stmt, column);

	if (len)
		*len = (size_t)sqlite3_column_bytes(r->stmt, column);
	return text;
}

const void *
store_blob(struct store_rows *r, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(r->stmt, column);

	if (len)
		*len = (size_t)sqlite3_column_bytes(r->stmt, column);
	return data;
}

void
store_copy_text(struct store_rows *r, int column, char *out, size_t size)
{
	const char *text = store_text(r, column, NULL);

	snprintf(out, size, "%s", text ? text : "");
}

void
store_copy_blob(struct store_rows *r, int column, void *out, size_t size)
{
	size_t len;
	const void *data = store_blob(r, column, &len);

	if (data && len == size)
		memcpy(out, data, size);
}

bool
store_is_null(struct store_rows *r, int column)
{
	return sqlite3_column_type(r->stmt, column) == SQLITE_NULL;
}
