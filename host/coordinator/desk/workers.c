/* Workers come, show signs of life, and go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/desk/room.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/base/log.h"

#define PROOF_DOMAIN "b3iq.worker/1\n"

/* ---- register ---------------------------------------------------------------------- */

void
desk_challenge(struct desk *d, const char *key, char nonce[FLEET_NONCE], uint64_t *expires_ms)
{
	const uint64_t now = clock_wall_ms();

	pthread_mutex_lock(&d->lock);
	fleet_challenge(&d->fleet, key, now, nonce);
	pthread_mutex_unlock(&d->lock);
	*expires_ms = now + FLEET_NONCE_MS;
}

/* The node key signs that this API key may work in its name. */
static int32_t
check_proof(struct desk *d, const char *key, const struct desk_registration *r, struct worker *w,
            struct why *why)
{
	uint8_t signature[ED25519_SIGNATURE];
	char message[256];
	bool known;
	int n;

	if (!r->node[0])
		return B3IQ_OK;
	if (!ed25519_parse(r->node, w->node) ||
	    !hex_decode(r->proof, strlen(r->proof), signature, sizeof signature))
		return why_say(why, B3IQ_E_INVALID, "invalid_value",
		               "node is \"ed25519:\" and 64 hex digits, proof 128 hex digits");
	pthread_mutex_lock(&d->lock);
	known = fleet_answer(&d->fleet, key, r->nonce, clock_wall_ms());
	pthread_mutex_unlock(&d->lock);
	if (!known)
		return why_say(why, B3IQ_E_DENIED, "proof_invalid",
		               "the nonce is not a fresh one of this key; ask for one at "
		               "/v1/miners/challenge");
	n = snprintf(message, sizeof message, PROOF_DOMAIN "%s%s", r->nonce, key);
	if (ed25519_verify(w->node, message, (size_t)n, signature) != B3IQ_OK)
		return why_say(why, B3IQ_E_DENIED, "proof_invalid",
		               "the proof is not the node key's signature of this nonce and key");
	w->verified = true;
	return B3IQ_OK;
}

static int32_t
copy_text(char *out, size_t size, const char *text, const char *what, struct why *why)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return why_say(why, B3IQ_E_INVALID, "invalid_value",
			               "%s must be printable ASCII without spaces", what);
	if (strlen(text) >= size)
		return why_say(why, B3IQ_E_INVALID, "invalid_value", "%s is longer than %zu bytes",
		               what, size - 1);
	memcpy(out, text, strlen(text) + 1);
	return B3IQ_OK;
}

static int32_t
copy_json(struct json_object *doc, char **out, struct why *why)
{
	struct buf text;
	int32_t rc;

	if (!doc)
		return B3IQ_OK;
	buf_init(&text, 1u << 20);
	rc = json_write(doc, &text);
	*out = rc == B3IQ_OK ? buf_take(&text) : NULL;
	buf_free(&text);
	return *out ? B3IQ_OK : fail_memory(&why->err, "registering a worker");
}

static int32_t
fill(struct desk *d, const char *key, const struct desk_registration *r, struct worker *w,
     struct why *why)
{
	int32_t rc = copy_text(w->id, sizeof w->id, r->id, "miner_id", why);

	snprintf(w->key, sizeof w->key, "%s", key);
	if (rc == B3IQ_OK)
		rc = copy_text(w->address, sizeof w->address, r->address, "address", why);
	if (rc == B3IQ_OK)
		rc = copy_text(w->region, sizeof w->region, r->region, "region", why);
	if (rc == B3IQ_OK)
		rc = copy_text(w->push_url, sizeof w->push_url, r->push_url, "push_url", why);
	if (rc == B3IQ_OK)
		rc = copy_text(w->push_key, sizeof w->push_key, r->push_key, "push_key", why);
	if (rc == B3IQ_OK && w->push_url[0] && !push_allowed(d, w->push_url))
		rc = why_say(why, B3IQ_E_INVALID, "invalid_value",
		             "push_url is not a host of coordinator.push_hosts");
	w->concurrency = r->concurrency;
	w->registered_ms = clock_wall_ms();
	if (rc == B3IQ_OK) {
		rc = skills_read(r->capabilities, r->models, w->region, &w->skills, &why->err);
		if (rc == B3IQ_E_INVALID)
			why->code = "invalid_value";
	}
	if (rc == B3IQ_OK)
		rc = copy_json(r->capabilities, &w->capabilities, why);
	if (rc == B3IQ_OK)
		rc = copy_json(r->models, &w->models, why);
	return rc == B3IQ_OK ? check_proof(d, key, r, w, why) : rc;
}

