#include "node/openai/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/http/sse.h"

#define EVENT_MAX (32u << 20)

struct events_pinger {
	pthread_mutex_t lock;     /* the list; taken before an answer's own */
	pthread_cond_t  wake;
	pthread_t       thread;
	struct events  *open;
	uint32_t        ping_ms;
	bool            stop;
};

/* Lock of the answer held. */
static int32_t
begin(struct events *e)
{
	if (e->begun)
		return B3IQ_OK;
	e->begun = true;
	e->rs->status = 200;
	e->rs->type = SSE_TYPE;
	return stream_begin(e->rq, e->rs);
}

/* A comment, if the answer was silent and its client takes what it gets.  Never blocks: an answer
 * that is just being written needs no ping. */
static void
ping(struct events *e, uint32_t ping_ms)
{
	static const char comment[] = ": ping\n\n";

	if (pthread_mutex_trylock(&e->lock) != 0)
		return;
	if (clock_mono_ms() - e->last_ms >= ping_ms && begin(e) == B3IQ_OK && stream_idle(e->rq)) {
		stream_write(e->rq, comment, sizeof comment - 1);
		e->last_ms = clock_mono_ms();
	}
	pthread_mutex_unlock(&e->lock);
}

static void *
run(void *arg)
{
	struct events_pinger *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct timespec until;

		while (!p->open && !p->stop) /* nobody to look after: sleep */
			pthread_cond_wait(&p->wake, &p->lock);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += (long)(p->ping_ms % 4000) * 250000;
		until.tv_sec += p->ping_ms / 4000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (!p->stop && pthread_cond_timedwait(&p->wake, &p->lock, &until) != ETIMEDOUT)
			;
		for (struct events *e = p->open; e && !p->stop; e = e->next)
			ping(e, p->ping_ms);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct events_pinger *
events_pinger_create(uint32_t ping_ms, struct b3iq_error *err)
{
	struct events_pinger *p = calloc(1, sizeof *p);
	pthread_condattr_t attr;

	if (!p) {
		fail_memory(err, "starting the pinger");
		return NULL;
	}
	p->ping_ms = ping_ms;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&p->thread, NULL, run, p) != 0) {
		pthread_cond_destroy(&p->wake);
		pthread_mutex_destroy(&p->lock);
		free(p);
		fail(err, B3IQ_E_UNAVAILABLE,
		     "the system gives no thread; raise the limit (ulimit -u)");
		return NULL;
	}
	return p;
}

void
events_pinger_destroy(struct events_pinger *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
events_open(struct events *e, struct events_pinger *p, struct http_request *rq,
            struct http_response *rs)
{
	*e = (struct events){ .pinger = p, .rq = rq, .rs = rs, .last_ms = clock_mono_ms() };
	pthread_mutex_init(&e->lock, NULL);
	buf_init(&e->line, EVENT_MAX);
	pthread_mutex_lock(&p->lock);
	e->next = p->open;
	if (e->next)
		e->next->prev = e;
	p->open = e;
	if (!e->next)
		pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

int32_t
events_text(struct events *e, const char *data)
{
	int32_t rc;

	pthread_mutex_lock(&e->lock);
	buf_clear(&e->line);
	rc = sse_event(&e->line, NULL, data, strlen(data));
	if (rc == B3IQ_OK)
		rc = begin(e);
	if (rc == B3IQ_OK)
		rc = stream_write(e->rq, e->line.data, e->line.len);
	e->last_ms = clock_mono_ms();
	pthread_mutex_unlock(&e->lock);
	return rc;
}

int32_t
events_send(struct events *e, struct json_object *doc)
{
	struct buf text;
	int32_t rc;

	if (!doc)
		return B3IQ_E_NO_MEMORY;
	buf_init(&text, EVENT_MAX);
	rc = json_write(doc, &text);
	json_object_put(doc);
	if (rc == B3IQ_OK)
		rc = events_text(e, text.data);
	buf_wipe(&text);
	return rc;
}

bool
events_close(struct events *e, bool whole)
{
	struct events_pinger *p = e->pinger;

	pthread_mutex_lock(&p->lock);
	if (e->next)
		e->next->prev = e->prev;
	if (e->prev)
		e->prev->next = e->next;
	else
		p->open = e->next;
	pthread_mutex_unlock(&p->lock);
	if (e->begun)
		stream_end(e->rq, whole);
	buf_wipe(&e->line);
	pthread_mutex_destroy(&e->lock);
	return e->begun;
}
