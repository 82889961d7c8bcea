#include <string.h>

#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/utf8.h"
#include "core/plugin/instance/instance.h"
#include "core/plugin/instance/roster.h"
#include "core/plugin/instance/tables.h"

/* A result or error of the plugin: a whole slot, so that a newer plugin overruns nothing. */
union slot {
	uint32_t size;
	struct b3iq_error     error;
	struct b3iq_usage     usage;
	struct b3iq_tx        tx;
	struct b3iq_principal principal;
	char bytes[B3IQ_SLOT];
};

struct guard { /* around one call                                          */
	struct instance *instance;
	struct roster_call call;
	const struct backend *backend;
	union slot err, result;
	struct b3iq_error *to;   /* the caller's error                   */
};

/* A struct of the caller as far as he knows it; what he does not know is zero. */
static void
copy_in(void *to, size_t n, const void *from)
{
	uint32_t size;

	memcpy(&size, from, sizeof size);
	memset(to, 0, n);
	memcpy(to, from, size < n ? size : n);
	size = (uint32_t)n;
	memcpy(to, &size, sizeof size);
}

/* A result to the caller as far as he knows it; `size` stays his. */
static void
copy_out(void *to, const void *from, size_t n)
{
	uint32_t size;

	memcpy(&size, to, sizeof size);
	if (size > n)
		size = (uint32_t)n;
	if (size > sizeof size)
		memcpy((char *)to + sizeof size, (const char *)from + sizeof size, size - sizeof size);
}

static int32_t
unsupported(const struct guard *g, const char *what)
{
	return fail(g->to, B3IQ_E_UNSUPPORTED, "%s: the plugin has no %s()", instance_name(g->instance),
	            what);
}

/* A turn in the plugin.  On B3IQ_OK leave() must follow. */
static int32_t
enter(struct guard *g, void *self, uint32_t kind, struct b3iq_sink *sink, uint64_t deadline_ms,
      struct b3iq_error *err)
{
	int32_t rc;

	g->instance = self;
	g->to = err;
	memset(&g->err, 0, sizeof g->err);
	memset(&g->result, 0, sizeof g->result);
	g->err.error.size = sizeof g->err.error;
	rc = roster_enter(instance_roster(self), &g->call, sink, deadline_ms, err);
	if (rc != B3IQ_OK)
		return rc;
	g->backend = &g->call.run->backend;
	if (g->backend->kind == kind)
		return B3IQ_OK;
	return roster_leave(&g->call, fail(err, B3IQ_E_UNSUPPORTED, "%s is no %s plugin",
	                                   instance_name(self), manifest_kind_name(kind)), err);
}

/* The error as the caller gets it: whole UTF-8, terminated, never empty. */
static void
give_error(const struct guard *g, int32_t rc)
{
	const char *text = g->err.error.text;
	bool bad;

	if (g->to == NULL)
		return;
	fail(g->to, rc, "%.*s", (int)utf8_whole(text, strnlen(text, sizeof g->err.error.text - 1), &bad),
	     text);
	if (text[0] == '\0')
		fail(g->to, rc, "%s: %s", instance_name(g->instance), result_text(rc));
	g->to->retry_ms = g->err.error.retry_ms;
}

/* The codes are a closed list; DIED and, but for auth, DECLINED are not the plugin's to say. */
static int32_t
known(const struct guard *g, int32_t rc)
{
	if (rc == B3IQ_OK || (rc == B3IQ_DECLINED && g->backend->kind == B3IQ_AUTH))
		return rc;
	if (rc == B3IQ_E_DIED && g->call.run->remote != NULL)
		return rc;
	return rc > B3IQ_E_DIED && rc < 0 ? rc : B3IQ_E_INTERNAL;
}

static int32_t
leave(struct guard *g, int32_t rc)
{
	rc = known(g, rc);
	if (rc < 0)
		give_error(g, rc);
	return roster_leave(&g->call, rc, g->to);
}

/* A call whose error was already written to g->to. */
static int32_t
leave_with(struct guard *g, int32_t rc)
{
	return roster_leave(&g->call, rc, g->to);
}

