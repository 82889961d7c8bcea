#include "node/worker/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/crypto/seal.h"
#include "core/crypto/secret.h"

static const char *const migrations[] = {
	"CREATE TABLE spool("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" lease TEXT NOT NULL UNIQUE,"
	" job TEXT NOT NULL,"
	" coordinator TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK(state IN ('running','result','failure')),"
	" body BLOB NOT NULL DEFAULT x'',"
	" time_ms INTEGER NOT NULL"
	") STRICT",
	NULL,
};

const struct store_module spool_module = { "spool", migrations };

struct spool {
	struct store *store;
	char         *coordinator;
	uint8_t       key[SEAL_KEY];
};

/* Ed25519 signatures are deterministic, so the identity makes the same key each time, and nobody else
 * makes it at all. */
static int32_t
make_key(const struct ed25519_key *identity, uint8_t key[SEAL_KEY], struct b3iq_error *err)
{
	static const char domain[] = "b3iq.spool/1\n";
	uint8_t sig[ED25519_SIGNATURE];
	int32_t rc = ed25519_sign(identity, domain, sizeof domain - 1, sig, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = secret_hkdf(sig, sizeof sig, NULL, 0, domain, sizeof domain - 1, key, SEAL_KEY);
	secret_wipe(sig, sizeof sig);
	return rc == B3IQ_OK ? rc : fail(err, rc, "the key of the spool cannot be made");
}

int32_t
spool_create(struct store *store, const struct ed25519_key *identity, const char *coordinator,
             struct spool **out, struct b3iq_error *err)
{
	struct spool *s = calloc(1, sizeof *s);
	int32_t rc;

	*out = NULL;
	if (!s || !(s->coordinator = strdup(coordinator))) {
		free(s);
		return fail_memory(err, "opening the spool");
	}
	s->store = store;
	rc = make_key(identity, s->key, err);
	if (rc != B3IQ_OK) {
		spool_destroy(s);
		return rc;
	}
	*out = s;
	return B3IQ_OK;
}

void
spool_destroy(struct spool *s)
{
	if (!s)
		return;
	secret_wipe(s->key, sizeof s->key);
	free(s->coordinator);
	free(s);
}

bool
spool_id_valid(const char *id)
{
	static const char harmless[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const size_t n = strlen(id);

	return n > 0 && n < SPOOL_ID_SIZE && strspn(id, harmless) == n && strspn(id, ".") < n;
}

/* ---- steps --------------------------------------------------------------- */

struct step {
	const struct spool *s;
	const char         *job, *lease, *state;
	const struct buf   *sealed;
	bool                fresh;
};

static int32_t
begin(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct step *step = arg;
	const int32_t rc = store_run(tx, err,
	                             "INSERT INTO spool(lease, job, coordinator, state, time_ms) "
	                             "VALUES(?,?,?,'running',?) ON CONFLICT(lease) DO NOTHING",
	                             "sssi", step->lease, step->job, step->s->coordinator,
	                             (int64_t)clock_wall_ms());

	step->fresh = rc == B3IQ_OK && store_changes(tx) == 1;
	return rc;
}

int32_t
spool_begin(struct spool *s, const char *job, const char *lease, bool *fresh,
            struct b3iq_error *err)
{
	struct step step = { .s = s, .job = job, .lease = lease };
	int32_t rc;

	*fresh = false;
	if (!spool_id_valid(job) || !spool_id_valid(lease))
		return fail(err, B3IQ_E_INVALID, "the id of a job or lease is odd");
	rc = store_write(s->store, begin, &step, err);
	*fresh = rc == B3IQ_OK && step.fresh;
	return rc;
}

static int32_t
end(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct step *step = arg;
	const int32_t rc = store_run(tx, err,
	                             "UPDATE spool SET state = ?, body = ?, time_ms = ? "
	                             "WHERE lease = ? AND state = 'running'",
	                             "sbis", step->state, step->sealed->data, step->sealed->len,
	                             (int64_t)clock_wall_ms(), step->lease);

	if (rc == B3IQ_OK && store_changes(tx) != 1)
		return fail(err, B3IQ_E_INTERNAL, "the lease is not running");
	return rc;
}

static const char *
state_name(enum spool_kind kind)
{
	return kind == SPOOL_RESULT ? "result" : "failure";
}

int32_t
spool_end(struct spool *s, const char *lease, enum spool_kind kind, const void *body, size_t len,
          struct b3iq_error *err)
{
	struct buf sealed;
	struct step step = { .s = s, .lease = lease, .state = state_name(kind), .sealed = &sealed };
	int32_t rc;

	buf_init(&sealed, SPOOL_BODY_MAX + SEAL_EXTRA);
	rc = seal_close(s->key, lease, body, len, &sealed);
	if (rc == B3IQ_OK)
		rc = store_write(s->store, end, &step, err);
	else
		fail(err, rc, "a report of %zu bytes cannot be kept", len);
	buf_free(&sealed);
	return rc;
}

static int32_t
drop(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct step *step = arg;

	return store_run(tx, err, "DELETE FROM spool WHERE lease = ?", "s", step->lease);
}

int32_t
spool_drop(struct spool *s, const char *lease, struct b3iq_error *err)
{
	struct step step = { .s = s, .lease = lease };

	return store_write(s->store, drop, &step, err);
}

/* ---- after a crash ------------------------------------------------------- */

static int32_t
prune(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const uint64_t now = clock_wall_ms();
	const int32_t rc = store_run(tx, err, "DELETE FROM spool WHERE time_ms < ?", "i",
	                             (int64_t)(now > SPOOL_KEEP_MS ? now - SPOOL_KEEP_MS : 0));

	*(int64_t *)arg = rc == B3IQ_OK ? store_changes(tx) : 0;
	return rc;
}

struct death {
	const struct spool *s;
	char                lease[SPOOL_ID_SIZE];
	bool                found;
};

static int32_t
find_dead(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct death *d = arg;
	struct store_rows *rows;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT lease FROM spool WHERE state = 'running' AND "
	                         "coordinator = ? ORDER BY seq LIMIT 1",
	                         "s", d->s->coordinator);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &d->found, err);
	if (rc == B3IQ_OK && d->found)
		snprintf(d->lease, sizeof d->lease, "%s", store_text(rows, 0, NULL));
	return rc;
}

