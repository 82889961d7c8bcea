#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "core/base/fail.h"
#include "core/plugin/sandbox/remote.h"
#include "core/plugin/sandbox/ring.h"

#define IN_MAX (WIRE_HEAD + WIRE_FRAME_MAX + RING_SIZE)

struct remote_call {             /* on the stack of the thread that calls               */
	uint64_t id;
	struct ring *ring;
	struct b3iq_sink *sink;  /* NULL: a call that emits nothing                     */
	struct buf in;           /* what came through the ring                          */
	size_t in_at;            /* of it, looked at                                    */
	bool closed;             /* the last look was after the process had died        */
	bool sent, cancelled;    /* the remote's lock                                   */
};

struct upcall_job {
	struct upcall_job *next;
	uint64_t id;
	uint16_t service;
	size_t   len;
	uint8_t  payload[];
};

struct remote {
	struct wire wire;
	struct rings rings;
	const char *instance;
	struct hostapi *api;
	pthread_mutex_t lock;    /* of all that follows                                 */
	struct remote_call **call; /* those that run: the one of ring i, or NULL         */
	uint64_t last_id;
	_Atomic(bool) dead;      /* set with the lock, after the reason                 */
	pthread_cond_t died;
	bool unsent;             /* epoll looks for room in the socket                  */
	bool lost, broken;       /* no more will come; and it is the peer's fault       */
	int  epoll;
	uint64_t tag;
	uint64_t last_ping;
	uint32_t pings;
	bool has_ready;
	struct codec_ready ready;
	struct b3iq_error ready_error;
	char reason[160];
	pthread_t clerk;
	pthread_cond_t upcalled;
	struct upcall_job *first, **last;
	size_t   n_upcalls;
	bool has_clerk, quit;
};

/* ---- upcalls -------------------------------------------------------------------- */

static int32_t
serve_sign(const struct b3iq_host *host, struct wire_reader *r, struct buf *result)
{
	const char *key = wire_text(r);
	const char *alg = wire_text(r);
	size_t len;
	const void *message = wire_bytes(r, &len);

	if (!wire_done(r))
		return B3IQ_E_INVALID;
	return host->sign(host->ctx, key, alg, message, len, &result->writer);
}

static int32_t
serve_public_key(const struct b3iq_host *host, struct wire_reader *r, struct buf *result)
{
	const char *key = wire_text(r);
	const char *alg = wire_text(r);

	if (!wire_done(r))
		return B3IQ_E_INVALID;
	return host->public_key(host->ctx, key, alg, &result->writer);
}

static int32_t
serve_put(const struct b3iq_host *host, struct wire_reader *r)
{
	const char *key = wire_text(r);
	size_t len;
	const void *value = wire_bytes(r, &len);

	if (!wire_done(r))
		return B3IQ_E_INVALID;
	return host->kv_put(host->ctx, key, value, len);
}

static int32_t
serve(struct remote *r, const struct upcall_job *job, struct buf *result)
{
	const struct b3iq_host *host = hostapi_table(r->api);
	struct wire_reader args = { .at = job->payload, .end = job->payload + job->len };
	const char *name;

	if (job->service == CODEC_SIGN)
		return serve_sign(host, &args, result);
	if (job->service == CODEC_PUBLIC_KEY)
		return serve_public_key(host, &args, result);
	if (job->service == CODEC_KV_PUT)
		return serve_put(host, &args);
	name = wire_text(&args);
	if (name == NULL || !wire_done(&args))
		return B3IQ_E_INVALID;
	if (job->service == CODEC_SECRET)
		return host->secret(host->ctx, name, &result->writer);
	return host->kv_get(host->ctx, name, &result->writer);
}

