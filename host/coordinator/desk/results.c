/* What a worker says of a job that it has: running, deltas, the result, a failure. */
#include <stdio.h>
#include <string.h>

#include "coordinator/desk/room.h"
#include "coordinator/jobs/price.h"
#include "coordinator/settle/judge.h"
#include "coordinator/settle/receipts.h"
#include "coordinator/settle/verdict.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/sha256.h"
#include "core/receipt/commit.h"

static void
show(struct desk *d, const struct job *j)
{
	pthread_mutex_lock(&d->lock);
	room_show(d, j);
	pthread_mutex_unlock(&d->lock);
}

static int32_t
not_found(struct why *why, int32_t rc)
{
	return rc == B3IQ_E_NOT_FOUND && !why->code
	               ? why_say(why, rc, "job_not_found", "job not found")
	               : rc;
}

/* ---- running and deltas --------------------------------------------------------------- */

struct report {
	struct desk *desk;
	const char  *id, *worker, *lease;
	struct why  *why;
	struct job   job;
	/* of a failure */
	const char  *code, *message;
	bool         fault, final, moved;
	enum fleet_event event;
};

static int32_t
apply_running(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	struct report *r = arg;
	const int32_t rc = move_check_lease(r->desk, j, r->worker, r->lease, r->why);

	(void)tx;
	(void)err;
	if (rc != B3IQ_OK)
		return rc;
	if (j->phase == JOB_LEASED) {
		j->phase = JOB_RUNNING;
		j->started_ms = clock_wall_ms();
	}
	return B3IQ_OK;
}

static int32_t
running_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct report *r = arg;

	return jobbook_change(tx, r->id, apply_running, r, &r->job, err);
}

int32_t
desk_running(struct desk *d, const char *worker, const char *job, const char *lease, struct why *why)
{
	struct report r = { .desk = d, .id = job, .worker = worker, .lease = lease, .why = why };
	const int32_t rc = store_write(d->o.store, running_row, &r, &why->err);

	if (rc == B3IQ_OK)
		show(d, &r.job);
	return not_found(why, rc);
}

/* The lock is held. */
static int32_t
say(struct desk *d, struct live *l, const char *worker, const char *lease, uint64_t seq,
    const char *text, size_t len, struct why *why)
{
	const int32_t rc = move_check_lease(d, &l->job, worker, lease, why);

	if (rc != B3IQ_OK || seq < l->deltas)
		return rc;
	if (seq > l->deltas)
		return why_say(why, B3IQ_E_INVALID, "gap", "delta %llu is missing",
		               (unsigned long long)l->deltas);
	return board_say(&d->board, l, text, len) ? B3IQ_OK
	                                         : fail_memory(&why->err, "keeping a delta");
}

int32_t
desk_delta(struct desk *d, const char *worker, const char *job, const char *lease, uint64_t seq,
           const char *text, size_t len, uint64_t *next, uint32_t *listeners, struct why *why)
{
	struct live *l;
	bool first = false;
	int32_t rc;

	if (!utf8_valid(text, len))
		return why_say(why, B3IQ_E_INVALID, "invalid_value", "text is not UTF-8");
	pthread_mutex_lock(&d->lock);
	l = board_find(&d->board, job);
	rc = l ? say(d, l, worker, lease, seq, text, len, why)
	       : why_say(why, B3IQ_E_NOT_FOUND, "job_not_found", "job not found");
	if (rc == B3IQ_OK) {
		*next = l->deltas;
		*listeners = l->cut ? 0 : l->listeners;
		first = l->job.phase == JOB_LEASED;
	}
	pthread_mutex_unlock(&d->lock);
	return rc == B3IQ_OK && first ? desk_running(d, worker, job, lease, why) : rc;
}

/* ---- a failure -------------------------------------------------------------------------- */

