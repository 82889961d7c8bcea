#include "coordinator/settle/settler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coordinator/jobs/jobbook.h"
#include "coordinator/settle/receipts.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/role/prometheus.h"
#include "core/tx/amount.h"

#define AT_ONCE     64
#define POLL_MS     20     /* until the first question; doubles */
#define POLL_MOST   2000
#define RETRY_MS    100
#define RETRY_MOST  30000
#define INVALID_MOST 5    /* times that a release may be called invalid */
#define STORE_MS    1000   /* after the store could not be read or written */
#define NEEDED_OPS                                                                                 \
	(1u << B3IQ_OP_ESCROW_OPEN | 1u << B3IQ_OP_ESCROW_RELEASE | 1u << B3IQ_OP_ESCROW_REFUND)

struct settler {
	struct settler_options o;
	pthread_t       thread;
	pthread_mutex_t lock;
	pthread_cond_t  woken;
	bool            wake, quit;
	bool            unwritten; /* the thread's: an outcome of this round is not on the disk */
	_Atomic(uint64_t) done, refusals, failures;
};

/* ---- one outcome, in one transaction ------------------------------------------------ */

enum outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_FAILED };

struct ending {
	struct settler *settler;
	struct step    *step;
	enum outcome    outcome;
	const char     *code;
	struct job      job;
	bool            moved;
	uint64_t        now_ms;
};

static int32_t
apply(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct ending *e = arg;

	if (e->outcome == OUTCOME_DONE)
		return payments_done(tx, e->settler->o.payments, e->step, j, e->now_ms, err);
	if (e->step->kind == STEP_RELEASE)
		return payments_unpayable(tx, e->settler->o.payments, j, err);
	return payments_refused(tx, j, e->code, e->now_ms);
}

static int32_t
job_id_of(struct store_tx *tx, int64_t seq, struct job *out, bool *there, struct b3iq_error *err)
{
	int32_t rc = jobbook_get_seq(tx, seq, out, err);

	*there = rc == B3IQ_OK;
	return rc == B3IQ_E_NOT_FOUND ? B3IQ_OK : rc;
}

/* The ledger has turned the transaction down after taking it: the same again is another one. */
static int32_t
add_again(struct store_tx *tx, const struct ending *e, struct b3iq_error *err)
{
	struct step again = *e->step;

	again.again++;
	again.due_ms = e->now_ms + RETRY_MS * 10;
	return steps_add(tx, &again, err);
}

static int32_t
end_step(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct ending *e = arg;
	struct step *s = e->step;
	int32_t rc;

	s->state = e->outcome == OUTCOME_DONE ? STEP_DONE
	           : e->outcome == OUTCOME_NONE ? s->state : STEP_REFUSED;
	if (s->state >= STEP_DONE)
		s->done_ms = e->now_ms;
	rc = steps_save(tx, s, err);
	if (rc != B3IQ_OK || e->outcome == OUTCOME_NONE)
		return rc;
	if (s->kind == STEP_COMMIT && e->outcome == OUTCOME_DONE)
		return receipts_anchored(tx, strtoll(s->subject + 6, NULL, 10), s->ref, s->height,
		                         err);
	if (e->outcome == OUTCOME_FAILED && s->kind != STEP_OPEN)
		return add_again(tx, e, err);
	if (s->kind == STEP_COMMIT)
		return rc;
	rc = job_id_of(tx, s->job, &e->job, &e->moved, err);
	if (rc == B3IQ_OK && e->moved)
		rc = jobbook_change(tx, e->job.id, apply, e, &e->job, err);
	return rc;
}

static void
finish(struct settler *s, struct step *step, enum outcome outcome, const char *code)
{
	struct ending e = { .settler = s, .step = step, .outcome = outcome, .code = code,
		            .now_ms = clock_wall_ms() };
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = store_write(s->o.store, end_step, &e, &err);

	if (rc != B3IQ_OK) { /* asked again, later: the ledger's answer will be the same */
		s->unwritten = true;
		log_event(B3IQ_LOG_ERROR, "settle.store", "step=%s reason=\"%s\"",
		          step_name(step->kind), err.text);
		return;
	}
	if (outcome == OUTCOME_DONE)
		s->done++;
	if (e.moved)
		s->o.moved(s->o.ctx, &e.job);
}

/* ---- the ledger ------------------------------------------------------------------------ */