static void
serve_job(struct remote *r, struct upcall_job *job)
{
	struct buf result, frame;
	int32_t rc;

	buf_init(&result, HOSTAPI_VALUE_MAX);
	buf_init(&frame, HOSTAPI_VALUE_MAX + 64);
	rc = serve(r, job, &result);
	if (rc == B3IQ_OK)
		rc = result.rc;
	wire_put_i32(&frame, rc);
	wire_put_bytes(&frame, rc == B3IQ_OK && result.len > 0 ? result.data : NULL, result.len);
	if (frame.rc != B3IQ_OK) {
		buf_clear(&frame);
		wire_put_i32(&frame, B3IQ_E_NO_MEMORY);
		wire_put_bytes(&frame, NULL, 0);
	}
	wire_send(&r->wire, CODEC_RETURN, 0, job->id, &frame);
	buf_wipe(&result);
	buf_wipe(&frame);
	explicit_bzero(job->payload, job->len);
	free(job);
}

static void *
clerk_main(void *arg)
{
	struct remote *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct upcall_job *job = r->first;

		if (job == NULL && r->quit)
			break;
		if (job == NULL) {
			pthread_cond_wait(&r->upcalled, &r->lock);
			continue;
		}
		r->first = job->next;
		if (r->first == NULL)
			r->last = &r->first;
		pthread_mutex_unlock(&r->lock);
		serve_job(r, job);
		pthread_mutex_lock(&r->lock);
		r->n_upcalls--;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool
take_upcall(struct remote *r, const struct wire_frame *f)
{
	struct upcall_job *job;
	bool ok;

	if (f->flags == 0 || f->flags >= CODEC_SERVICES || f->len > HOSTAPI_VALUE_MAX + 4096)
		return false;
	job = malloc(sizeof *job + f->len);
	if (job == NULL)
		return false;
	*job = (struct upcall_job){ .id = f->call, .service = f->flags, .len = f->len };
	memcpy(job->payload, f->data, f->len);
	pthread_mutex_lock(&r->lock);
	if (!r->has_clerk)
		r->has_clerk = pthread_create(&r->clerk, NULL, clerk_main, r) == 0;
	ok = r->has_clerk && r->n_upcalls < REMOTE_UPCALLS;
	if (ok) {
		*r->last = job;
		r->last = &job->next;
		r->n_upcalls++;
		pthread_cond_signal(&r->upcalled);
	}
	pthread_mutex_unlock(&r->lock);
	if (!ok)
		free(job);
	return ok;
}

/* ---- receiving --------------------------------------------------------------------- */

static bool
take_ready(struct remote *r, const struct wire_frame *f)
{
	bool ok;

	pthread_mutex_lock(&r->lock);
	ok = !r->has_ready && codec_get_ready(f, &r->ready, &r->ready_error);
	r->has_ready |= ok;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static bool
take_pong(struct remote *r, const struct wire_frame *f)
{
	pthread_mutex_lock(&r->lock);
	if (f->call == r->last_ping)
		r->pings = 0;
	pthread_mutex_unlock(&r->lock);
	return true;
}

static bool
take_log(struct remote *r, const struct wire_frame *f)
{
	const struct b3iq_host *host = hostapi_table(r->api);
	struct wire_reader args = wire_read(f);
	const int32_t level = wire_i32(&args);
	const char *text = wire_text(&args);

	if (!wire_done(&args))
		return false;
	host->log(host->ctx, level, text);
	return true;
}

static bool
take_metric(struct remote *r, const struct wire_frame *f)
{
	const struct b3iq_host *host = hostapi_table(r->api);
	struct wire_reader args = wire_read(f);
	const int32_t type = wire_i32(&args);
	const char *name = wire_text(&args);
	const double value = wire_f64(&args);

	if (!wire_done(&args))
		return false;
	host->metric(host->ctx, type, name, value);
	return true;
}

static bool
take(struct remote *r, const struct wire_frame *f)
{
	switch (f->type) {
	case CODEC_PONG:
		return take_pong(r, f);
	case CODEC_UPCALL:
		return take_upcall(r, f);
	case CODEC_READY:
		return take_ready(r, f);
	case CODEC_LOG:
		return take_log(r, f);
	case CODEC_METRIC:
		return take_metric(r, f);
	case CODEC_BYE:
		return true; /* its process ends now, and that is what counts */
	default:
		return false;
	}
}

/* Nothing more is believed, or to be had.  The instance's thread hears of it from the socket. */
static void
lose(struct remote *r, bool broken)
{
	pthread_mutex_lock(&r->lock);
	r->lost = true;
	r->broken |= broken;
	pthread_mutex_unlock(&r->lock);
	shutdown(r->wire.fd, SHUT_RDWR);
}

static bool
is_lost(struct remote *r)
{
	bool yes;

	pthread_mutex_lock(&r->lock);
	yes = r->lost;
	pthread_mutex_unlock(&r->lock);
	return yes;
}

int
remote_receive(struct remote *r)
{
	struct wire_frame f;
	int took, got = 0;

	if (is_lost(r))
		return -1;
	took = wire_receive(&r->wire, false);
	if (took == 0)
		return 0;
	while (took > 0 && (got = wire_next(&r->wire, &f)) > 0)
		if (!take(r, &f))
			break;
	if (took > 0 && got == 0)
		return 1;
	lose(r, took > 0);
	return -1;
}

bool
remote_broken(struct remote *r)
{
	bool yes;

	pthread_mutex_lock(&r->lock);
	yes = r->broken;
	pthread_mutex_unlock(&r->lock);
	return yes;
}

void
remote_flush(struct remote *r)
{
	const bool left = wire_flush(&r->wire);

	pthread_mutex_lock(&r->lock);
	if (left != r->unsent && r->epoll >= 0) {
		struct epoll_event e = { .events = EPOLLIN | (left ? (uint32_t)EPOLLOUT : 0),
		                         .data = { .u64 = r->tag } };

		r->unsent = left;
		epoll_ctl(r->epoll, EPOLL_CTL_MOD, r->wire.fd, &e);
	}
	pthread_mutex_unlock(&r->lock);
}

int32_t
remote_watch(struct remote *r, int epoll, uint64_t tag, uint64_t wake_tag, struct b3iq_error *err)
{
	struct epoll_event in = { .events = EPOLLIN, .data = { .u64 = tag } };
	struct epoll_event wake_up = { .events = EPOLLIN, .data = { .u64 = wake_tag } };

	r->epoll = epoll;
	r->tag = tag;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, r->wire.fd, &in) != 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, r->wire.wake, &wake_up) != 0)
		return fail(err, B3IQ_E_NO_MEMORY, "%s: its process cannot be watched: %s", r->instance,
		            strerror(errno));
	return B3IQ_OK;
}

