#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/plugin/sandbox/codec.h"
#include "core/plugin/sandbox/worker.h"

#define DOC_MAX   (WIRE_FRAME_MAX - 4096u)        /* of a document that a function writes */
#define FRAME_MAX (WIRE_HEAD + WIRE_FRAME_MAX)

struct worker_job {
	struct worker_job *next;
	struct worker *pool;
	uint64_t id;
	enum codec_method method;
	struct ring *ring;          /* where its frames go                               */
	struct b3iq_sink sink;      /* what generate() gets                              */
	struct buf   frame;         /* the one being made                                */
	_Atomic(int32_t) stop;      /* what emit() is to return; B3IQ_OK: go on          */
	int          cancel_fd;
	struct codec_answer answer;
	struct buf   doc, doc2;
	size_t       len;
	_Alignas(16) uint8_t payload[];
};

/* ---- emit -------------------------------------------------------------------- */

static struct worker_job *
job_of(struct b3iq_sink *sink)
{
	return (struct worker_job *)(void *)((char *)sink - offsetof(struct worker_job, sink));
}

/* A frame is made head first, then its payload, then the head's content. */
static void
begin_frame(struct buf *frame)
{
	static const uint8_t head[WIRE_HEAD];

	buf_clear(frame);
	buf_append(frame, head, sizeof head);
}

/* False: told to stop before it went. */
static bool
send_frame(struct worker_job *j, enum codec_frame type, const _Atomic(int32_t) *stop)
{
	uint8_t *head = (uint8_t *)j->frame.data;

	wire_pack_head(head, j->frame.len - WIRE_HEAD, (uint16_t)type, 0, j->id);
	return ring_write(j->ring, head, j->frame.len, stop);
}

static int32_t
emit(struct b3iq_sink *sink, const struct b3iq_chunk *given)
{
	struct worker_job *j = job_of(sink);
	struct b3iq_chunk c = { .size = 0 };
	int32_t rc = atomic_load(&j->stop);

	if (rc != B3IQ_OK)
		return rc;
	memcpy(&c, given, given->size < sizeof c ? given->size : sizeof c);
	if (!codec_chunk_sound(&c)) {
		atomic_store(&j->stop, B3IQ_E_INTERNAL);
		return B3IQ_E_INTERNAL;
	}
	begin_frame(&j->frame);
	codec_put_chunk(&j->frame, &c);
	if (j->frame.rc != B3IQ_OK) { /* no piece is that large */
		rc = j->frame.rc == B3IQ_E_NO_MEMORY ? B3IQ_E_NO_MEMORY : B3IQ_E_INTERNAL;
		atomic_store(&j->stop, rc);
		return rc;
	}
	return send_frame(j, CODEC_EMIT, &j->stop) ? B3IQ_OK : atomic_load(&j->stop);
}

/* ---- the methods ---------------------------------------------------------------- */

static const uint32_t method_kind[CODEC_METHODS] = {
	[CODEC_PROBE] = B3IQ_INFERENCE,    [CODEC_MODELS] = B3IQ_INFERENCE,
	[CODEC_LOAD] = B3IQ_INFERENCE,     [CODEC_UNLOAD] = B3IQ_INFERENCE,
	[CODEC_GENERATE] = B3IQ_INFERENCE, [CODEC_EMBED] = B3IQ_INFERENCE,
	[CODEC_REPLAY] = B3IQ_INFERENCE,   [CODEC_QUOTE] = B3IQ_LEDGER,
	[CODEC_SUBMIT] = B3IQ_LEDGER,      [CODEC_STATUS] = B3IQ_LEDGER,
	[CODEC_QUERY] = B3IQ_LEDGER,       [CODEC_AUTHENTICATE] = B3IQ_AUTH,
	[CODEC_LOGIN] = B3IQ_AUTH,
};

/* Each reads its arguments and, if they are sound, calls; the result is the function's. */
typedef int32_t run_fn(struct worker_job *, const struct backend *, struct wire_reader *);

#define ERR(j) (&(j)->answer.e.error)

static int32_t
malformed(void)
{
	return B3IQ_E_INTERNAL; /* the host never sends such a call */
}

