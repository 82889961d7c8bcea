#include "node/jobs.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/receipt/receipt_log.h"
#include "node/audit.h"

static const char *const migrations[] = {
	"CREATE TABLE job("
	" receipt TEXT PRIMARY KEY,"
	" state TEXT NOT NULL CHECK(state IN ('running','done','failed','lost')),"
	" code INTEGER NOT NULL DEFAULT 0,"
	" instance TEXT NOT NULL,"
	" principal TEXT NOT NULL,"
	" request TEXT NOT NULL,"
	" model TEXT NOT NULL,"
	" engine TEXT NOT NULL,"
	" params BLOB NOT NULL,"
	" prompt BLOB NOT NULL,"
	" output BLOB NOT NULL,"
	" seed INTEGER NOT NULL,"
	" seed_by_client INTEGER NOT NULL,"
	" start_ms INTEGER NOT NULL,"
	" end_ms INTEGER NOT NULL DEFAULT 0,"
	" prompt_tokens INTEGER NOT NULL DEFAULT 0,"
	" output_tokens INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE INDEX job_running ON job(state) WHERE state = 'running'",
	"ALTER TABLE job ADD COLUMN ordered BLOB NOT NULL DEFAULT x''", /* hash of the order */
	NULL,
};

const struct store_module jobs_module = { "jobs", migrations };

static int32_t
begin(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct job *job = arg;
	const struct receipt *r = job->draft;

	return store_run(
		tx, err,
		"INSERT INTO job(receipt, state, instance, principal, request, model, engine, "
		"params, prompt, output, seed, seed_by_client, start_ms, ordered) "
		"VALUES(?,'running',?,?,?,?,?,?,?,?,?,?,?,?)",
		"ssssssbbbiiib", r->id, job->instance, job->principal, job->request, r->model,
		r->engine, r->params, sizeof r->params, r->prompt, sizeof r->prompt, r->output,
		sizeof r->output, (int64_t)r->seed, (int64_t)r->seed_by_client,
		(int64_t)r->start_ms, r->order, r->has_order ? sizeof r->order : 0);
}

int32_t
jobs_begin(struct store *store, const struct job *job, struct b3iq_error *err)
{
	return store_write(store, begin, (void *)(uintptr_t)job, err);
}

struct ending {
	struct receipt           *receipt;
	const struct ed25519_key *key;
	struct buf               *envelope;
};

static int32_t
end_row(struct store_tx *tx, struct receipt *r, const char *state, const struct ed25519_key *key,
        struct buf *envelope, struct b3iq_error *err)
{
	int32_t rc = store_run(tx, err,
	                       "UPDATE job SET state = ?, code = ?, end_ms = ?, prompt_tokens = ?, "
	                       "output_tokens = ? WHERE receipt = ? AND state = 'running'",
	                       "siiiis", state, (int64_t)r->failure, (int64_t)r->end_ms,
	                       (int64_t)r->prompt_tokens, (int64_t)r->output_tokens, r->id);

	if (rc == B3IQ_OK && store_changes(tx) != 1)
		rc = fail(err, B3IQ_E_INTERNAL, "the job of receipt %s is not running", r->id);
	return rc == B3IQ_OK ? receipt_log_append(tx, r, key, envelope, NULL, err) : rc;
}

static int32_t
end(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct ending *e = arg;

	buf_clear(e->envelope); /* a group that is tried again starts afresh */
	return end_row(tx, e->receipt, e->receipt->kind == RECEIPT_FINAL ? "done" : "failed",
	               e->key, e->envelope, err);
}

int32_t
jobs_end(struct store *store, struct receipt *receipt, const struct ed25519_key *key,
         struct buf *envelope, struct b3iq_error *err)
{
	struct ending ending = { receipt, key, envelope };

	return store_write(store, end, &ending, err);
}

/* ---- after a crash ------------------------------------------------------- */

/* false: there is none. */
static bool
copy_digest(struct store_rows *rows, int column, uint8_t out[32])
{
	size_t len;
	const void *blob = store_blob(rows, column, &len);

	memset(out, 0, 32);
	if (len == 32)
		memcpy(out, blob, 32);
	return len == 32;
}

/* A failure receipt from what stood in the row: of its output it claims nothing. */
static void
lost_receipt(struct store_rows *rows, struct receipt *r)
{
	memset(r, 0, sizeof *r);
	r->kind = RECEIPT_FAILURE;
	r->failure = B3IQ_E_DIED;
	snprintf(r->id, sizeof r->id, "%s", store_text(rows, 0, NULL));
	snprintf(r->model, sizeof r->model, "%s", store_text(rows, 1, NULL));
	snprintf(r->engine, sizeof r->engine, "%s", store_text(rows, 2, NULL));
	snprintf(r->profile, sizeof r->profile, "none");
	copy_digest(rows, 3, r->params);
	copy_digest(rows, 4, r->prompt);
	copy_digest(rows, 5, r->output);
	r->seed = (uint64_t)store_int(rows, 6);
	r->seed_by_client = store_int(rows, 7) != 0;
	r->start_ms = (uint64_t)store_int(rows, 8);
	r->has_order = copy_digest(rows, 9, r->order);
	r->end_ms = clock_wall_ms();
	if (r->end_ms < r->start_ms) /* the clock was set back meanwhile */
		r->end_ms = r->start_ms;
	r->expires_ms = r->end_ms + JOBS_DISPUTE_MS;
	snprintf(r->price, sizeof r->price, "0");
	snprintf(r->amount, sizeof r->amount, "0");
	receipt_label(r);
}

struct recovery {
	const struct ed25519_key *key;
	bool                      more;
};

/* One of them, so that no transaction grows with their number. */
static int32_t
recover_one(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct recovery *recovery = arg;
	struct store_rows *rows;
	struct receipt r;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT receipt, model, engine, params, prompt, output, seed, "
	                 "seed_by_client, start_ms, ordered FROM job WHERE state = 'running' LIMIT 1",
	                 "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &recovery->more, err);
	if (rc != B3IQ_OK || !recovery->more)
		return rc;
	lost_receipt(rows, &r);
	store_end(rows);
	rc = end_row(tx, &r, "lost", recovery->key, NULL, err);
	return rc == B3IQ_OK ? audit_add(tx, "job.lost", r.id, "the node ended while it ran", err)
	                     : rc;
}

int32_t
jobs_recover(struct store *store, const struct ed25519_key *key, uint64_t *lost,
             struct b3iq_error *err)
{
	struct recovery recovery = { key, true };
	int32_t rc = B3IQ_OK;

	*lost = 0;
	while (rc == B3IQ_OK && recovery.more) {
		rc = store_write(store, recover_one, &recovery, err);
		*lost += rc == B3IQ_OK && recovery.more;
	}
	return rc;
}
