#include "node/worker/miner.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/http/workers.h"
#include "node/worker/deltas.h"
#include "node/worker/uplink.h"

#define WORK_BEAT_MS 1000   /* with leases in hand: how soon a cancel is heard   */
#define RETRY_MS     250    /* the first pause after a failure                   */
#define RETRY_MOST   30000
#define EMPTY_MS     2000   /* while no plugin offers a model                    */
#define GOODBYE_S    5      /* for what is still to be said at the end           */

enum phase { RUNNING, DRAINING, STOPPING };
enum { POLLER, HEART, SENDER, N_THREADS };

/* A job in hand. */
struct hand {
	struct miner_say say;        /* first: what the host writes to        */
	struct miner    *miner;
	struct lease     lease;
	struct deltas   *deltas;
	int              cancel_fd;
	atomic_bool      lost;       /* the coordinator wants it no more      */
	bool             told;       /* that it runs; the sender's            */
	struct hand     *next;
};

struct miner {
	struct miner_options o;      /* its texts are copies                  */
	char             texts[6][1024];
	char            *key;
	struct spool    *spool;
	struct workers  *jobs;
	pthread_t        thread[N_THREADS];
	int              bell[N_THREADS]; /* wakes a thread                   */
	int              idle;       /* rings when the last hand is free      */
	int              quit_poll, quit_calls; /* end the calls in progress  */
	atomic_int       phase;
	pthread_mutex_t  lock;       /* from here on                          */
	struct hand     *hands;
	uint32_t         n_hands;
	struct uplink_terms terms;
	struct miner_status status;
	char            *models;     /* as registered                         */
};

/* ---- bells --------------------------------------------------------------- */

static void
ring(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof one) < 0)
		return; /* it rings already */
}

/* Until it rings, or ms are over (-1: for ever). */
static void
await(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t rings;

	if (poll(&p, 1, ms) > 0 && read(fd, &rings, sizeof rings) < 0)
		return; /* another one has heard it */
}

static enum phase
phase(struct miner *m)
{
	return (enum phase)atomic_load(&m->phase);
}

/* ---- hands --------------------------------------------------------------- */

static void
say(struct miner_say *to, const char *text, size_t len)
{
	struct hand *h = (struct hand *)to;

	deltas_say(h->deltas, text, len);
}

static void
lose(void *hand)
{
	struct hand *h = hand;

	if (!atomic_exchange(&h->lost, true))
		ring(h->cancel_fd);
}

static void
hand_free(struct hand *h)
{
	if (!h)
		return;
	if (h->cancel_fd >= 0)
		close(h->cancel_fd);
	lease_free(&h->lease);
	free(h);
}

static struct hand *
hand_new(struct miner *m)
{
	struct hand *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->say.say = say;
	h->miner = m;
	h->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->cancel_fd >= 0)
		return h;
	hand_free(h);
	return NULL;
}

static bool
hand_add(struct miner *m, struct hand *h)
{
	bool room;

	pthread_mutex_lock(&m->lock);
	room = m->n_hands < m->o.concurrency && phase(m) == RUNNING;
	if (room) {
		h->next = m->hands;
		m->hands = h;
		m->n_hands++;
	}
	pthread_mutex_unlock(&m->lock);
	return room;
}

static void
hand_remove(struct miner *m, struct hand *h)
{
	uint32_t left;

	pthread_mutex_lock(&m->lock);
	for (struct hand **at = &m->hands; *at; at = &(*at)->next)
		if (*at == h) {
			*at = h->next;
			break;
		}
	left = --m->n_hands;
	pthread_mutex_unlock(&m->lock);
	ring(m->bell[POLLER]);
	if (!left)
		ring(m->idle);
}