void
remote_unwatch(struct remote *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->epoll >= 0) {
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->wire.fd, NULL);
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->wire.wake, NULL);
	}
	r->epoll = -1;
	pthread_mutex_unlock(&r->lock);
}

/* ---- what the instance's thread says ------------------------------------------------ */

int32_t
remote_hello(struct remote *r, const struct codec_hello *h, struct b3iq_error *err)
{
	struct buf frame;
	int32_t rc;

	buf_init(&frame, WIRE_FRAME_MAX);
	codec_put_hello(&frame, h);
	rc = wire_send(&r->wire, CODEC_HELLO, 0, 0, &frame);
	buf_wipe(&frame);
	return rc == B3IQ_OK ? rc : fail(err, rc, "%s: its process ended at once", r->instance);
}

bool
remote_ready(struct remote *r, struct codec_ready *ready, struct b3iq_error *err)
{
	bool yes;

	pthread_mutex_lock(&r->lock);
	yes = r->has_ready;
	*ready = r->ready;
	*err = r->ready_error;
	pthread_mutex_unlock(&r->lock);
	return yes;
}

uint32_t
remote_ping(struct remote *r)
{
	uint32_t unanswered;
	uint64_t ping;

	pthread_mutex_lock(&r->lock);
	unanswered = ++r->pings;
	ping = ++r->last_ping;
	pthread_mutex_unlock(&r->lock);
	wire_post(&r->wire, CODEC_PING, 0, ping, NULL);
	return unanswered;
}

