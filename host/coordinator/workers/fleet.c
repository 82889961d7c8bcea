#include "coordinator/workers/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"

#define QUALITY_FIRST 500

static const char *const migrations[] = {
	"CREATE TABLE worker("
	" id TEXT PRIMARY KEY,"
	" key TEXT NOT NULL,"
	" node BLOB NOT NULL,"
	" verified INTEGER NOT NULL,"
	" address TEXT NOT NULL,"
	" region TEXT NOT NULL,"
	" push_url TEXT NOT NULL,"
	" push_key TEXT NOT NULL,"
	" capabilities TEXT,"
	" models TEXT,"
	" concurrency INTEGER NOT NULL,"
	" registered_ms INTEGER NOT NULL,"
	" quality INTEGER NOT NULL DEFAULT 500,"
	" completed INTEGER NOT NULL DEFAULT 0,"
	" failed INTEGER NOT NULL DEFAULT 0,"
	" lost INTEGER NOT NULL DEFAULT 0,"
	" refused INTEGER NOT NULL DEFAULT 0,"
	" work_ms INTEGER NOT NULL DEFAULT 0,"
	" earned INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID",
	NULL,
};

const struct store_module fleet_module = { "fleet", migrations };

/* ---- the table --------------------------------------------------------------------- */

static size_t
hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)((h ^ (h >> 32)) % FLEET_BUCKETS);
}

struct worker *
fleet_find(const struct fleet *f, const char *id)
{
	struct worker *w = f->bucket[hash(id)];

	while (w && strcmp(w->id, id) != 0)
		w = w->chain;
	return w;
}

struct worker *
fleet_of_key(const struct fleet *f, const char *key)
{
	struct worker *w = f->by_key[hash(key)];

	while (w && (w->gone || strcmp(w->key, key) != 0))
		w = w->of_key;
	return w;
}

static void
link_key(struct fleet *f, struct worker *w)
{
	w->of_key = f->by_key[hash(w->key)];
	f->by_key[hash(w->key)] = w;
}

static void
unlink_key(struct fleet *f, struct worker *w)
{
	struct worker **at = &f->by_key[hash(w->key)];

	while (*at && *at != w)
		at = &(*at)->of_key;
	if (*at)
		*at = w->of_key;
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	free(w->capabilities);
	free(w->models);
	skills_free(&w->skills);
	free(w);
}

void
fleet_finish(struct fleet *f)
{
	for (size_t i = 0; i < FLEET_BUCKETS; i++)
		for (struct worker *w = f->bucket[i], *next; w; w = next) {
			next = w->chain;
			worker_free(w);
		}
	memset(f, 0, sizeof *f);
}

/* What a registration says; the rest is ours. */
static void
take_over(struct worker *w, struct worker *from)
{
	free(w->capabilities);
	free(w->models);
	skills_free(&w->skills);
	w->capabilities = from->capabilities;
	w->models = from->models;
	w->skills = from->skills;
	memcpy(w->address, from->address, sizeof w->address);
	memcpy(w->region, from->region, sizeof w->region);
	memcpy(w->push_url, from->push_url, sizeof w->push_url);
	memcpy(w->push_key, from->push_key, sizeof w->push_key);
	if (from->verified) {
		memcpy(w->node, from->node, sizeof w->node);
		w->verified = true;
	}
	w->concurrency = from->concurrency;
	w->draining = from->draining;
	w->mute_ms = 0;
	free(from);
}

void
fleet_remove(struct fleet *f, struct worker *w)
{
	fleet_online(f, w, false);
	fleet_leave(f, &w->push);
	w->gone = true;
	w->verified = false;
	w->push_url[0] = '\0';
	skills_free(&w->skills);
}

/* An id that was given up starts from nothing. */
static void
start_over(struct worker *w, const struct worker *from)
{
	memcpy(w->key, from->key, sizeof w->key);
	memset(w->node, 0, sizeof w->node);
	w->registered_ms = from->registered_ms;
	w->quality = QUALITY_FIRST;
	w->completed = w->failed = w->lost = w->refused = w->work_ms = w->earned = 0;
	w->gone = false;
}

bool
fleet_takes(const struct fleet *f, const struct worker *w)
{
	const struct worker *known = fleet_find(f, w->id);
	size_t here = 0, gone = 0;

	if (known && !known->gone)
		return true;
	for (const struct worker *o = f->by_key[hash(w->key)]; o; o = o->of_key)
		if (o != known && strcmp(o->key, w->key) == 0)
			*(o->gone ? &gone : &here) += 1;
	return here < FLEET_MAX_EACH && (known || (f->n < FLEET_MAX && gone < FLEET_GONE_EACH));
}

