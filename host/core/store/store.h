/* store.h - durable state in one SQLite file: modules of tables, one writer, many readers.
 *
 * Writing: store_write() hands a closure to the writer thread, which runs each closure in a
 * savepoint of its own inside one transaction with whoever else waits (group commit).  It returns
 * once that transaction is on the disk.  A closure that fails undoes only its own work.  After
 * kill -9 or a power cut the file holds every write that returned B3IQ_OK, and none in part.
 *
 * Reading: store_read() runs a closure in the caller's thread on a pooled connection, in one
 * snapshot.  Readers never wait for the writer.
 *
 * Tables: each room brings a module, a name and numbered migrations.  store_open() runs what is
 * missing in one transaction, and refuses a file that a newer program has written.
 *
 *   static int32_t
 *   add_key(struct store_tx *tx, void *arg, struct b3iq_error *err)
 *   {
 *           const struct key *k = arg;
 *           return store_run(tx, err, "INSERT INTO api_key(name, hash) VALUES(?,?)", "sb",
 *                            k->name, k->hash, sizeof(k->hash));
 *   }
 *   rc = store_write(store, add_key, &key, err);
 *
 * Errors: B3IQ_E_INVALID (a constraint says no), B3IQ_E_BUSY (another process holds the file),
 * B3IQ_E_UNAVAILABLE (disk full or failing), B3IQ_E_DENIED (owner or mode of the file),
 * B3IQ_E_INTERNAL (damaged file, wrong SQL), B3IQ_E_NO_MEMORY.  Functions that take a store may be
 * called from any thread; those that take a store_tx or store_rows only inside their closure.
 */
#ifndef CORE_STORE_STORE_H
#define CORE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct store;
struct store_tx;   /* what a closure works with                             */
struct store_rows; /* a running statement; belongs to its store_tx          */

struct store_module {
	const char        *name;       /* [a-z_]+; namespaces the version number      */
	const char *const *migrations; /* SQL, NULL-terminated: [0] makes version 1   */
};

/* A closure.  Its result becomes the result of store_write() or store_read(); on failure it fills
 * err.  It runs on the writer thread: it must be short and must not call store_write(). */
typedef int32_t store_fn(struct store_tx *, void *arg, struct b3iq_error *err);

/* Opens or creates (mode 0600) the file and migrates the modules (NULL-terminated list). */
int32_t store_open(const char *file, const struct store_module *const *modules,
                   struct store **out, struct b3iq_error *err);
/* For another process beside the owner: no migration, store_write() is B3IQ_E_DENIED.
 * B3IQ_E_NOT_FOUND when there is no file yet. */
int32_t store_open_reader(const char *file, struct store **out, struct b3iq_error *err);
/* Finishes what is queued.  No call may be running or come after. */
void    store_close(struct store *);

int32_t store_write(struct store *, store_fn *, void *arg, struct b3iq_error *err);
int32_t store_read(struct store *, store_fn *, void *arg, struct b3iq_error *err);
/* SQLite's own full check of the file, for `b3iq doctor`: B3IQ_OK, or the first finding. */
int32_t store_check(struct store *, struct b3iq_error *err);

/* Statements.  `types` has one letter for each ? of the SQL, with these arguments:
 *   i int64_t     s const char * (NULL binds null)     t const char *, size_t
 *   b const void *, size_t (blob)                      n nothing (null)
 * Pass integers as (int64_t)x.  Prepared statements are kept per connection, by their text, which
 * must be a literal.  All that is bound is borrowed until the statement ends. */
int32_t store_run(struct store_tx *, struct b3iq_error *err, const char *sql, const char *types, ...);
int32_t store_query(struct store_tx *, struct store_rows **, struct b3iq_error *err,
                    const char *sql, const char *types, ...);
/* *row tells whether there is another row; after the last the statement has ended. */
int32_t store_next(struct store_rows *, bool *row, struct b3iq_error *err);
/* Ends a query before its last row.  Not needed: the closure's end does it too.  NULL is fine. */
void    store_end(struct store_rows *);
/* Rows that the latest store_run() of this closure changed. */
int64_t store_changes(struct store_tx *);

/* Columns of the current row, from 0; borrowed until the next store_next().  A null reads as 0,
 * NULL or an empty blob; len may be NULL. */
int64_t     store_int(struct store_rows *, int column);
const char *store_text(struct store_rows *, int column, size_t *len); /* NUL-terminated, or NULL */
const void *store_blob(struct store_rows *, int column, size_t *len);
bool        store_is_null(struct store_rows *, int column);
/* The same as copies.  Text is cut at the size, "" for a null; a blob of another length is left out. */
void        store_copy_text(struct store_rows *, int column, char *out, size_t size);
void        store_copy_blob(struct store_rows *, int column, void *out, size_t size);

#endif
