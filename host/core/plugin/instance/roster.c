#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/plugin/instance/instance.h"
#include "core/plugin/instance/roster.h"

#define RETRY_MS 20 /* a cancel that came too early is sent again after */
#define POLL_MS  50 /* a call that waits for its turn looks at its cancel_fd this often */

static void
signal_fd(int fd)
{
	if (fd >= 0)
		(void)!write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* ---- runs ------------------------------------------------------------------- */

struct roster_run *
roster_run_create(struct remote *remote, struct b3iq_error *err)
{
	struct roster_run *run = calloc(1, sizeof *run);

	if (run == NULL) {
		fail_memory(err, "starting a plugin");
		return NULL;
	}
	run->remote = remote;
	atomic_init(&run->refs, 1);
	return run;
}

void
roster_run_release(struct roster_run *run)
{
	if (run == NULL || atomic_fetch_sub(&run->refs, 1) != 1)
		return;
	remote_destroy(run->remote);
	free(run);
}

/* ---- stopping a call ---------------------------------------------------------- */

/* From now on the plugin is asked to stop.  Lock held. */
static void
stop_call(struct roster_call *c, int32_t rc)
{
	int32_t none = B3IQ_OK;

	if (!atomic_compare_exchange_strong(&c->stop, &none, rc))
		return;
	c->stopped_ms = clock_mono_ms();
	if (c->run == NULL)
		pthread_cond_signal(&c->turn);
	else if (c->run->remote != NULL)
		c->told = remote_cancel(c->run->remote, &c->sink, rc);
	else
		signal_fd(c->stop_fd);
}

void
roster_cancel_all(struct roster *r, int32_t rc)
{
	pthread_mutex_lock(&r->lock);
	for (struct roster_call *c = r->first; c != NULL; c = c->next)
		stop_call(c, rc);
	pthread_mutex_unlock(&r->lock);
}

void
roster_cancelled(struct roster *r, uint64_t id)
{
	pthread_mutex_lock(&r->lock);
	for (struct roster_call *c = r->first; c != NULL; c = c->next) {
		if (c->id != id)
			continue;
		stop_call(c, B3IQ_E_CANCELLED);
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, c->watch_fd, NULL);
		close(c->watch_fd);
		c->watch_fd = -1;
		break;
	}
	pthread_mutex_unlock(&r->lock);
}

static void
sooner(uint64_t *due, uint64_t at)
{
	if (at < *due)
		*due = at;
}

/* Does this running call hang?  Lock held. */
static bool
hangs(struct roster *r, struct roster_call *c, uint64_t now, uint64_t *due, char why[160])
{
	const uint64_t quiet = c->user != NULL ? atomic_load(&c->active_ms) : c->started_ms;
	const uint32_t limit = c->user != NULL ? r->limits.stall_ms : r->limits.call_ms;

	if (atomic_load(&c->in_emit))
		return false;
	if (atomic_load(&c->stop) != B3IQ_OK) {
		if (c->run->remote != NULL && !c->told) { /* it was not even sent yet */
			c->told = remote_cancel(c->run->remote, &c->sink, atomic_load(&c->stop));
			sooner(due, now + RETRY_MS);
		}
		sooner(due, c->stopped_ms + r->limits.cancel_ms);
		if (now < c->stopped_ms + r->limits.cancel_ms || now < quiet + r->limits.cancel_ms / 2)
			return false;
		snprintf(why, 160, "hung: it did not stop %u ms after it was asked to", r->limits.cancel_ms);
		return true;
	}
	sooner(due, quiet + limit);
	if (now < quiet + limit)
		return false;
	snprintf(why, 160, "hung: no %s for %u ms in a running call",
	         c->user != NULL ? "token" : "answer", limit);
	return true;
}

bool
roster_watch(struct roster *r, uint64_t now, uint64_t *due, char why[160])
{
	bool hung = false;

	pthread_mutex_lock(&r->lock);
	for (struct roster_call *c = r->first; c != NULL && !hung; c = c->next) {
		if (c->run == NULL)
			continue;
		if (c->deadline_ms != 0 && now >= c->deadline_ms)
			stop_call(c, B3IQ_E_TIMEOUT);
		else if (c->deadline_ms != 0)
			sooner(due, c->deadline_ms);
		hung = hangs(r, c, now, due, why);
	}
	pthread_mutex_unlock(&r->lock);
	return hung;
}

/* ---- open and closed ------------------------------------------------------------ */

static void
wake_waiting(struct roster *r)
{
	for (struct roster_call *c = r->first; c != NULL; c = c->next)
		if (c->run == NULL)
			pthread_cond_signal(&c->turn);
}

void
roster_open(struct roster *r, struct roster_run *run, uint32_t width)
{
	pthread_mutex_lock(&r->lock);
	r->run = run;
	r->width = width;
	r->code = B3IQ_OK;
	wake_waiting(r);
	pthread_mutex_unlock(&r->lock);
}

