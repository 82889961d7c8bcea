/* What clients do: submit, look, wait, cancel, follow a stream. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coordinator/desk/room.h"
#include "coordinator/jobs/order.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"

#define LOOK_MS 1000 /* how often patience is asked */

/* ---- submit ------------------------------------------------------------------------ */

struct submit {
	struct desk              *desk;
	const struct desk_client *client;
	struct submission        *s;
	struct jobbook_private    hidden;
	struct jobbook_retry      retry;
	bool                      may_retry;
	char                      known[JOB_ID_SIZE];
	struct job                job;
};

static int32_t
insert(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct submit *s = arg;
	int32_t rc = jobbook_insert(tx, &s->job, &s->hidden, s->may_retry ? &s->retry : NULL,
	                            s->known, err);

	if (rc == B3IQ_OK && s->known[0])
		return jobbook_get(tx, s->known, &s->job, err);
	if (rc == B3IQ_OK && s->job.pay == JOB_PAY_PENDING)
		rc = payments_open(tx, s->desk->o.payments, &s->job, s->client->wallet,
		                   s->desk->o.run_s * 1000u, err);
	return rc;
}

static int32_t
forget(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return jobbook_remove(tx, arg, err);
}

/* Is there a place in the queue? */
static int32_t
check_room(struct desk *d, const char *client, struct why *why)
{
	bool full, full_each;

	pthread_mutex_lock(&d->lock);
	full = d->queue.n >= d->o.queue_most;
	full_each = queue_waiting(&d->queue, client) >= d->o.queue_most_each;
	pthread_mutex_unlock(&d->lock);
	if (full)
		return why_say(why, B3IQ_E_BUSY, "queue_full",
		               "%u jobs wait already; try again later", d->o.queue_most);
	if (full_each)
		return why_say(why, B3IQ_E_BUSY, "queue_full",
		               "%u jobs of this key wait already; try again later",
		               d->o.queue_most_each);
	return B3IQ_OK;
}

static int32_t
check_money(struct desk *d, const struct desk_client *client, struct why *why)
{
	int32_t rc;

	if (!client->wallet[0])
		return why_say(why, B3IQ_E_DENIED, "insufficient_funds",
		               "this key has no wallet to pay from; make one with `b3iq coordinator "
		               "key create NAME --role client --wallet WALLET`, or submit with "
		               "payment_amount 0");
	rc = settler_fit(d->settler, &why->err);
	if (rc != B3IQ_OK)
		why->code = "ledger_unavailable";
	return rc;
}

static int32_t
fill(struct desk *d, struct submit *s, const char *body, size_t len, const char *key,
     struct buf *order, struct why *why)
{
	const uint64_t now = clock_wall_ms();
	struct job *j = &s->job;
	int32_t rc;

	*j = s->s->job;
	job_new_id(now, j->id);
	snprintf(j->client, sizeof j->client, "%s", s->client->key);
	j->requested_ms = now;
	j->expires_ms = now + s->s->ttl_s * 1000u;
	j->phase = j->pay == JOB_PAY_PENDING ? JOB_FUNDING : JOB_QUEUED;
	j->queued_ms = j->phase == JOB_QUEUED ? now : 0;
	random_bytes(s->hidden.secret, sizeof s->hidden.secret);
	rc = order_make(j, &s->s->request, &s->s->params, s->hidden.secret, order, &why->err);
	s->hidden.payload = s->s->payload.data;
	s->hidden.request = s->s->request.data;
	s->hidden.params = s->s->params.data;
	s->hidden.seed = s->s->seed;
	s->hidden.order_text = order->data;
	s->may_retry = key && key[0];
	if (rc == B3IQ_OK && s->may_retry)
		rc = sha256(key, strlen(key), s->retry.key);
	if (rc == B3IQ_OK && s->may_retry)
		rc = sha256(body, len, s->retry.body);
	(void)d;
	return rc;
}

/* Until its escrow is open, or the ledger has said no.  Then there is no job. */
static int32_t
wait_funded(struct desk *d, const struct desk_client *client, struct job *j, struct why *why)
{
	const struct desk_patience patience = { .ms = d->o.funding_s * 1000u };
	char id[JOB_ID_SIZE];
	int32_t rc = B3IQ_OK;

	settler_wake(d->settler);
	while (rc == B3IQ_OK && j->phase == JOB_FUNDING) {
		const int64_t rev = j->rev;

		rc = desk_wait(d, client, j->id, rev, &patience, j, why);
		if (rc == B3IQ_OK && j->rev == rev)
			return B3IQ_OK; /* not known yet: the job stands, its payment is pending */
	}
	if (rc != B3IQ_OK || j->pay != JOB_PAY_UNPAID)
		return rc;
	memcpy(id, j->id, sizeof id);
	store_write(d->o.store, forget, id, NULL);
	pthread_mutex_lock(&d->lock);
	if (board_find(&d->board, id))
		board_drop(&d->board, board_find(&d->board, id));
	pthread_mutex_unlock(&d->lock);
	return strcmp(j->error, "insufficient_funds") == 0
	               ? why_say(why, B3IQ_E_DENIED, "insufficient_funds",
	                         "the wallet %s cannot pay this: the ledger refused the escrow; "
	                         "there is no job",
	                         client->wallet)
	               : why_say(why, B3IQ_E_DENIED, "payment_refused",
	                         "the escrow was refused, by the ledger or by the wallet %s (is it "
	                         "unlocked?); there is no job",
	                         client->wallet);
}