static int32_t
run_probe(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	return wire_done(r) ? b->inference.probe(b->self, &j->doc.writer, ERR(j)) : malformed();
}

static int32_t
run_models(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	return wire_done(r) ? b->inference.models(b->self, &j->doc.writer, ERR(j)) : malformed();
}

static int32_t
run_load(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	const char *model = wire_text(r);
	const char *opts = wire_text(r);

	if (!wire_done(r) || b->inference.load == NULL)
		return malformed();
	return b->inference.load(b->self, model, opts, ERR(j));
}

static int32_t
run_unload(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	const char *model = wire_text(r);

	if (!wire_done(r) || b->inference.unload == NULL)
		return malformed();
	return b->inference.unload(b->self, model, ERR(j));
}

static int32_t
run_generate(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	struct b3iq_gen_request q;

	codec_get_gen(r, &q);
	if (!wire_done(r))
		return malformed();
	return b->inference.generate(b->self, &q, &j->sink, &j->answer.u.usage, ERR(j));
}

static int32_t
run_replay(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	struct b3iq_gen_request q;
	size_t len;
	/* First in the payload, so that the ids are aligned. */
	const void *ids = wire_bytes(r, &len);

	codec_get_gen(r, &q);
	if (!wire_done(r) || len % sizeof(int32_t) != 0 || b->replay.replay == NULL)
		return malformed();
	return b->replay.replay(b->self, &q, ids, len / sizeof(int32_t), &j->sink, &j->answer.u.usage,
	                        ERR(j));
}

static int32_t
run_embed(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	const char *model = wire_text(r);
	size_t len;
	const char *body = wire_bytes(r, &len);

	if (!wire_done(r) || b->inference.embed == NULL)
		return malformed();
	return b->inference.embed(b->self, model, body, len, &j->doc.writer, &j->answer.u.usage,
	                          ERR(j));
}

static int32_t
run_quote(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	struct b3iq_ledger_op op;

	codec_get_op(r, &op);
	return wire_done(r) ? b->ledger.quote(b->self, &op, &j->answer.u.tx, ERR(j)) : malformed();
}

static int32_t
run_submit(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	struct b3iq_ledger_op op;

	codec_get_op(r, &op);
	return wire_done(r) ? b->ledger.submit(b->self, &op, &j->answer.u.tx, ERR(j)) : malformed();
}

static int32_t
run_status(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	size_t len;
	const void *key = wire_bytes(r, &len);

	if (!wire_done(r) || key == NULL || len != 32)
		return malformed();
	return b->ledger.status(b->self, key, &j->answer.u.tx, ERR(j));
}

static int32_t
run_query(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	const char *what = wire_text(r);

	return wire_done(r) ? b->ledger.query(b->self, what, &j->doc.writer, ERR(j)) : malformed();
}

static int32_t
run_authenticate(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	struct b3iq_auth_request q;

	codec_get_auth(r, &q);
	return wire_done(r) ? b->auth.authenticate(b->self, &q, &j->answer.u.principal, ERR(j)) :
	                      malformed();
}

static int32_t
run_login(struct worker_job *j, const struct backend *b, struct wire_reader *r)
{
	const char *state = wire_text(r);
	const char *in = wire_text(r);

	if (!wire_done(r) || b->auth.login == NULL)
		return malformed();
	return b->auth.login(b->self, state, in, &j->answer.next, &j->doc.writer, &j->doc2.writer,
	                     &j->answer.u.principal, ERR(j));
}

static run_fn *const methods[CODEC_METHODS] = {
	[CODEC_PROBE] = run_probe,       [CODEC_MODELS] = run_models,
	[CODEC_LOAD] = run_load,         [CODEC_UNLOAD] = run_unload,
	[CODEC_GENERATE] = run_generate, [CODEC_EMBED] = run_embed,
	[CODEC_REPLAY] = run_replay,     [CODEC_QUOTE] = run_quote,
	[CODEC_SUBMIT] = run_submit,     [CODEC_STATUS] = run_status,
	[CODEC_QUERY] = run_query,       [CODEC_AUTHENTICATE] = run_authenticate,
	[CODEC_LOGIN] = run_login,
};