static const struct {
	const char *code;
	bool        fault, final, drop; /* drop: the worker has not the model */
} failures[] = {
	{ "overloaded", false, false, false },     { "stopping", false, false, false },
	{ "model_not_found", true, false, true },  { "unsupported", true, false, true },
	{ "invalid_request", false, true, false }, { "context_length", false, true, false },
};

static int32_t
apply_fail(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	struct report *r = arg;
	int32_t rc = move_check_lease(r->desk, j, r->worker, r->lease, r->why);

	if (rc == B3IQ_OK)
		rc = move_back(r->desk, tx, j, r->fault, r->final, r->code, err);
	return rc;
}

static int32_t
fail_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct report *r = arg;
	int32_t rc = jobbook_change(tx, r->id, apply_fail, r, &r->job, err);

	if (rc == B3IQ_OK && r->message[0])
		rc = jobbook_put_message(tx, r->job.seq, r->message, err);
	if (rc == B3IQ_OK && r->fault)
		rc = fleet_save_score(tx, r->worker, r->event, 0, 0, err);
	return rc;
}

/* Ends a lease without a result. */
static int32_t
fail_lease(struct desk *d, struct report *r)
{
	const int32_t rc = store_write(d->o.store, fail_row, r, &r->why->err);
	struct worker *w;

	if (rc != B3IQ_OK)
		return not_found(r->why, rc);
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, r->worker);
	if (w && r->fault)
		fleet_score(w, r->event, 0, 0);
	*(r->event == FLEET_REFUSED ? &d->refused : &d->failed) += 1;
	room_show(d, &r->job);
	pthread_mutex_unlock(&d->lock);
	settler_wake(d->settler);
	return B3IQ_OK;
}

/* A code as a worker wrote it: a short word, or "internal". */
static void
clean(const char *code, char out[JOB_CODE_SIZE])
{
	const size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_");

	snprintf(out, JOB_CODE_SIZE, "%s", n && !code[n] && n < JOB_CODE_SIZE ? code : "internal");
}

int32_t
desk_fail(struct desk *d, const char *worker, const char *job, const char *lease, const char *code,
          const char *message, bool *requeued, struct why *why)
{
	char word[JOB_CODE_SIZE];
	struct report r = { .desk = d, .id = job, .worker = worker, .lease = lease, .why = why,
		            .code = word, .message = message, .fault = true,
		            .event = FLEET_FAILED };
	bool drop = false;
	int32_t rc;

	clean(code, word);
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
		if (strcmp(failures[i].code, word) == 0) {
			r.fault = failures[i].fault;
			r.final = failures[i].final;
			drop = failures[i].drop;
		}
	if (drop) { /* before the job is offered again */
		struct job known;
		const struct desk_client all = { .key = "", .admin = true };
		struct why none = NO_WHY;

		if (desk_job(d, &all, job, &known, &none) == B3IQ_OK &&
		    move_check_lease(d, &known, worker, lease, &none) == B3IQ_OK) {
			struct worker *w;

			pthread_mutex_lock(&d->lock);
			w = fleet_find(&d->fleet, worker);
			if (w)
				skills_drop(&w->skills, known.model);
			pthread_mutex_unlock(&d->lock);
		}
	}
	rc = fail_lease(d, &r);
	*requeued = rc == B3IQ_OK && r.job.phase == JOB_QUEUED;
	return rc;
}

/* ---- a result ------------------------------------------------------------------------------ */

struct completion {
	struct desk              *desk;
	const char               *id, *worker;
	const struct desk_result *result;
	struct why               *why;
	char                      address[FLEET_ADDRESS];
	uint8_t                   node[ED25519_PUBLIC];
	bool                      verified;
	struct jobbook_secrets    hidden;
	struct judge_finding      finding;
	struct buf                verdict;
	uint8_t                   leaf[32];
	struct job                job, done; /* as it was; as it shall be */
	bool                      again;
};

static int32_t
load(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct completion *c = arg;
	int32_t rc = jobbook_get(tx, c->id, &c->job, err);

	if (rc == B3IQ_OK && job_held(&c->job))
		rc = jobbook_get_secrets(tx, c->job.seq, &c->hidden, err);
	return rc;
}

