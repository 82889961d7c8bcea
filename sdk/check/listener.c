#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"

#define STREAM_MAX (64u << 20)

struct held { /* what is lent: the sink, and the way back to its listener          */
	struct b3iq_sink sink;
	struct listener *listener;
};

static void
sleep_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

static void
cancel(struct listener *l)
{
	const uint64_t one = 1;

	if (atomic_exchange(&l->cancelled, true))
		return;
	l->stopped_us = clock_mono_us();
	must(write(l->cancel_fd, &one, sizeof one) == sizeof one, "plugin-check: eventfd failed");
}

static void *
timer(void *arg)
{
	struct listener *l = arg;

	sleep_ms(l->cancel_ms);
	cancel(l);
	return NULL;
}

/* The rules of a chunk, whatever the test is about. */
static void
examine(const struct b3iq_chunk *k)
{
	must(k->size >= sizeof *k, "chunk.size is %u, less than the %zu of ABI 1.0", k->size,
	     sizeof *k);
	must(k->text || !k->text_len, "chunk.text is NULL with text_len %zu", k->text_len);
	must(utf8_valid(k->text ? k->text : "", k->text_len),
	     "chunk.text is not whole UTF-8: hold bytes back until the character is complete");
	must(k->n_ids <= 65536, "chunk.n_ids is %u", k->n_ids);
	must(k->probe || !k->probe_len, "chunk.probe is NULL with probe_len %zu", k->probe_len);
}

static void
grow_ids(struct listener *l, size_t more)
{
	if (l->n_ids + more > l->ids_cap) {
		l->ids_cap = (l->n_ids + more) * 2;
		l->ids = reallocarray(l->ids, l->ids_cap, sizeof *l->ids);
		must(l->ids, "plugin-check: out of memory");
	}
}

static void
take(struct listener *l, const struct b3iq_chunk *k)
{
	buf_append(&l->text, k->text, k->text_len);
	if (k->delta) {
		buf_puts(&l->deltas, k->delta);
		buf_puts(&l->deltas, "\n");
	}
	if (k->n_ids && k->ids) {
		grow_ids(l, k->n_ids);
		memcpy(l->ids + l->n_ids, k->ids, k->n_ids * sizeof *k->ids);
		l->n_ids += k->n_ids;
	} else {
		l->chunks_without_ids++;
	}
	l->chunks_of_many += k->n_ids > 1;
	l->chunks_without_probe += !k->probe_len;
	buf_append(&l->probes, k->probe, k->probe_len);
	if ((l->n_chunks & (l->n_chunks + 1)) == 0) { /* room doubles at 0, 1, 3, 7 ... */
		l->probe_ends = reallocarray(l->probe_ends, 2 * l->n_chunks + 2,
		                             sizeof *l->probe_ends);
		must(l->probe_ends, "plugin-check: out of memory");
	}
	l->probe_ends[l->n_chunks++] = l->probes.len;
	must(!l->text.rc && !l->deltas.rc && !l->probes.rc, "the stream is over %u bytes",
	     STREAM_MAX);
}

static int32_t
emit(struct b3iq_sink *sink, const struct b3iq_chunk *k)
{
	struct listener *l = ((struct held *)sink)->listener;
	int32_t          rc = B3IQ_OK;

	must(!atomic_exchange(&l->talking, true), "emit() was called by two threads at once");
	must(atomic_load(&l->host->inside) > 0, "emit() was called outside of generate()");
	if (l->slow_ms)
		sleep_ms(l->slow_ms);
	if (l->refuse_at && l->n_chunks + 1 >= l->refuse_at) {
		rc = l->refuse_code;
		l->after_stop++;
		if (!l->stopped_us)
			l->stopped_us = clock_mono_us();
	} else if (atomic_load(&l->cancelled)) {
		rc = l->cancel_code ? l->cancel_code : B3IQ_E_CANCELLED;
		l->after_stop++;
	} else {
		examine(k);
		take(l, k);
		if (l->cancel_at && l->n_chunks == l->cancel_at)
			cancel(l);
	}
	atomic_store(&l->talking, false);
	return rc;
}

void
listener_init(struct listener *l, struct fakehost *h)
{
	memset(l, 0, sizeof *l);
	l->host = h;
	l->cancel_fd = -1;
	buf_init(&l->text, STREAM_MAX);
	buf_init(&l->probes, STREAM_MAX);
	buf_init(&l->deltas, STREAM_MAX);
}

void
listener_finish(struct listener *l)
{
	buf_free(&l->text);
	buf_free(&l->probes);
	buf_free(&l->deltas);
	free(l->ids);
	free(l->probe_ends);
}

struct b3iq_sink *
listener_begin(struct listener *l, uint32_t flags, uint64_t deadline_ms)
{
	struct held held = { .sink = { .size = sizeof held.sink, .emit = emit }, .listener = l };
	uint64_t    now = clock_mono_ms();

	l->flags = flags;
	l->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(l->cancel_fd >= 0, "plugin-check: no eventfd to be had");
	held.sink.cancel_fd = l->cancel_fd;
	if (l->cancel_first)
		cancel(l);
	if (deadline_ms) { /* the host turns a deadline into a cancel */
		l->cancel_ms = deadline_ms > now ? (unsigned)(deadline_ms - now) : 1;
		l->cancel_code = B3IQ_E_TIMEOUT;
	}
	l->timer_runs = l->cancel_ms && pthread_create(&l->timer, NULL, timer, l) == 0;
	return lend(&l->loan, &held, sizeof held);
}

void
listener_end(struct listener *l)
{
	lend_back(&l->loan);
	if (l->timer_runs)
		pthread_join(l->timer, NULL);
	close(l->cancel_fd);
	l->timer_runs = false;
	l->cancel_fd = -1;
}

bool
listener_same(const struct listener *a, const struct listener *b)
{
	return a->text.len == b->text.len && a->n_ids == b->n_ids &&
	       a->probes.len == b->probes.len &&
	       (!a->text.len || memcmp(a->text.data, b->text.data, a->text.len) == 0) &&
	       (!a->n_ids || memcmp(a->ids, b->ids, a->n_ids * sizeof *a->ids) == 0) &&
	       (!a->probes.len || memcmp(a->probes.data, b->probes.data, a->probes.len) == 0);
}