/* ---- jobs ------------------------------------------------------------------------ */

/* The result struct is the largest that this side knows; the slot behind it is the plugin's. */
static void
set_sizes(struct worker_job *j)
{
	uint32_t size = 0;

	if (j->method == CODEC_GENERATE || j->method == CODEC_REPLAY || j->method == CODEC_EMBED)
		size = sizeof(struct b3iq_usage);
	else if (method_kind[j->method] == B3IQ_LEDGER)
		size = sizeof(struct b3iq_tx);
	else if (method_kind[j->method] == B3IQ_AUTH)
		size = sizeof(struct b3iq_principal);
	memcpy(&j->answer.u, &size, sizeof size);
	j->answer.e.error.size = sizeof j->answer.e.error;
}

static void
answer(struct worker_job *j)
{
	j->answer.doc = j->doc.len > 0 ? j->doc.data : NULL;
	j->answer.doc_len = j->doc.len;
	j->answer.doc2 = j->doc2.len > 0 ? j->doc2.data : NULL;
	j->answer.doc2_len = j->doc2.len;
	begin_frame(&j->frame);
	codec_put_answer(&j->frame, j->method, &j->answer);
	if (j->frame.rc != B3IQ_OK) { /* too long or no memory: say at least that */
		begin_frame(&j->frame);
		j->answer.doc = j->answer.doc2 = NULL;
		j->answer.rc = fail(ERR(j), B3IQ_E_NO_MEMORY, "the plugin's answer does not fit");
		codec_put_answer(&j->frame, j->method, &j->answer);
	}
	if (j->frame.rc == B3IQ_OK)
		send_frame(j, CODEC_ANSWER, NULL);
}

static void
free_job(struct worker_job *j)
{
	buf_wipe(&j->frame);
	buf_wipe(&j->doc);
	buf_wipe(&j->doc2);
	explicit_bzero(j->payload, j->len); /* prompts do not stay */
	free(j);
}

static void
run_job(struct worker_job *j, int cancel_fd)
{
	struct wire_reader r = { .at = j->payload, .end = j->payload + j->len };

	j->sink = (struct b3iq_sink){ .size = sizeof j->sink, .cancel_fd = cancel_fd, .emit = emit };
	set_sizes(j);
	j->answer.rc = methods[j->method](j, j->pool->backend, &r);
	answer(j);
}

static void
unlink_job(struct worker_job **at, const struct worker_job *j)
{
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
}

