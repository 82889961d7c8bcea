/* The desk's life: what a restart finds, the alarms, the end. */
#include "coordinator/desk/desk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coordinator/desk/room.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/role/prometheus.h"

#define BATCH      256      /* alarms of jobs in one transaction                     */
#define GRACE_MS   30000    /* leases that a restart finds last at least so long     */
#define FORGET_MS  60000    /* how often old private content is looked for           */
#define PUSHERS    16

/* ---- alarms of jobs --------------------------------------------------------------- */

enum ring { RING_EXPIRED, RING_NO_WORKER, RING_LEASE };

struct ringing {
	struct desk *desk;
	size_t       n, done;
	struct {
		char      id[JOB_ID_SIZE], lease[JOB_LEASE_SIZE], worker[JOB_OWNER_SIZE];
		enum ring why;
		int64_t   rev;
	} due[BATCH];
	struct job   job[BATCH];
};

struct one {
	struct ringing *all;
	size_t          i;
};

static int32_t
apply_ring(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct one *o = arg;
	struct desk *d = o->all->desk;
	const enum ring why = o->all->due[o->i].why;

	if (why == RING_LEASE) {
		if (!job_held(j) || strcmp(j->lease, o->all->due[o->i].lease) != 0)
			return B3IQ_E_BUSY;
		return move_back(d, tx, j, true, false, "lease_lost", err);
	}
	if (j->phase != JOB_QUEUED && j->phase != JOB_FUNDING)
		return B3IQ_E_BUSY;
	return why == RING_EXPIRED ? move_end(d, tx, j, JOB_EXPIRED, "expired", err)
	                           : move_end(d, tx, j, JOB_FAILED, "no_worker", err);
}

static int32_t
ring_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct ringing *r = arg;
	int32_t rc = B3IQ_OK;

	r->done = 0;
	for (size_t i = 0; rc == B3IQ_OK && i < r->n; i++) {
		struct one o = { r, i };

		rc = jobbook_change(tx, r->due[i].id, apply_ring, &o, &r->job[r->done], err);
		if (rc == B3IQ_E_BUSY || rc == B3IQ_E_NOT_FOUND) {
			rc = B3IQ_OK;
			continue;
		}
		if (rc == B3IQ_OK && r->due[i].why == RING_LEASE)
			rc = fleet_save_score(tx, r->due[i].worker, FLEET_LOST, 0, 0, err);
		r->done += rc == B3IQ_OK;
	}
	return rc;
}

struct fits {
	const struct live *live;
	bool               any;
};

static void
fits_one(void *arg, struct worker *w)
{
	struct fits *f = arg;

	f->any |= w->online && !w->draining && !w->gone &&
	          queue_fits(f->live, &w->skills, w->quality, fleet_payable(w));
}

/* What is to happen to this job now; false: nothing yet, and its alarm is set again. */
static bool
judge_alarm(struct desk *d, struct live *l, uint64_t now, enum ring *why)
{
	const struct job *j = &l->job;
	struct fits fits = { .live = l };

	if (job_held(j)) {
		*why = RING_LEASE;
		return true;
	}
	*why = RING_EXPIRED;
	if (j->expires_ms <= now)
		return true;
	*why = RING_NO_WORKER;
	if (!l->line) { /* it is being leased just now, or all lines were taken */
		room_queue(d, l);
		return false;
	}
	fleet_each(&d->fleet, fits_one, &fits);
	if (!fits.any)
		return true;
	l->since_ms = now;
	return false;
}

/* Takes what is due off the heap.  The lock is held. */
static void
collect(struct desk *d, struct ringing *r)
{
	const uint64_t now = clock_wall_ms();
	struct heap_node *top;

	r->n = 0;
	while (r->n < BATCH && (top = heap_top(&d->alarms)) != NULL && top->key <= now) {
		struct live *l = (struct live *)(void *)((char *)top - offsetof(struct live, alarm));
		enum ring why;

		heap_remove(&d->alarms, top);
		if (!judge_alarm(d, l, now, &why)) {
			room_alarm(d, l); /* without one it would never expire, nor its money return */
			continue;
		}
		r->due[r->n].why = why;
		memcpy(r->due[r->n].id, l->job.id, sizeof r->due[r->n].id);
		memcpy(r->due[r->n].lease, l->job.lease, sizeof r->due[r->n].lease);
		memcpy(r->due[r->n].worker, l->job.worker, sizeof r->due[r->n].worker);
		r->n++;
	}
}

/* If the store failed, they ring again in a second. */
static void
again(struct desk *d, const struct ringing *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct live *l = board_find(&d->board, r->due[i].id);

		if (!l || l->alarm.at || job_ended(&l->job))
			continue;
		l->alarm.key = clock_wall_ms() + 1000;
		heap_push(&d->alarms, &l->alarm);
	}
}

