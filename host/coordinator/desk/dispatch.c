/* How a worker gets a job: poll, lease, give back. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coordinator/desk/room.h"
#include "core/base/clock.h"

#define LOOK_MS 1000

/* ---- the lease, as a row --------------------------------------------------------------- */

struct lease {
	struct desk      *desk;
	char              id[JOB_ID_SIZE], worker[JOB_OWNER_SIZE];
	struct why       *why;
	struct desk_work *work;
};

static int32_t
apply_lease(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct lease *l = arg;
	const uint64_t now = clock_wall_ms();

	(void)tx;
	(void)err;
	if (j->phase != JOB_QUEUED || j->expires_ms <= now)
		return why_say(l->why, B3IQ_E_BUSY, "moved", "the job is not waiting any more");
	j->phase = JOB_LEASED;
	j->attempt++;
	snprintf(j->worker, sizeof j->worker, "%s", l->worker);
	move_lease_id(l->desk, j->id, j->attempt, j->worker, j->lease);
	j->leased_ms = now;
	j->started_ms = 0;
	j->lease_ms = now + l->desk->o.lease_s * 1000u;
	return B3IQ_OK;
}

static int32_t
lease_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct lease *l = arg;
	int32_t rc = jobbook_change(tx, l->id, apply_lease, l, &l->work->job, err);

	if (rc == B3IQ_OK)
		rc = jobbook_get_secrets(tx, l->work->job.seq, &l->work->secrets, err);
	return rc;
}

/* Takes a job out of the queue and makes it the worker's.  The lock is held, and let go meanwhile. */
static int32_t
lease_one(struct desk *d, struct worker *w, struct desk_work *work, bool *got, struct why *why)
{
	struct lease lease = { .desk = d, .why = why, .work = work };
	struct live *l = queue_take(&d->queue, &w->skills, w->quality, fleet_payable(w));
	int32_t rc;

	*got = false;
	if (!l)
		return B3IQ_OK;
	memcpy(lease.id, l->job.id, sizeof lease.id);
	memcpy(lease.worker, w->id, sizeof lease.worker);
	l->taken = true;
	w->pending++;
	pthread_mutex_unlock(&d->lock);
	rc = store_write(d->o.store, lease_row, &lease, &why->err);
	pthread_mutex_lock(&d->lock);
	w->pending--;
	l = board_find(&d->board, lease.id);
	if (l)
		l->taken = false;
	if (rc == B3IQ_OK) {
		d->leased++;
		room_show(d, &work->job);
		*got = true;
		return rc;
	}
	if (l && l->job.phase == JOB_QUEUED && rc != B3IQ_E_BUSY) /* it waits again */
		queue_add(&d->queue, l, &why->err);
	if (l)
		room_alarm(d, l);
	return rc == B3IQ_E_BUSY || rc == B3IQ_E_NOT_FOUND ? B3IQ_E_BUSY : rc;
}

/* ---- poll --------------------------------------------------------------------------------- */

static void
poller_init(struct poller *p, struct worker *w)
{
	pthread_condattr_t attr;

	memset(p, 0, sizeof *p);
	p->worker = w;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->called, &attr);
	pthread_condattr_destroy(&attr);
}

/* Until it is called, its time is over, or a second has passed.  The lock is held. */
static void
stand_in_line(struct desk *d, struct poller *p, uint64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	fleet_wait(&d->fleet, p);
	while (!p->wanted && !d->quit &&
	       pthread_cond_timedwait(&p->called, &d->lock, &until) == 0)
		;
	fleet_leave(&d->fleet, p);
}

static int32_t
poll_locked(struct desk *d, struct worker *w, struct poller *p, const struct desk_patience *patience,
            struct desk_work *work, bool *got, struct why *why)
{
	const uint64_t end = clock_mono_ms() + patience->ms;
	uint64_t now;
	int32_t rc = B3IQ_OK;

	while (!d->quit) {
		if (w->gone)
			return why_say(why, B3IQ_E_NOT_FOUND, "miner_not_registered",
			               "miner not registered");
		room_touch(d, w);
		if (fleet_room(w)) {
			rc = lease_one(d, w, work, got, why);
			if (*got || (rc != B3IQ_OK && rc != B3IQ_E_BUSY))
				return rc;
			if (rc == B3IQ_E_BUSY)
				continue;
		}
		now = clock_mono_ms();
		if (now >= end || (patience->gone && patience->gone(patience->ctx)))
			break;
		stand_in_line(d, p, end - now < LOOK_MS ? end - now : LOOK_MS);
	}
	return B3IQ_OK;
}

int32_t
desk_poll(struct desk *d, const char *worker, const struct desk_patience *patience,
          struct desk_work *out, bool *got, struct why *why)
{
	struct poller poller;
	struct worker *w;
	int32_t rc;

	*got = false;
	jobbook_secrets_init(&out->secrets);
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, worker);
	if (w && !w->gone) {
		poller_init(&poller, w);
		rc = poll_locked(d, w, &poller, patience, out, got, why);
		if (poller.wanted && !*got)
			room_offer(d); /* somebody else may want what it was called for */
		pthread_cond_destroy(&poller.called);
	} else {
		rc = why_say(why, B3IQ_E_NOT_FOUND, "miner_not_registered",
		             "miner not registered");
	}
	pthread_mutex_unlock(&d->lock);
	if (rc == B3IQ_E_BUSY) /* raced to the end: nothing to do is the answer */
		rc = B3IQ_OK;
	if (!*got)
		desk_work_free(out);
	return rc;
}

void
desk_work_free(struct desk_work *w)
{
	jobbook_secrets_wipe(&w->secrets);
}

/* ---- give back -------------------------------------------------------------------------------- */

struct back {
	struct desk *desk;
	const char  *id, *worker, *lease;
	struct why  *why;
	struct job   job;
};

static int32_t
apply_back(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct back *b = arg;
	const int32_t rc = move_check_lease(b->desk, j, b->worker, b->lease, b->why);

	return rc == B3IQ_OK ? move_back(b->desk, tx, j, false, false, "not_delivered", err) : rc;
}

static int32_t
back_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct back *b = arg;

	return jobbook_change(tx, b->id, apply_back, b, &b->job, err);
}

int32_t
desk_give_back(struct desk *d, const char *worker, const char *job, const char *lease,
               struct why *why)
{
	struct back b = { .desk = d, .id = job, .worker = worker, .lease = lease, .why = why };
	const int32_t rc = store_write(d->o.store, back_row, &b, &why->err);

	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&d->lock);
	room_show(d, &b.job);
	pthread_mutex_unlock(&d->lock);
	settler_wake(d->settler);
	return B3IQ_OK;
}
