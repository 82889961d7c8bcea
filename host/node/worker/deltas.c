#include "node/worker/deltas.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/fail.h"

#define WAITING_MAX (16u << 20) /* bytes that the coordinator did not take yet */
#define END_MS      2000        /* for the last piece, at the end of the job   */

struct deltas {
	struct deltas_options o;
	struct uplink   *uplink;
	pthread_t        thread;
	pthread_mutex_t  lock;
	pthread_cond_t   more;
	struct buf       waiting;
	bool             ended, deaf;
	int              stop_fd;     /* ends the call in progress                       */
	struct buf       piece;       /* the thread's own: what is being sent            */
	uint64_t         seq;
	struct backoff   backoff;
};

/* Waits for text; false when it is over. */
static bool
take(struct deltas *d)
{
	bool go_on;

	pthread_mutex_lock(&d->lock);
	while (!d->ended && !d->deaf && !d->waiting.len && !d->piece.len)
		pthread_cond_wait(&d->more, &d->lock);
	go_on = !d->deaf && (d->waiting.len || d->piece.len);
	if (go_on && !d->piece.len) {
		struct buf empty = d->piece;

		d->piece = d->waiting;
		d->waiting = empty;
	}
	pthread_mutex_unlock(&d->lock);
	return go_on;
}

static void
hear_no_more(struct deltas *d)
{
	pthread_mutex_lock(&d->lock);
	d->deaf = true;
	buf_wipe(&d->waiting);
	pthread_mutex_unlock(&d->lock);
}

static void
pause_a_little(struct deltas *d)
{
	struct pollfd p = { .fd = d->stop_fd, .events = POLLIN };

	if (poll(&p, 1, (int)backoff_next(&d->backoff)) > 0)
		hear_no_more(d);
}

static void *
talk(void *arg)
{
	struct deltas *d = arg;
	struct b3iq_error err = NO_ERROR;
	int64_t listeners;

	while (take(d)) {
		const int32_t rc = uplink_delta(d->uplink, d->o.job, d->o.lease, d->seq,
		                                d->piece.data, d->piece.len, &listeners, &err);

		if (rc == B3IQ_OK) {
			d->seq++;
			d->backoff.failures = 0;
			buf_wipe(&d->piece);
			if (!listeners)
				hear_no_more(d);
		} else if (rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_TIMEOUT) {
			pause_a_little(d);
		} else {
			if (rc == B3IQ_E_INVALID || rc == B3IQ_E_NOT_FOUND)
				d->o.lost(d->o.ctx);
			hear_no_more(d);
		}
	}
	return NULL;
}

struct deltas *
deltas_open(const struct deltas_options *o)
{
	struct b3iq_error err = NO_ERROR;
	struct deltas *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->o = *o;
	d->backoff = (struct backoff){ .first_ms = 50, .most_ms = 2000 };
	buf_init(&d->waiting, WAITING_MAX);
	buf_init(&d->piece, WAITING_MAX);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->stop_fd >= 0 && uplink_create(o->url, o->key, &d->uplink, &err) == B3IQ_OK) {
		uplink_cancel_fd(d->uplink, d->stop_fd);
		if (pthread_create(&d->thread, NULL, talk, d) == 0)
			return d;
	}
	uplink_destroy(d->uplink);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	free(d);
	return NULL;
}

void
deltas_say(struct deltas *d, const char *text, size_t len)
{
	if (!d || !len)
		return;
	pthread_mutex_lock(&d->lock);
	if (!d->deaf && buf_append(&d->waiting, text, len) != B3IQ_OK) {
		d->deaf = true; /* a gap would be worse than an early end */
		buf_wipe(&d->waiting);
	}
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
}

/* The thread gets END_MS to send the rest, then its call is ended. */
static void
join(struct deltas *d)
{
	const uint64_t one = 1;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_MS / 1000;
	if (pthread_timedjoin_np(d->thread, NULL, &until) == 0)
		return;
	if (write(d->stop_fd, &one, sizeof one) < 0)
		hear_no_more(d); /* it ends at the call's own limit */
	pthread_join(d->thread, NULL);
}

void
deltas_close(struct deltas *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
	join(d);
	uplink_destroy(d->uplink);
	close(d->stop_fd);
	buf_wipe(&d->waiting);
	buf_wipe(&d->piece);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
