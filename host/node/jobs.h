/* jobs.h - each request that reached a backend: a row when it starts, a receipt when it ends.
 *
 * The row is on the disk before the work begins, and the receipt is stored in the same transaction
 * that ends the row, so that neither a crash nor a kill -9 leaves work without a receipt: rows that
 * are still running when the node starts are ended as lost, with a failure receipt.
 * Nothing in a row is content: the prompt is there as its commitment.
 */
#ifndef NODE_JOBS_H
#define NODE_JOBS_H

#include "core/receipt/receipt.h"
#include "core/store/store.h"

extern const struct store_module jobs_module; /* "jobs" */

struct job {
	const struct receipt *draft;  /* what is known before: id, model, engine, profile, root,
	                               * params, prompt, output (of nothing), seed, start_ms */
	const char *instance;         /* that does it                                   */
	const char *principal;        /* for whom: a key's id or a subject              */
	const char *request;          /* the HTTP request's id                          */
};

int32_t jobs_begin(struct store *, const struct job *, struct b3iq_error *err);
/* Ends the row and appends the receipt; *envelope gets its envelope. */
int32_t jobs_end(struct store *, struct receipt *, const struct ed25519_key *, struct buf *envelope,
                 struct b3iq_error *err);
/* Ends what a crash left behind, each with an audit event; *lost tells how many there were. */
int32_t jobs_recover(struct store *, const struct ed25519_key *, uint64_t *lost,
                     struct b3iq_error *err);
/* How long a receipt may be disputed: expires_ms = end_ms + this. */
#define JOBS_DISPUTE_MS (30ull * 24 * 3600 * 1000)

#endif
