#include "core/http/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"

#define EVENTS 16
#define NEVER  UINT64_MAX

struct watch_entry {
	uint64_t id, due;             /* due: monotonic ms, or NEVER               */
	int      fd;
	bool     polled;
	void   (*gone)(void *);
	void    *arg;
	struct watch_entry *next, *prev;
};

struct watch {
	pthread_mutex_t lock;         /* held while a gone() runs                  */
	pthread_t       thread;
	int             epoll, wake;
	bool            stop;
	uint64_t        last_id, next_due; /* next_due: what the thread sleeps for */
	struct watch_entry *entries;
};

/* Shuts down what is late; returns when the next one is due. Lock held. */
static uint64_t
end_late(struct watch *w, uint64_t now)
{
	uint64_t next = NEVER;

	for (struct watch_entry *e = w->entries; e; e = e->next) {
		if (e->due <= now) {
			shutdown(e->fd, SHUT_RDWR);
			e->due = NEVER;
		} else if (e->due < next) {
			next = e->due;
		}
	}
	return next;
}

/* An event may be of an entry that was removed since: so look it up. Lock held. */
static void
peer_left(struct watch *w, uint64_t id)
{
	for (struct watch_entry *e = w->entries; e; e = e->next) {
		if (e->id == id) {
			if (e->gone)
				e->gone(e->arg);
			e->gone = NULL;
			return;
		}
	}
}

static int
sleep_ms(const struct watch *w)
{
	const uint64_t now = clock_mono_ms();

	if (w->next_due == NEVER)
		return -1;
	if (w->next_due <= now)
		return 0;
	return w->next_due - now > 60000 ? 60000 : (int)(w->next_due - now) + 1;
}

static void *
run(void *arg)
{
	struct watch *w = arg;
	struct epoll_event events[EVENTS];

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		const int wait = sleep_ms(w);
		int n;

		pthread_mutex_unlock(&w->lock);
		n = epoll_wait(w->epoll, events, EVENTS, wait);
		pthread_mutex_lock(&w->lock);
		for (int i = 0; i < n; i++) {
			eventfd_t count;

			if (events[i].data.u64 == 0)
				eventfd_read(w->wake, &count);
			else
				peer_left(w, events[i].data.u64);
		}
		w->next_due = end_late(w, clock_mono_ms());
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int32_t
watch_create(struct watch **out, struct b3iq_error *err)
{
	struct watch *w = calloc(1, sizeof *w);
	struct epoll_event event = { .events = EPOLLIN };

	*out = NULL;
	if (!w)
		return fail_memory(err, "watching connections");
	pthread_mutex_init(&w->lock, NULL);
	w->next_due = NEVER;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll >= 0 && w->wake >= 0 &&
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &event) == 0 &&
	    pthread_create(&w->thread, NULL, run, w) == 0) {
		*out = w;
		return B3IQ_OK;
	}
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return fail(err, B3IQ_E_UNAVAILABLE,
	            "the system gives no descriptor or thread to watch connections with; raise the "
	            "limit of open files (ulimit -n)");
}

void
watch_destroy(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	eventfd_write(w->wake, 1);
	pthread_join(w->thread, NULL);
	close(w->epoll);
	close(w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct watch_entry *
watch_add(struct watch *w, int fd)
{
	struct watch_entry *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->fd = fd;
	e->due = NEVER;
	pthread_mutex_lock(&w->lock);
	e->id = ++w->last_id;
	e->next = w->entries;
	if (e->next)
		e->next->prev = e;
	w->entries = e;
	pthread_mutex_unlock(&w->lock);
	return e;
}

/* Lock held. */
static void
stop_polling(struct watch *w, struct watch_entry *e)
{
	if (e->polled)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, e->fd, NULL);
	e->polled = false;
	e->gone = NULL;
}

void
watch_remove(struct watch *w, struct watch_entry *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&w->lock);
	stop_polling(w, e);
	if (e->next)
		e->next->prev = e->prev;
	if (e->prev)
		e->prev->next = e->next;
	else
		w->entries = e->next;
	pthread_mutex_unlock(&w->lock);
	free(e);
}

void
watch_deadline(struct watch *w, struct watch_entry *e, uint32_t ms)
{
	bool earlier;

	pthread_mutex_lock(&w->lock);
	e->due = ms ? clock_mono_ms() + ms : NEVER;
	earlier = e->due < w->next_due;
	if (earlier)
		w->next_due = e->due;
	pthread_mutex_unlock(&w->lock);
	if (earlier)
		eventfd_write(w->wake, 1);
}

int32_t
watch_peer(struct watch *w, struct watch_entry *e, void (*gone)(void *), void *arg)
{
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&w->lock);
	stop_polling(w, e);
	if (gone) {
		event.data.u64 = e->id;
		e->gone = gone;
		e->arg = arg;
		e->polled = epoll_ctl(w->epoll, EPOLL_CTL_ADD, e->fd, &event) == 0;
		rc = e->polled ? B3IQ_OK : B3IQ_E_UNAVAILABLE;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