/* The lock is held, and let go meanwhile. */
static void
ring(struct desk *d, struct ringing *r)
{
	struct b3iq_error err = NO_ERROR;
	int32_t rc;

	pthread_mutex_unlock(&d->lock);
	rc = store_write(d->o.store, ring_rows, r, &err);
	if (rc != B3IQ_OK)
		log_event(B3IQ_LOG_ERROR, "alarm.store", "reason=\"%s\"", err.text);
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; rc == B3IQ_OK && i < r->done; i++)
		room_show(d, &r->job[i]);
	for (size_t i = 0; rc == B3IQ_OK && i < r->n; i++) {
		struct worker *w = r->due[i].why == RING_LEASE
		                           ? fleet_find(&d->fleet, r->due[i].worker)
		                           : NULL;

		if (w)
			fleet_score(w, FLEET_LOST, 0, 0);
		d->lost += w != NULL;
	}
	again(d, r);
	settler_wake(d->settler);
}

/* ---- alarms of workers ------------------------------------------------------------------ */

/* The id of a worker whose heartbeats are missing; false: none.  The lock is held. */
static bool
silent(struct desk *d, char id[JOB_OWNER_SIZE])
{
	struct heap_node *top = heap_top(&d->beats);
	struct worker *w;

	if (!top || top->key > clock_wall_ms())
		return false;
	w = (struct worker *)(void *)((char *)top - offsetof(struct worker, alarm));
	heap_remove(&d->beats, top);
	fleet_online(&d->fleet, w, false);
	memcpy(id, w->id, JOB_OWNER_SIZE);
	return true;
}

/* ---- old content ---------------------------------------------------------------------------- */

struct forget {
	uint64_t before_ms;
	int64_t  n;
};

static int32_t
forget_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct forget *f = arg;

	return jobbook_forget_old(tx, f->before_ms, &f->n, err);
}

/* The lock is held, and let go meanwhile. */
static void
forget_old(struct desk *d)
{
	struct forget f = { .before_ms = clock_wall_ms() - d->o.keep_s * UINT64_C(1000) };

	d->forget_ms = clock_wall_ms() + FORGET_MS;
	pthread_mutex_unlock(&d->lock);
	if (store_write(d->o.store, forget_rows, &f, NULL) == B3IQ_OK && f.n)
		log_event(B3IQ_LOG_INFO, "content.deleted", "jobs=%lld", (long long)f.n);
	pthread_mutex_lock(&d->lock);
}

/* ---- the thread ------------------------------------------------------------------------------- */

static void
sleep_until_next(struct desk *d)
{
	const uint64_t now = clock_wall_ms();
	uint64_t at = d->forget_ms;
	struct timespec until;

	if (heap_top(&d->alarms) && heap_top(&d->alarms)->key < at)
		at = heap_top(&d->alarms)->key;
	if (heap_top(&d->beats) && heap_top(&d->beats)->key < at)
		at = heap_top(&d->beats)->key;
	if (at <= now)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)((at - now) / 1000);
	until.tv_nsec += (long)((at - now) % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&d->rung, &d->lock, &until);
}

static void *
desk_main(void *arg)
{
	struct desk *d = arg;
	struct ringing *r = calloc(1, sizeof *r);
	char id[JOB_OWNER_SIZE];

	pthread_mutex_lock(&d->lock);
	while (r && !d->quit) {
		r->desk = d;
		collect(d, r);
		if (r->n) {
			ring(d, r);
			continue;
		}
		if (silent(d, id)) {
			pthread_mutex_unlock(&d->lock);
			room_offline(d, id);
			pthread_mutex_lock(&d->lock);
			continue;
		}
		if (d->forget_ms <= clock_wall_ms())
			forget_old(d);
		if (!d->quit) /* it may have come while the lock was away */
			sleep_until_next(d);
	}
	pthread_mutex_unlock(&d->lock);
	free(r);
	return NULL;
}

/* ---- a restart ------------------------------------------------------------------------------------ */

static int32_t
find_worker(void *arg, struct worker *w)
{
	struct desk *d = arg;

	if (fleet_put(&d->fleet, w))
		return B3IQ_OK;
	worker_free(w);
	return B3IQ_OK;
}

static int32_t
find_job(void *arg, const struct job *j, struct b3iq_error *err)
{
	struct desk *d = arg;
	const uint64_t least = clock_wall_ms() + GRACE_MS;
	struct job job = *j;

	(void)err;
	if (job_held(&job) && job.lease_ms < least)
		job.lease_ms = least; /* its worker could not reach us */
	room_show(d, &job);
	return B3IQ_OK;
}

static int32_t
recover(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct desk *d = arg;
	int32_t rc = jobbook_lease_secret(tx, d->lease_secret, err);

	if (rc == B3IQ_OK)
		rc = fleet_load(tx, find_worker, d, err);
	return rc == B3IQ_OK ? jobbook_live(tx, find_job, d, err) : rc;
}

