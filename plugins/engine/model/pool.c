#include "engine/model/pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "engine/fail.h"
#include "engine/numeric/rounding.h"

#define SPINS 2000 /* of some 15 to 50 ns each */

/* A job is published by its generation in the high half of `claim`; the low half is the next item.
 * An item is claimed by compare-and-swap, which fails once the generation has moved on, so a worker
 * that was away cannot touch a job that it did not read. */
struct pool {
	_Alignas(64) _Atomic uint64_t claim;
	_Atomic(pool_fn *) fn;
	_Atomic(void *)    ctx;
	_Atomic uint32_t   n_items;
	_Alignas(64) _Atomic uint32_t done;    /* items finished; futex of the caller   */
	_Atomic bool                  waiting; /* the caller sleeps on done             */
	_Alignas(64) _Atomic uint32_t bell;    /* futex of the workers: counts jobs     */
	_Atomic uint32_t              sleepers;
	_Atomic bool                  closing;
	unsigned                      n_threads, n_started;
	struct worker {
		pthread_t    thread;
		struct pool *pool;
		unsigned     index;
	} workers[POOL_MAX_THREADS];
};

static void
pause_core(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void
futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void
futex_wake(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Claims and runs items of the current job until none is left. */
static void
work(struct pool *p, unsigned worker)
{
	uint64_t seen = atomic_load(&p->claim);
	const uint64_t generation = seen >> 32;
	pool_fn *const fn = atomic_load(&p->fn);
	void *const ctx = atomic_load(&p->ctx);
	const uint32_t n = atomic_load(&p->n_items);

	while (seen >> 32 == generation && (uint32_t)seen < n) {
		if (!atomic_compare_exchange_weak(&p->claim, &seen, seen + 1))
			continue;
		fn(ctx, (uint32_t)seen, worker);
		if (atomic_fetch_add(&p->done, 1) + 1 == n && atomic_load(&p->waiting))
			futex_wake(&p->done);
		seen = atomic_load(&p->claim);
	}
}

static void
await_job(struct pool *p, uint32_t heard)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&p->bell, memory_order_acquire) != heard)
			return;
		pause_core();
	}
	atomic_fetch_add(&p->sleepers, 1);
	while (atomic_load(&p->bell) == heard)
		futex_wait(&p->bell, heard);
	atomic_fetch_sub(&p->sleepers, 1);
}

static void *
worker_main(void *arg)
{
	const struct worker *w = arg;
	struct pool *p = w->pool;
	uint32_t heard = 0;

	(void)rounding_pin();
	while (!atomic_load(&p->closing)) {
		await_job(p, heard);
		heard = atomic_load(&p->bell);
		work(p, w->index);
	}
	return NULL;
}

static void
ring(struct pool *p)
{
	atomic_fetch_add(&p->bell, 1);
	if (atomic_load(&p->sleepers) > 0)
		futex_wake(&p->bell);
}

static void
await_done(struct pool *p, uint32_t n)
{
	uint32_t done;

	for (int i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&p->done, memory_order_acquire) == n)
			return;
		pause_core();
	}
	atomic_store(&p->waiting, true);
	while ((done = atomic_load(&p->done)) != n)
		futex_wait(&p->done, done);
	atomic_store(&p->waiting, false);
}

void
pool_run(struct pool *p, pool_fn *fn, void *ctx, size_t n)
{
	const uint64_t generation = atomic_load(&p->claim) >> 32;

	if (n == 0)
		return;
	if (n == 1 || p->n_threads == 1) {
		for (size_t i = 0; i < n; i++)
			fn(ctx, i, 0);
		return;
	}
	/* No item of the old generation is left to claim, whatever number of items is read now. */
	atomic_store(&p->claim, generation << 32 | UINT32_MAX);
	atomic_store(&p->fn, fn);
	atomic_store(&p->ctx, ctx);
	atomic_store(&p->done, 0);
	atomic_store(&p->n_items, (uint32_t)n);
	atomic_store(&p->claim, (generation + 1) << 32);
	ring(p);
	work(p, 0);
	await_done(p, (uint32_t)n);
}

static unsigned
processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

int32_t
pool_create(struct pool **out, unsigned threads, struct b3iq_error *err)
{
	struct pool *p;

	if (threads == 0)
		threads = processors() < POOL_MAX_THREADS ? processors() : POOL_MAX_THREADS;
	if (threads > POOL_MAX_THREADS)
		return fail_with(err, B3IQ_E_INVALID, "%u threads are asked for: at most %u",
		                 threads, POOL_MAX_THREADS);
	p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
	if (!p)
		return fail_memory(err, "the worker threads");
	*p = (struct pool){ .n_threads = threads, .n_started = 1 };
	for (unsigned i = 1; i < threads; i++, p->n_started++) {
		p->workers[i] = (struct worker){ .pool = p, .index = i };
		if (pthread_create(&p->workers[i].thread, NULL, worker_main, &p->workers[i]) != 0) {
			pool_destroy(p);
			return fail_with(err, B3IQ_E_UNAVAILABLE,
			                 "the system refused worker thread %u of %u: lower "
			                 "\"threads\" or raise the limit on tasks",
			                 i + 1, threads);
		}
	}
	*out = p;
	return B3IQ_OK;
}

void
pool_destroy(struct pool *p)
{
	if (!p)
		return;
	atomic_store(&p->closing, true);
	ring(p);
	for (unsigned i = 1; i < p->n_started; i++)
		(void)pthread_join(p->workers[i].thread, NULL);
	free(p);
}

unsigned
pool_threads(const struct pool *p)
{
	return p->n_threads;
}