void
roster_close(struct roster *r, bool may_open, int32_t code, uint32_t retry_ms, const char *why)
{
	pthread_mutex_lock(&r->lock);
	r->run = NULL;
	r->may_open = may_open;
	r->code = code;
	r->retry_ms = retry_ms;
	snprintf(r->why, sizeof r->why, "%s", why);
	wake_waiting(r);
	pthread_mutex_unlock(&r->lock);
}

void
roster_count(struct roster *r, uint32_t *running, uint32_t *waiting)
{
	*running = *waiting = 0;
	pthread_mutex_lock(&r->lock);
	for (struct roster_call *c = r->first; c != NULL; c = c->next)
		++*(c->run != NULL ? running : waiting);
	pthread_mutex_unlock(&r->lock);
}

/* ---- emit -------------------------------------------------------------------------- */

static struct roster_call *
call_of(struct b3iq_sink *sink)
{
	return (struct roster_call *)(void *)((char *)sink - offsetof(struct roster_call, sink));
}

static int32_t
emit(struct b3iq_sink *sink, const struct b3iq_chunk *given)
{
	struct roster_call *c = call_of(sink);
	struct b3iq_chunk chunk = { .size = 0 };
	const uint64_t now = clock_mono_ms();
	int32_t rc;

	if (c->deadline_ms != 0 && now >= c->deadline_ms) {
		pthread_mutex_lock(&c->roster->lock);
		stop_call(c, B3IQ_E_TIMEOUT);
		pthread_mutex_unlock(&c->roster->lock);
	}
	atomic_store(&c->active_ms, now);
	rc = atomic_load(&c->stop);
	if (rc != B3IQ_OK)
		return rc;
	memcpy(&chunk, given, given->size < sizeof chunk ? given->size : sizeof chunk);
	chunk.size = sizeof chunk;
	if (!codec_chunk_sound(&chunk)) {
		pthread_mutex_lock(&c->roster->lock);
		stop_call(c, B3IQ_E_INTERNAL);
		pthread_mutex_unlock(&c->roster->lock);
		return B3IQ_E_INTERNAL;
	}
	c->n_ids += chunk.n_ids;
	c->shows_ids |= chunk.ids != NULL;
	atomic_store(&c->in_emit, true);
	rc = c->user->emit(c->user, &chunk);
	atomic_store(&c->active_ms, clock_mono_ms());
	atomic_store(&c->in_emit, false);
	if (rc != B3IQ_OK) {
		pthread_mutex_lock(&c->roster->lock);
		stop_call(c, rc);
		pthread_mutex_unlock(&c->roster->lock);
	}
	return rc;
}

/* ---- waiting for a turn --------------------------------------------------------------- */

static void
append(struct roster *r, struct roster_call *c)
{
	c->previous = r->last;
	if (r->last != NULL)
		r->last->next = c;
	else
		r->first = c;
	r->last = c;
	r->n++;
}

static void
take_out(struct roster *r, struct roster_call *c)
{
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		r->first = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	else
		r->last = c->previous;
	r->n--;
}

static struct roster_call *
first_waiting(const struct roster *r)
{
	struct roster_call *c = r->first;

	while (c != NULL && c->run != NULL)
		c = c->next;
	return c;
}

static bool
has_turn(const struct roster *r, const struct roster_call *c)
{
	return r->run != NULL && r->run->running < r->width && first_waiting(r) == c;
}

/* Sleeps until signalled or until `until` (0: for good).  Lock held. */
static void
sleep_until(struct roster *r, struct roster_call *c, uint64_t now, uint64_t until)
{
	struct timespec t;

	if (c->user_fd >= 0 && (until == 0 || until > now + POLL_MS))
		until = now + POLL_MS;
	if (until == 0) {
		pthread_cond_wait(&c->turn, &r->lock);
		return;
	}
	t.tv_sec = (time_t)(until / 1000);
	t.tv_nsec = (long)(until % 1000) * 1000000;
	pthread_cond_timedwait(&c->turn, &r->lock, &t);
}

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

static int32_t
closed(const struct roster *r, struct b3iq_error *err)
{
	fail(err, r->code, "%s", r->why);
	if (err != NULL)
		err->retry_ms = r->retry_ms;
	return r->code;
}