void
remote_send_stop(struct remote *r)
{
	wire_post(&r->wire, CODEC_STOP, 0, 0, NULL);
}

/* ---- calls -------------------------------------------------------------------------- */

static int32_t
died(const struct remote *r, struct b3iq_error *err)
{
	return fail(err, B3IQ_E_DIED, "%s: the plugin's process %s; this request is lost, the next is "
	            "served when it runs again", r->instance, r->reason);
}

static void
send_cancel(struct remote *r, uint64_t id, int32_t rc)
{
	struct buf frame;

	buf_init(&frame, 64);
	wire_put_i32(&frame, rc);
	wire_post(&r->wire, CODEC_CANCEL, 0, id, &frame);
	buf_free(&frame);
}

bool
remote_cancel(struct remote *r, const struct b3iq_sink *sink, int32_t rc)
{
	struct remote_call *c = NULL;
	uint64_t id = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->rings.n && c == NULL; i++)
		if (r->call[i] != NULL && r->call[i]->sent && r->call[i]->sink == sink)
			c = r->call[i];
	if (c != NULL && !c->cancelled) {
		c->cancelled = true;
		id = c->id;
	}
	pthread_mutex_unlock(&r->lock);
	if (id != 0)
		send_cancel(r, id, rc);
	return c != NULL;
}