static uint32_t
in_hand(struct miner *m)
{
	uint32_t n;

	pthread_mutex_lock(&m->lock);
	n = m->n_hands;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* ---- reports ------------------------------------------------------------- */

/* The coordinator's words for why there is no result. */
static const char *
failure_code(int32_t rc, const char *text)
{
	static const char context[] = "context_length_exceeded";

	switch (rc) {
	case B3IQ_E_INVALID:
		return strncmp(text, context, sizeof context - 1) == 0 ? "context_length"
		                                                        : "invalid_request";
	case B3IQ_E_NOT_FOUND:   return "model_not_found";
	case B3IQ_E_UNSUPPORTED: return "unsupported";
	case B3IQ_E_BUSY:        return "overloaded";
	case B3IQ_E_NO_MEMORY:   return "out_of_memory";
	case B3IQ_E_CANCELLED:   return "stopping"; /* nobody else cancels */
	case B3IQ_E_TIMEOUT:     return "timeout";
	case B3IQ_E_UNAVAILABLE: return "backend_unavailable";
	case B3IQ_E_DIED:        return "backend_error";
	default:                 return "internal";
	}
}

static int32_t
failure_body(const char *lease, const char *code, const char *text, struct buf *out)
{
	struct json_object *o = json_object_new_object();
	int32_t rc = B3IQ_E_NO_MEMORY;

	if (o && json_put_string(o, "lease", lease) == B3IQ_OK &&
	    json_put_string(o, "error_code", code) == B3IQ_OK &&
	    json_put_string(o, "error_message", text) == B3IQ_OK)
		rc = json_write(o, out);
	json_object_put(o);
	return rc;
}

static int32_t
died(const char *lease, struct buf *out)
{
	return failure_body(lease, "internal", "the node stopped while it worked on this", out);
}

static void
count(struct miner *m, uint64_t *what)
{
	pthread_mutex_lock(&m->lock);
	++*what;
	pthread_mutex_unlock(&m->lock);
}

/* Writes what became of the job into the spool. */
static void
keep_report(struct hand *h, int32_t result, struct json_object *doc, const struct b3iq_error *why)
{
	struct miner *m = h->miner;
	struct b3iq_error err = NO_ERROR;
	enum spool_kind kind = SPOOL_RESULT;
	struct buf body;
	int32_t rc = result;

	buf_init(&body, SPOOL_BODY_MAX);
	if (rc == B3IQ_OK && (json_put_string(doc, "lease", h->lease.id) != B3IQ_OK ||
	                      json_write(doc, &body) != B3IQ_OK))
		rc = fail(&err, B3IQ_E_NO_MEMORY, "the result cannot be written");
	if (rc != B3IQ_OK) {
		kind = SPOOL_FAILURE;
		buf_wipe(&body);
		failure_body(h->lease.id, failure_code(rc, why->text),
		             why->text[0] ? why->text : result_text(rc), &body);
	}
	log_event(B3IQ_LOG_INFO, "worker.done", "job=%s code=%s", h->lease.job, result_name(rc));
	count(m, rc == B3IQ_OK ? &m->status.completed : &m->status.failed);
	rc = spool_end(m->spool, h->lease.id, kind, body.data ? body.data : "", body.len, &err);
	if (rc != B3IQ_OK) /* the lease is not named any more, and will be requeued */
		log_event(B3IQ_LOG_ERROR, "worker.not_kept", "job=%s code=%s reason=\"%s\"",
		          h->lease.job, result_name(rc), err.text);
	buf_wipe(&body);
}

/* ---- the work ------------------------------------------------------------ */

static void
work(void *arg)
{
	struct hand *h = arg;
	struct miner *m = h->miner;
	struct b3iq_error err = NO_ERROR;
	struct json_object *result = NULL;
	int32_t rc;

	log_event(B3IQ_LOG_INFO, "worker.job", "job=%s", h->lease.job);
	if (h->lease.stream)
		h->deltas = deltas_open(&(struct deltas_options){
			.url = m->o.url, .key = m->o.key, .job = h->lease.job,
			.lease = h->lease.id, .lost = lose, .ctx = h });
	rc = m->o.host.work(m->o.host.ctx, &h->lease, h->cancel_fd, &h->say, &result, &err);
	deltas_close(h->deltas);
	if (atomic_load(&h->lost)) {
		log_event(B3IQ_LOG_INFO, "worker.lost", "job=%s", h->lease.job);
		count(m, &m->status.lost);
		spool_drop(m->spool, h->lease.id, &err);
	} else {
		keep_report(h, rc, result, &err);
	}
	json_object_put(result);
	hand_remove(m, h);
	ring(m->bell[SENDER]);
	hand_free(h);
}

/* A lease that cannot be worked on goes back at once. */
static void
hand_back(struct miner *m, const struct lease *l, int32_t rc, const struct b3iq_error *why)
{
	struct b3iq_error err = NO_ERROR;
	struct buf body;
	bool fresh;

	buf_init(&body, SPOOL_BODY_MAX);
	if (l->id[0] && spool_begin(m->spool, l->job, l->id, &fresh, &err) == B3IQ_OK && fresh &&
	    failure_body(l->id, rc == B3IQ_E_INVALID ? "unsupported" : failure_code(rc, ""),
	                 why->text, &body) == B3IQ_OK)
		spool_end(m->spool, l->id, SPOOL_FAILURE, body.data, body.len, &err);
	buf_free(&body);
	ring(m->bell[SENDER]);
}

/* Takes a job: on the disk, then in hand, then at work. */
static int32_t
take(struct miner *m, struct json_object *doc, struct b3iq_error *err)
{
	struct hand *h = hand_new(m);
	bool fresh = false;
	int32_t rc;

	if (!h) {
		json_object_put(doc);
		return fail_memory(err, "taking a job");
	}
	rc = lease_read(doc, &h->lease, err);
	if (rc == B3IQ_OK && !hand_add(m, h))
		rc = fail(err, B3IQ_E_BUSY, "this worker has its hands full");
	if (rc != B3IQ_OK) {
		hand_back(m, &h->lease, rc, err);
		hand_free(h);
		return rc;
	}
	rc = spool_begin(m->spool, h->lease.job, h->lease.id, &fresh, err);
	if (rc == B3IQ_OK && fresh) {
		ring(m->bell[SENDER]); /* to tell that it runs */
		rc = workers_run(m->jobs, work, h);
		if (rc == B3IQ_OK)
			return rc;
		keep_report(h, rc, NULL, err);
	}
	hand_remove(m, h);
	hand_free(h);
	return rc; /* B3IQ_OK: taken before */
}

/* ---- the poller ---------------------------------------------------------- */

static void
trouble(struct miner *m, int32_t rc, const struct b3iq_error *err)
{
	const char *text = rc == B3IQ_OK ? "" : err->text[0] ? err->text : result_text(rc);
	bool news;

	pthread_mutex_lock(&m->lock);
	news = strcmp(m->status.trouble, text) != 0;
	snprintf(m->status.trouble, sizeof m->status.trouble, "%s", text);
	pthread_mutex_unlock(&m->lock);
	if (news && rc != B3IQ_OK)
		log_event(B3IQ_LOG_WARN, "worker.trouble", "code=%s reason=\"%s\"",
		          result_name(rc), text);
}

static bool
registered(struct miner *m, struct uplink_terms *terms)
{
	bool yes;

	pthread_mutex_lock(&m->lock);
	yes = m->status.registered;
	if (terms)
		*terms = m->terms;
	pthread_mutex_unlock(&m->lock);
	return yes;
}

static void
forget_registration(struct miner *m)
{
	pthread_mutex_lock(&m->lock);
	m->status.registered = false;
	pthread_mutex_unlock(&m->lock);
}

/* Has the list of models changed since it was registered? */
static bool
is_news(struct miner *m, const char *models)
{
	bool news;

	pthread_mutex_lock(&m->lock);
	news = !m->status.registered || !m->models || strcmp(m->models, models) != 0;
	pthread_mutex_unlock(&m->lock);
	return news;
}

/* Registers, also when the list of models has changed.  B3IQ_E_BUSY: there are no models yet.
 * [poller and heart] */
static int32_t
enrol(struct miner *m, struct uplink *u, struct b3iq_error *err)
{
	struct json_object *models = m->o.host.models(m->o.host.ctx);
	const char *text = models ? json_object_to_json_string(models) : NULL;
	struct uplink_terms terms;
	struct uplink_self self = {
		.identity = m->o.identity, .miner_id = m->o.miner_id, .region = m->o.region,
		.address = m->o.address, .push_url = m->o.push_url, .push_key = m->o.push_key,
		.concurrency = m->o.concurrency, .models = models,
	};
	char *copy = NULL;
	int32_t rc = B3IQ_OK;

	if (!text)
		rc = fail_memory(err, "registering");
	else if (!is_news(m, text))
		goto out;
	else if (json_object_array_length(models) == 0)
		rc = fail(err, B3IQ_E_BUSY, "no plugin offers a model to work with");
	if (rc == B3IQ_OK && !(copy = strdup(text)))
		rc = fail_memory(err, "registering");
	if (rc == B3IQ_OK)
		rc = uplink_register(u, &self, &terms, err);
	if (rc == B3IQ_E_NOT_FOUND) /* of this call it means: no coordinator of ours */
		rc = fail(err, B3IQ_E_UNAVAILABLE, "what answers is no coordinator");
	if (rc == B3IQ_OK) {
		pthread_mutex_lock(&m->lock);
		m->status.registered = true;
		m->status.verified = terms.verified;
		memcpy(m->status.miner_id, terms.miner_id, sizeof terms.miner_id);
		m->terms = terms;
		free(m->models);
		m->models = copy;
		copy = NULL;
		pthread_mutex_unlock(&m->lock);
		log_event(B3IQ_LOG_INFO, "worker.registered", "worker=%s verified=%d",
		          terms.miner_id, terms.verified);
		ring(m->bell[HEART]);
		ring(m->bell[SENDER]);
	}
out:
	free(copy);
	json_object_put(models);
	return rc;
}

/* One turn: registered, room, a job. */
static int32_t
poll_once(struct miner *m, struct uplink *u, struct b3iq_error *err)
{
	struct json_object *job = NULL;
	struct uplink_terms terms;
	int32_t rc = enrol(m, u, err);

	if (rc != B3IQ_OK)
		return rc;
	if (in_hand(m) >= m->o.concurrency) {
		await(m->bell[POLLER], -1);
		return B3IQ_OK;
	}
	registered(m, &terms);
	rc = uplink_poll(u, terms.poll_s, &job, err);
	if (rc == B3IQ_E_NOT_FOUND)
		forget_registration(m);
	if (rc == B3IQ_OK && job && take(m, job, err) == B3IQ_E_NO_MEMORY)
		rc = B3IQ_E_NO_MEMORY;
	return rc;
}

static void *
poller(void *arg)
{
	struct miner *m = arg;
	struct backoff backoff = { .first_ms = RETRY_MS, .most_ms = RETRY_MOST };
	struct b3iq_error err = NO_ERROR;
	struct uplink *u;
	uint32_t pause;

	while (uplink_create(m->o.url, m->o.key, &u, &err) != B3IQ_OK && phase(m) == RUNNING)
		await(m->bell[POLLER], RETRY_MOST);
	if (u)
		uplink_cancel_fd(u, m->quit_poll);
	while (u && phase(m) == RUNNING) {
		int32_t rc;

		err = NO_ERROR;
		rc = poll_once(m, u, &err);
		if (rc == B3IQ_E_CANCELLED)
			break;
		trouble(m, rc, &err);
		if (rc == B3IQ_OK) {
			backoff.failures = 0;
			continue;
		}
		pause = rc == B3IQ_E_BUSY ? EMPTY_MS : backoff_next(&backoff);
		await(m->bell[POLLER], (int)(pause < err.retry_ms ? err.retry_ms : pause));
	}
	uplink_destroy(u);
	return NULL;
}

/* ---- the heart ----------------------------------------------------------- */

static int32_t
add_lease(void *list, const char *lease)
{
	return json_add(list, json_object_new_string(lease));
}

/* Those in hand first: one that ends meanwhile is then named twice, rather than not at all. */
static struct json_object *
leases(struct miner *m)
{
	struct json_object *list = json_object_new_array();
	struct b3iq_error err = NO_ERROR;
	int32_t rc = list ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	pthread_mutex_lock(&m->lock);
	for (struct hand *h = m->hands; rc == B3IQ_OK && h; h = h->next)
		rc = add_lease(list, h->lease.id);
	pthread_mutex_unlock(&m->lock);
	if (rc == B3IQ_OK)
		rc = spool_leases(m->spool, add_lease, list, &err);
	if (rc == B3IQ_OK)
		return list;
	json_object_put(list);
	return NULL;
}

static void
lose_those(struct miner *m, struct json_object *lost)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < json_object_array_length(lost); i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(lost, i));

		for (struct hand *h = m->hands; id && h; h = h->next)
			if (strcmp(h->lease.id, id) == 0)
				lose(h);
	}
	pthread_mutex_unlock(&m->lock);
}

