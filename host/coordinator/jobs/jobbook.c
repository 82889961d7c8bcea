#include "coordinator/jobs/jobbook.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"

#define PRIVATE_MAX (64u << 20)

static const char *const migrations[] = {
	"CREATE TABLE job("
	" seq INTEGER PRIMARY KEY,"
	" rev INTEGER NOT NULL,"
	" id TEXT NOT NULL UNIQUE,"
	" client TEXT NOT NULL,"
	" type TEXT NOT NULL,"
	" model TEXT NOT NULL,"
	" terms TEXT NOT NULL,"
	" phase INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL,"
	" faults INTEGER NOT NULL,"
	" worker TEXT NOT NULL,"
	" lease TEXT NOT NULL,"
	" lease_ms INTEGER NOT NULL,"
	" requested_ms INTEGER NOT NULL,"
	" queued_ms INTEGER NOT NULL,"
	" leased_ms INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL,"
	" ended_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL,"
	" error TEXT NOT NULL,"
	" stream INTEGER NOT NULL,"
	" max_tokens INTEGER NOT NULL,"
	" ordered BLOB NOT NULL,"
	" mode INTEGER NOT NULL,"
	" pay INTEGER NOT NULL,"
	" rate INTEGER NOT NULL,"
	" escrow INTEGER NOT NULL,"
	" amount INTEGER NOT NULL,"
	" cut INTEGER NOT NULL,"
	" units_ms INTEGER NOT NULL,"
	" units_tokens INTEGER NOT NULL,"
	" receipt TEXT NOT NULL,"
	" digest BLOB NOT NULL"
	") STRICT;"
	"CREATE INDEX job_live ON job(phase) WHERE phase < 4;"
	"CREATE INDEX job_client ON job(client, seq);"
	"CREATE INDEX job_worker ON job(worker, seq) WHERE worker <> '';"
	"CREATE TABLE job_private("
	" job INTEGER PRIMARY KEY REFERENCES job(seq) ON DELETE CASCADE,"
	" ended_ms INTEGER NOT NULL DEFAULT 0,"
	" payload TEXT NOT NULL,"
	" request TEXT NOT NULL,"
	" params TEXT NOT NULL,"
	" seed TEXT NOT NULL,"
	" order_text TEXT NOT NULL,"
	" secret BLOB NOT NULL,"
	" result TEXT,"
	" openings TEXT,"
	" message TEXT"
	") STRICT;"
	"CREATE INDEX job_private_ended ON job_private(ended_ms) WHERE ended_ms > 0;"
	"CREATE TABLE idempotency("
	" client TEXT NOT NULL,"
	" key BLOB NOT NULL,"
	" body BLOB NOT NULL,"
	" job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,"
	" created_ms INTEGER NOT NULL,"
	" PRIMARY KEY(client, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX idempotency_job ON idempotency(job);"
	"CREATE TABLE lease_secret(secret BLOB NOT NULL) STRICT;"
	"INSERT INTO lease_secret VALUES(randomblob(32))",
	NULL,
};

const struct store_module jobbook_module = { "jobs", migrations };

#define COLUMNS                                                                                    \
	"seq, rev, id, client, type, model, terms, phase, attempt, faults, worker, lease, "        \
	"lease_ms, requested_ms, queued_ms, leased_ms, started_ms, ended_ms, expires_ms, error, "  \
	"stream, max_tokens, ordered, mode, pay, rate, escrow, amount, cut, units_ms, "            \
	"units_tokens, receipt, digest"

/* ---- rows ------------------------------------------------------------------ */

static void
read_job(struct store_rows *rows, struct job *j)
{
	memset(j, 0, sizeof *j);
	j->seq = store_int(rows, 0);
	j->rev = store_int(rows, 1);
	store_copy_text(rows, 2, j->id, sizeof j->id);
	store_copy_text(rows, 3, j->client, sizeof j->client);
	store_copy_text(rows, 4, j->type, sizeof j->type);
	store_copy_text(rows, 5, j->model, sizeof j->model);
	store_copy_text(rows, 6, j->terms, sizeof j->terms);
	j->phase = (enum job_phase)store_int(rows, 7);
	j->attempt = (uint32_t)store_int(rows, 8);
	j->faults = (uint32_t)store_int(rows, 9);
	store_copy_text(rows, 10, j->worker, sizeof j->worker);
	store_copy_text(rows, 11, j->lease, sizeof j->lease);
	j->lease_ms = (uint64_t)store_int(rows, 12);
	j->requested_ms = (uint64_t)store_int(rows, 13);
	j->queued_ms = (uint64_t)store_int(rows, 14);
	j->leased_ms = (uint64_t)store_int(rows, 15);
	j->started_ms = (uint64_t)store_int(rows, 16);
	j->ended_ms = (uint64_t)store_int(rows, 17);
	j->expires_ms = (uint64_t)store_int(rows, 18);
	store_copy_text(rows, 19, j->error, sizeof j->error);
	j->stream = store_int(rows, 20) != 0;
	j->max_tokens = (uint32_t)store_int(rows, 21);
	store_copy_blob(rows, 22, j->order, sizeof j->order);
	j->mode = (enum job_mode)store_int(rows, 23);
	j->pay = (enum job_pay)store_int(rows, 24);
	j->rate = (uint64_t)store_int(rows, 25);
	j->escrow = (uint64_t)store_int(rows, 26);
	j->amount = (uint64_t)store_int(rows, 27);
	j->cut = (uint64_t)store_int(rows, 28);
	j->units_ms = (uint64_t)store_int(rows, 29);
	j->units_tokens = (uint64_t)store_int(rows, 30);
	store_copy_text(rows, 31, j->receipt, sizeof j->receipt);
	store_copy_blob(rows, 32, j->digest, sizeof j->digest);
}

