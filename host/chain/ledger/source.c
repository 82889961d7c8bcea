#include "chain/ledger/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct local {
	struct source   source; /* first */
	pthread_mutex_t lock;
	pthread_cond_t  moved;
	uint32_t        idle_ms;
	bool            builds, wanted, stopping;
};

static struct timespec
later(uint32_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000 + (t.tv_nsec + (long)(ms % 1000) * 1000000) / 1000000000;
	t.tv_nsec = (t.tv_nsec + (long)(ms % 1000) * 1000000) % 1000000000;
	return t;
}

static void
local_wait(struct source *s, struct source_event *out)
{
	struct local *l = (struct local *)s;
	const struct timespec idle = later(l->idle_ms);
	int late = 0;

	*out = (struct source_event){ .step = SOURCE_BUILD };
	pthread_mutex_lock(&l->lock);
	while (!l->stopping && !(l->builds && l->wanted) && late != ETIMEDOUT) {
		if (l->builds && l->idle_ms)
			late = pthread_cond_timedwait(&l->moved, &l->lock, &idle);
		else
			pthread_cond_wait(&l->moved, &l->lock);
	}
	if (l->stopping)
		out->step = SOURCE_STOP;
	out->empty = !l->wanted;
	l->wanted = false;
	pthread_mutex_unlock(&l->lock);
}

static int32_t
local_order(struct source *s, const char *block, size_t len, struct b3iq_error *err)
{
	(void)s;
	(void)block;
	(void)len;
	(void)err;
	return B3IQ_OK;
}

static void
local_wake(struct source *s)
{
	struct local *l = (struct local *)s;

	pthread_mutex_lock(&l->lock);
	if (!l->wanted) {
		l->wanted = true;
		pthread_cond_signal(&l->moved);
	}
	pthread_mutex_unlock(&l->lock);
}

static void
local_stop(struct source *s)
{
	struct local *l = (struct local *)s;

	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_signal(&l->moved);
	pthread_mutex_unlock(&l->lock);
}

static void
local_destroy(struct source *s)
{
	struct local *l = (struct local *)s;

	pthread_cond_destroy(&l->moved);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct source *
create(uint32_t idle_ms, bool builds)
{
	struct local *l = calloc(1, sizeof *l);
	pthread_condattr_t attr;

	if (!l)
		return NULL;
	l->source = (struct source){ .wait = local_wait, .order = local_order, .wake = local_wake,
		                     .stop = local_stop, .destroy = local_destroy };
	l->idle_ms = idle_ms;
	l->builds = builds;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->moved, &attr);
	pthread_condattr_destroy(&attr);
	return &l->source;
}

struct source *
source_local(uint32_t idle_ms)
{
	return create(idle_ms, true);
}

struct source *
source_none(void)
{
	return create(0, false);
}
