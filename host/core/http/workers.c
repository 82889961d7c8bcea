#include "core/http/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/fail.h"

/* Enough for SQLite, json-c and OpenSSL below a handler; sanitizers need more room. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (2u << 20)
#else
#define STACK_SIZE (512u << 10)
#endif

struct job {
	void (*work)(void *);
	void  *arg;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t  work, left;
	struct job     *queue;          /* ring */
	unsigned        head, queued, queue_max, waiting_max;
	unsigned        threads, idle, threads_max, idle_ms;
	bool            stop;
};

static bool
wait_for_work(struct workers *ws)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ws->idle_ms / 1000;
	until.tv_nsec += (long)(ws->idle_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	ws->idle++;
	while (!ws->queued && !ws->stop && rc == 0)
		rc = pthread_cond_timedwait(&ws->work, &ws->lock, &until);
	ws->idle--;
	return ws->queued > 0;
}

static void *
worker(void *arg)
{
	struct workers *ws = arg;

	pthread_mutex_lock(&ws->lock);
	while (wait_for_work(ws)) {
		const struct job job = ws->queue[ws->head];

		ws->head = (ws->head + 1) % ws->queue_max;
		ws->queued--;
		pthread_mutex_unlock(&ws->lock);
		job.work(job.arg);
		pthread_mutex_lock(&ws->lock);
	}
	ws->threads--;
	pthread_cond_signal(&ws->left);
	pthread_mutex_unlock(&ws->lock);
	return NULL;
}

int32_t
workers_create(struct workers **out, unsigned threads_max, unsigned queue_max, unsigned idle_ms,
               struct b3iq_error *err)
{
	struct workers *ws = calloc(1, sizeof *ws);
	pthread_condattr_t attr;

	*out = NULL;
	if (!ws)
		return fail_memory(err, "making the worker pool");
	ws->threads_max = threads_max;
	ws->waiting_max = queue_max;
	ws->queue_max = queue_max + threads_max; /* work on its way to a thread is here, too */
	ws->idle_ms = idle_ms;
	ws->queue = calloc(ws->queue_max, sizeof *ws->queue);
	if (!ws->queue) {
		free(ws);
		return fail_memory(err, "making the worker pool");
	}
	pthread_mutex_init(&ws->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ws->work, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&ws->left, NULL);
	*out = ws;
	return B3IQ_OK;
}

void
workers_destroy(struct workers *ws)
{
	if (!ws)
		return;
	pthread_mutex_lock(&ws->lock);
	ws->stop = true;
	pthread_cond_broadcast(&ws->work);
	while (ws->threads)
		pthread_cond_wait(&ws->left, &ws->lock);
	pthread_mutex_unlock(&ws->lock);
	pthread_cond_destroy(&ws->left);
	pthread_cond_destroy(&ws->work);
	pthread_mutex_destroy(&ws->lock);
	free(ws->queue);
	free(ws);
}

/* One more thread; false if the system gives none. Lock held. */
static bool
add_thread(struct workers *ws)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&thread, &attr, worker, ws);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		ws->threads++;
	return rc == 0;
}

int32_t
workers_run(struct workers *ws, void (*work)(void *), void *arg)
{
	int32_t rc = B3IQ_OK;
	bool more = false;

	pthread_mutex_lock(&ws->lock);
	if (ws->idle <= ws->queued && ws->threads < ws->threads_max)
		more = add_thread(ws);
	if (ws->stop || !ws->threads || (!more && ws->queued >= ws->waiting_max + ws->idle))
		rc = B3IQ_E_BUSY;
	if (rc == B3IQ_OK) {
		ws->queue[(ws->head + ws->queued) % ws->queue_max] = (struct job){ work, arg };
		ws->queued++;
		pthread_cond_signal(&ws->work);
	}
	pthread_mutex_unlock(&ws->lock);
	return rc;
}

void
workers_count(struct workers *ws, unsigned *threads, unsigned *busy, unsigned *queued)
{
	pthread_mutex_lock(&ws->lock);
	*threads = ws->threads;
	*busy = ws->threads - ws->idle;
	*queued = ws->queued;
	pthread_mutex_unlock(&ws->lock);
}