static int32_t
submit(struct settler *s, const struct step *step, struct b3iq_tx *tx, struct b3iq_error *err)
{
	static const uint32_t ops[] = { B3IQ_OP_ESCROW_OPEN, B3IQ_OP_ESCROW_RELEASE,
		                        B3IQ_OP_ESCROW_REFUND, B3IQ_OP_COMMIT };
	const struct b3iq_ledger *ledger = instance_ledger(s->o.ledger);
	struct b3iq_ledger_op op = { .size = sizeof op, .op = ops[step->kind],
		                     .signer = step->signer };
	char amount[AMOUNT_SIZE];

	if (!ledger)
		return fail(err, B3IQ_E_UNSUPPORTED, "the instance is no ledger");
	amount_write(step->amount, amount);
	memcpy(op.key, step->key, sizeof op.key);
	memcpy(op.digest, step->digest, sizeof op.digest);
	op.to = step->to[0] ? step->to : NULL;
	op.amount = step->amount ? amount : NULL;
	op.extra = step->extra[0] ? step->extra : NULL;
	return ledger->submit(s->o.ledger, &op, tx, err);
}

static uint64_t
pause_ms(uint32_t tries, uint64_t first, uint64_t most)
{
	const uint64_t ms = first << (tries < 16 ? tries : 16);

	return ms < most ? ms : most;
}

static void
later(struct settler *s, struct step *step, enum step_state state, uint64_t ms)
{
	step->state = state;
	step->tries++;
	step->due_ms = clock_wall_ms() + ms;
	finish(s, step, OUTCOME_NONE, NULL);
}

static void
take_tx(struct settler *s, struct step *step, const struct b3iq_tx *tx)
{
	snprintf(step->ref, sizeof step->ref, "%s", tx->ref);
	step->height = tx->height;
	switch (tx->state) {
	case B3IQ_TX_FINAL:
		finish(s, step, OUTCOME_DONE, NULL);
		return;
	case B3IQ_TX_FAILED:
		s->failures++;
		finish(s, step, OUTCOME_FAILED, "payment_failed");
		return;
	default:
		later(s, step, STEP_SENT, pause_ms(step->tries, POLL_MS, POLL_MOST));
	}
}

/* One question to the ledger, with "account"; the answer in *doc. */
static int32_t
ask(struct settler *s, const char *query, const char *account, struct json_object **doc,
    struct b3iq_error *err)
{
	const struct b3iq_ledger *ledger = instance_ledger(s->o.ledger);
	struct json_object *question = json_object_new_object();
	struct buf text;
	int32_t rc = B3IQ_E_NO_MEMORY;

	*doc = NULL;
	buf_init(&text, 4096);
	if (!ledger)
		rc = B3IQ_E_UNAVAILABLE;
	else if (question && json_put_string(question, "query", query) == B3IQ_OK &&
	         json_put_string(question, "account", account) == B3IQ_OK)
		rc = ledger->query(s->o.ledger,
		                   json_object_to_json_string_ext(question, JSON_C_TO_STRING_PLAIN),
		                   &text.writer, err);
	if (rc == B3IQ_OK && json_parse(text.data, text.len, "the ledger's answer", doc, err) != B3IQ_OK)
		rc = B3IQ_E_UNAVAILABLE;
	json_object_put(question);
	buf_free(&text);
	return rc;
}

/* A ledger with a wrong setting calls everything invalid: does it know our own account? */
static bool
is_sane(struct settler *s)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc;
	const int32_t rc = ask(s, "balance", s->o.payments->address, &doc, &err);

	json_object_put(doc);
	return rc == B3IQ_OK || rc == B3IQ_E_NOT_FOUND || rc == B3IQ_E_UNSUPPORTED;
}

static bool
is_unpayable(struct settler *s, struct step *step, int32_t rc)
{
	if (rc == B3IQ_E_INVALID)
		step->invalid++;
	return rc == B3IQ_E_INVALID && step->kind == STEP_RELEASE &&
	       step->invalid >= INVALID_MOST && is_sane(s);
}