static int32_t
begin_call(struct remote *r, struct remote_call *c, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	size_t tried = 0;

	pthread_mutex_lock(&r->lock);
	if (atomic_load(&r->dead))
		rc = died(r, err);
	while (rc == B3IQ_OK && r->call[++r->last_id % r->rings.n] != NULL)
		if (++tried == r->rings.n)
			rc = fail(err, B3IQ_E_BUSY, "%s: %zu calls run already", r->instance, r->rings.n);
	if (rc == B3IQ_OK) {
		c->id = r->last_id;
		c->ring = &r->rings.ring[c->id % r->rings.n];
		r->call[c->id % r->rings.n] = c;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static void
end_call(struct remote *r, const struct remote_call *c)
{
	pthread_mutex_lock(&r->lock);
	r->call[c->id % r->rings.n] = NULL;
	pthread_mutex_unlock(&r->lock);
}

/* The sink refused: the plugin is to stop. */
static void
refuse_more(struct remote *r, struct remote_call *c, int32_t rc)
{
	bool first;

	pthread_mutex_lock(&r->lock);
	first = !c->cancelled;
	c->cancelled = true;
	pthread_mutex_unlock(&r->lock);
	if (first)
		send_cancel(r, c->id, rc);
}

/* The next frame of this call, waited for: 1; 0: the process is dead; -1: it broke the protocol.
 * What it wrote before it died was in the ring then: one more look has it, and there is no second
 * one, for what it forked may write on. */
static int
next_frame(struct remote *r, struct remote_call *c, struct wire_frame *f)
{
	int got, took;

	while ((got = wire_parse(&c->in, &c->in_at, f)) == 0) {
		if (c->closed)
			return 0;
		c->closed = atomic_load(&r->dead);
		if (c->in_at > 0)
			buf_consume(&c->in, c->in_at);
		c->in_at = 0;
		took = ring_read(c->ring, &c->in);
		if (took < 0)
			return -1;
		if (took == 0 && !c->closed)
			ring_wait(c->ring);
	}
	if (got < 0 || f->call != c->id)
		return -1;
	return f->type == CODEC_ANSWER || (f->type == CODEC_EMIT && c->sink != NULL) ? 1 : -1;
}

/* After a breach: how it ends is the instance's thread's to say. */
static int32_t
await_death(struct remote *r, struct b3iq_error *err)
{
	lose(r, true);
	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->dead))
		pthread_cond_wait(&r->died, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return died(r, err);
}

/* Waits for the answer, and serves the sink meanwhile.  After a refusal the rest is dropped. */
static int32_t
wait_answer(struct remote *r, struct remote_call *c, struct wire_frame *answer,
            struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	int got;

	pthread_mutex_lock(&r->lock);
	c->sent = true; /* a cancel would not overtake it any more */
	pthread_mutex_unlock(&r->lock);
	while ((got = next_frame(r, c, answer)) == 1 && answer->type == CODEC_EMIT) {
		struct b3iq_chunk chunk;

		if (rc != B3IQ_OK)
			continue;
		rc = codec_get_chunk(answer->data, answer->len, &chunk) ? c->sink->emit(c->sink, &chunk) :
		                                                          B3IQ_E_INTERNAL;
		if (rc != B3IQ_OK)
			refuse_more(r, c, rc);
	}
	if (got == 1)
		return B3IQ_OK;
	return got == 0 ? died(r, err) : await_death(r, err);
}

struct exchange { /* of one call: what goes, what comes                                     */
	struct remote_call call;
	struct buf args;
	struct codec_answer answer;
};

static void
open_exchange(struct exchange *x)
{
	memset(x, 0, sizeof *x);
	buf_init(&x->args, WIRE_FRAME_MAX);
}

/* Sends the call and waits for its result, which is returned; *err is filled. */
static int32_t
exchange(struct remote *r, struct exchange *x, enum codec_method method, struct b3iq_sink *sink,
         struct b3iq_error *err)
{
	struct remote_call *c = &x->call;
	struct wire_frame f;
	int32_t rc;

	if (x->args.rc != B3IQ_OK)
		return x->args.rc == B3IQ_E_NO_MEMORY ?
		               fail_memory(err, "calling a plugin") :
		               fail(err, B3IQ_E_INVALID, "the request is too large for the plugin (%u MiB)",
		                    WIRE_FRAME_MAX >> 20);
	*c = (struct remote_call){ .sink = sink };
	buf_init(&c->in, IN_MAX);
	rc = begin_call(r, c, err);
	if (rc == B3IQ_OK) {
		rc = wire_send(&r->wire, CODEC_CALL, (uint16_t)method, c->id, &x->args);
		/* Could not be sent because the process is gone: wait for the reason why. */
		if (rc == B3IQ_OK || rc == B3IQ_E_DIED)
			rc = wait_answer(r, c, &f, err);
		else
			fail_memory(err, "calling a plugin");
		end_call(r, c);
	}
	if (rc != B3IQ_OK)
		return rc;
	if (!codec_get_answer(&f, method, &x->answer))
		return fail(err, B3IQ_E_INTERNAL, "%s: the plugin's process sent a malformed answer",
		            r->instance);
	if (err != NULL) {
		err->retry_ms = x->answer.e.error.retry_ms;
		memcpy(err->text, x->answer.e.error.text, sizeof err->text);
	}
	return x->answer.rc;
}

static void
close_exchange(struct exchange *x)
{
	buf_wipe(&x->args);
	buf_wipe(&x->call.in);
}

/* A result struct as far as its receiver knows it; `size` stays the receiver's. */
static void
copy_result(void *to, const void *from, size_t n)
{
	uint32_t size;

	memcpy(&size, to, sizeof size);
	if (size > n)
		size = (uint32_t)n;
	if (size > sizeof size)
		memcpy((char *)to + sizeof size, (const char *)from + sizeof size, size - sizeof size);
}

static int32_t
write_doc(int32_t rc, struct b3iq_writer *out, const void *doc, size_t len)
{
	return rc == B3IQ_OK && len > 0 ? out->write(out, doc, len) : rc;
}

/* ---- the tables ----------------------------------------------------------------------- */

static int32_t
document(struct remote *r, enum codec_method method, const char *arg, struct b3iq_writer *out,
         struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	if (method == CODEC_QUERY)
		wire_put_text(&x.args, arg);
	rc = exchange(r, &x, method, NULL, err);
	rc = write_doc(rc, out, x.answer.doc, x.answer.doc_len);
	close_exchange(&x);
	return rc;
}

static int32_t
probe(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	return document(self, CODEC_PROBE, NULL, out, err);
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	return document(self, CODEC_MODELS, NULL, out, err);
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	return document(self, CODEC_QUERY, what, out, err);
}

static int32_t
load(void *self, const char *model, const char *opts, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	wire_put_text(&x.args, model);
	wire_put_text(&x.args, opts);
	rc = exchange(self, &x, CODEC_LOAD, NULL, err);
	close_exchange(&x);
	return rc;
}

static int32_t
unload(void *self, const char *model, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	wire_put_text(&x.args, model);
	rc = exchange(self, &x, CODEC_UNLOAD, NULL, err);
	close_exchange(&x);
	return rc;
}

static int32_t
generate(void *self, const struct b3iq_gen_request *q, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	codec_put_gen(&x.args, q);
	rc = exchange(self, &x, CODEC_GENERATE, sink, err);
	copy_result(use, &x.answer.u, sizeof x.answer.u.usage);
	close_exchange(&x);
	return rc;
}

static int32_t
replay(void *self, const struct b3iq_gen_request *q, const int32_t *ids, size_t n,
       struct b3iq_sink *sink, struct b3iq_usage *use, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	if (n > WIRE_FRAME_MAX / sizeof *ids)
		return fail(err, B3IQ_E_INVALID, "too many tokens to replay: %zu", n);
	open_exchange(&x);
	wire_put_bytes(&x.args, ids, n * sizeof *ids);
	codec_put_gen(&x.args, q);
	rc = exchange(self, &x, CODEC_REPLAY, sink, err);
	copy_result(use, &x.answer.u, sizeof x.answer.u.usage);
	close_exchange(&x);
	return rc;
}

static int32_t
embed(void *self, const char *model, const char *body, size_t len, struct b3iq_writer *vectors,
      struct b3iq_usage *use, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	wire_put_text(&x.args, model);
	wire_put_bytes(&x.args, body, len);
	rc = exchange(self, &x, CODEC_EMBED, NULL, err);
	rc = write_doc(rc, vectors, x.answer.doc, x.answer.doc_len);
	copy_result(use, &x.answer.u, sizeof x.answer.u.usage);
	close_exchange(&x);
	return rc;
}

static int32_t
operation(struct remote *r, enum codec_method method, const struct b3iq_ledger_op *op,
          struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	codec_put_op(&x.args, op);
	rc = exchange(r, &x, method, NULL, err);
	copy_result(tx, &x.answer.u, sizeof x.answer.u.tx);
	close_exchange(&x);
	return rc;
}

static int32_t
quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	return operation(self, CODEC_QUOTE, op, tx, err);
}

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	return operation(self, CODEC_SUBMIT, op, tx, err);
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	wire_put_bytes(&x.args, key, 32);
	rc = exchange(self, &x, CODEC_STATUS, NULL, err);
	copy_result(tx, &x.answer.u, sizeof x.answer.u.tx);
	close_exchange(&x);
	return rc;
}

