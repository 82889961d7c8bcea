/* jobbook.h - job rows in coordinator.db, and the one way to change them.
 *
 * A change is a compare-and-set: inside one transaction of the writer the row is read, a function
 * looks whether the step is allowed and makes it, and the row is written with its next revision.
 * Who asks second finds what the first one left, so each race is decided once.  Rows of other
 * tables (steps, receipts, workers) join in the same transaction.
 *
 * Private content lies in job_private and goes when its time is over (jobbook_forget_old()).
 */
#ifndef COORDINATOR_JOBS_JOBBOOK_H
#define COORDINATOR_JOBS_JOBBOOK_H

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"
#include "core/store/store.h"

extern const struct store_module jobbook_module; /* "jobs" */

struct jobbook_private {              /* texts are NUL-terminated                        */
	const char *payload;          /* as the client sent it                           */
	const char *request;          /* canonical chat-request.json                     */
	const char *params, *seed;    /* canonical parameters; decimal, "" if the node chooses */
	const char *order_text;
	uint8_t     secret[32];       /* of the order's prompt commitment                */
};

struct jobbook_secrets {              /* the private row, read                           */
	struct buf payload, request, params, seed, order_text, result, openings, message;
	uint8_t    secret[32];
};
void jobbook_secrets_init(struct jobbook_secrets *);
void jobbook_secrets_wipe(struct jobbook_secrets *);

struct jobbook_retry {                /* Idempotency-Key of a client                     */
	uint8_t key[32], body[32];    /* SHA-256 of key and of body                      */
};

/* ---- inside a closure of store_write() ---- */

/* Sets job->seq.  With a retry whose key is known: *known gets that job's id, nothing is inserted;
 * B3IQ_E_INVALID if it was for another body. */
int32_t jobbook_insert(struct store_tx *, struct job *, const struct jobbook_private *,
                       const struct jobbook_retry *retry, char known[JOB_ID_SIZE],
                       struct b3iq_error *err);
/* Reads, applies, writes.  `apply` may refuse; then nothing changes and its code is returned.
 * B3IQ_E_NOT_FOUND: no such job.  *out is the row as it is now, also after a refusal. */
typedef int32_t jobbook_fn(struct store_tx *, struct job *, void *arg, struct b3iq_error *err);
int32_t jobbook_change(struct store_tx *, const char *id, jobbook_fn *apply, void *arg,
                       struct job *out, struct b3iq_error *err);
int32_t jobbook_put_result(struct store_tx *, int64_t seq, const char *result, size_t len,
                           const char *openings, size_t openings_len, struct b3iq_error *err);
int32_t jobbook_put_message(struct store_tx *, int64_t seq, const char *text,
                            struct b3iq_error *err);
/* As if it had never been submitted. */
int32_t jobbook_remove(struct store_tx *, const char *id, struct b3iq_error *err);
/* Deletes private content of jobs that ended before, and idempotency keys of that age; *n: how many. */
int32_t jobbook_forget_old(struct store_tx *, uint64_t before_ms, int64_t *n,
                           struct b3iq_error *err);

/* ---- inside a closure of store_read() or store_write() ---- */

int32_t jobbook_get(struct store_tx *, const char *id, struct job *out, struct b3iq_error *err);
int32_t jobbook_get_seq(struct store_tx *, int64_t seq, struct job *out, struct b3iq_error *err);
int32_t jobbook_get_secrets(struct store_tx *, int64_t seq, struct jobbook_secrets *out,
                            struct b3iq_error *err);

struct jobbook_filter {               /* "" and 0: any; of client and worker one at most */
	const char *client, *worker, *type;
	int         phase;            /* -1: any                                         */
	uint64_t    from_ms, to_ms;   /* requested                                       */
	int64_t     limit, offset;
};
typedef int32_t jobbook_each_fn(void *arg, const struct job *, struct b3iq_error *err);
/* Newest first; *total counts all that fit (may be NULL). */
int32_t jobbook_list(struct store_tx *, const struct jobbook_filter *, jobbook_each_fn *, void *arg,
                     int64_t *total, struct b3iq_error *err);
/* All that have not ended, oldest first. */
int32_t jobbook_live(struct store_tx *, jobbook_each_fn *, void *arg, struct b3iq_error *err);
/* 32 bytes that this database was made with: leases are derived from them. */
int32_t jobbook_lease_secret(struct store_tx *, uint8_t out[32], struct b3iq_error *err);
/* How many are in each phase, and what was paid in all. */
int32_t jobbook_stats(struct store_tx *, int64_t count[JOB_PHASES_N], int64_t *paid,
                      int64_t *mean_ms, struct b3iq_error *err);

#endif
