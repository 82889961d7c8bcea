/* conn.h - one SQLite connection with its prepared statements; private to the room.
 *
 * struct store_tx of store.h is such a connection while a closure runs on it.
 */
#ifndef CORE_STORE_CONN_H
#define CORE_STORE_CONN_H

#include "core/store/store.h"

enum conn_mode { CONN_READ, CONN_WRITE };

int32_t conn_open(const char *file, enum conn_mode, int busy_ms, struct store_tx **out,
                  struct b3iq_error *err);
void    conn_close(struct store_tx *);
/* SQL without parameters and results; several statements are fine. */
int32_t conn_exec(struct store_tx *, const char *sql, struct b3iq_error *err);
bool    conn_in_transaction(const struct store_tx *);
/* Ends a transaction if there is one, whatever its state. */
void    conn_rollback(struct store_tx *);
void    conn_begin_closure(struct store_tx *);
/* Ends every statement that a closure left running. */
void    conn_end_all(struct store_tx *);
/* The file's name without its folders, for errors. */
const char *conn_name(const struct store_tx *);

#endif
