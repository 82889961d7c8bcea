/* desk.h - what can happen to a job, verb by verb: the one place where rows, memory and money meet.
 *
 *   change the row (compare-and-set, with steps, receipts and scores in the same transaction)
 *     -> it is on the disk -> show it on the board: queue, leases, alarms, those who wait
 *
 * A verb that returns B3IQ_OK has been decided and will survive a crash.  why->code names refusals; the
 * words are those of docs/coordinator.md.  [any thread; most block on the disk]
 */
#ifndef COORDINATOR_DESK_DESK_H
#define COORDINATOR_DESK_DESK_H

#include "coordinator/jobs/jobbook.h"
#include "coordinator/jobs/submission.h"
#include "coordinator/settle/settler.h"
#include "coordinator/jobs/why.h"
#include "coordinator/workers/fleet.h"

struct desk;

struct desk_options {                  /* everything is kept, nothing copied             */
	struct store             *store;
	const struct ed25519_key *key;     /* signs verdicts                             */
	const struct payments    *payments;
	struct instance          *ledger;  /* NULL: every job is free                    */
	struct submission_rules   rules;
	uint32_t  queue_most, queue_most_each; /* jobs that wait, in all and of one client */
	uint32_t  no_worker_s, lease_s, run_s, heartbeat_s, attempts, funding_s, keep_s;
	uint32_t  batch_ms, ended_most;
	const char *const *push_hosts;     /* NULL-terminated                            */
};

int32_t desk_create(const struct desk_options *, struct desk **out, struct b3iq_error *err);
/* Nobody waits any longer: before the server drains. */
void    desk_quit(struct desk *);
void    desk_destroy(struct desk *);

/* Has who waits given up?  Asked about once a second.  NULL: never. */
struct desk_patience {
	bool   (*gone)(void *ctx);
	void    *ctx;
	uint32_t ms;                   /* how long to wait at most                       */
};

/* ---- clients ---- */

struct desk_client {
	const char *key;               /* its id                                         */
	const char *wallet;            /* that pays; "": none                            */
	bool        admin;             /* sees everybody's jobs                          */
};

/* *again: an Idempotency-Key was repeated, and this is its job. */
int32_t desk_submit(struct desk *, const struct desk_client *, const char *body, size_t len,
                    const char *idempotency_key, struct job *out, bool *again, struct why *why);
/* B3IQ_E_NOT_FOUND also for somebody else's. */
int32_t desk_job(struct desk *, const struct desk_client *, const char *id, struct job *out,
                 struct why *why);
/* Waits until its revision is above rev, or it has ended when rev is -1. */
int32_t desk_wait(struct desk *, const struct desk_client *, const char *id, int64_t rev,
                  const struct desk_patience *, struct job *out, struct why *why);
int32_t desk_cancel(struct desk *, const struct desk_client *, const char *id, struct job *out,
                    struct why *why);
/* All that run or wait, of everybody: for the administrator.  *n: how many. */
int32_t desk_cancel_running(struct desk *, int64_t *n, struct why *why);

struct desk_follow {                   /* how far a reader of a stream has come          */
	uint32_t attempt;
	size_t   at;
	int64_t  rev;
	bool     restarted;            /* out: another attempt; forget what was said     */
};
/* Waits for more of the stream (appended to text) or a change of the job. */
int32_t desk_follow(struct desk *, const struct desk_client *, const char *id, struct desk_follow *,
                    const struct desk_patience *, struct job *out, struct buf *text,
                    struct why *why);

/* ---- workers; `key` is the id of the API key that asks ---- */

struct desk_registration {
	const char *id, *region, *node, *nonce, *proof, *address, *push_url, *push_key;
	struct json_object *capabilities, *models; /* or NULL */
	uint32_t concurrency;
};
void    desk_challenge(struct desk *, const char *key, char nonce[FLEET_NONCE], uint64_t *expires_ms);
int32_t desk_register(struct desk *, const char *key, const struct desk_registration *,
                      bool *verified, struct why *why);
int32_t desk_deregister(struct desk *, const char *key, const char *worker, struct why *why);
/* The id of the worker that a request is about: `id`, which must be the key's, or its latest. */
int32_t desk_worker(struct desk *, const char *key, const char *id, char out[JOB_OWNER_SIZE],
                    struct why *why);

struct desk_beat {                     /* one lease after a heartbeat                    */
	char     lease[JOB_LEASE_SIZE], job[JOB_ID_SIZE];
	uint64_t deadline_ms;
};
#define DESK_BEATS 1024
/* leases: those that the worker names, NULL: it names none.  Fills `held` with those that it still
 * has, and flags in lost[i] the named ones that it has not. */
int32_t desk_heartbeat(struct desk *, const char *worker, const char *const *leases, size_t n,
                       bool draining, struct desk_beat held[DESK_BEATS], size_t *n_held,
                       bool *lost, struct why *why);

struct desk_work {                     /* what a worker gets                             */
	struct job             job;
	struct jobbook_secrets secrets;
};
/* *got: there is work.  Free it with desk_work_free() then. */
int32_t desk_poll(struct desk *, const char *worker, const struct desk_patience *,
                  struct desk_work *out, bool *got, struct why *why);
void    desk_work_free(struct desk_work *);
/* The assignment did not reach the worker: the job goes back, and it is nobody's fault. */
int32_t desk_give_back(struct desk *, const char *worker, const char *job, const char *lease,
                       struct why *why);

/* lease NULL: the one that this worker has of this job. */
int32_t desk_running(struct desk *, const char *worker, const char *job, const char *lease,
                     struct why *why);
int32_t desk_delta(struct desk *, const char *worker, const char *job, const char *lease,
                   uint64_t seq, const char *text, size_t len, uint64_t *next, uint32_t *listeners,
                   struct why *why);

struct desk_result {
	const char         *lease, *output, *document; /* document: the result as JSON   */
	size_t              output_len, document_len;
	struct json_object *receipt, *openings;        /* NULL: none                     */
};
int32_t desk_result(struct desk *, const char *worker, const char *job, const struct desk_result *,
                    struct job *out, struct why *why);
int32_t desk_fail(struct desk *, const char *worker, const char *job, const char *lease,
                  const char *code, const char *message, bool *requeued, struct why *why);

/* ---- looking ---- */

/* A copy of what is known of a worker, without its strings; false: there is none. */
bool    desk_worker_view(struct desk *, const char *id, struct worker *out);
void    desk_each_worker(struct desk *, fleet_each_fn *, void *arg); /* under the lock: be short */
struct desk_counts {
	size_t   queued, held, workers, online, polls, board;
	uint64_t submitted, leased, completed, failed, refused, lost;
};
void    desk_counts(struct desk *, struct desk_counts *);
void    desk_metrics(struct desk *, struct buf *out);

#endif