static void
payment_moved(void *ctx, const struct job *j)
{
	struct desk *d = ctx;

	pthread_mutex_lock(&d->lock);
	room_show(d, j);
	pthread_mutex_unlock(&d->lock);
}

static int32_t
start(struct desk *d, struct b3iq_error *err)
{
	int32_t rc = store_read(d->o.store, recover, d, err);

	if (rc == B3IQ_OK)
		rc = workers_create(&d->pushers, PUSHERS, 4096, 10000, err);
	if (rc == B3IQ_OK && d->o.ledger)
		rc = settler_create(&(struct settler_options){
			.store = d->o.store, .ledger = d->o.ledger, .payments = d->o.payments,
			.batch_ms = d->o.batch_ms, .commits = true, .ctx = d,
			.moved = payment_moved }, &d->settler, err);
	if (rc == B3IQ_OK && pthread_create(&d->thread, NULL, desk_main, d) != 0)
		rc = fail_memory(err, "starting the coordinator");
	d->running = rc == B3IQ_OK;
	return rc;
}

int32_t
desk_create(const struct desk_options *o, struct desk **out, struct b3iq_error *err)
{
	struct desk *d = calloc(1, sizeof *d);
	pthread_condattr_t attr;
	int32_t rc;

	*out = NULL;
	if (!d || !board_init(&d->board, o->ended_most)) {
		free(d);
		return fail_memory(err, "starting the coordinator");
	}
	d->o = *o;
	d->forget_ms = clock_wall_ms();
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->rung, &attr);
	pthread_condattr_destroy(&attr);
	rc = start(d, err);
	if (rc == B3IQ_OK)
		*out = d;
	else
		desk_destroy(d);
	return rc;
}

static void
call_poller(void *arg, struct worker *w)
{
	(void)arg;
	for (struct live *l = w->leases; l; l = l->next)
		board_moved(l);
}

void
desk_quit(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	d->quit = true;
	pthread_cond_signal(&d->rung);
	for (struct poller *p = d->fleet.pollers; p; p = p->next)
		if (!p->push)
			pthread_cond_signal(&p->called);
	fleet_each(&d->fleet, call_poller, NULL);
	pthread_mutex_unlock(&d->lock);
	settler_quit(d->settler);
}

void
desk_destroy(struct desk *d)
{
	if (!d)
		return;
	desk_quit(d);
	if (d->running)
		pthread_join(d->thread, NULL);
	workers_destroy(d->pushers);
	settler_destroy(d->settler);
	queue_finish(&d->queue);
	board_finish(&d->board);
	fleet_finish(&d->fleet);
	heap_finish(&d->alarms);
	heap_finish(&d->beats);
	pthread_cond_destroy(&d->rung);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- numbers ------------------------------------------------------------------------------------------ */

static void
count_held(void *arg, struct worker *w)
{
	struct desk_counts *c = arg;

	c->held += w->held;
	c->workers += !w->gone;
}

void
desk_counts(struct desk *d, struct desk_counts *c)
{
	memset(c, 0, sizeof *c);
	pthread_mutex_lock(&d->lock);
	fleet_each(&d->fleet, count_held, c);
	c->queued = d->queue.n;
	c->online = d->fleet.n_online;
	c->polls = d->fleet.n_pollers;
	c->board = d->board.n;
	c->submitted = d->submitted;
	c->leased = d->leased;
	c->completed = d->completed;
	c->failed = d->failed;
	c->refused = d->refused;
	c->lost = d->lost;
	pthread_mutex_unlock(&d->lock);
}

void
desk_metrics(struct desk *d, struct buf *out)
{
	struct desk_counts c;

	desk_counts(d, &c);
	prometheus_single(out, "b3iq_jobs_queued", "gauge", "Jobs that wait for a worker", c.queued);
	prometheus_single(out, "b3iq_jobs_held", "gauge", "Jobs that a worker has", c.held);
	prometheus_single(out, "b3iq_workers", "gauge", "Workers that are registered", c.workers);
	prometheus_single(out, "b3iq_workers_online", "gauge", "Workers that are online", c.online);
	prometheus_single(out, "b3iq_polls_waiting", "gauge", "Polls that wait", c.polls);
	prometheus_single(out, "b3iq_jobs_submitted_total", "counter", "Jobs submitted",
	                  c.submitted);
	prometheus_single(out, "b3iq_leases_total", "counter", "Leases given", c.leased);
	prometheus_single(out, "b3iq_results_total", "counter", "Results that counted",
	                  c.completed);
	prometheus_single(out, "b3iq_results_refused_total", "counter",
	                  "Results whose receipt did not hold", c.refused);
	prometheus_single(out, "b3iq_failures_total", "counter", "Failures reported by workers",
	                  c.failed);
	prometheus_single(out, "b3iq_leases_lost_total", "counter", "Leases that ran out", c.lost);
	settler_metrics(d->settler, out);
}