/* Whose is this id?  The lock is held. */
static int32_t
check_owner(const struct desk *d, const struct worker *w, struct why *why)
{
	const struct worker *old = fleet_find(&d->fleet, w->id);

	if (!old || old->gone)
		return B3IQ_OK;
	if (strcmp(old->key, w->key) != 0)
		return why_say(why, B3IQ_E_DENIED, "miner_id_taken",
		               "this miner id belongs to another key");
	if (old->verified && w->verified && memcmp(old->node, w->node, sizeof w->node) != 0)
		return why_say(why, B3IQ_E_DENIED, "node_pinned",
		               "this miner id is pinned to another node key; deregister it first");
	return B3IQ_OK;
}

static int32_t
save(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return fleet_save(tx, arg, err);
}

/* Into the fleet, and into line if it is pushed to.  The lock is held. */
static int32_t
enlist(struct desk *d, struct worker **w, uint64_t stake, struct why *why)
{
	struct worker *known = fleet_put(&d->fleet, *w);

	if (!known)
		return why_say(why, B3IQ_E_BUSY, "too_many_miners",
		               "there are %d workers already", FLEET_MAX);
	*w = NULL;
	known->stake = stake;
	fleet_leave(&d->fleet, &known->push);
	if (known->push_url[0])
		fleet_wait(&d->fleet, &known->push);
	room_touch(d, known);
	room_offer(d);
	return B3IQ_OK;
}

int32_t
desk_register(struct desk *d, const char *key, const struct desk_registration *r, bool *verified,
              struct why *why)
{
	struct worker *w = calloc(1, sizeof *w);
	uint64_t stake = 0;
	int32_t rc = w ? fill(d, key, r, w, why) : fail_memory(&why->err, "registering a worker");

	if (rc == B3IQ_OK && w->address[0]) {
		rc = settler_check_account(d->settler, w->address, &why->err);
		if (rc == B3IQ_OK)
			stake = settler_stake(d->settler, w->address);
		else
			why->code = "invalid_value";
	}
	if (rc == B3IQ_OK) {
		pthread_mutex_lock(&d->lock);
		rc = check_owner(d, w, why);
		if (rc == B3IQ_OK && !fleet_takes(&d->fleet, w))
			rc = why_say(why, B3IQ_E_BUSY, "too_many_miners",
			             "this key has %d workers, or there are %d of all keys: "
			             "deregister one", FLEET_MAX_EACH, FLEET_MAX);
		pthread_mutex_unlock(&d->lock);
	}
	if (rc == B3IQ_OK)
		rc = store_write(d->o.store, save, w, &why->err);
	if (rc == B3IQ_OK) {
		*verified = w->verified;
		log_event(B3IQ_LOG_INFO, "worker.registered", "worker=%s verified=%d concurrency=%u",
		          w->id, w->verified, w->concurrency);
		pthread_mutex_lock(&d->lock);
		rc = check_owner(d, w, why); /* two at once: the first one has it */
		if (rc == B3IQ_OK)
			rc = enlist(d, &w, stake, why);
		pthread_mutex_unlock(&d->lock);
	}
	worker_free(w);
	return rc;
}

int32_t
desk_worker(struct desk *d, const char *key, const char *id, char out[JOB_OWNER_SIZE],
            struct why *why)
{
	const struct worker *w;
	bool found;