/* ---- inference -------------------------------------------------------------------- */

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_INFERENCE, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	return leave(&g, g.backend->inference.probe(g.backend->self, devices, &g.err.error));
}

static int32_t
models(void *self, struct b3iq_writer *list, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_INFERENCE, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	return leave(&g, g.backend->inference.models(g.backend->self, list, &g.err.error));
}

static int32_t
load(void *self, const char *model, const char *opts, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_INFERENCE, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	if (g.backend->inference.load == NULL)
		return leave_with(&g, unsupported(&g, "load"));
	return leave(&g, g.backend->inference.load(g.backend->self, model, opts, &g.err.error));
}

static int32_t
unload(void *self, const char *model, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_INFERENCE, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	if (g.backend->inference.unload == NULL)
		return leave_with(&g, unsupported(&g, "unload"));
	return leave(&g, g.backend->inference.unload(g.backend->self, model, &g.err.error));
}

/* Do the tokens that were counted match those that were seen?  Receipts are built on it. */
static int32_t
leave_generation(struct guard *g, int32_t rc, struct b3iq_usage *use)
{
	const struct roster_call *c = &g->call;

	copy_out(use, &g->result, sizeof g->result.usage);
	if (rc != B3IQ_OK || !c->shows_ids || g->result.usage.output_tokens == c->n_ids)
		return leave(g, rc);
	log_event(B3IQ_LOG_ERROR, "plugin.usage.wrong", "instance=%s said=%llu emitted=%llu",
	          instance_name(g->instance), (unsigned long long)g->result.usage.output_tokens,
	          (unsigned long long)c->n_ids);
	return leave_with(g, fail(g->to, B3IQ_E_INTERNAL,
	                          "%s: the plugin counted %llu output tokens, but emitted %llu",
	                          instance_name(g->instance),
	                          (unsigned long long)g->result.usage.output_tokens,
	                          (unsigned long long)c->n_ids));
}

static int32_t
generate(void *self, const struct b3iq_gen_request *given, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct b3iq_gen_request q;
	struct guard g;
	int32_t rc;

	copy_in(&q, sizeof q, given);
	if (q.model == NULL || q.body == NULL)
		return fail(err, B3IQ_E_INVALID, "%s: a request needs a model and a body",
		            instance_name(self));
	rc = enter(&g, self, B3IQ_INFERENCE, sink, q.deadline_ms, err);
	if (rc != B3IQ_OK)
		return rc;
	g.result.usage.size = sizeof g.result.usage;
	rc = g.backend->inference.generate(g.backend->self, &q, &g.call.sink, &g.result.usage,
	                                   &g.err.error);
	return leave_generation(&g, rc, use);
}

static int32_t
replay(void *self, const struct b3iq_gen_request *given, const int32_t *ids, size_t n_ids,
       struct b3iq_sink *sink, struct b3iq_usage *use, struct b3iq_error *err)
{
	struct b3iq_gen_request q;
	struct guard g;
	int32_t rc;

	copy_in(&q, sizeof q, given);
	if (q.model == NULL || q.body == NULL || (ids == NULL && n_ids > 0))
		return fail(err, B3IQ_E_INVALID, "%s: a replay needs a model, a body and ids",
		            instance_name(self));
	rc = enter(&g, self, B3IQ_INFERENCE, sink, q.deadline_ms, err);
	if (rc != B3IQ_OK)
		return rc;
	if (g.backend->replay.replay == NULL)
		return leave_with(&g, unsupported(&g, "replay"));
	g.result.usage.size = sizeof g.result.usage;
	rc = g.backend->replay.replay(g.backend->self, &q, ids, n_ids, &g.call.sink, &g.result.usage,
	                              &g.err.error);
	return leave_generation(&g, rc, use);
}

static int32_t
embed(void *self, const char *model, const char *body, size_t len, struct b3iq_writer *vectors,
      struct b3iq_usage *use, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_INFERENCE, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	if (g.backend->inference.embed == NULL)
		return leave_with(&g, unsupported(&g, "embed"));
	g.result.usage.size = sizeof g.result.usage;
	rc = g.backend->inference.embed(g.backend->self, model, body, len, vectors, &g.result.usage,
	                                &g.err.error);
	copy_out(use, &g.result, sizeof g.result.usage);
	return leave(&g, rc);
}