static int32_t
one(struct store_rows *rows, struct job *out, const char *id, struct b3iq_error *err)
{
	bool row;
	const int32_t rc = store_next(rows, &row, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no job %.40s", id);
	read_job(rows, out);
	store_end(rows);
	return B3IQ_OK;
}

int32_t
jobbook_get(struct store_tx *tx, const char *id, struct job *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	const int32_t rc = store_query(tx, &rows, err, "SELECT " COLUMNS " FROM job WHERE id = ?",
	                               "s", id);

	return rc == B3IQ_OK ? one(rows, out, id, err) : rc;
}

int32_t
jobbook_get_seq(struct store_tx *tx, int64_t seq, struct job *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	const int32_t rc = store_query(tx, &rows, err, "SELECT " COLUMNS " FROM job WHERE seq = ?",
	                               "i", seq);

	return rc == B3IQ_OK ? one(rows, out, "with this number", err) : rc;
}

/* ---- insert ----------------------------------------------------------------- */

static int32_t
find_retry(struct store_tx *tx, const char *client, const struct jobbook_retry *retry,
           char known[JOB_ID_SIZE], struct b3iq_error *err)
{
	struct store_rows *rows;
	const void *body;
	size_t len;
	bool row, same;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT job, body FROM idempotency WHERE client = ? AND key = ?",
	                         "sb", client, retry->key, sizeof retry->key);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	body = store_blob(rows, 1, &len);
	same = len == sizeof retry->body && memcmp(body, retry->body, len) == 0;
	store_copy_text(rows, 0, known, JOB_ID_SIZE);
	store_end(rows);
	return same ? B3IQ_OK
	            : fail(err, B3IQ_E_INVALID,
	                   "this Idempotency-Key was used for another request; take a new one");
}

static int32_t
insert_row(struct store_tx *tx, struct job *j, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(
		tx, &rows, err,
		"INSERT INTO job(rev, id, client, type, model, terms, phase, attempt, faults, "
		"worker, lease, lease_ms, requested_ms, queued_ms, leased_ms, started_ms, ended_ms, "
		"expires_ms, error, stream, max_tokens, ordered, mode, pay, rate, escrow, amount, "
		"cut, units_ms, units_tokens, receipt, digest) "
		"VALUES(1,?,?,?,?,?,?,0,0,'','',0,?,?,0,0,0,?,'',?,?,?,?,?,?,?,0,0,0,0,'',x'') "
		"RETURNING seq",
		"sssssiiiiiibiiii", j->id, j->client, j->type, j->model, j->terms,
		(int64_t)j->phase, (int64_t)j->requested_ms, (int64_t)j->queued_ms,
		(int64_t)j->expires_ms, (int64_t)j->stream, (int64_t)j->max_tokens, j->order,
		sizeof j->order, (int64_t)j->mode, (int64_t)j->pay, (int64_t)j->rate,
		(int64_t)j->escrow);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	j->seq = store_int(rows, 0);
	j->rev = 1;
	store_end(rows);
	return B3IQ_OK;
}

int32_t
jobbook_insert(struct store_tx *tx, struct job *j, const struct jobbook_private *p,
               const struct jobbook_retry *retry, char known[JOB_ID_SIZE], struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	known[0] = '\0';
	if (retry)
		rc = find_retry(tx, j->client, retry, known, err);
	if (rc != B3IQ_OK || known[0])
		return rc;
	rc = insert_row(tx, j, err);
	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "INSERT INTO job_private(job, payload, request, params, seed, "
		               "order_text, secret) VALUES(?,?,?,?,?,?,?)",
		               "isssssb", j->seq, p->payload, p->request, p->params, p->seed,
		               p->order_text, p->secret, sizeof p->secret);
	if (rc == B3IQ_OK && retry)
		rc = store_run(tx, err,
		               "INSERT INTO idempotency(client, key, body, job, created_ms) "
		               "VALUES(?,?,?,?,?)",
		               "sbbsi", j->client, retry->key, sizeof retry->key, retry->body,
		               sizeof retry->body, j->id, (int64_t)j->requested_ms);
	return rc;
}