static void
beat(struct miner *m, struct uplink *u)
{
	struct json_object *names = leases(m), *lost = NULL;
	struct b3iq_error err = NO_ERROR;

	if (names) {
		const int32_t rc = uplink_heartbeat(u, in_hand(m), phase(m) != RUNNING, names,
		                                    &lost, &err);

		if (rc == B3IQ_OK && lost)
			lose_those(m, lost);
		if (rc == B3IQ_E_NOT_FOUND)
			forget_registration(m); /* the poller finds out as well */
	}
	json_object_put(lost);
	json_object_put(names);
}

static void *
heart(void *arg)
{
	struct miner *m = arg;
	struct b3iq_error err = NO_ERROR;
	struct uplink_terms terms;
	struct uplink *u;
	int ms;

	while (uplink_create(m->o.url, m->o.key, &u, &err) != B3IQ_OK && phase(m) != STOPPING)
		await(m->bell[HEART], RETRY_MOST);
	if (u)
		uplink_cancel_fd(u, m->quit_calls);
	while (u && phase(m) != STOPPING) {
		ms = RETRY_MOST;
		if (registered(m, &terms)) {
			beat(m, u);
			if (phase(m) == RUNNING) /* other models count at once, also for the poll that waits */
				enrol(m, u, &err);
			ms = (int)terms.heartbeat_ms / 2;
			if (in_hand(m) && ms > WORK_BEAT_MS)
				ms = WORK_BEAT_MS;
		}
		await(m->bell[HEART], ms);
	}
	uplink_destroy(u);
	return NULL;
}