int32_t
spool_recover(struct spool *s, int32_t (*failure)(const char *lease, struct buf *body),
              uint64_t *died, struct b3iq_error *err)
{
	struct death d = { .s = s };
	struct buf body;
	int64_t old = 0;
	int32_t rc = store_write(s->store, prune, &old, err);

	*died = 0;
	if (old)
		log_event(B3IQ_LOG_WARN, "spool.expired", "count=%lld", (long long)old);
	buf_init(&body, SPOOL_BODY_MAX);
	while (rc == B3IQ_OK) {
		rc = store_read(s->store, find_dead, &d, err);
		if (rc != B3IQ_OK || !d.found)
			break;
		buf_clear(&body);
		rc = failure(d.lease, &body);
		if (rc == B3IQ_OK)
			rc = spool_end(s, d.lease, SPOOL_FAILURE, body.data, body.len, err);
		*died += rc == B3IQ_OK;
	}
	buf_wipe(&body);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

struct wanted {
	const struct spool *s;
	int64_t             after;
	struct spool_item  *item;
	struct buf          sealed;
	bool                found;
};

static int32_t
next(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted *w = arg;
	struct store_rows *rows;
	const void *sealed;
	size_t len;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT seq, lease, job, state, body FROM spool WHERE seq > ? AND "
	                         "coordinator = ? AND state <> 'running' ORDER BY seq LIMIT 1",
	                         "is", w->after, w->s->coordinator);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &w->found, err);
	if (rc != B3IQ_OK || !w->found)
		return rc;
	w->item->seq = store_int(rows, 0);
	snprintf(w->item->lease, sizeof w->item->lease, "%s", store_text(rows, 1, NULL));
	snprintf(w->item->job, sizeof w->item->job, "%s", store_text(rows, 2, NULL));
	w->item->kind = strcmp(store_text(rows, 3, NULL), "result") == 0 ? SPOOL_RESULT
	                                                                : SPOOL_FAILURE;
	sealed = store_blob(rows, 4, &len);
	return buf_append(&w->sealed, sealed, len);
}

int32_t
spool_next(struct spool *s, int64_t after, struct spool_item *item, bool *found,
           struct b3iq_error *err)
{
	struct wanted w = { .s = s, .after = after, .item = item };
	int32_t rc;

	*found = false;
	buf_init(&item->body, SPOOL_BODY_MAX);
	buf_init(&w.sealed, SPOOL_BODY_MAX + SEAL_EXTRA);
	rc = store_read(s->store, next, &w, err);
	if (rc == B3IQ_OK && w.found) {
		rc = seal_open(s->key, item->lease, w.sealed.data ? w.sealed.data : "",
		               w.sealed.len, &item->body);
		if (rc != B3IQ_OK)
			fail(err, rc, "a spooled report was not written by this node");
	}
	buf_free(&w.sealed);
	*found = w.found; /* also one that does not open: to drop it */
	return rc;
}

struct walk {
	const struct spool *s;
	int32_t           (*each)(void *, const char *);
	void               *arg;
};

static int32_t
walk(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct walk *w = arg;
	struct store_rows *rows;
	bool row = true;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT lease FROM spool WHERE coordinator = ? AND "
	                         "state <> 'running' ORDER BY seq",
	                         "s", w->s->coordinator);

	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		rc = w->each(w->arg, store_text(rows, 0, NULL));
	}
	return rc;
}

int32_t
spool_leases(struct spool *s, int32_t (*each)(void *arg, const char *lease), void *arg,
             struct b3iq_error *err)
{
	struct walk w = { s, each, arg };

	return store_read(s->store, walk, &w, err);
}