/* The ledger says no to what was not sent. */
static void
refuse(struct settler *s, struct step *step, int32_t rc, const struct b3iq_error *err)
{
	s->refusals++;
	log_event(B3IQ_LOG_WARN, "settle.refused", "step=%s job=%s code=%s reason=\"%s\"",
	          step_name(step->kind), step->subject, result_name(rc), err->text);
	if (step->kind == STEP_OPEN)
		finish(s, step, OUTCOME_REFUSED,
		       rc == B3IQ_E_DENIED ? "insufficient_funds" : "payment_refused");
	else if (is_unpayable(s, step, rc)) {
		log_event(B3IQ_LOG_ERROR, "settle.unpayable",
		          "job=%s code=%s reason=\"its payee is no account; the buyer is refunded\"",
		          step->subject, result_name(rc));
		finish(s, step, OUTCOME_REFUSED, "payment_refused");
	} else
		later(s, step, STEP_TODO, pause_ms(step->tries, RETRY_MS * 10, RETRY_MOST));
}

static void
do_submit(struct settler *s, struct step *step)
{
	struct b3iq_tx tx = { .size = sizeof tx };
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = submit(s, step, &tx, &err);

	switch (rc) {
	case B3IQ_OK:
		take_tx(s, step, &tx);
		return;
	case B3IQ_E_UNKNOWN_OUTCOME:
	case B3IQ_E_DIED:
		later(s, step, STEP_SENT, pause_ms(step->tries, POLL_MS, POLL_MOST));
		return;
	case B3IQ_E_BUSY:
	case B3IQ_E_UNAVAILABLE:
	case B3IQ_E_TIMEOUT:
	case B3IQ_E_CANCELLED:
	case B3IQ_E_NO_MEMORY:
	case B3IQ_E_INTERNAL:
		later(s, step, STEP_TODO,
		      err.retry_ms ? err.retry_ms : pause_ms(step->tries, RETRY_MS, RETRY_MOST));
		return;
	default:
		refuse(s, step, rc, &err);
	}
}

static void
do_status(struct settler *s, struct step *step)
{
	const struct b3iq_ledger *ledger = instance_ledger(s->o.ledger);
	struct b3iq_tx tx = { .size = sizeof tx };
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = ledger ? ledger->status(s->o.ledger, step->key, &tx, &err)
	                          : B3IQ_E_UNAVAILABLE;

	if (rc == B3IQ_E_NOT_FOUND || (rc == B3IQ_OK && tx.state == B3IQ_TX_UNKNOWN))
		do_submit(s, step); /* it never arrived */
	else if (rc == B3IQ_OK)
		take_tx(s, step, &tx);
	else
		later(s, step, STEP_SENT, pause_ms(step->tries, RETRY_MS, RETRY_MOST));
}

/* ---- batches ------------------------------------------------------------------------------ */

struct batching {
	struct settler *settler;
	int64_t         batch;
};

static int32_t
make_batch(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct batching *b = arg;
	const uint64_t now = clock_wall_ms();
	struct step s = { .kind = STEP_COMMIT, .created_ms = now, .due_ms = now };
	uint32_t count;
	int32_t rc = receipts_batch(tx, RECEIPTS_BATCH, now - b->settler->o.batch_ms, now, &b->batch,
	                            s.digest, &count, err);

	if (rc != B3IQ_OK || !b->batch)
		return rc;
	snprintf(s.subject, sizeof s.subject, "batch_%lld", (long long)b->batch);
	snprintf(s.signer, sizeof s.signer, "%s", b->settler->o.payments->wallet);
	snprintf(s.extra, sizeof s.extra, "{\"count\":%u}", count);
	return steps_add(tx, &s, err);
}

/* ---- the thread ----------------------------------------------------------------------------- */

struct todo {
	struct step step[AT_ONCE];
	size_t      n;
};

static int32_t
read_open(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct todo *t = arg;

	return steps_open(tx, t->step, AT_ONCE, &t->n, err);
}

static bool
quits(struct settler *s)
{
	bool quit;

	pthread_mutex_lock(&s->lock);
	quit = s->quit;
	pthread_mutex_unlock(&s->lock);
	return quit;
}

/* Returns when the next step is due (wall); 0: at once. */
static uint64_t
work(struct settler *s, struct todo *t)
{
	struct b3iq_error err = NO_ERROR;
	const uint64_t now = clock_wall_ms();
	uint64_t next = now + 60000;

	t->n = 0;
	s->unwritten = false;
	if (store_read(s->o.store, read_open, t, &err) != B3IQ_OK)
		return now + STORE_MS;
	for (size_t i = 0; i < t->n && !quits(s); i++) {
		struct step *step = &t->step[i];

		if (step->due_ms > now) {
			next = step->due_ms;
			break;
		}
		if (step->state == STEP_SENT)
			do_status(s, step);
		else
			do_submit(s, step);
		next = 0;
	}
	return s->unwritten ? clock_wall_ms() + STORE_MS : next;
}