/* ---- the sender ---------------------------------------------------------- */

/* A hand that is not told yet; its ids, as it may end meanwhile. */
static bool
next_untold(struct miner *m, char job[SPOOL_ID_SIZE], char lease[SPOOL_ID_SIZE])
{
	struct hand *h;

	pthread_mutex_lock(&m->lock);
	for (h = m->hands; h && h->told; h = h->next)
		;
	if (h) {
		h->told = true;
		memcpy(job, h->lease.job, SPOOL_ID_SIZE);
		memcpy(lease, h->lease.id, SPOOL_ID_SIZE);
	}
	pthread_mutex_unlock(&m->lock);
	return h != NULL;
}

/* A courtesy, said once: the result says it too. */
static void
tell_running(struct miner *m, struct uplink *u)
{
	char job[SPOOL_ID_SIZE], lease[SPOOL_ID_SIZE];
	struct b3iq_error err = NO_ERROR;

	while (next_untold(m, job, lease)) {
		const int32_t rc = uplink_running(u, job, lease, &err);

		if (rc == B3IQ_E_INVALID || rc == B3IQ_E_NOT_FOUND)
			ring(m->bell[HEART]); /* which learns what is lost */
	}
}

/* Hands one in; B3IQ_OK: it is settled, whatever the coordinator said. */
static int32_t
hand_in(struct miner *m, struct uplink *u, const struct spool_item *item)
{
	struct b3iq_error err = NO_ERROR, none = NO_ERROR;
	bool last = false;
	const int32_t rc = uplink_report(u, item, &last, &err);

	if (!last) {
		trouble(m, rc, &err);
		return rc;
	}
	if (rc != B3IQ_OK) {
		log_event(B3IQ_LOG_WARN, "worker.refused", "job=%s code=%s reason=\"%s\"",
		          item->job, result_name(rc), err.text);
		count(m, &m->status.refused);
	}
	return spool_drop(m->spool, item->lease, &none);
}