/* ---- ledger ------------------------------------------------------------------------- */

static int32_t
quote(void *self, const struct b3iq_ledger_op *given, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct b3iq_ledger_op op;
	struct guard g;
	int32_t rc;

	copy_in(&op, sizeof op, given);
	rc = enter(&g, self, B3IQ_LEDGER, NULL, 0, err);
	if (rc != B3IQ_OK)
		return rc;
	g.result.tx.size = sizeof g.result.tx;
	rc = g.backend->ledger.quote(g.backend->self, &op, &g.result.tx, &g.err.error);
	copy_out(tx, &g.result, sizeof g.result.tx);
	return leave(&g, rc);
}

static int32_t
submit(void *self, const struct b3iq_ledger_op *given, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct b3iq_ledger_op op;
	struct guard g;
	int32_t rc;

	copy_in(&op, sizeof op, given);
	rc = enter(&g, self, B3IQ_LEDGER, NULL, 0, err);
	if (rc != B3IQ_OK)
		return rc;
	rc = hostapi_submit_enter(instance_api(self), op.signer, err);
	if (rc != B3IQ_OK)
		return leave_with(&g, rc);
	g.result.tx.size = sizeof g.result.tx;
	rc = g.backend->ledger.submit(g.backend->self, &op, &g.result.tx, &g.err.error);
	hostapi_submit_leave(instance_api(self), op.signer);
	copy_out(tx, &g.result, sizeof g.result.tx);
	/* It may have left before the process died: never a code that invites a retry. */
	return leave(&g, rc == B3IQ_E_DIED ? B3IQ_E_UNKNOWN_OUTCOME : rc);
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_LEDGER, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	g.result.tx.size = sizeof g.result.tx;
	rc = g.backend->ledger.status(g.backend->self, key, &g.result.tx, &g.err.error);
	copy_out(tx, &g.result, sizeof g.result.tx);
	return leave(&g, rc);
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_LEDGER, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	return leave(&g, g.backend->ledger.query(g.backend->self, what, out, &g.err.error));
}

/* ---- auth ---------------------------------------------------------------------------- */

static int32_t
authenticate(void *self, const struct b3iq_auth_request *given, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	struct b3iq_auth_request q;
	struct guard g;
	int32_t rc;

	copy_in(&q, sizeof q, given);
	rc = enter(&g, self, B3IQ_AUTH, NULL, 0, err);
	if (rc != B3IQ_OK)
		return rc;
	g.result.principal.size = sizeof g.result.principal;
	rc = g.backend->auth.authenticate(g.backend->self, &q, &g.result.principal, &g.err.error);
	copy_out(who, &g.result, sizeof g.result.principal);
	return leave(&g, rc);
}

static int32_t
login(void *self, const char *state, const char *in, uint32_t *next, struct b3iq_writer *state_out,
      struct b3iq_writer *out, struct b3iq_principal *who, struct b3iq_error *err)
{
	struct guard g;
	int32_t rc = enter(&g, self, B3IQ_AUTH, NULL, 0, err);

	if (rc != B3IQ_OK)
		return rc;
	if (g.backend->auth.login == NULL)
		return leave_with(&g, unsupported(&g, "login"));
	g.result.principal.size = sizeof g.result.principal;
	rc = g.backend->auth.login(g.backend->self, state, in, next, state_out, out,
	                           &g.result.principal, &g.err.error);
	copy_out(who, &g.result, sizeof g.result.principal);
	return leave(&g, rc);
}

const struct b3iq_inference tables_inference = {
	.size = sizeof tables_inference, .probe = probe, .models = models, .load = load,
	.unload = unload, .generate = generate, .embed = embed,
};

const struct b3iq_replay tables_replay = { .size = sizeof tables_replay, .replay = replay };

const struct b3iq_ledger tables_ledger = {
	.size = sizeof tables_ledger, .quote = quote, .submit = submit, .status = status,
	.query = query,
};

const struct b3iq_auth tables_auth = {
	.size = sizeof tables_auth, .authenticate = authenticate, .login = login,
};
