#include <string.h>

#include "core/plugin/sandbox/codec.h"

/* ---- the structs of the contract -------------------------------------------- */

static void
put_error(struct buf *b, const struct b3iq_error *e)
{
	char text[sizeof e->text];

	memcpy(text, e->text, sizeof text);
	text[sizeof text - 1] = '\0'; /* whatever the plugin left there */
	wire_put_u32(b, e->retry_ms);
	wire_put_text(b, text);
}

static void
get_error(struct wire_reader *r, struct b3iq_error *e)
{
	e->size = sizeof *e;
	e->retry_ms = wire_u32(r);
	wire_text_into(r, e->text, sizeof e->text);
}

/* A text in a fixed array of the plugin's making: perhaps without its NUL. */
static void
put_fixed(struct buf *b, const char *text, size_t size)
{
	wire_put_bytes(b, text, strnlen(text, size - 1));
	buf_append(b, "", 1);
}

#define PUT_FIXED(b, array) put_fixed((b), (array), sizeof(array))
#define GET_FIXED(r, array) wire_text_into((r), (array), sizeof(array))

static void
put_usage(struct buf *b, const struct b3iq_usage *u)
{
	wire_put_u32(b, u->stop);
	wire_put_u32(b, u->determinism);
	wire_put_u64(b, u->prompt_tokens);
	wire_put_u64(b, u->cached_tokens);
	wire_put_u64(b, u->output_tokens);
	wire_put_u64(b, u->queue_us);
	wire_put_u64(b, u->prefill_us);
	wire_put_u64(b, u->decode_us);
	PUT_FIXED(b, u->fingerprint);
}

static void
get_usage(struct wire_reader *r, struct b3iq_usage *u)
{
	u->size = sizeof *u;
	u->stop = wire_u32(r);
	u->determinism = wire_u32(r);
	u->prompt_tokens = wire_u64(r);
	u->cached_tokens = wire_u64(r);
	u->output_tokens = wire_u64(r);
	u->queue_us = wire_u64(r);
	u->prefill_us = wire_u64(r);
	u->decode_us = wire_u64(r);
	GET_FIXED(r, u->fingerprint);
}

static void
put_tx(struct buf *b, const struct b3iq_tx *t)
{
	wire_put_u32(b, t->state);
	wire_put_u64(b, t->height);
	wire_put_u64(b, t->confirmations);
	wire_put_u64(b, t->time_ms);
	PUT_FIXED(b, t->ref);
	PUT_FIXED(b, t->fee);
}

static void
get_tx(struct wire_reader *r, struct b3iq_tx *t)
{
	t->size = sizeof *t;
	t->state = wire_u32(r);
	t->height = wire_u64(r);
	t->confirmations = wire_u64(r);
	t->time_ms = wire_u64(r);
	GET_FIXED(r, t->ref);
	GET_FIXED(r, t->fee);
}

static void
put_principal(struct buf *b, const struct b3iq_principal *p)
{
	wire_put_u32(b, p->cache_s);
	wire_put_u64(b, p->expires_ms);
	PUT_FIXED(b, p->subject);
	PUT_FIXED(b, p->issuer);
	PUT_FIXED(b, p->account);
	PUT_FIXED(b, p->scopes);
}

static void
get_principal(struct wire_reader *r, struct b3iq_principal *p)
{
	p->size = sizeof *p;
	p->cache_s = wire_u32(r);
	p->expires_ms = wire_u64(r);
	GET_FIXED(r, p->subject);
	GET_FIXED(r, p->issuer);
	GET_FIXED(r, p->account);
	GET_FIXED(r, p->scopes);
}

void
codec_put_gen(struct buf *b, const struct b3iq_gen_request *q)
{
	wire_put_u32(b, q->flags);
	wire_put_text(b, q->model);
	wire_put_bytes(b, q->body, q->body_len);
	buf_append(b, "", 1); /* bodies are JSON: a NUL behind one does no harm and some good */
	wire_put_u64(b, q->seed);
	wire_put_u64(b, q->deadline_ms);
	wire_put_u32(b, q->max_tokens);
	wire_put_u32(b, q->top_k);
	wire_put_u32(b, q->top_logprobs);
	wire_put_f32(b, q->temperature);
	wire_put_f32(b, q->top_p);
	wire_put_f32(b, q->min_p);
	wire_put_f32(b, q->repetition_penalty);
	wire_put_f32(b, q->presence_penalty);
	wire_put_f32(b, q->frequency_penalty);
}