struct worker *
fleet_put(struct fleet *f, struct worker *from)
{
	struct worker *w = fleet_find(f, from->id);

	if (w) {
		unlink_key(f, w);
		if (w->gone)
			start_over(w, from);
		take_over(w, from);
		link_key(f, w);
		return w;
	}
	if (f->n >= FLEET_MAX)
		return NULL;
	if (!from->quality)
		from->quality = QUALITY_FIRST;
	from->chain = f->bucket[hash(from->id)];
	f->bucket[hash(from->id)] = from;
	link_key(f, from);
	f->n++;
	from->push.worker = from;
	from->push.push = true;
	return from;
}

void
fleet_each(struct fleet *f, fleet_each_fn *each, void *arg)
{
	for (size_t i = 0; i < FLEET_BUCKETS; i++)
		for (struct worker *w = f->bucket[i], *next; w; w = next) {
			next = w->chain;
			each(arg, w);
		}
}

void
fleet_online(struct fleet *f, struct worker *w, bool online)
{
	if (w->online != online)
		f->n_online += online ? 1 : (size_t)-1;
	w->online = online;
}

/* ---- leases --------------------------------------------------------------------------- */

bool
fleet_room(const struct worker *w)
{
	return w->online && !w->draining && !w->gone && w->held + w->pending < w->concurrency;
}

bool
fleet_payable(const struct worker *w)
{
	return w->verified && w->address[0];
}

void
fleet_hold(struct worker *w, struct live *l)
{
	l->holder = w;
	l->prev = NULL;
	l->next = w->leases;
	if (w->leases)
		w->leases->prev = l;
	w->leases = l;
	w->held++;
}

void
fleet_release(struct live *l)
{
	struct worker *w = l->holder;

	if (!w)
		return;
	*(l->prev ? &l->prev->next : &w->leases) = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->prev = l->next = NULL;
	l->holder = NULL;
	w->held--;
}

void
fleet_score(struct worker *w, enum fleet_event event, uint64_t ms, uint64_t earned)
{
	if (event == FLEET_COMPLETED) {
		w->quality += (1000 - w->quality) / 16;
		w->completed++;
		w->work_ms += ms;
		w->earned += earned;
		return;
	}
	w->quality -= w->quality / 4;
	if (event == FLEET_FAILED)
		w->failed++;
	else if (event == FLEET_LOST)
		w->lost++;
	else
		w->refused++;
}

/* ---- those who wait ------------------------------------------------------------------- */

/* Quality first; stake breaks ties and counts a little: each doubling of AITBC is worth a point. */
static uint64_t
rank(const struct worker *w)
{
	uint64_t points = 0;

	for (uint64_t stake = w->stake / 1000000; stake; stake /= 2)
		points++;
	return (uint64_t)w->quality + points;
}

void
fleet_wait(struct fleet *f, struct poller *p)
{
	struct poller **at = &f->pollers;

	p->wanted = false;
	while (*at && rank((*at)->worker) >= rank(p->worker))
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	f->n_pollers++;
}

void
fleet_leave(struct fleet *f, struct poller *p)
{
	struct poller **at = &f->pollers;

	while (*at && *at != p)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = p->next;
	p->next = NULL;
	f->n_pollers--;
}

/* ---- nonces ------------------------------------------------------------------------------ */

/* The key's own oldest once it has its share; else one that is used or over, or the oldest of all. */
static struct fleet_nonce *
nonce_place(struct fleet *f, const char *key, uint64_t now_ms)
{
	struct fleet_nonce *own = NULL, *any = &f->nonces[0];
	size_t n_own = 0;

	for (struct fleet_nonce *n = f->nonces; n < f->nonces + FLEET_NONCES; n++) {
		if (!n->text[0] || n->expires_ms < now_ms) {
			n->expires_ms = 0;
		} else if (strcmp(n->key, key) == 0) {
			n_own++;
			own = own && own->expires_ms <= n->expires_ms ? own : n;
		}
		if (n->expires_ms < any->expires_ms)
			any = n;
	}
	return n_own >= FLEET_NONCES_EACH ? own : any;
}

void
fleet_challenge(struct fleet *f, const char *key, uint64_t now_ms, char out[FLEET_NONCE])
{
	struct fleet_nonce *n = nonce_place(f, key, now_ms);

	random_id(n->text, sizeof n->text, "", 32);
	snprintf(n->key, sizeof n->key, "%s", key);
	n->expires_ms = now_ms + FLEET_NONCE_MS;
	memcpy(out, n->text, FLEET_NONCE);
}

bool
fleet_answer(struct fleet *f, const char *key, const char *nonce, uint64_t now_ms)
{
	for (size_t i = 0; nonce[0] && i < FLEET_NONCES; i++) {
		struct fleet_nonce *n = &f->nonces[i];

		if (strcmp(n->text, nonce) != 0 || strcmp(n->key, key) != 0)
			continue;
		n->text[0] = '\0';
		return n->expires_ms >= now_ms;
	}
	return false;
}

/* ---- rows ----------------------------------------------------------------------------------- */

