/* pool.h - worker threads that share the items of a job.
 *
 * pool_run() is a parallel loop: items are claimed one at a time, so a thread that the machine
 * takes away delays one item only.  Workers spin for some microseconds for the next job, then
 * sleep; a job of one item runs on the caller without waking anybody.
 *
 *   Threads   One thread at a time calls pool_run(); it works too.  Items of one job run
 *             concurrently: they must write to disjoint memory.
 *   Rounding  Pinned in the workers; the caller pins its own thread (rounding.h).
 */
#ifndef B3IQ_ENGINE_POOL_H
#define B3IQ_ENGINE_POOL_H

#include <stddef.h>
#include "plugin.h"

#define POOL_MAX_THREADS 256u

struct pool;

/* worker: 0 is the caller, up to pool_threads() - 1. */
typedef void pool_fn(void *ctx, size_t item, unsigned worker);

/* threads counts the caller: 1 starts none; 0 means one for each processor that the process may
 * use. Errors: B3IQ_E_INVALID, B3IQ_E_NO_MEMORY, B3IQ_E_UNAVAILABLE (the system refused a thread).
 */
int32_t pool_create(struct pool **, unsigned threads, struct b3iq_error *);
void pool_destroy(struct pool *);
unsigned pool_threads(const struct pool *);

/* Runs fn for every item < n and returns when all are done; n < 2^32. */
void pool_run(struct pool *, pool_fn *, void *ctx, size_t n);

#endif