void
codec_get_gen(struct wire_reader *r, struct b3iq_gen_request *q)
{
	*q = (struct b3iq_gen_request){ .size = sizeof *q };
	q->flags = wire_u32(r);
	q->model = wire_text(r);
	q->body = wire_bytes(r, &q->body_len);
	if (r->at < r->end)
		r->at++;
	else
		r->bad = true;
	q->seed = wire_u64(r);
	q->deadline_ms = wire_u64(r);
	q->max_tokens = wire_u32(r);
	q->top_k = wire_u32(r);
	q->top_logprobs = wire_u32(r);
	q->temperature = wire_f32(r);
	q->top_p = wire_f32(r);
	q->min_p = wire_f32(r);
	q->repetition_penalty = wire_f32(r);
	q->presence_penalty = wire_f32(r);
	q->frequency_penalty = wire_f32(r);
}

void
codec_put_op(struct buf *b, const struct b3iq_ledger_op *o)
{
	wire_put_u32(b, o->op);
	wire_put_bytes(b, o->key, sizeof o->key);
	wire_put_bytes(b, o->digest, sizeof o->digest);
	wire_put_text(b, o->signer);
	wire_put_text(b, o->to);
	wire_put_text(b, o->asset);
	wire_put_text(b, o->amount);
	wire_put_text(b, o->max_fee);
	wire_put_text(b, o->extra);
}

/* Exactly n bytes. */
static void
get_exact(struct wire_reader *r, void *out, size_t n)
{
	size_t len;
	const void *at = wire_bytes(r, &len);

	if (at != NULL && len == n)
		memcpy(out, at, n);
	else
		r->bad = true;
}

void
codec_get_op(struct wire_reader *r, struct b3iq_ledger_op *o)
{
	*o = (struct b3iq_ledger_op){ .size = sizeof *o };
	o->op = wire_u32(r);
	get_exact(r, o->key, sizeof o->key);
	get_exact(r, o->digest, sizeof o->digest);
	o->signer = wire_text(r);
	o->to = wire_text(r);
	o->asset = wire_text(r);
	o->amount = wire_text(r);
	o->max_fee = wire_text(r);
	o->extra = wire_text(r);
}

void
codec_put_auth(struct buf *b, const struct b3iq_auth_request *q)
{
	wire_put_text(b, q->scheme);
	wire_put_text(b, q->credential);
	wire_put_text(b, q->method);
	wire_put_text(b, q->path);
	wire_put_text(b, q->peer);
	wire_put_bytes(b, q->client_cert, q->client_cert_len);
	wire_put_u64(b, q->now_ms);
}

void
codec_get_auth(struct wire_reader *r, struct b3iq_auth_request *q)
{
	*q = (struct b3iq_auth_request){ .size = sizeof *q };
	q->scheme = wire_text(r);
	q->credential = wire_text(r);
	q->method = wire_text(r);
	q->path = wire_text(r);
	q->peer = wire_text(r);
	q->client_cert = wire_bytes(r, &q->client_cert_len);
	q->now_ms = wire_u64(r);
}

bool
codec_chunk_sound(const struct b3iq_chunk *c)
{
	return (c->text != NULL || c->text_len == 0) && (c->probe != NULL || c->probe_len == 0);
}

void
codec_put_chunk(struct buf *b, const struct b3iq_chunk *c)
{
	static const char padding[CODEC_ALIGN];

	if (c->n_ids > WIRE_FRAME_MAX / sizeof *c->ids) {
		b->rc = B3IQ_E_INVALID;
		return;
	}
	wire_put_bytes(b, c->ids, c->n_ids * sizeof *c->ids);
	wire_put_u32(b, c->n_ids);
	wire_put_bytes(b, c->text, c->text_len);
	wire_put_text(b, c->delta);
	wire_put_bytes(b, c->probe, c->probe_len);
	buf_append(b, padding, (0 - b->len) % CODEC_ALIGN);
}

bool
codec_get_chunk(const uint8_t *payload, size_t len, struct b3iq_chunk *c)
{
	struct wire_reader r = { .at = payload, .end = payload + len };
	size_t ids_len;

	*c = (struct b3iq_chunk){ .size = sizeof *c };
	c->ids = wire_bytes(&r, &ids_len);
	c->n_ids = wire_u32(&r);
	c->text = wire_bytes(&r, &c->text_len);
	c->delta = wire_text(&r);
	c->probe = wire_bytes(&r, &c->probe_len);
	if (c->ids != NULL && ids_len != (size_t)c->n_ids * sizeof *c->ids)
		return false;
	return !r.bad && len % CODEC_ALIGN == 0 && r.end - r.at < CODEC_ALIGN;
}

/* ---- frames -------------------------------------------------------------------- */