int32_t
fleet_save(struct store_tx *tx, const struct worker *w, struct b3iq_error *err)
{
	return store_run(
		tx, err,
		"INSERT INTO worker(id, key, node, verified, address, region, push_url, push_key, "
		"capabilities, models, concurrency, registered_ms) "
		"VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) ON CONFLICT(id) DO UPDATE SET "
		"node = CASE WHEN ?4 THEN ?3 ELSE node END, verified = max(verified, ?4), "
		"address = ?5, region = ?6, push_url = ?7, push_key = ?8, capabilities = ?9, "
		"models = ?10, concurrency = ?11 "
		"WHERE key = ?2", /* of two that come at once the first one has the id */
		"ssbissssssii", w->id, w->key, w->node, sizeof w->node, (int64_t)w->verified,
		w->address, w->region, w->push_url, w->push_key, w->capabilities, w->models,
		(int64_t)w->concurrency, (int64_t)w->registered_ms);
}

int32_t
fleet_delete(struct store_tx *tx, const char *id, struct b3iq_error *err)
{
	return store_run(tx, err, "DELETE FROM worker WHERE id = ?", "s", id);
}

int32_t
fleet_save_score(struct store_tx *tx, const char *id, enum fleet_event event, uint64_t ms,
                 uint64_t earned, struct b3iq_error *err)
{
	if (event == FLEET_COMPLETED)
		return store_run(tx, err,
		                 "UPDATE worker SET quality = quality + (1000 - quality) / 16, "
		                 "completed = completed + 1, work_ms = work_ms + ?, "
		                 "earned = earned + ? WHERE id = ?",
		                 "iis", (int64_t)ms, (int64_t)earned, id);
	return store_run(tx, err,
	                 "UPDATE worker SET quality = quality - quality / 4, "
	                 "failed = failed + (?1 = 1), lost = lost + (?1 = 2), "
	                 "refused = refused + (?1 = 3) WHERE id = ?2",
	                 "is", (int64_t)event, id);
}

static int32_t
copy_json(struct store_rows *rows, int column, char **out, struct json_object **doc,
          struct b3iq_error *err)
{
	size_t len;
	const char *s = store_text(rows, column, &len);

	*doc = NULL;
	if (!s)
		return B3IQ_OK;
	*out = strdup(s);
	return *out ? json_parse(s, len, "a worker", doc, err) : fail_memory(err, "loading workers");
}

static int32_t
read_worker(struct store_rows *rows, struct worker *w, struct b3iq_error *err)
{
	struct json_object *capabilities = NULL, *models = NULL;
	const void *node;
	size_t len;
	int32_t rc;

	store_copy_text(rows, 0, w->id, sizeof w->id);
	store_copy_text(rows, 1, w->key, sizeof w->key);
	node = store_blob(rows, 2, &len);
	if (node && len == sizeof w->node)
		memcpy(w->node, node, len);
	w->verified = store_int(rows, 3) != 0;
	store_copy_text(rows, 4, w->address, sizeof w->address);
	store_copy_text(rows, 5, w->region, sizeof w->region);
	store_copy_text(rows, 6, w->push_url, sizeof w->push_url);
	store_copy_text(rows, 7, w->push_key, sizeof w->push_key);
	rc = copy_json(rows, 8, &w->capabilities, &capabilities, err);
	if (rc == B3IQ_OK)
		rc = copy_json(rows, 9, &w->models, &models, err);
	w->concurrency = (uint32_t)store_int(rows, 10);
	w->registered_ms = (uint64_t)store_int(rows, 11);
	w->quality = (uint32_t)store_int(rows, 12);
	w->completed = (uint64_t)store_int(rows, 13);
	w->failed = (uint64_t)store_int(rows, 14);
	w->lost = (uint64_t)store_int(rows, 15);
	w->refused = (uint64_t)store_int(rows, 16);
	w->work_ms = (uint64_t)store_int(rows, 17);
	w->earned = (uint64_t)store_int(rows, 18);
	if (rc == B3IQ_OK)
		rc = skills_read(capabilities, models, w->region, &w->skills, err);
	json_object_put(capabilities);
	json_object_put(models);
	return rc;
}

int32_t
fleet_load(struct store_tx *tx, int32_t (*each)(void *, struct worker *), void *arg,
           struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = true;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT id, key, node, verified, address, region, push_url, "
	                         "push_key, capabilities, models, concurrency, registered_ms, "
	                         "quality, completed, failed, lost, refused, work_ms, earned "
	                         "FROM worker",
	                         "");

	while (rc == B3IQ_OK && (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		struct worker *w = calloc(1, sizeof *w);

		rc = w ? read_worker(rows, w, err) : fail_memory(err, "loading workers");
		if (rc == B3IQ_OK)
			rc = each(arg, w);
		else
			worker_free(w);
	}
	return rc;
}