static int32_t
authenticate(void *self, const struct b3iq_auth_request *q, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	codec_put_auth(&x.args, q);
	rc = exchange(self, &x, CODEC_AUTHENTICATE, NULL, err);
	copy_result(who, &x.answer.u, sizeof x.answer.u.principal);
	close_exchange(&x);
	return rc;
}

static int32_t
login(void *self, const char *state, const char *in, uint32_t *next, struct b3iq_writer *state_out,
      struct b3iq_writer *out, struct b3iq_principal *who, struct b3iq_error *err)
{
	struct exchange x;
	int32_t rc;

	open_exchange(&x);
	wire_put_text(&x.args, state);
	wire_put_text(&x.args, in);
	rc = exchange(self, &x, CODEC_LOGIN, NULL, err);
	*next = x.answer.next;
	rc = write_doc(rc, state_out, x.answer.doc, x.answer.doc_len);
	rc = write_doc(rc, out, x.answer.doc2, x.answer.doc2_len);
	copy_result(who, &x.answer.u, sizeof x.answer.u.principal);
	close_exchange(&x);
	return rc;
}

void
remote_backend(struct remote *r, uint32_t kind, struct backend *out)
{
	const uint32_t has = r->ready.has;

	*out = (struct backend){ .self = r, .kind = kind, .threads = r->ready.threads };
	if (kind == B3IQ_INFERENCE) {
		out->inference = (struct b3iq_inference){
			.size = sizeof out->inference, .probe = probe, .models = models,
			.load = (has & CODEC_HAS_LOAD) != 0 ? load : NULL,
			.unload = (has & CODEC_HAS_UNLOAD) != 0 ? unload : NULL,
			.generate = generate,
			.embed = (has & CODEC_HAS_EMBED) != 0 ? embed : NULL,
		};
		out->replay = (struct b3iq_replay){
			.size = sizeof out->replay, .replay = (has & CODEC_HAS_REPLAY) != 0 ? replay : NULL,
		};
	} else if (kind == B3IQ_LEDGER) {
		out->ledger = (struct b3iq_ledger){
			.size = sizeof out->ledger, .ops = r->ready.ops, .quote = quote, .submit = submit,
			.status = status, .query = query,
		};
	} else {
		out->auth = (struct b3iq_auth){
			.size = sizeof out->auth, .authenticate = authenticate,
			.login = (has & CODEC_HAS_LOGIN) != 0 ? login : NULL,
		};
	}
}