static int32_t
store_job(struct desk *d, struct submit *s, struct job *out, bool *again, struct why *why)
{
	int32_t rc = store_write(d->o.store, insert, s, &why->err);

	if (rc == B3IQ_E_INVALID && s->known[0])
		why->code = "idempotency_mismatch";
	if (rc != B3IQ_OK)
		return rc;
	*again = s->known[0] != '\0';
	*out = s->job;
	pthread_mutex_lock(&d->lock);
	room_show(d, &s->job);
	d->submitted += !*again;
	pthread_mutex_unlock(&d->lock);
	if (*again || s->job.phase != JOB_FUNDING)
		return B3IQ_OK;
	return wait_funded(d, s->client, out, why);
}

int32_t
desk_submit(struct desk *d, const struct desk_client *client, const char *body, size_t len,
            const char *idempotency_key, struct job *out, bool *again, struct why *why)
{
	struct submission sub;
	struct submit s = { .desk = d, .client = client, .s = &sub };
	struct buf order;
	int32_t rc;

	*again = false;
	buf_init(&order, 8192);
	rc = submission_read(body, len, &d->o.rules, &sub, &why->err);
	if (rc == B3IQ_E_INVALID) {
		why->code = sub.code;
		memcpy(why->field, sub.field, sizeof why->field);
	}
	if (rc == B3IQ_OK)
		rc = check_room(d, client->key, why);
	if (rc == B3IQ_OK && sub.job.pay == JOB_PAY_PENDING)
		rc = check_money(d, client, why);
	if (rc == B3IQ_OK)
		rc = fill(d, &s, body, len, idempotency_key, &order, why);
	if (rc == B3IQ_OK)
		rc = store_job(d, &s, out, again, why);
	secret_wipe(s.hidden.secret, sizeof s.hidden.secret);
	submission_free(&sub);
	buf_free(&order);
	return rc;
}

/* ---- look --------------------------------------------------------------------------- */

struct look {
	const char *id;
	struct job *out;
};

static int32_t
look(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct look *l = arg;

	return jobbook_get(tx, l->id, l->out, err);
}

static int32_t
theirs(const struct desk_client *client, const struct job *j, struct why *why)
{
	if (client->admin || strcmp(j->client, client->key) == 0)
		return B3IQ_OK;
	return why_say(why, B3IQ_E_NOT_FOUND, "job_not_found", "job not found");
}

int32_t
desk_job(struct desk *d, const struct desk_client *client, const char *id, struct job *out,
         struct why *why)
{
	struct look l = { id, out };
	const struct live *live;
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&d->lock);
	live = board_find(&d->board, id);
	if (live)
		*out = live->job;
	pthread_mutex_unlock(&d->lock);
	if (!live)
		rc = store_read(d->o.store, look, &l, &why->err);
	if (rc == B3IQ_E_NOT_FOUND)
		return why_say(why, rc, "job_not_found", "job not found");
	return rc == B3IQ_OK ? theirs(client, out, why) : rc;
}

/* ---- wait ----------------------------------------------------------------------------- */

static void
timespec_in(struct timespec *t, uint64_t ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += (time_t)(ms / 1000);
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

static void
watcher_init(struct watcher *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->moved, &attr);
	pthread_condattr_destroy(&attr);
	w->next = NULL;
}

/* Sleeps until the job moves or a second has passed.  False: the patience is over. */
static bool
sleep_on(struct desk *d, struct live *l, struct watcher *w, const struct desk_patience *p,
         uint64_t end_ms)
{
	const uint64_t now = clock_mono_ms();
	char id[JOB_ID_SIZE];
	struct timespec until;

	if (now >= end_ms || d->quit)
		return false;
	memcpy(id, l->job.id, sizeof id);
	timespec_in(&until, end_ms - now < LOOK_MS ? end_ms - now : LOOK_MS);
	board_watch(l, w);
	pthread_cond_timedwait(&w->moved, &d->lock, &until);
	board_unwatch(&d->board, id, w);
	return !(p->gone && p->gone(p->ctx));
}

static bool
has_moved(const struct job *j, int64_t rev)
{
	return rev < 0 ? job_ended(j) : j->rev > rev || job_ended(j);
}