/* What makes two results the same: the receipt, or without one the output. */
static int32_t
digest_of(const struct desk_result *r, uint8_t out[32])
{
	struct json_object *signature = NULL;
	struct sha256 s;

	if (r->receipt)
		json_object_object_get_ex(r->receipt, "signature", &signature);
	sha256_begin(&s);
	if (json_object_is_type(signature, json_type_string))
		sha256_add(&s, json_object_get_string(signature),
		           (size_t)json_object_get_string_len(signature));
	sha256_add(&s, "\n", 1);
	sha256_add(&s, r->output, r->output_len);
	return sha256_end(&s, out);
}

/* Verified: everything is checked.  Otherwise: it was free, and is taken as it is. */
static int32_t
check(struct completion *c)
{
	const struct judge_case k = { .job = &c->job,
		                      .request = &c->hidden.request,
		                      .params = &c->hidden.params,
		                      .seed = c->hidden.seed.len ? c->hidden.seed.data : "",
		                      .pinned = c->node,
		                      .now_ms = clock_wall_ms(),
		                      .output = c->result->output,
		                      .output_len = c->result->output_len,
		                      .receipt = c->result->receipt,
		                      .openings = c->result->openings };

	if (c->verified)
		return judge(&k, &c->finding, c->why);
	if (c->job.mode != JOB_MODE_FREE)
		return why_say(c->why, B3IQ_E_DENIED, "receipt_signature",
		               "a paid job needs a receipt of a registered node");
	c->finding.units_ms = k.now_ms > c->job.leased_ms ? k.now_ms - c->job.leased_ms : 0;
	buf_puts(&c->finding.openings, "{}");
	return commit_field(c->hidden.secret, COMMIT_OUTPUT, k.output, k.output_len,
	                    c->finding.output);
}

static int32_t
write_verdict(struct completion *c)
{
	struct job *j = &c->done;
	uint8_t hash[32];
	int32_t rc;

	*j = c->job;
	j->phase = JOB_COMPLETED;
	j->ended_ms = clock_wall_ms();
	j->lease_ms = 0;
	j->units_ms = c->finding.units_ms;
	j->units_tokens = c->finding.units_tokens;
	j->amount = price_of(j, j->units_ms, j->units_tokens);
	random_id(j->receipt, sizeof j->receipt, "receipt_", 16);
	rc = digest_of(c->result, j->digest);
	if (rc == B3IQ_OK)
		rc = verdict_write(j, c->verified ? c->finding.hash : NULL, c->desk->o.key,
		                   &c->verdict, hash, &c->why->err);
	memcpy(c->leaf, c->verified ? c->finding.hash : hash, sizeof c->leaf);
	return rc;
}

static int32_t
apply_done(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	struct completion *c = arg;
	const int32_t rc = move_check_lease(c->desk, j, c->worker, c->result->lease, c->why);

	if (rc != B3IQ_OK)
		return rc;
	c->done.pay = j->pay;
	c->done.started_ms = j->started_ms ? j->started_ms : j->leased_ms;
	c->done.rev = j->rev;
	*j = c->done;
	return payments_release(tx, c->desk->o.payments, j, c->address, c->leaf, err);
}

static int32_t
done_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct completion *c = arg;
	const struct receipts_new r = { .job = c->job.seq,
		                        .id = c->done.receipt,
		                        .leaf = c->leaf,
		                        .output = c->finding.output,
		                        .envelope = c->verified ? &c->finding.envelope : NULL,
		                        .verdict = &c->verdict,
		                        .now_ms = c->done.ended_ms };
	int32_t rc = receipts_add(tx, &r, err);

	if (rc == B3IQ_E_INVALID)
		c->why->code = "receipt_replayed";
	if (rc == B3IQ_OK)
		rc = jobbook_change(tx, c->id, apply_done, c, &c->job, err);
	if (rc == B3IQ_OK)
		rc = jobbook_put_result(tx, c->job.seq, c->result->document,
		                        c->result->document_len, c->finding.openings.data,
		                        c->finding.openings.len, err);
	if (rc == B3IQ_OK)
		rc = fleet_save_score(tx, c->worker, FLEET_COMPLETED, c->done.units_ms,
		                      c->job.amount - c->job.cut, err);
	return rc;
}