/* ---- change ----------------------------------------------------------------- */

static int32_t
save(struct store_tx *tx, struct job *j, struct b3iq_error *err)
{
	int32_t rc = store_run(
		tx, err,
		"UPDATE job SET rev = rev + 1, phase = ?, attempt = ?, faults = ?, worker = ?, "
		"lease = ?, lease_ms = ?, queued_ms = ?, leased_ms = ?, started_ms = ?, ended_ms = ?, "
		"error = ?, pay = ?, amount = ?, cut = ?, units_ms = ?, units_tokens = ?, "
		"receipt = ?, digest = ? WHERE seq = ? AND rev = ?",
		"iiissiiiiisiiiiisbii", (int64_t)j->phase, (int64_t)j->attempt, (int64_t)j->faults,
		j->worker, j->lease, (int64_t)j->lease_ms, (int64_t)j->queued_ms,
		(int64_t)j->leased_ms, (int64_t)j->started_ms, (int64_t)j->ended_ms, j->error,
		(int64_t)j->pay, (int64_t)j->amount, (int64_t)j->cut, (int64_t)j->units_ms,
		(int64_t)j->units_tokens, j->receipt, j->digest, sizeof j->digest, j->seq, j->rev);

	if (rc == B3IQ_OK && store_changes(tx) != 1)
		return fail(err, B3IQ_E_BUSY, "the job changed meanwhile; try again");
	j->rev++;
	return rc;
}

int32_t
jobbook_change(struct store_tx *tx, const char *id, jobbook_fn *apply, void *arg, struct job *out,
               struct b3iq_error *err)
{
	struct job j;
	bool ended;
	int32_t rc = jobbook_get(tx, id, out, err);

	if (rc != B3IQ_OK)
		return rc;
	j = *out;
	ended = job_ended(&j);
	rc = apply(tx, &j, arg, err);
	if (rc == B3IQ_OK)
		rc = save(tx, &j, err);
	if (rc == B3IQ_OK && !ended && job_ended(&j))
		rc = store_run(tx, err, "UPDATE job_private SET ended_ms = ? WHERE job = ?", "ii",
		               (int64_t)j.ended_ms, j.seq);
	if (rc == B3IQ_OK)
		*out = j;
	return rc;
}

int32_t
jobbook_put_result(struct store_tx *tx, int64_t seq, const char *result, size_t len,
                   const char *openings, size_t openings_len, struct b3iq_error *err)
{
	return store_run(tx, err,
	                 "UPDATE job_private SET result = ?, openings = ? WHERE job = ?", "tti",
	                 result, len, openings, openings_len, seq);
}

int32_t
jobbook_put_message(struct store_tx *tx, int64_t seq, const char *message, struct b3iq_error *err)
{
	return store_run(tx, err, "UPDATE job_private SET message = ? WHERE job = ?", "si", message,
	                 seq);
}

int32_t
jobbook_remove(struct store_tx *tx, const char *id, struct b3iq_error *err)
{
	return store_run(tx, err, "DELETE FROM job WHERE id = ?", "s", id);
}

int32_t
jobbook_forget_old(struct store_tx *tx, uint64_t before_ms, int64_t *n, struct b3iq_error *err)
{
	int32_t rc = store_run(tx, err,
	                       "DELETE FROM job_private WHERE ended_ms > 0 AND ended_ms < ?", "i",
	                       (int64_t)before_ms);

	*n = rc == B3IQ_OK ? store_changes(tx) : 0;
	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "DELETE FROM idempotency WHERE created_ms < ? AND job IN "
		               "(SELECT id FROM job WHERE ended_ms > 0 AND ended_ms < ?)",
		               "ii", (int64_t)before_ms, (int64_t)before_ms);
	return rc;
}

/* ---- private rows ------------------------------------------------------------- */

static struct buf *
field(struct jobbook_secrets *s, size_t i)
{
	struct buf *const all[] = { &s->payload,    &s->request, &s->params,   &s->seed,
		                    &s->order_text, &s->result,  &s->openings, &s->message };

	return i < sizeof all / sizeof *all ? all[i] : NULL;
}

void
jobbook_secrets_init(struct jobbook_secrets *s)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; field(s, i); i++)
		buf_init(field(s, i), PRIVATE_MAX);
}

void
jobbook_secrets_wipe(struct jobbook_secrets *s)
{
	for (size_t i = 0; field(s, i); i++)
		buf_wipe(field(s, i));
	memset(s->secret, 0, sizeof s->secret);
}