/* Takes the next job off the queue; NULL when there is nothing more to come.  Lock held. */
static struct worker_job *
next_job(struct worker *p, int cancel_fd)
{
	struct worker_job *j;

	while (p->first == NULL && !p->quit)
		pthread_cond_wait(&p->work, &p->lock);
	j = p->first;
	if (j == NULL)
		return NULL;
	p->first = j->next;
	if (p->first == NULL)
		p->last = &p->first;
	j->next = p->running;
	p->running = j;
	j->cancel_fd = cancel_fd;
	if (atomic_load(&j->stop) != B3IQ_OK) /* cancelled while it waited */
		(void)!write(cancel_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	return j;
}

static void *
thread_main(void *arg)
{
	struct worker *p = arg;
	const int cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct worker_job *j;
	uint64_t count;

	pthread_mutex_lock(&p->lock);
	while ((j = next_job(p, cancel_fd)) != NULL) {
		pthread_mutex_unlock(&p->lock);
		run_job(j, cancel_fd);
		pthread_mutex_lock(&p->lock);
		unlink_job(&p->running, j);
		(void)!read(cancel_fd, &count, sizeof count); /* off again for the next call */
		if (--p->n_jobs == 0)
			pthread_cond_broadcast(&p->idle);
		free_job(j);
	}
	p->threads--;
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
	if (cancel_fd >= 0)
		close(cancel_fd);
	return NULL;
}

/* ---- frames ------------------------------------------------------------------------ */

/* One more thread, if there are no more of them than jobs.  Lock held. */
static bool
ensure_thread(struct worker *p)
{
	pthread_t thread;

	if (p->threads > p->n_jobs || p->threads >= p->width)
		return p->threads > 0;
	if (pthread_create(&thread, NULL, thread_main, p) != 0)
		return p->threads > 0; /* then it waits for one of those */
	pthread_detach(thread);
	p->threads++;
	return true;
}

static struct worker_job *
new_job(struct worker *p, const struct wire_frame *f)
{
	struct worker_job *j = calloc(1, sizeof *j + f->len);

	if (j == NULL)
		return NULL;
	j->pool = p;
	j->ring = &p->rings->ring[f->call % p->rings->n];
	j->id = f->call;
	j->method = (enum codec_method)f->flags;
	j->cancel_fd = -1;
	j->len = f->len;
	if (f->len > 0)
		memcpy(j->payload, f->data, f->len);
	atomic_init(&j->stop, B3IQ_OK);
	buf_init(&j->frame, FRAME_MAX);
	buf_init(&j->doc, DOC_MAX);
	buf_init(&j->doc2, DOC_MAX);
	return j;
}

/* This call cannot run: the host hears it at once, from the receiving thread.  The answer fits: in
 * its ring there is nothing else. */
static bool
refuse(struct worker *p, const struct wire_frame *f)
{
	static const struct b3iq_error short_of = {
		.size = sizeof short_of, .text = "the plugin's process is short of memory or threads"
	};
	struct worker_job j = { .id = f->call, .ring = &p->rings->ring[f->call % p->rings->n] };
	struct codec_answer a = { .rc = B3IQ_E_NO_MEMORY };
	bool ok;

	a.e.error = short_of;
	buf_init(&j.frame, 8192);
	begin_frame(&j.frame);
	codec_put_answer(&j.frame, (enum codec_method)f->flags, &a);
	ok = j.frame.rc == B3IQ_OK && send_frame(&j, CODEC_ANSWER, NULL);
	buf_free(&j.frame);
	return ok;
}

bool
worker_call(struct worker *p, const struct wire_frame *f)
{
	struct worker_job *j;
	bool ok;

	if (f->flags == 0 || f->flags >= CODEC_METHODS || method_kind[f->flags] != p->backend->kind)
		return false;
	j = new_job(p, f);
	if (j == NULL)
		return refuse(p, f);
	pthread_mutex_lock(&p->lock);
	ok = ensure_thread(p);
	if (ok) {
		p->n_jobs++;
		*p->last = j;
		p->last = &j->next;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	if (ok)
		return true;
	free_job(j);
	return refuse(p, f);
}

/* The job of that id, waiting or running, or NULL: it may have ended meanwhile.  Lock held. */
static struct worker_job *
find_job(struct worker *p, uint64_t id)
{
	struct worker_job *j;

	for (j = p->running; j != NULL; j = j->next)
		if (j->id == id)
			return j;
	for (j = p->first; j != NULL; j = j->next)
		if (j->id == id)
			return j;
	return NULL;
}

bool
worker_cancel(struct worker *p, const struct wire_frame *f)
{
	struct wire_reader r = wire_read(f);
	const int32_t rc = wire_i32(&r);
	struct worker_job *j;

	if (!wire_done(&r) || rc == B3IQ_OK)
		return false;
	pthread_mutex_lock(&p->lock);
	j = find_job(p, f->call);
	if (j != NULL) {
		int32_t none = B3IQ_OK;

		if (atomic_compare_exchange_strong(&j->stop, &none, rc) && j->cancel_fd >= 0)
			(void)!write(j->cancel_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
		ring_nudge_writer(j->ring);
	}
	pthread_mutex_unlock(&p->lock);
	return true;
}

void
worker_init(struct worker *p, struct rings *rings, const struct backend *backend, uint32_t width)
{
	*p = (struct worker){ .rings = rings, .backend = backend, .width = width };
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->idle, NULL);
}

void
worker_finish(struct worker *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->n_jobs > 0)
		pthread_cond_wait(&p->idle, &p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->work);
	while (p->threads > 0)
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
	/* Not destroyed: the last thread may still be inside its unlock; the process ends anyway. */
}