void
codec_put_hello(struct buf *b, const struct codec_hello *h)
{
	wire_put_u32(b, h->version);
	wire_put_u32(b, h->kind);
	wire_put_u32(b, h->width);
	wire_put_u64(b, h->dev);
	wire_put_u64(b, h->ino);
	wire_put_text(b, h->path);
	wire_put_text(b, h->id);
	wire_put_text(b, h->plugin_version);
	wire_put_text(b, h->instance);
	wire_put_text(b, h->state_dir);
	wire_put_text(b, h->config);
}

bool
codec_get_hello(const struct wire_frame *f, struct codec_hello *h)
{
	struct wire_reader r = wire_read(f);

	h->version = wire_u32(&r);
	h->kind = wire_u32(&r);
	h->width = wire_u32(&r);
	h->dev = wire_u64(&r);
	h->ino = wire_u64(&r);
	h->path = wire_text(&r);
	h->id = wire_text(&r);
	h->plugin_version = wire_text(&r);
	h->instance = wire_text(&r);
	h->state_dir = wire_text(&r);
	h->config = wire_text(&r);
	return wire_done(&r) && h->path != NULL && h->id != NULL && h->plugin_version != NULL &&
	       h->instance != NULL && h->state_dir != NULL && h->config != NULL;
}

void
codec_put_ready(struct buf *b, const struct codec_ready *d, const struct b3iq_error *err)
{
	wire_put_i32(b, d->rc);
	put_error(b, err);
	wire_put_u32(b, d->threads);
	wire_put_u32(b, d->has);
	wire_put_u64(b, d->ops);
}

bool
codec_get_ready(const struct wire_frame *f, struct codec_ready *d, struct b3iq_error *err)
{
	struct wire_reader r = wire_read(f);

	d->rc = wire_i32(&r);
	get_error(&r, err);
	d->threads = wire_u32(&r);
	d->has = wire_u32(&r);
	d->ops = wire_u64(&r);
	return wire_done(&r) && d->threads <= B3IQ_THREADS_PARALLEL;
}

/* What a method answers with: number of documents, and which struct. */
static const struct {
	uint8_t docs;
	char    result; /* u usage, t tx, p principal, n next and principal, - none */
} shapes[CODEC_METHODS] = {
	[CODEC_PROBE] = { 1, '-' },    [CODEC_MODELS] = { 1, '-' },
	[CODEC_LOAD] = { 0, '-' },     [CODEC_UNLOAD] = { 0, '-' },
	[CODEC_GENERATE] = { 0, 'u' }, [CODEC_EMBED] = { 1, 'u' },
	[CODEC_REPLAY] = { 0, 'u' },   [CODEC_QUOTE] = { 0, 't' },
	[CODEC_SUBMIT] = { 0, 't' },   [CODEC_STATUS] = { 0, 't' },
	[CODEC_QUERY] = { 1, '-' },    [CODEC_AUTHENTICATE] = { 0, 'p' },
	[CODEC_LOGIN] = { 2, 'n' },
};

void
codec_put_answer(struct buf *b, enum codec_method m, const struct codec_answer *a)
{
	wire_put_i32(b, a->rc);
	put_error(b, &a->e.error);
	if (shapes[m].docs > 0)
		wire_put_bytes(b, a->doc, a->doc_len);
	if (shapes[m].docs > 1)
		wire_put_bytes(b, a->doc2, a->doc2_len);
	if (shapes[m].result == 'n')
		wire_put_u32(b, a->next);
	if (shapes[m].result == 'u')
		put_usage(b, &a->u.usage);
	if (shapes[m].result == 't')
		put_tx(b, &a->u.tx);
	if (shapes[m].result == 'p' || shapes[m].result == 'n')
		put_principal(b, &a->u.principal);
}

bool
codec_get_answer(const struct wire_frame *f, enum codec_method m, struct codec_answer *a)
{
	struct wire_reader r = wire_read(f);

	memset(a, 0, sizeof *a);
	a->rc = wire_i32(&r);
	get_error(&r, &a->e.error);
	if (shapes[m].docs > 0)
		a->doc = wire_bytes(&r, &a->doc_len);
	if (shapes[m].docs > 1)
		a->doc2 = wire_bytes(&r, &a->doc2_len);
	if (shapes[m].result == 'n')
		a->next = wire_u32(&r);
	if (shapes[m].result == 'u')
		get_usage(&r, &a->u.usage);
	if (shapes[m].result == 't')
		get_tx(&r, &a->u.tx);
	if (shapes[m].result == 'p' || shapes[m].result == 'n')
		get_principal(&r, &a->u.principal);
	return wire_done(&r);
}
