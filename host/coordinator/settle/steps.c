#include "coordinator/settle/steps.h"

#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/crypto/sha256.h"

static const char *const migrations[] = {
	"CREATE TABLE step("
	" seq INTEGER PRIMARY KEY,"
	" key BLOB NOT NULL UNIQUE,"
	" job INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" again INTEGER NOT NULL,"
	" tries INTEGER NOT NULL,"
	" digest BLOB NOT NULL,"
	" subject TEXT NOT NULL,"
	" signer TEXT NOT NULL,"
	" payee TEXT NOT NULL,"
	" amount INTEGER NOT NULL,"
	" extra TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL,"
	" done_ms INTEGER NOT NULL,"
	" ref TEXT NOT NULL,"
	" height INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX step_open ON step(due_ms) WHERE state < 2;"
	"CREATE INDEX step_job ON step(job, kind, seq) WHERE job > 0",
	"ALTER TABLE step ADD COLUMN invalid INTEGER NOT NULL DEFAULT 0",
	NULL,
};

const struct store_module steps_module = { "steps", migrations };

#define COLUMNS                                                                                    \
	"seq, key, job, kind, state, again, tries, digest, subject, signer, payee, amount, extra, " \
	"created_ms, due_ms, done_ms, ref, height, invalid"

static const char *const names[] = { "open", "release", "refund", "commit" };

const char *
step_name(enum step_kind k)
{
	return names[k];
}

static int32_t
make_key(struct step *s)
{
	char text[96];
	const int n = s->again ? snprintf(text, sizeof text, "b3iq.step/1\n%s/%s#%u", s->subject,
	                                  names[s->kind], s->again)
	                       : snprintf(text, sizeof text, "b3iq.step/1\n%s/%s", s->subject,
	                                  names[s->kind]);

	return sha256(text, (size_t)n, s->key);
}

int32_t
steps_escrow_id(const char *job, uint8_t out[32])
{
	char text[64];
	const int n = snprintf(text, sizeof text, "b3iq.escrow/1\n%s", job);

	return sha256(text, (size_t)n, out);
}

int32_t
steps_add(struct store_tx *tx, struct step *s, struct b3iq_error *err)
{
	const int32_t rc = make_key(s);

	if (rc != B3IQ_OK)
		return fail_memory(err, "recording a step");
	return store_run(tx, err,
	                 "INSERT OR IGNORE INTO step(key, job, kind, state, again, tries, digest, "
	                 "subject, signer, payee, amount, extra, created_ms, due_ms, done_ms, ref, "
	                 "height) VALUES(?,?,?,0,?,0,?,?,?,?,?,?,?,?,0,'',0)",
	                 "biiibsssisii", s->key, sizeof s->key, s->job, (int64_t)s->kind,
	                 (int64_t)s->again, s->digest, sizeof s->digest, s->subject, s->signer,
	                 s->to, (int64_t)s->amount, s->extra, (int64_t)s->created_ms,
	                 (int64_t)s->due_ms);
}

int32_t
steps_save(struct store_tx *tx, const struct step *s, struct b3iq_error *err)
{
	return store_run(tx, err,
	                 "UPDATE step SET state = ?, tries = ?, due_ms = ?, done_ms = ?, ref = ?, "
	                 "height = ?, invalid = ? WHERE seq = ?",
	                 "iiiisiii", (int64_t)s->state, (int64_t)s->tries, (int64_t)s->due_ms,
	                 (int64_t)s->done_ms, s->ref, (int64_t)s->height,
	                 (int64_t)s->invalid, s->seq);
}

static void
read_step(struct store_rows *rows, struct step *s)
{
	memset(s, 0, sizeof *s);
	s->seq = store_int(rows, 0);
	store_copy_blob(rows, 1, s->key, sizeof s->key);
	s->job = store_int(rows, 2);
	s->kind = (enum step_kind)store_int(rows, 3);
	s->state = (enum step_state)store_int(rows, 4);
	s->again = (uint32_t)store_int(rows, 5);
	s->tries = (uint32_t)store_int(rows, 6);
	store_copy_blob(rows, 7, s->digest, sizeof s->digest);
	store_copy_text(rows, 8, s->subject, sizeof s->subject);
	store_copy_text(rows, 9, s->signer, sizeof s->signer);
	store_copy_text(rows, 10, s->to, sizeof s->to);
	s->amount = (uint64_t)store_int(rows, 11);
	store_copy_text(rows, 12, s->extra, sizeof s->extra);
	s->created_ms = (uint64_t)store_int(rows, 13);
	s->due_ms = (uint64_t)store_int(rows, 14);
	s->done_ms = (uint64_t)store_int(rows, 15);
	store_copy_text(rows, 16, s->ref, sizeof s->ref);
	s->height = (uint64_t)store_int(rows, 17);
	s->invalid = (uint32_t)store_int(rows, 18);
}

int32_t
steps_open(struct store_tx *tx, struct step *out, size_t max, size_t *n, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = true;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT " COLUMNS " FROM step WHERE state < 2 "
	                         "ORDER BY due_ms LIMIT ?",
	                         "i", (int64_t)max);

	*n = 0;
	while (rc == B3IQ_OK && *n < max && (rc = store_next(rows, &row, err)) == B3IQ_OK && row)
		read_step(rows, &out[(*n)++]);
	return rc;
}

int32_t
steps_find(struct store_tx *tx, int64_t job, enum step_kind kind, struct step *out,
           struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT " COLUMNS " FROM step WHERE job = ? AND kind = ? AND job > 0 "
	                         "ORDER BY seq DESC LIMIT 1",
	                         "ii", job, (int64_t)kind);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no such step");
	read_step(rows, out);
	store_end(rows);
	return B3IQ_OK;
}

int32_t
steps_count_open(struct store_tx *tx, int64_t *n, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT count(*) FROM step WHERE state < 2", "");

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK) {
		*n = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}
