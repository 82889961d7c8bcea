/* spool.h - what this node owes its coordinator: leases that it took, and results not yet acknowledged.
 *
 *   begin -> running --end--> result | failure --drop--> gone
 *              `--- the node died ---> failure
 *
 * Every step is on the disk (state.db) before anything is done because of it: a lease is taken once,
 * a result outlives kill -9, and is forgotten only when the coordinator has said its last word.
 * Bodies hold outputs, so they are sealed with a key that only the node identity can make.
 * [any thread]
 */
#ifndef NODE_WORKER_SPOOL_H
#define NODE_WORKER_SPOOL_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/crypto/ed25519.h"
#include "core/store/store.h"

#define SPOOL_ID_SIZE  129        /* of a job or lease, with its NUL                  */
#define SPOOL_BODY_MAX (64u << 20)
#define SPOOL_KEEP_MS  (7ull * 24 * 3600 * 1000) /* then no coordinator wants it any more */

extern const struct store_module spool_module; /* "spool" */

struct spool;

enum spool_kind { SPOOL_RESULT, SPOOL_FAILURE };

struct spool_item {
	int64_t         seq;
	enum spool_kind kind;
	char            job[SPOOL_ID_SIZE], lease[SPOOL_ID_SIZE];
	struct buf      body; /* JSON; the caller's, to be wiped */
};

/* The spool towards one coordinator.  B3IQ_E_...: the key cannot be made. */
int32_t spool_create(struct store *, const struct ed25519_key *identity, const char *coordinator,
                     struct spool **out, struct b3iq_error *err);
void    spool_destroy(struct spool *);

/* Ids of jobs, leases and workers go into paths: letters, digits, "-", "_" and ".", fewer than
 * SPOOL_ID_SIZE, and not only dots. */
bool    spool_id_valid(const char *id);

/* Takes a lease.  *fresh is false for one that was taken before: do not work on it again. */
int32_t spool_begin(struct spool *, const char *job, const char *lease, bool *fresh,
                    struct b3iq_error *err);
/* The body of the request that will report it. */
int32_t spool_end(struct spool *, const char *lease, enum spool_kind, const void *body, size_t,
                  struct b3iq_error *err);
/* The coordinator has it, or wants it no more. */
int32_t spool_drop(struct spool *, const char *lease, struct b3iq_error *err);
/* What was running when the node died becomes a failure, whose body `failure` writes for each lease;
 * what is too old goes.  Before any begin.  *died tells how many. */
int32_t spool_recover(struct spool *,
                      int32_t (*failure)(const char *lease, struct buf *body), uint64_t *died,
                      struct b3iq_error *err);
/* The first one to report with a number above `after`; *found tells whether there is one. */
int32_t spool_next(struct spool *, int64_t after, struct spool_item *, bool *found,
                   struct b3iq_error *err);
/* Calls each() with every lease that is still to be reported. */
int32_t spool_leases(struct spool *, int32_t (*each)(void *arg, const char *lease), void *arg,
                     struct b3iq_error *err);

#endif
