#include "node/audit.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/sha256.h"

#define EVENT_MAX 8192

static const char domain[] = "b3iq.audit/1\n";

static const char *const migrations[] = {
	"CREATE TABLE audit_event("
	" seq INTEGER PRIMARY KEY,"
	" time_ms INTEGER NOT NULL,"
	" kind TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" detail TEXT NOT NULL,"
	" hash BLOB NOT NULL CHECK(length(hash) = 32)"
	") STRICT",
	NULL,
};

const struct store_module audit_module = { "audit", migrations };

static int32_t
event_hash(const uint8_t prev[32], const struct audit_event *e, uint8_t out[32],
           struct b3iq_error *err)
{
	struct json_object *doc = json_object_new_object();
	struct sha256 hash;
	struct buf text;
	int32_t rc = B3IQ_E_NO_MEMORY;

	buf_init(&text, EVENT_MAX);
	if (doc && json_put_int(doc, "seq", (int64_t)e->seq) == B3IQ_OK &&
	    json_put_int(doc, "time_ms", (int64_t)e->time_ms) == B3IQ_OK &&
	    json_put_string(doc, "kind", e->kind) == B3IQ_OK &&
	    json_put_string(doc, "subject", e->subject) == B3IQ_OK &&
	    json_put_string(doc, "detail", e->detail) == B3IQ_OK)
		rc = json_canonical(doc, &text, err);
	json_object_put(doc);
	if (rc == B3IQ_OK) {
		sha256_begin(&hash);
		sha256_add(&hash, domain, sizeof domain - 1);
		sha256_add(&hash, prev, 32);
		sha256_add(&hash, text.data, text.len);
		rc = sha256_end(&hash, out);
	}
	buf_free(&text);
	return rc == B3IQ_E_NO_MEMORY ? fail_memory(err, "hashing an audit event") : rc;
}

/* The last event's number and hash; 0 and zeros when there is none. */
static int32_t
head(struct store_tx *tx, uint64_t *seq, uint8_t hash[32], struct b3iq_error *err)
{
	struct store_rows *rows;
	const void *blob;
	size_t len;
	bool row;
	int32_t rc;

	*seq = 0;
	memset(hash, 0, 32);
	rc = store_query(tx, &rows, err,
	                 "SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	*seq = (uint64_t)store_int(rows, 0);
	blob = store_blob(rows, 1, &len);
	if (len == 32)
		memcpy(hash, blob, 32);
	store_end(rows);
	return B3IQ_OK;
}

int32_t
audit_add(struct store_tx *tx, const char *kind, const char *subject, const char *detail,
          struct b3iq_error *err)
{
	struct audit_event e = { .time_ms = clock_wall_ms(), .kind = kind, .subject = subject,
	                         .detail = detail };
	uint8_t prev[32], hash[32];
	int32_t rc = head(tx, &e.seq, prev, err);

	e.seq++;
	if (rc == B3IQ_OK)
		rc = event_hash(prev, &e, hash, err);
	if (rc != B3IQ_OK)
		return rc;
	return store_run(tx, err,
	                 "INSERT INTO audit_event(seq, time_ms, kind, subject, detail, hash) "
	                 "VALUES(?,?,?,?,?,?)",
	                 "iisssb", (int64_t)e.seq, (int64_t)e.time_ms, kind, subject, detail, hash,
	                 sizeof hash);
}

struct line {
	const char *kind, *subject, *detail;
};

static int32_t
write_line(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct line *l = arg;

	return audit_add(tx, l->kind, l->subject, l->detail, err);
}

int32_t
audit_write(struct store *store, const char *kind, const char *subject, const char *detail,
            struct b3iq_error *err)
{
	struct line line = { kind, subject, detail };

	return store_write(store, write_line, &line, err);
}

struct walk {
	uint64_t before;
	uint32_t limit;
	int32_t (*each)(void *, const struct audit_event *);
	void    *arg;
	uint64_t count;
};

static void
read_event(struct store_rows *rows, struct audit_event *e)
{
	*e = (struct audit_event){
		.seq = (uint64_t)store_int(rows, 0),
		.time_ms = (uint64_t)store_int(rows, 1),
		.kind = store_text(rows, 2, NULL),
		.subject = store_text(rows, 3, NULL),
		.detail = store_text(rows, 4, NULL),
	};
}

static int32_t
list(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct walk *w = arg;
	struct store_rows *rows;
	struct audit_event e;
	bool row = true;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT seq, time_ms, kind, subject, detail FROM audit_event "
	                 "WHERE seq < ? ORDER BY seq DESC LIMIT ?",
	                 "ii", w->before ? (int64_t)w->before : INT64_MAX, (int64_t)w->limit);
	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		read_event(rows, &e);
		rc = w->each(w->arg, &e);
	}
	return rc;
}

int32_t
audit_list(struct store *store, uint64_t before, uint32_t limit,
           int32_t (*each)(void *, const struct audit_event *), void *arg, struct b3iq_error *err)
{
	struct walk walk = { before, limit, each, arg, 0 };

	return store_read(store, list, &walk, err);
}

static int32_t
verify(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct walk *w = arg;
	struct store_rows *rows;
	struct audit_event e;
	uint8_t prev[32] = { 0 }, hash[32];
	const void *stored;
	bool row = true;
	size_t len;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT seq, time_ms, kind, subject, detail, hash FROM audit_event "
	                 "ORDER BY seq",
	                 "");
	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		read_event(rows, &e);
		rc = event_hash(prev, &e, hash, err);
		stored = store_blob(rows, 5, &len);
		if (rc == B3IQ_OK &&
		    (e.seq != w->count + 1 || len != 32 || memcmp(stored, hash, 32)))
			rc = fail(err, B3IQ_E_INVALID,
			          "the audit chain does not hold at event %llu: it or one before "
			          "it was "
			          "changed or removed",
			          (unsigned long long)e.seq);
		memcpy(prev, hash, 32);
		w->count++;
	}
	return rc;
}

int32_t
audit_verify(struct store *store, uint64_t *count, struct b3iq_error *err)
{
	struct walk walk = { 0 };
	const int32_t rc = store_read(store, verify, &walk, err);

	*count = walk.count;
	return rc;
}