int32_t
desk_wait(struct desk *d, const struct desk_client *client, const char *id, int64_t rev,
          const struct desk_patience *p, struct job *out, struct why *why)
{
	const uint64_t end_ms = clock_mono_ms() + p->ms;
	struct watcher watcher;
	struct live *l;
	int32_t rc = desk_job(d, client, id, out, why);

	if (rc != B3IQ_OK || has_moved(out, rev))
		return rc;
	watcher_init(&watcher);
	pthread_mutex_lock(&d->lock);
	while ((l = board_find(&d->board, id)) != NULL) {
		*out = l->job;
		if (has_moved(out, rev) || !sleep_on(d, l, &watcher, p, end_ms))
			break;
	}
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&watcher.moved);
	return l ? B3IQ_OK : desk_job(d, client, id, out, why);
}

/* What was said since; true: there is something new. */
static bool
read_on(const struct live *l, struct desk_follow *f, struct buf *text)
{
	f->restarted = f->attempt && l->said_attempt != f->attempt && l->said_attempt;
	if (l->said_attempt != f->attempt) {
		f->attempt = l->said_attempt;
		f->at = 0;
	}
	if (l->said.len > f->at) {
		buf_append(text, l->said.data + f->at, l->said.len - f->at);
		f->at = l->said.len;
		return true;
	}
	return f->restarted;
}

int32_t
desk_follow(struct desk *d, const struct desk_client *client, const char *id, struct desk_follow *f,
            const struct desk_patience *p, struct job *out, struct buf *text, struct why *why)
{
	const uint64_t end_ms = clock_mono_ms() + p->ms;
	struct watcher watcher;
	struct live *l;
	int32_t rc = desk_job(d, client, id, out, why);

	if (rc != B3IQ_OK)
		return rc;
	watcher_init(&watcher);
	pthread_mutex_lock(&d->lock);
	while ((l = board_find(&d->board, id)) != NULL) {
		bool more;

		*out = l->job;
		if (read_on(l, f, text) || has_moved(out, f->rev))
			break;
		l->listeners++;
		more = sleep_on(d, l, &watcher, p, end_ms);
		l = board_find(&d->board, id);
		if (l)
			l->listeners--;
		if (!more)
			break;
	}
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&watcher.moved);
	if (!l)
		rc = desk_job(d, client, id, out, why);
	f->rev = out->rev;
	return rc;
}

/* ---- cancel ------------------------------------------------------------------------------ */

struct cancel {
	struct desk              *desk;
	const struct desk_client *client;
	const char               *id;
	struct why               *why;
	struct job                job;
};

static int32_t
apply_cancel(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct cancel *c = arg;
	const int32_t rc = theirs(c->client, j, c->why);

	if (rc != B3IQ_OK)
		return rc;
	if (job_ended(j))
		return why_say(c->why, B3IQ_E_INVALID, "not_cancelable",
		               "job not cancelable: it is %s", job_status(j->phase));
	return move_end(c->desk, tx, j, JOB_CANCELLED, "cancelled", err);
}

static int32_t
cancel_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct cancel *c = arg;

	return jobbook_change(tx, c->id, apply_cancel, c, &c->job, err);
}

int32_t
desk_cancel(struct desk *d, const struct desk_client *client, const char *id, struct job *out,
            struct why *why)
{
	struct cancel c = { .desk = d, .client = client, .id = id, .why = why };
	const int32_t rc = store_write(d->o.store, cancel_row, &c, &why->err);

	if (rc == B3IQ_E_NOT_FOUND)
		return why_say(why, rc, "job_not_found", "job not found");
	if (rc != B3IQ_OK)
		return rc;
	*out = c.job;
	pthread_mutex_lock(&d->lock);
	room_show(d, &c.job);
	pthread_mutex_unlock(&d->lock);
	settler_wake(d->settler);
	return B3IQ_OK;
}

struct some {
	char   id[256][JOB_ID_SIZE];
	size_t n;
};

static int32_t
collect(void *arg, const struct job *j, struct b3iq_error *err)
{
	struct some *s = arg;

	(void)err;
	if (s->n < sizeof s->id / sizeof *s->id)
		memcpy(s->id[s->n++], j->id, JOB_ID_SIZE);
	return B3IQ_OK;
}

static int32_t
some_live(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return jobbook_live(tx, collect, arg, err);
}

int32_t
desk_cancel_running(struct desk *d, int64_t *n, struct why *why)
{
	const struct desk_client admin = { .key = "", .wallet = "", .admin = true };
	struct some some;
	int32_t rc;

	*n = 0;
	do {
		int64_t before = *n;

		some.n = 0;
		rc = store_read(d->o.store, some_live, &some, &why->err);
		for (size_t i = 0; rc == B3IQ_OK && i < some.n; i++) {
			struct why none = NO_WHY;
			struct job job;

			*n += desk_cancel(d, &admin, some.id[i], &job, &none) == B3IQ_OK;
		}
		if (*n == before)
			break;
	} while (rc == B3IQ_OK && some.n == sizeof some.id / sizeof *some.id);
	return rc;
}