int32_t
jobbook_get_secrets(struct store_tx *tx, int64_t seq, struct jobbook_secrets *out,
                    struct b3iq_error *err)
{
	struct store_rows *rows;
	const char *s;
	size_t len;
	bool row;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT payload, request, params, seed, order_text, result, "
	                         "openings, message, secret FROM job_private WHERE job = ?",
	                         "i", seq);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "prompt and result of this job have been deleted: their time is over");
	for (int i = 0; field(out, (size_t)i); i++) {
		s = store_text(rows, i, &len);
		if (s && len && buf_append(field(out, (size_t)i), s, len) != B3IQ_OK)
			rc = fail_memory(err, "reading a job");
	}
	store_copy_blob(rows, 8, out->secret, sizeof out->secret);
	store_end(rows);
	return rc;
}

/* ---- lists -------------------------------------------------------------------- */

/* One text for each index: by client, by worker, or all. */
#define REST                                                                                       \
	" AND (?2 = '' OR type = ?2) AND (?3 < 0 OR phase = ?3) AND requested_ms >= ?4 "           \
	"AND (?5 = 0 OR requested_ms <= ?5)"
#define OF_CLIENT " FROM job WHERE client = ?1" REST
#define OF_WORKER " FROM job WHERE worker = ?1 AND worker <> ''" REST
#define OF_ALL    " FROM job WHERE ?1 = ''" REST
#define PAGE      " ORDER BY seq DESC LIMIT ?6 OFFSET ?7"

static int32_t
each_row(struct store_rows *rows, jobbook_each_fn *each, void *arg, struct b3iq_error *err)
{
	struct job job;
	bool row = true;
	int32_t rc = B3IQ_OK;

	while (rc == B3IQ_OK && (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		read_job(rows, &job);
		rc = each(arg, &job, err);
	}
	return rc;
}

static int32_t
count_all(struct store_tx *tx, const struct jobbook_filter *f, int64_t *total,
          struct b3iq_error *err)
{
	const char *whose = f->client[0] ? f->client : f->worker;
	const char *sql = f->client[0]   ? "SELECT count(*)" OF_CLIENT
	                  : f->worker[0] ? "SELECT count(*)" OF_WORKER
	                                 : "SELECT count(*)" OF_ALL;
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, sql, "ssiii", whose, f->type, (int64_t)f->phase,
	                         (int64_t)f->from_ms, (int64_t)f->to_ms);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK) {
		*total = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

int32_t
jobbook_list(struct store_tx *tx, const struct jobbook_filter *f, jobbook_each_fn *each, void *arg,
             int64_t *total, struct b3iq_error *err)
{
	const char *whose = f->client[0] ? f->client : f->worker;
	const char *sql = f->client[0]   ? "SELECT " COLUMNS OF_CLIENT PAGE
	                  : f->worker[0] ? "SELECT " COLUMNS OF_WORKER PAGE
	                                 : "SELECT " COLUMNS OF_ALL PAGE;
	struct store_rows *rows;
	int32_t rc = total ? count_all(tx, f, total, err) : B3IQ_OK;

	if (rc == B3IQ_OK)
		rc = store_query(tx, &rows, err, sql, "ssiiiii", whose, f->type, (int64_t)f->phase,
		                 (int64_t)f->from_ms, (int64_t)f->to_ms, f->limit, f->offset);
	return rc == B3IQ_OK ? each_row(rows, each, arg, err) : rc;
}

int32_t
jobbook_live(struct store_tx *tx, jobbook_each_fn *each, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	const int32_t rc = store_query(tx, &rows, err,
	                               "SELECT " COLUMNS " FROM job WHERE phase < 4 ORDER BY seq",
	                               "");

	return rc == B3IQ_OK ? each_row(rows, each, arg, err) : rc;
}

int32_t
jobbook_stats(struct store_tx *tx, int64_t count[JOB_PHASES_N], int64_t *paid, int64_t *mean_ms,
              struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = true;
	int64_t phase;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT phase, count(*), coalesce(sum(CASE WHEN pay = 4 THEN "
	                         "amount ELSE 0 END), 0), coalesce(avg(units_ms), 0) "
	                         "FROM job GROUP BY phase",
	                         "");

	memset(count, 0, JOB_PHASES_N * sizeof *count);
	*paid = *mean_ms = 0;
	while (rc == B3IQ_OK && (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		phase = store_int(rows, 0);
		if (phase < 0 || phase >= JOB_PHASES_N)
			continue;
		count[phase] = store_int(rows, 1);
		*paid += store_int(rows, 2);
		if (phase == JOB_COMPLETED)
			*mean_ms = store_int(rows, 3);
	}
	return rc;
}

int32_t
jobbook_lease_secret(struct store_tx *tx, uint8_t out[32], struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT secret FROM lease_secret", "");

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		store_copy_blob(rows, 0, out, 32);
		store_end(rows);
	}
	return rc;
}
