/* worker.h - the threads of the sandbox that run the plugin's functions: one per call at once, made
 * when first needed, kept for the next call.
 */
#ifndef CORE_PLUGIN_SANDBOX_WORKER_H
#define CORE_PLUGIN_SANDBOX_WORKER_H

#include <pthread.h>

#include "core/plugin/load/backend.h"
#include "core/plugin/sandbox/ring.h"
#include "core/plugin/sandbox/wire.h"

struct worker_job;

struct worker { /* the pool                                                       */
	struct rings *rings;           /* what calls answer through               */
	const struct backend *backend;
	uint32_t width;                /* threads at most                         */
	pthread_mutex_t lock;          /* of all that follows                     */
	pthread_cond_t  work, idle;    /* there is a job; nothing runs            */
	struct worker_job *first, **last; /* not begun                            */
	struct worker_job *running;
	uint32_t threads, n_jobs;         /* jobs begun or not                      */
	bool quit;
};

void worker_init(struct worker *, struct rings *, const struct backend *, uint32_t width);
/* Waits for what runs, and ends the threads' work; they are detached. */
void worker_finish(struct worker *);

/* The frames CODEC_CALL and _CANCEL.  False: malformed. */
bool worker_call(struct worker *, const struct wire_frame *);
bool worker_cancel(struct worker *, const struct wire_frame *);

#endif