	pthread_mutex_lock(&d->lock);
	w = id && id[0] ? fleet_find(&d->fleet, id) : fleet_of_key(&d->fleet, key);
	found = w && !w->gone && strcmp(w->key, key) == 0;
	if (found)
		memcpy(out, w->id, JOB_OWNER_SIZE);
	pthread_mutex_unlock(&d->lock);
	return found ? B3IQ_OK
	             : why_say(why, B3IQ_E_NOT_FOUND, "miner_not_registered",
	                       "miner not registered");
}

/* ---- leases of a worker that is gone ---------------------------------------------------- */

struct drop {
	struct desk *desk;
	const char  *worker;
	char       (*id)[JOB_ID_SIZE];
	struct job  *job;
	size_t       n, done;
	bool         fault;
};

static int32_t
apply_drop(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	const struct drop *p = arg;

	if (!job_held(j) || strcmp(j->worker, p->worker) != 0)
		return B3IQ_E_BUSY;
	return move_back(p->desk, tx, j, p->fault, false, "worker_lost", err);
}

static int32_t
drop_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct drop *p = arg;
	int32_t rc = B3IQ_OK;

	p->done = 0;
	for (size_t i = 0; rc == B3IQ_OK && i < p->n; i++) {
		rc = jobbook_change(tx, p->id[i], apply_drop, p, &p->job[p->done], err);
		if (rc == B3IQ_E_BUSY || rc == B3IQ_E_NOT_FOUND) {
			rc = B3IQ_OK;
			continue;
		}
		if (rc == B3IQ_OK && p->fault)
			rc = fleet_save_score(tx, p->worker, FLEET_LOST, 0, 0, err);
		p->done += rc == B3IQ_OK;
	}
	return rc;
}

/* Requeues the jobs named; with fault it counts against worker and attempts. */
static int32_t
drop_leases(struct desk *d, const char *worker, char (*id)[JOB_ID_SIZE], size_t n, bool fault,
            struct why *why)
{
	struct drop p = { .desk = d, .worker = worker, .id = id, .n = n, .fault = fault };
	int32_t rc;

	if (!n)
		return B3IQ_OK;
	p.job = calloc(n, sizeof *p.job);
	if (!p.job)
		return fail_memory(&why->err, "requeueing jobs");
	rc = store_write(d->o.store, drop_rows, &p, &why->err);
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; rc == B3IQ_OK && i < p.done; i++) {
		struct worker *w = fleet_find(&d->fleet, worker);

		if (w && fault)
			fleet_score(w, FLEET_LOST, 0, 0);
		d->lost += fault;
		room_show(d, &p.job[i]);
	}
	pthread_mutex_unlock(&d->lock);
	free(p.job);
	settler_wake(d->settler);
	return rc;
}

/* The ids of up to max jobs that a worker holds.  The lock is held. */
static size_t
leases_of(const struct worker *w, char (*id)[JOB_ID_SIZE], size_t max)
{
	size_t n = 0;

	for (const struct live *l = w->leases; l && n < max; l = l->next)
		memcpy(id[n++], l->job.id, JOB_ID_SIZE);
	return n;
}

static int32_t
drop_all(struct desk *d, const char *worker, bool fault, struct why *why)
{
	char (*id)[JOB_ID_SIZE] = calloc(DESK_BEATS, sizeof *id);
	const struct worker *w;
	size_t n = 0;
	int32_t rc;

	if (!id)
		return fail_memory(&why->err, "requeueing jobs");
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, worker);
	if (w)
		n = leases_of(w, id, DESK_BEATS);
	pthread_mutex_unlock(&d->lock);
	rc = drop_leases(d, worker, id, n, fault, why);
	free(id);
	return rc;
}

void
room_offline(struct desk *d, const char *worker)
{
	struct why why = NO_WHY;

	log_event(B3IQ_LOG_WARN, "worker.offline", "worker=%s", worker);
	if (drop_all(d, worker, true, &why) != B3IQ_OK)
		log_event(B3IQ_LOG_ERROR, "worker.leases", "worker=%s reason=\"%s\"", worker,
		          why.err.text);
}

static int32_t
delete_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return fleet_delete(tx, arg, err);
}