static void
show_done(struct desk *d, const struct completion *c)
{
	struct worker *w;

	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, c->worker);
	if (w)
		fleet_score(w, FLEET_COMPLETED, c->job.units_ms, c->job.amount - c->job.cut);
	d->completed++;
	room_show(d, &c->job);
	pthread_mutex_unlock(&d->lock);
	settler_wake(d->settler);
}

/* The result does not count: the lease is over, and the worker's quality pays for it. */
static void
refuse(struct completion *c)
{
	struct why none = NO_WHY;
	struct report r = { .desk = c->desk, .id = c->id, .worker = c->worker,
		            .lease = c->result->lease, .why = &none,
		            .code = c->why->code ? c->why->code : "receipt_malformed",
		            .message = "", .fault = true, .event = FLEET_REFUSED };

	log_event(B3IQ_LOG_WARN, "result.refused", "job=%s worker=%s code=%s", c->id, c->worker,
	          r.code);
	fail_lease(c->desk, &r);
}

static int32_t
look_up_worker(struct completion *c)
{
	struct desk *d = c->desk;
	const struct worker *w;

	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, c->worker);
	if (w) {
		c->verified = w->verified;
		memcpy(c->node, w->node, sizeof c->node);
		memcpy(c->address, w->address, sizeof c->address);
	}
	pthread_mutex_unlock(&d->lock);
	return w ? B3IQ_OK
	         : why_say(c->why, B3IQ_E_NOT_FOUND, "miner_not_registered",
	                   "miner not registered");
}

/* The same result of the same worker again is no error: an answer was lost. */
static bool
is_repeat(const struct completion *c)
{
	uint8_t digest[32];

	return c->job.phase == JOB_COMPLETED && strcmp(c->job.worker, c->worker) == 0 &&
	       digest_of(c->result, digest) == B3IQ_OK &&
	       memcmp(digest, c->job.digest, sizeof digest) == 0;
}

static int32_t
complete(struct completion *c)
{
	struct desk *d = c->desk;
	int32_t rc = look_up_worker(c);

	if (rc == B3IQ_OK)
		rc = store_read(d->o.store, load, c, &c->why->err);
	if (rc != B3IQ_OK)
		return not_found(c->why, rc);
	if (is_repeat(c))
		return B3IQ_OK;
	rc = move_check_lease(d, &c->job, c->worker, c->result->lease, c->why);
	if (rc != B3IQ_OK)
		return rc;
	rc = check(c);
	if (rc == B3IQ_E_INVALID || rc == B3IQ_E_DENIED) {
		refuse(c);
		return rc;
	}
	if (rc == B3IQ_OK)
		rc = write_verdict(c);
	if (rc == B3IQ_OK)
		rc = store_write(d->o.store, done_row, c, &c->why->err);
	if (rc == B3IQ_OK)
		show_done(d, c);
	else if (c->why->code && strcmp(c->why->code, "receipt_replayed") == 0)
		refuse(c);
	return rc;
}

int32_t
desk_result(struct desk *d, const char *worker, const char *job, const struct desk_result *result,
            struct job *out, struct why *why)
{
	struct completion c = { .desk = d, .id = job, .worker = worker, .result = result,
		                .why = why };
	int32_t rc;

	jobbook_secrets_init(&c.hidden);
	judge_finding_init(&c.finding);
	buf_init(&c.verdict, VERDICT_MAX);
	rc = complete(&c);
	*out = c.job;
	buf_free(&c.verdict);
	judge_finding_free(&c.finding);
	jobbook_secrets_wipe(&c.hidden);
	return rc;
}