/* ---- life -------------------------------------------------------------------------------- */

struct remote *
remote_create(int socket, int rings, uint32_t width, const char *instance, struct hostapi *api,
              struct b3iq_error *err)
{
	struct remote *r = calloc(1, sizeof *r);

	if (r == NULL || !rings_map(&r->rings, rings, width) ||
	    (r->call = calloc(width, sizeof(struct remote_call *))) == NULL) {
		fail_memory(err, "starting a plugin");
		goto failed;
	}
	if (wire_init(&r->wire, socket, err) != B3IQ_OK)
		goto failed;
	r->epoll = -1;
	r->instance = instance;
	r->api = api;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->died, NULL);
	pthread_cond_init(&r->upcalled, NULL);
	return r;
failed:
	if (r != NULL) {
		rings_unmap(&r->rings);
		free(r->call);
	}
	free(r);
	return NULL;
}

void
remote_die(struct remote *r, const char *reason)
{
	wire_shutdown(&r->wire);
	pthread_mutex_lock(&r->lock);
	if (!atomic_load(&r->dead)) {
		strncpy(r->reason, reason, sizeof r->reason - 1);
		atomic_store(&r->dead, true);
	}
	pthread_cond_broadcast(&r->died);
	for (size_t i = 0; i < r->rings.n; i++)
		if (r->call[i] != NULL)
			ring_nudge_reader(&r->rings.ring[i]);
	pthread_mutex_unlock(&r->lock);
}

void
remote_destroy(struct remote *r)
{
	if (r == NULL)
		return;
	remote_die(r, "was stopped");
	pthread_mutex_lock(&r->lock);
	r->quit = true;
	pthread_cond_signal(&r->upcalled);
	pthread_mutex_unlock(&r->lock);
	if (r->has_clerk)
		pthread_join(r->clerk, NULL);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->died);
	pthread_cond_destroy(&r->upcalled);
	wire_finish(&r->wire);
	rings_unmap(&r->rings);
	free(r->call);
	free(r);
}