int32_t
desk_deregister(struct desk *d, const char *key, const char *worker, struct why *why)
{
	char id[JOB_OWNER_SIZE];
	struct worker *w;
	int32_t rc = desk_worker(d, key, worker, id, why);

	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, id);
	if (w) {
		heap_remove(&d->beats, &w->alarm);
		w->draining = true;
	}
	pthread_mutex_unlock(&d->lock);
	rc = drop_all(d, id, false, why);
	if (rc == B3IQ_OK)
		rc = store_write(d->o.store, delete_row, id, &why->err);
	if (rc != B3IQ_OK)
		return rc;
	log_event(B3IQ_LOG_INFO, "worker.deregistered", "worker=%s", id);
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, id);
	if (w)
		fleet_remove(&d->fleet, w);
	pthread_mutex_unlock(&d->lock);
	return B3IQ_OK;
}

/* ---- heartbeat ------------------------------------------------------------------------------ */

static bool
named(const char *const *leases, size_t n, const char *lease)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(leases[i], lease) == 0)
			return true;
	return false;
}

struct beating {
	struct desk_beat *held;
	size_t            n_held, n_never;
	char            (*never)[JOB_ID_SIZE]; /* leases that did not reach the worker */
};

/* Extends what is named.  The lock is held. */
static void
beat(struct desk *d, struct worker *w, const char *const *leases, size_t n, struct beating *b)
{
	const uint64_t now = clock_wall_ms();

	for (struct live *l = w->leases; l && b->n_held < DESK_BEATS; l = l->next) {
		struct desk_beat *out = &b->held[b->n_held];

		if (leases && !named(leases, n, l->job.lease)) {
			if (l->job.leased_ms + d->o.heartbeat_s * 1000u < now)
				memcpy(b->never[b->n_never++], l->job.id, JOB_ID_SIZE);
			continue;
		}
		l->job.lease_ms = now + d->o.lease_s * 1000u;
		room_alarm(d, l);
		memcpy(out->lease, l->job.lease, sizeof out->lease);
		memcpy(out->job, l->job.id, sizeof out->job);
		out->deadline_ms = l->job.lease_ms;
		b->n_held++;
	}
}

int32_t
desk_heartbeat(struct desk *d, const char *worker, const char *const *leases, size_t n,
               bool draining, struct desk_beat held[DESK_BEATS], size_t *n_held, bool *lost,
               struct why *why)
{
	struct beating b = { .held = held, .never = calloc(DESK_BEATS, sizeof *b.never) };
	struct worker *w;
	int32_t rc = B3IQ_OK;

	if (!b.never)
		return fail_memory(&why->err, "taking a heartbeat");
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, worker);
	if (w && !w->gone) {
		w->draining = draining;
		room_touch(d, w);
		beat(d, w, leases, n, &b);
	} else {
		rc = why_say(why, B3IQ_E_NOT_FOUND, "miner_not_registered",
		             "miner not registered");
	}
	pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; rc == B3IQ_OK && leases && i < n; i++) {
		lost[i] = true;
		for (size_t k = 0; k < b.n_held && lost[i]; k++)
			lost[i] = strcmp(held[k].lease, leases[i]) != 0;
	}
	if (rc == B3IQ_OK)
		rc = drop_leases(d, worker, b.never, b.n_never, false, why);
	*n_held = b.n_held;
	free(b.never);
	return rc;
}

/* ---- looking ------------------------------------------------------------------------------------ */

bool
desk_worker_view(struct desk *d, const char *id, struct worker *out)
{
	const struct worker *w;

	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, id);
	if (w) {
		*out = *w;
		out->capabilities = out->models = NULL;
		memset(&out->skills, 0, sizeof out->skills);
	}
	pthread_mutex_unlock(&d->lock);
	return w != NULL;
}

void
desk_each_worker(struct desk *d, fleet_each_fn *each, void *arg)
{
	pthread_mutex_lock(&d->lock);
	fleet_each(&d->fleet, each, arg);
	pthread_mutex_unlock(&d->lock);
}
