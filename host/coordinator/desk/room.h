/* room.h - the desk from inside: its memory, and the step from a changed row to what follows.
 *
 * Lock order: desk.lock, then nothing.  No lock is held while the store, the ledger or a network is
 * waited for.
 */
#ifndef COORDINATOR_DESK_ROOM_H
#define COORDINATOR_DESK_ROOM_H

#include "coordinator/desk/desk.h"
#include "coordinator/queue/queue.h"
#include "core/http/workers.h"

struct desk {
	struct desk_options o;
	struct settler     *settler;     /* NULL: free mode                              */
	struct workers     *pushers;     /* threads that push                            */
	pthread_t           thread;      /* the alarms'                                  */
	bool                running;
	uint8_t             lease_secret[32];
	pthread_mutex_t     lock;        /* guards all below                             */
	pthread_cond_t      rung;        /* the next alarm is earlier, or the end        */
	bool                quit;
	struct board        board;
	struct queue        queue;
	struct fleet        fleet;
	struct heap         alarms, beats; /* of jobs; of workers: wall ms               */
	uint64_t            submitted, leased, completed, failed, refused, lost;
	uint64_t            forget_ms;   /* when private content is looked through next  */
};

/* ---- show.c: after a change; the lock is held ---- */
void room_show(struct desk *, const struct job *);
/* A worker has room again, or others may want the job that it did not take. */
void room_offer(struct desk *);
/* This worker was heard of just now. */
void room_touch(struct desk *, struct worker *);
void room_alarm(struct desk *, struct live *);
/* Into its line, from now on; if all lines are taken, its alarm tries again. */
void room_queue(struct desk *, struct live *);

/* ---- moves.c: inside jobbook_change() ---- */
void    move_release(struct job *, uint64_t now_ms);
/* Ends a job otherwise than by completion, and has its money returned. */
int32_t move_end(struct desk *, struct store_tx *, struct job *, enum job_phase, const char *code,
                 struct b3iq_error *err);
/* The lease is over without a result: the next attempt, or the end. */
int32_t move_back(struct desk *, struct store_tx *, struct job *, bool fault, bool final,
                  const char *code, struct b3iq_error *err);
/* Is this the worker's current lease of this job?  409 or 404 with a word if not. */
int32_t move_check_lease(const struct desk *, const struct job *, const char *worker, const char *lease,
                         struct why *why);
/* A lease's id is an HMAC over job, attempt and worker: whose it was needs no record. */
void    move_lease_id(const struct desk *, const char *job, uint32_t attempt, const char *worker,
                      char out[JOB_LEASE_SIZE]);

/* ---- workers.c ---- */
/* Its leases are lost. Without the lock. */
void room_offline(struct desk *, const char *worker);

/* ---- push.c ---- */
bool push_allowed(const struct desk *, const char *url);
void push_start(struct desk *, struct worker *); /* the lock is held */

#endif