/* Lock held. */
static int32_t
wait_turn(struct roster *r, struct roster_call *c, struct b3iq_error *err)
{
	while (!has_turn(r, c)) {
		const uint64_t now = clock_mono_ms();
		uint64_t until = c->deadline_ms;
		const uint64_t patience = c->started_ms + r->limits.patience_ms;

		if (atomic_load(&c->stop) != B3IQ_OK || readable(c->user_fd))
			return fail(err, B3IQ_E_CANCELLED, "%s: cancelled before it began", r->name);
		if (c->deadline_ms != 0 && now >= c->deadline_ms)
			return fail(err, B3IQ_E_TIMEOUT, "%s: the deadline passed before it began", r->name);
		if (r->run == NULL && (!r->may_open || now >= patience))
			return closed(r, err);
		if (r->run == NULL && (until == 0 || patience < until))
			until = patience;
		sleep_until(r, c, now, until);
	}
	return B3IQ_OK;
}

static void
watch_cancel(struct roster *r, struct roster_call *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u64 = c->id } };

	if (c->user_fd < 0)
		return;
	/* A duplicate: two calls may share one, and it may be closed before we forget it. */
	c->watch_fd = fcntl(c->user_fd, F_DUPFD_CLOEXEC, 0);
	if (c->watch_fd >= 0)
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->watch_fd, &e);
}

/* It runs from now on.  Lock held. */
static void
begin(struct roster *r, struct roster_call *c)
{
	c->run = r->run;
	c->run->running++;
	atomic_fetch_add(&c->run->refs, 1);
	c->started_ms = clock_mono_ms();
	atomic_store(&c->active_ms, c->started_ms);
	if (c->user != NULL) {
		if (c->run->remote == NULL)
			c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		c->sink = (struct b3iq_sink){ .size = sizeof c->sink, .cancel_fd = c->stop_fd, .emit = emit };
		watch_cancel(r, c);
		if (c->deadline_ms != 0)
			signal_fd(r->wake);
	}
	if (first_waiting(r) != NULL)
		pthread_cond_signal(&first_waiting(r)->turn);
}

int32_t
roster_enter(struct roster *r, struct roster_call *c, struct b3iq_sink *user, uint64_t deadline_ms,
             struct b3iq_error *err)
{
	pthread_condattr_t monotonic;
	int32_t rc;

	*c = (struct roster_call){ .roster = r, .user = user, .deadline_ms = deadline_ms };
	c->user_fd = user != NULL ? user->cancel_fd : -1;
	c->watch_fd = c->stop_fd = -1;
	c->started_ms = clock_mono_ms();
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->turn, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_lock(&r->lock);
	if (r->n >= INSTANCE_CALLS) {
		rc = fail(err, B3IQ_E_BUSY, "%s: %d calls run and wait already", r->name, INSTANCE_CALLS);
	} else {
		c->id = ++r->last_id + ROSTER_TAG;
		append(r, c);
		rc = wait_turn(r, c, err);
		if (rc == B3IQ_OK)
			begin(r, c);
		else
			take_out(r, c);
	}
	pthread_mutex_unlock(&r->lock);
	if (rc != B3IQ_OK) {
		pthread_cond_destroy(&c->turn);
		return rc;
	}
	if (c->run->serial != NULL)
		pthread_mutex_lock(c->run->serial);
	return B3IQ_OK;
}

static void
close_fds(struct roster *r, struct roster_call *c)
{
	if (c->watch_fd >= 0) {
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, c->watch_fd, NULL);
		close(c->watch_fd);
	}
	if (c->stop_fd >= 0)
		close(c->stop_fd);
}

int32_t
roster_leave(struct roster_call *c, int32_t rc, struct b3iq_error *err)
{
	struct roster *r = c->roster;
	struct roster_run *run = c->run;
	const int32_t stop = atomic_load(&c->stop);

	if (run->serial != NULL)
		pthread_mutex_unlock(run->serial);
	pthread_mutex_lock(&r->lock);
	take_out(r, c);
	close_fds(r, c);
	if (--run->running == 0 && r->run != run)
		signal_fd(r->wake); /* somebody waits for that */
	if (first_waiting(r) != NULL)
		pthread_cond_signal(&first_waiting(r)->turn);
	pthread_mutex_unlock(&r->lock);
	pthread_cond_destroy(&c->turn);
	roster_run_release(run);
	if (stop != B3IQ_OK && rc != B3IQ_OK && rc != B3IQ_E_DIED)
		return fail(err, stop, "%s: %s", r->name,
		            stop == B3IQ_E_TIMEOUT  ? "the deadline passed" :
		            stop == B3IQ_E_INTERNAL ? "the plugin emitted what is no chunk" :
		                                      "stopped as asked");
	return rc;
}

void
roster_init(struct roster *r, const char *name, int epoll, int wake,
            const struct roster_limits *limits)
{
	*r = (struct roster){ .name = name, .epoll = epoll, .wake = wake, .limits = *limits,
	                      .code = B3IQ_E_UNAVAILABLE };
	snprintf(r->why, sizeof r->why, "%s is stopped", name);
	pthread_mutex_init(&r->lock, NULL);
}

void
roster_finish(struct roster *r)
{
	pthread_mutex_destroy(&r->lock);
}