static void
wait_until(struct settler *s, uint64_t wall_ms)
{
	const uint64_t now = clock_wall_ms();
	const uint64_t ms = wall_ms > now ? wall_ms - now : 0;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (!s->wake && !s->quit &&
	       pthread_cond_timedwait(&s->woken, &s->lock, &until) == 0)
		;
	s->wake = false;
	pthread_mutex_unlock(&s->lock);
}

static void *
settler_main(void *arg)
{
	struct settler *s = arg;
	struct todo *t = calloc(1, sizeof *t);

	while (t && !quits(s)) {
		struct batching b = { .settler = s };
		uint64_t next;

		if (s->o.commits)
			store_write(s->o.store, make_batch, &b, NULL);
		next = work(s, t);
		if (next && s->o.commits && next > clock_wall_ms() + s->o.batch_ms)
			next = clock_wall_ms() + s->o.batch_ms;
		if (next)
			wait_until(s, next);
	}
	free(t);
	return NULL;
}

/* ---- life ------------------------------------------------------------------------------------- */

int32_t
settler_create(const struct settler_options *o, struct settler **out, struct b3iq_error *err)
{
	struct settler *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;

	*out = NULL;
	if (!s)
		return fail_memory(err, "starting settlement");
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->woken, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&s->thread, NULL, settler_main, s) != 0) {
		free(s);
		return fail_memory(err, "starting settlement");
	}
	*out = s;
	return B3IQ_OK;
}

void
settler_quit(struct settler *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_signal(&s->woken);
	pthread_mutex_unlock(&s->lock);
}

void
settler_destroy(struct settler *s)
{
	if (!s)
		return;
	settler_quit(s);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->woken);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
settler_wake(struct settler *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->wake = true;
	pthread_cond_signal(&s->woken);
	pthread_mutex_unlock(&s->lock);
}

uint64_t
settler_stake(struct settler *s, const char *account)
{
	struct json_object *answer = NULL;
	struct b3iq_error err = NO_ERROR;
	const char *amount = "";
	uint64_t stake = 0;

	if (!s || ask(s, "stake", account, &answer, &err) != B3IQ_OK ||
	    json_get_string(answer, "amount", "", &amount, &err) != B3IQ_OK ||
	    !amount_read(amount, strlen(amount), &stake))
		stake = 0;
	json_object_put(answer);
	return stake;
}

int32_t
settler_check_account(struct settler *s, const char *account, struct b3iq_error *err)
{
	struct b3iq_error said = NO_ERROR;
	struct json_object *answer = NULL;
	const int32_t rc = s ? ask(s, "balance", account, &answer, &said) : B3IQ_OK;

	json_object_put(answer);
	if (rc != B3IQ_E_INVALID || !is_sane(s))
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID, "address is no account of the ledger: register the one "
	                                 "that is to be paid");
}

int32_t
settler_fit(struct settler *s, struct b3iq_error *err)
{
	struct instance_status status;
	const uint64_t ops = instance_ledger_ops(s->o.ledger);

	if ((ops & NEEDED_OPS) == NEEDED_OPS)
		return B3IQ_OK;
	instance_status(s->o.ledger, &status);
	if (status.state == INSTANCE_READY)
		return fail(err, B3IQ_E_UNSUPPORTED, "the ledger %s cannot hold an escrow",
		            status.id);
	return fail(err, B3IQ_E_UNAVAILABLE, "the ledger is not ready (%s)",
	            instance_state_name(status.state));
}

void
settler_metrics(struct settler *s, struct buf *out)
{
	if (!s)
		return;
	prometheus_single(out, "b3iq_settle_steps_total", "counter", "Ledger steps that are final",
	                  s->done);
	prometheus_single(out, "b3iq_settle_refusals_total", "counter",
	                  "Ledger steps that were refused before they were sent", s->refusals);
	prometheus_single(out, "b3iq_settle_failures_total", "counter",
	                  "Ledger transactions that failed after they were sent", s->failures);
}