/* Everything that is to be reported, in order, until a call fails. */
static int32_t
hand_in_all(struct miner *m, struct uplink *u)
{
	struct b3iq_error err = NO_ERROR;
	struct spool_item item;
	int64_t after = 0;
	bool found = true;
	int32_t rc = B3IQ_OK;

	while (rc == B3IQ_OK && found) {
		rc = spool_next(m->spool, after, &item, &found, &err);
		if (found && rc == B3IQ_E_DENIED) { /* not of this identity: nobody can send it */
			log_event(B3IQ_LOG_ERROR, "worker.unreadable", "job=%s", item.job);
			rc = spool_drop(m->spool, item.lease, &err);
		} else if (found && rc == B3IQ_OK) {
			rc = hand_in(m, u, &item);
		}
		after = item.seq;
		buf_wipe(&item.body);
	}
	return rc;
}

static void *
sender(void *arg)
{
	struct miner *m = arg;
	struct backoff backoff = { .first_ms = RETRY_MS, .most_ms = RETRY_MOST };
	struct b3iq_error err = NO_ERROR;
	struct uplink *u;

	while (uplink_create(m->o.url, m->o.key, &u, &err) != B3IQ_OK && phase(m) != STOPPING)
		await(m->bell[SENDER], RETRY_MOST);
	if (u)
		uplink_cancel_fd(u, m->quit_calls);
	while (u && phase(m) != STOPPING) {
		int ms = -1;

		tell_running(m, u);
		if (hand_in_all(m, u) == B3IQ_OK)
			backoff.failures = 0;
		else
			ms = (int)backoff_next(&backoff);
		await(m->bell[SENDER], ms);
	}
	uplink_destroy(u);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------ */

static int32_t
copy_texts(struct miner *m, struct b3iq_error *err)
{
	const char **const texts[] = { &m->o.url,     &m->o.miner_id, &m->o.region,
		                       &m->o.address, &m->o.push_url, &m->o.push_key };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *given = *texts[i] ? *texts[i] : "";

		if (strlen(given) >= sizeof m->texts[i])
			return fail(err, B3IQ_E_INVALID, "a text of the coordinator's section is "
			                                 "longer than 1023 bytes");
		snprintf(m->texts[i], sizeof m->texts[i], "%s", given);
		*texts[i] = m->texts[i];
	}
	m->key = strdup(m->o.key);
	m->o.key = m->key;
	return m->key ? B3IQ_OK : fail_memory(err, "starting the worker");
}

