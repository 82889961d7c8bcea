/* board.h - the jobs that are in memory: all that have not ended, and the latest that have.
 *
 * The rows of coordinator.db decide; the board shows what they say, so that reading a status, waiting
 * for a change and picking the next job need no database.  A revision older than the one that is shown
 * is ignored, so changes may arrive in any order.
 *
 * Not locked: the desk's lock guards it.  Nothing private is here but what a worker streams, until
 * the job ends.
 */
#ifndef COORDINATOR_QUEUE_BOARD_H
#define COORDINATOR_QUEUE_BOARD_H

#include <pthread.h>

#include "coordinator/jobs/job.h"
#include "coordinator/queue/heap.h"
#include "core/base/buf.h"

#define BOARD_SAID_MAX (4u << 20)   /* bytes of one job's stream that are kept */
#define BOARD_SAID_ALL (256u << 20) /* and of all streams together             */

struct worker;
struct queue_line;

struct watcher {                 /* on the stack of who waits for a job to change   */
	pthread_cond_t  moved;
	struct watcher *next;
};

struct live {
	struct job         job;
	struct live       *chain;           /* of the hash table                    */
	struct heap_node   wait, alarm;     /* in the queue; in the alarms          */
	struct queue_line *line;            /* where it waits, or NULL              */
	uint64_t           since_ms;        /* when a fitting worker was last there */
	struct worker     *holder;          /* who has the lease                    */
	struct live       *prev, *next;     /* leases of a worker, or ended jobs    */
	struct watcher    *watchers;
	struct buf         said;            /* what this attempt has streamed       */
	uint32_t           said_attempt;
	uint64_t           deltas;          /* pieces so far                        */
	uint32_t           listeners;       /* clients that follow it               */
	bool               ended, cut;      /* in the list of ended jobs; said is full: no more of it */
	bool               taken;           /* a lease is being written             */
};

struct board { /* zero it to start */
	struct live **bucket;
	size_t        n_buckets, n;
	struct live  *oldest, *newest;      /* ended                                */
	size_t        n_ended, ended_max;
	size_t        said, said_max;       /* memory of all streams                */
};

bool         board_init(struct board *, size_t ended_max);
void         board_finish(struct board *);
struct live *board_find(const struct board *, const char *id);
/* Shows this row; NULL: no memory.  *fresh: it is newer than what was shown. */
struct live *board_show(struct board *, const struct job *, bool *fresh);
/* Into the list of ended jobs, from which the oldest fall off the board. */
void         board_retire(struct board *, struct live *);
/* Off the board at once (it must be in no queue, no list of leases and without watchers). */
void         board_drop(struct board *, struct live *);

/* Waits until it moves or until_us (monotonic); the lock is the desk's.  The job may have left the
 * board afterwards: find it again. */
void board_watch(struct live *, struct watcher *);
void board_unwatch(struct board *, const char *id, struct watcher *);
void board_moved(struct live *);

/* A piece of the stream.  Without room for it (of this job or of all) the stream is cut: it and what
 * follows is counted, but not kept; the result has it all.  false: no memory. */
bool board_say(struct board *, struct live *, const char *text, size_t len);
/* Forgets the stream: another attempt begins it anew. */
void board_hush(struct board *, struct live *);

#endif
