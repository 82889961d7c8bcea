#include "subject.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"

#define DOCUMENT_MAX (8u << 20)

/* ---- loading ------------------------------------------------------------ */

const struct b3iq_plugin *
subject_entry(const struct check *c, uint32_t host_abi)
{
	void *dl = dlopen(c->plugin, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct b3iq_plugin *(*entry)(uint32_t);

	must(dl, "%s", dlerror());
	*(void **)&entry = dlsym(dl, "b3iq_plugin_entry");
	must(entry, "no b3iq_plugin_entry: %s", dlerror());
	return entry(host_abi);
}

void
subject_table(void *to, size_t size, const void *from)
{
	uint32_t known;

	memcpy(&known, from, sizeof known);
	memset(to, 0, size);
	memcpy(to, from, known < size ? known : size);
}

static void
take_tables(struct subject *s, const struct b3iq_plugin *p)
{
	subject_table(&s->plugin, sizeof s->plugin, p);
	must(s->plugin.create && s->plugin.destroy && s->plugin.iface,
	     "create(), destroy() or iface is NULL");
	s->be.kind = s->plugin.kind;
	s->be.threads = s->plugin.threads;
	if (s->be.kind == B3IQ_INFERENCE)
		subject_table(&s->be.inference, sizeof s->be.inference, s->plugin.iface);
	else if (s->be.kind == B3IQ_LEDGER)
		subject_table(&s->be.ledger, sizeof s->be.ledger, s->plugin.iface);
	else if (s->be.kind == B3IQ_AUTH)
		subject_table(&s->be.auth, sizeof s->be.auth, s->plugin.iface);
}

/* ---- one call ----------------------------------------------------------- */

struct call { /* what is lent for a call, and how it went                        */
	struct subject *s;
	struct lend     args[8], error, result;
	size_t          n, result_size;
	uint64_t        start_us;
};

static void *
slot(struct lend *l, size_t size)
{
	uint32_t known = (uint32_t)size;
	void    *at = lend(l, NULL, B3IQ_SLOT);

	memcpy(at, &known, sizeof known);
	return at;
}

static void
unslot(struct lend *l, void *out, size_t size, const char *what)
{
	const unsigned char *at = l->at;

	for (size_t i = size; i < B3IQ_SLOT; i++)
		must(!at[i], "%s: byte %zu of the result was written, the struct has %zu", what, i,
		     size);
	if (out)
		memcpy(out, at, size);
	lend_back(l);
}

static struct b3iq_error *
begin(struct call *k, struct subject *s)
{
	memset(k, 0, sizeof *k);
	k->s = s;
	k->start_us = clock_mono_us();
	atomic_fetch_add(&s->host.inside, 1);
	return slot(&k->error, sizeof(struct b3iq_error));
}

static const char *
text(struct call *k, const char *s)
{
	return lend_string(&k->args[k->n++], s);
}

static void *
result(struct call *k, size_t size)
{
	k->result_size = size;
	return slot(&k->result, size);
}

static struct reply
end(struct call *k, int32_t rc, void *out)
{
	const struct check *c = k->s->check;
	struct reply        r = { .rc = rc, .ms = (double)(clock_mono_us() - k->start_us) / 1000 };

	atomic_fetch_sub(&k->s->host.inside, 1);
	unslot(&k->error, &r.err, sizeof r.err, "b3iq_error");
	must(memchr(r.err.text, 0, sizeof r.err.text), "b3iq_error.text is not terminated");
	if (k->result_size)
		unslot(&k->result, out, k->result_size, "the call");
	for (size_t i = 0; i < k->n; i++)
		lend_back(&k->args[i]);
	must(rc != B3IQ_E_DIED, "the plugin died: %s", r.err.text);
	must(rc >= B3IQ_E_INTERNAL && rc <= B3IQ_DECLINED, "%d is no result of the closed list",
	     rc);
	must(rc != B3IQ_DECLINED || c->kind == B3IQ_AUTH || !c->kind,
	     "B3IQ_DECLINED is an answer of auth providers only");
	return r;
}

static struct reply
absent(void)
{
	return (struct reply){ .rc = B3IQ_E_UNSUPPORTED, .absent = true };
}

/* ---- create and destroy ------------------------------------------------- */

static int32_t
create_inline(struct subject *s, const char *config, struct b3iq_error *err)
{
	const struct b3iq_plugin *p = subject_entry(s->check, s->host.table->abi);
	const void               *replay = NULL;
	int32_t                   rc;

	must(p, "b3iq_plugin_entry() returned NULL: it cannot serve this host");
	take_tables(s, p);
	rc = s->plugin.create(s->host.table, config, &s->be.self, err);
	if (rc == B3IQ_OK && s->plugin.extension)
		replay = s->plugin.extension(s->be.self, B3IQ_EXT_REPLAY);
	if (replay)
		subject_table(&s->be.replay, sizeof s->be.replay, replay);
	return rc;
}

void
subject_prepare(struct subject *s, const struct check *c)
{
	if (c->unready[0])
		check_skip("%s", c->unready);
	memset(s, 0, sizeof *s);
	s->check = c;
	fakehost_init(&s->host, c, "check");
}

struct reply
subject_try(struct subject *s, const char *config)
{
	const struct check *c = s->check;
	struct call         k;
	struct reply        r;
	struct b3iq_error  *err = begin(&k, s);
	int32_t             rc;

	if (!config)
		config = json_object_to_json_string_ext(c->config, JSON_C_TO_STRING_NOSLASHESCAPE);
	config = text(&k, config);
	rc = c->sandbox ? boxed_open(&s->boxed, &s->host, config, &s->be, err)
	                : create_inline(s, config, err);
	r = end(&k, rc, NULL);
	if (rc != B3IQ_OK)
		fakehost_finish(&s->host);
	return r;
}

/* Which model the tests ask for. */
static void
choose_model(struct subject *s)
{
	struct json_object *list = NULL, *id, *context;
	struct buf          doc;

	buf_init(&doc, DOCUMENT_MAX);
	if (s->check->model) {
		snprintf(s->model, sizeof s->model, "%s", s->check->model);
	} else if (subject_models(s, &doc).rc == B3IQ_OK &&
	           json_parse(doc.data, doc.len, "models.json", &list, NULL) == B3IQ_OK &&
	           json_object_is_type(list, json_type_array) && json_object_array_length(list) &&
	           json_object_object_get_ex(json_object_array_get_idx(list, 0), "id", &id)) {
		snprintf(s->model, sizeof s->model, "%s", json_object_get_string(id));
		if (json_object_object_get_ex(json_object_array_get_idx(list, 0), "context",
		                              &context))
			s->context = (uint32_t)json_object_get_int64(context);
	}
	json_object_put(list);
	buf_free(&doc);
}

void
subject_create(struct subject *s)
{
	struct reply r = subject_try(s, NULL);

	must(r.rc == B3IQ_OK, "create() returned %s: %s", result_name(r.rc), r.err.text);
	if (s->be.kind == B3IQ_INFERENCE)
		choose_model(s);
}

void
subject_open(struct subject *s, const struct check *c)
{
	subject_prepare(s, c);
	subject_create(s);
}

void
subject_close(struct subject *s)
{
	if (s->boxed)
		boxed_close(s->boxed);
	else
		s->plugin.destroy(s->be.self);
	s->boxed = NULL;
	s->be.self = NULL;
	fakehost_finish(&s->host);
}

/* ---- inference ---------------------------------------------------------- */

#define CHAT "{\"messages\":[{\"role\":\"user\",\"content\":\"Count from one to twenty.\"}]}"

static const struct b3iq_gen_request *
request(struct call *k, const struct ask *a)
{
	const char             *body = a->body ? a->body : CHAT;
	struct b3iq_gen_request rq = {
		.size = sizeof rq,
		.flags = a->flags,
		.model = text(k, a->model ? a->model : k->s->model),
		.body_len = strlen(body),
		.seed = a->seed,
		.deadline_ms = a->deadline_ms,
		.max_tokens = a->max_tokens,
		.top_logprobs = a->top_logprobs,
		.temperature = a->temperature,
		.top_p = 1,
		.repetition_penalty = 1,
	};

	/* Not terminated, and ends at the guard page: body_len is to be believed. */
	rq.body = lend(&k->args[k->n++], body, rq.body_len);
	return lend(&k->args[k->n++], &rq, sizeof rq);
}

struct reply
subject_generate(struct subject *s, const struct ask *a, struct listener *l, struct b3iq_usage *use)
{
	struct call                    k;
	struct b3iq_error             *err;
	const struct b3iq_gen_request *rq;
	struct b3iq_sink              *sink;
	int32_t                        rc;

	must(s->be.inference.generate, "generate() is NULL");
	err = begin(&k, s);
	rq = request(&k, a);
	sink = listener_begin(l, a->flags, a->deadline_ms);
	rc = s->be.inference.generate(s->be.self, rq, sink, result(&k, sizeof *use), err);
	listener_end(l);
	return end(&k, rc, use);
}

struct reply
subject_replay(struct subject *s, const struct ask *a, const int32_t *ids, size_t n,
               struct listener *l, struct b3iq_usage *use)
{
	struct call                    k;
	struct b3iq_error             *err;
	const struct b3iq_gen_request *rq;
	struct b3iq_sink              *sink;
	const int32_t                 *lent;
	int32_t                        rc;

	if (!s->be.replay.replay)
		return absent();
	err = begin(&k, s);
	rq = request(&k, a);
	lent = lend(&k.args[k.n++], ids, n * sizeof *ids);
	sink = listener_begin(l, a->flags, a->deadline_ms);
	rc = s->be.replay.replay(s->be.self, rq, lent, n, sink, result(&k, sizeof *use), err);
	listener_end(l);
	return end(&k, rc, use);
}

/* A call whose only fruit is a document. */
static struct reply
document(struct subject *s, int32_t (*ask)(void *, struct b3iq_writer *, struct b3iq_error *),
         struct buf *out)
{
	struct call            k;
	struct fakehost_writer w;
	struct b3iq_error     *err;
	struct reply           r;

	if (!ask)
		return absent();
	fakehost_writer_init(&w, &s->host, DOCUMENT_MAX);
	err = begin(&k, s);
	r = end(&k, ask(s->be.self, &w.writer, err), NULL);
	must(!w.refused || r.rc == w.refused, "write() failed with %s and the call returned %s",
	     result_name(w.refused), result_name(r.rc));
	buf_append(out, w.data.data, w.data.len);
	buf_free(&w.data);
	return r;
}

struct reply
subject_probe(struct subject *s, struct buf *out)
{
	return document(s, s->be.inference.probe, out);
}

struct reply
subject_models(struct subject *s, struct buf *out)
{
	return document(s, s->be.inference.models, out);
}

struct reply
subject_load(struct subject *s, const char *model)
{
	struct call        k;
	struct b3iq_error *err;

	if (!s->be.inference.load)
		return absent();
	err = begin(&k, s);
	return end(&k, s->be.inference.load(s->be.self, text(&k, model), NULL, err), NULL);
}

struct reply
subject_unload(struct subject *s, const char *model)
{
	struct call        k;
	struct b3iq_error *err;

	if (!s->be.inference.unload)
		return absent();
	err = begin(&k, s);
	return end(&k, s->be.inference.unload(s->be.self, text(&k, model), err), NULL);
}

struct reply
subject_embed(struct subject *s, const char *model, const char *body, struct buf *out,
              struct b3iq_usage *use)
{
	struct call            k;
	struct fakehost_writer w;
	struct b3iq_error     *err;
	struct reply           r;
	const char            *lent;

	if (!s->be.inference.embed)
		return absent();
	fakehost_writer_init(&w, &s->host, DOCUMENT_MAX);
	err = begin(&k, s);
	lent = lend(&k.args[k.n++], body, strlen(body));
	r = end(&k,
	        s->be.inference.embed(s->be.self, text(&k, model), lent, strlen(body), &w.writer,
	                           result(&k, sizeof *use), err),
	        use);
	buf_append(out, w.data.data, w.data.len);
	buf_free(&w.data);
	return r;
}

/* ---- ledger ------------------------------------------------------------- */

static const struct b3iq_ledger_op *
operation(struct call *k, const struct b3iq_ledger_op *op)
{
	struct b3iq_ledger_op lent = *op;

	lent.size = sizeof lent;
	lent.signer = text(k, op->signer);
	lent.to = text(k, op->to);
	lent.asset = text(k, op->asset);
	lent.amount = text(k, op->amount);
	lent.max_fee = text(k, op->max_fee);
	lent.extra = text(k, op->extra);
	return lend(&k->args[k->n++], &lent, sizeof lent);
}

static void
examine_tx(const struct reply *r, const struct b3iq_tx *tx)
{
	must(memchr(tx->ref, 0, sizeof tx->ref) && memchr(tx->fee, 0, sizeof tx->fee),
	     "b3iq_tx: ref and fee are terminated strings");
	must(r->rc != B3IQ_OK || tx->state <= B3IQ_TX_FAILED, "b3iq_tx.state is %u", tx->state);
}

struct reply
subject_quote(struct subject *s, const struct b3iq_ledger_op *op, struct b3iq_tx *tx)
{
	struct call        k;
	struct reply       r;
	struct b3iq_error *err;

	if (!s->be.ledger.quote)
		return absent();
	err = begin(&k, s);
	r = end(&k, s->be.ledger.quote(s->be.self, operation(&k, op), result(&k, sizeof *tx), err),
	        tx);
	examine_tx(&r, tx);
	return r;
}

struct reply
subject_submit(struct subject *s, const struct b3iq_ledger_op *op, struct b3iq_tx *tx)
{
	struct call        k;
	struct reply       r;
	struct b3iq_error *err;

	must(s->be.ledger.submit, "submit() is NULL");
	pthread_mutex_lock(&s->host.lock);
	snprintf(s->host.signer, sizeof s->host.signer, "%s", op->signer ? op->signer : "");
	pthread_mutex_unlock(&s->host.lock);
	err = begin(&k, s);
	atomic_fetch_add(&s->host.submits, 1);
	r = end(&k, s->be.ledger.submit(s->be.self, operation(&k, op), result(&k, sizeof *tx), err),
	        tx);
	atomic_fetch_sub(&s->host.submits, 1);
	examine_tx(&r, tx);
	return r;
}

struct reply
subject_status(struct subject *s, const uint8_t key[32], struct b3iq_tx *tx)
{
	struct call        k;
	struct reply       r;
	struct b3iq_error *err;
	const uint8_t     *lent;

	must(s->be.ledger.status, "status() is NULL");
	err = begin(&k, s);
	lent = lend(&k.args[k.n++], key, 32);
	r = end(&k, s->be.ledger.status(s->be.self, lent, result(&k, sizeof *tx), err), tx);
	examine_tx(&r, tx);
	return r;
}

struct reply
subject_query(struct subject *s, const char *what, struct buf *out)
{
	struct call            k;
	struct fakehost_writer w;
	struct b3iq_error     *err;
	struct reply           r;

	if (!s->be.ledger.query)
		return absent();
	fakehost_writer_init(&w, &s->host, DOCUMENT_MAX);
	err = begin(&k, s);
	r = end(&k, s->be.ledger.query(s->be.self, text(&k, what), &w.writer, err), NULL);
	must(!w.refused || r.rc == w.refused, "write() failed with %s and query() returned %s",
	     result_name(w.refused), result_name(r.rc));
	buf_append(out, w.data.data, w.data.len);
	buf_free(&w.data);
	return r;
}

/* ---- auth --------------------------------------------------------------- */

/* `in`: the call says that it let somebody in. */
static void
examine_principal(bool in, const struct b3iq_principal *who)
{
	must(memchr(who->subject, 0, sizeof who->subject) &&
	     memchr(who->issuer, 0, sizeof who->issuer) &&
	             memchr(who->account, 0, sizeof who->account) &&
	             memchr(who->scopes, 0, sizeof who->scopes),
	     "b3iq_principal: its members are terminated strings");
	must(!in || who->subject[0], "B3IQ_OK without a subject: nobody was let in");
	must(in || !who->scopes[0],
	     "scopes were given although the call did not succeed");
}

struct reply
subject_authenticate(struct subject *s, const struct b3iq_auth_request *rq,
                     struct b3iq_principal *who)
{
	struct call              k;
	struct reply             r;
	struct b3iq_auth_request lent = *rq;
	struct b3iq_error       *err;
	const void              *at;

	must(s->be.auth.authenticate, "authenticate() is NULL");
	err = begin(&k, s);
	lent.size = sizeof lent;
	lent.scheme = text(&k, rq->scheme);
	lent.credential = text(&k, rq->credential);
	lent.method = text(&k, rq->method);
	lent.path = text(&k, rq->path);
	lent.peer = text(&k, rq->peer);
	at = lend(&k.args[k.n++], &lent, sizeof lent);
	r = end(&k, s->be.auth.authenticate(s->be.self, at, result(&k, sizeof *who), err), who);
	examine_principal(r.rc == B3IQ_OK, who);
	return r;
}

struct reply
subject_login(struct subject *s, const char *state, const char *in, uint32_t *next,
              struct buf *state_out, struct buf *out, struct b3iq_principal *who)
{
	struct call            k;
	struct fakehost_writer w[2];
	struct b3iq_error     *err;
	struct reply           r;
	int32_t                rc;

	if (!s->be.auth.login)
		return absent();
	fakehost_writer_init(&w[0], &s->host, DOCUMENT_MAX);
	fakehost_writer_init(&w[1], &s->host, DOCUMENT_MAX);
	err = begin(&k, s);
	rc = s->be.auth.login(s->be.self, text(&k, state), text(&k, in), next, &w[0].writer,
	                      &w[1].writer, result(&k, sizeof *who), err);
	r = end(&k, rc, who);
	for (int i = 0; i < 2; i++)
		must(!w[i].refused || r.rc == w[i].refused,
		     "write() failed with %s and login() returned %s", result_name(w[i].refused),
		     result_name(r.rc));
	examine_principal(r.rc == B3IQ_OK && *next == B3IQ_LOGIN_DONE, who);
	buf_append(state_out, w[0].data.data, w[0].data.len);
	buf_append(out, w[1].data.data, w[1].data.len);
	buf_free(&w[0].data);
	buf_free(&w[1].data);
	return r;
}