static int32_t
make_bells(struct miner *m, struct b3iq_error *err)
{
	int *const fds[] = { &m->bell[POLLER], &m->bell[HEART], &m->bell[SENDER],
		             &m->idle,         &m->quit_poll,   &m->quit_calls };

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return fail(err, B3IQ_E_UNAVAILABLE, "no file descriptor is left");
	}
	return B3IQ_OK;
}

static void
release(struct miner *m)
{
	const int fds[] = { m->bell[POLLER], m->bell[HEART], m->bell[SENDER],
		            m->idle,         m->quit_poll,   m->quit_calls };

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	spool_destroy(m->spool);
	if (m->key)
		secret_wipe(m->key, strlen(m->key));
	secret_wipe(m->texts, sizeof m->texts);
	free(m->key);
	free(m->models);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static int32_t
start_threads(struct miner *m, struct b3iq_error *err)
{
	static void *(*const mains[N_THREADS])(void *) = { poller, heart, sender };

	for (int i = 0; i < N_THREADS; i++) {
		if (pthread_create(&m->thread[i], NULL, mains[i], m) == 0)
			continue;
		atomic_store(&m->phase, STOPPING);
		ring(m->quit_poll);
		ring(m->quit_calls);
		while (i-- > 0) {
			ring(m->bell[i]);
			pthread_join(m->thread[i], NULL);
		}
		return fail(err, B3IQ_E_UNAVAILABLE, "no thread is left");
	}
	return B3IQ_OK;
}

int32_t
miner_start(const struct miner_options *o, struct miner **out, struct b3iq_error *err)
{
	struct miner *m = calloc(1, sizeof *m);
	uint64_t left = 0;
	int32_t rc;

	*out = NULL;
	if (!m)
		return fail_memory(err, "starting the worker");
	m->o = *o;
	m->bell[POLLER] = m->bell[HEART] = m->bell[SENDER] = -1;
	m->idle = m->quit_poll = m->quit_calls = -1;
	pthread_mutex_init(&m->lock, NULL);
	rc = copy_texts(m, err);
	if (rc == B3IQ_OK)
		rc = make_bells(m, err);
	if (rc == B3IQ_OK)
		rc = spool_create(o->store, o->identity, m->o.url, &m->spool, err);
	if (rc == B3IQ_OK)
		rc = spool_recover(m->spool, died, &left, err);
	if (left)
		log_event(B3IQ_LOG_WARN, "worker.left_behind", "count=%llu",
		          (unsigned long long)left);
	if (rc == B3IQ_OK)
		rc = workers_create(&m->jobs, m->o.concurrency, 1, 1000, err);
	if (rc == B3IQ_OK)
		rc = start_threads(m, err);
	if (rc != B3IQ_OK) {
		workers_destroy(m->jobs);
		release(m);
		return rc;
	}
	*out = m;
	return B3IQ_OK;
}

static void
cancel_hands(struct miner *m)
{
	pthread_mutex_lock(&m->lock);
	for (struct hand *h = m->hands; h; h = h->next)
		ring(h->cancel_fd);
	pthread_mutex_unlock(&m->lock);
}

/* The last calls: what is owed, and goodbye if nothing is.  Leases that are owed stay this worker's
 * until its next start. */
static void
leave(struct miner *m)
{
	const struct itimerspec limit = { .it_value.tv_sec = GOODBYE_S };
	const int late = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct b3iq_error err = NO_ERROR;
	struct uplink *u;

	if (late >= 0 && timerfd_settime(late, 0, &limit, NULL) == 0 && registered(m, NULL) &&
	    uplink_create(m->o.url, m->o.key, &u, &err) == B3IQ_OK) {
		uplink_cancel_fd(u, late);
		if (hand_in_all(m, u) == B3IQ_OK)
			uplink_leave(u, m->status.miner_id, &err);
		uplink_destroy(u);
	}
	if (late >= 0)
		close(late);
}

/* The call that the sender is in may end by itself, for a while: cut off, it would only be repeated. */
static void
join_callers(struct miner *m)
{
	struct timespec until;
	bool joined;

	ring(m->bell[SENDER]);
	ring(m->bell[HEART]);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GOODBYE_S;
	joined = pthread_timedjoin_np(m->thread[SENDER], NULL, &until) == 0;
	ring(m->quit_calls);
	if (!joined)
		pthread_join(m->thread[SENDER], NULL);
	pthread_join(m->thread[HEART], NULL);
}

void
miner_stop(struct miner *m, uint32_t drain_ms)
{
	const uint64_t until = clock_mono_ms() + drain_ms;

	if (!m)
		return;
	atomic_store(&m->phase, DRAINING);
	ring(m->quit_poll);
	ring(m->bell[POLLER]);
	pthread_join(m->thread[POLLER], NULL);
	while (in_hand(m) && clock_mono_ms() < until)
		await(m->idle, (int)(until - clock_mono_ms()));
	cancel_hands(m);
	workers_destroy(m->jobs);
	atomic_store(&m->phase, STOPPING);
	join_callers(m);
	leave(m);
	release(m);
}

/* ---- from outside -------------------------------------------------------- */

int32_t
miner_offer(struct miner *m, struct json_object *doc, struct b3iq_error *err)
{
	if (phase(m) == RUNNING && in_hand(m) < m->o.concurrency)
		return take(m, doc, err);
	json_object_put(doc);
	return fail(err, B3IQ_E_BUSY, "this worker has its hands full");
}

void
miner_status(struct miner *m, struct miner_status *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->status;
	out->inflight = m->n_hands;
	pthread_mutex_unlock(&m->lock);
}
