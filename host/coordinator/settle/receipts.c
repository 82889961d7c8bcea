#include "coordinator/settle/receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "coordinator/settle/steps.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/merkle.h"
#include "core/tx/amount.h"

static const char *const migrations[] = {
	"CREATE TABLE batch("
	" seq INTEGER PRIMARY KEY,"
	" root BLOB NOT NULL,"
	" count INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" ref TEXT NOT NULL DEFAULT '',"
	" height INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE TABLE receipt("
	" seq INTEGER PRIMARY KEY,"
	" job INTEGER NOT NULL UNIQUE,"
	" id TEXT NOT NULL UNIQUE,"
	" leaf BLOB NOT NULL UNIQUE CHECK(length(leaf) = 32),"
	" output BLOB NOT NULL,"
	" envelope TEXT,"
	" verdict TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" batch INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE INDEX receipt_batch ON receipt(batch, seq)",
	NULL,
};

const struct store_module receipts_module = { "receipts", migrations };

static int32_t
is_known(struct store_tx *tx, const uint8_t leaf[32], struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT 1 FROM receipt WHERE leaf = ?", "b", leaf,
	                         (size_t)32);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	store_end(rows);
	return fail(err, B3IQ_E_INVALID, "this receipt was handed in for another job");
}

int32_t
receipts_add(struct store_tx *tx, const struct receipts_new *r, struct b3iq_error *err)
{
	const int32_t rc = is_known(tx, r->leaf, err);

	if (rc != B3IQ_OK)
		return rc;
	return store_run(tx, err,
	                 "INSERT INTO receipt(job, id, leaf, output, envelope, verdict, created_ms) "
	                 "VALUES(?,?,?,?,?,?,?)",
	                 "isbbssi", r->job, r->id, r->leaf, (size_t)32, r->output, (size_t)32,
	                 r->envelope ? r->envelope->data : NULL, r->verdict->data,
	                 (int64_t)r->now_ms);
}

/* ---- batches ------------------------------------------------------------------- */

static int32_t
collect(struct store_tx *tx, int64_t batch, uint8_t *leaves, uint32_t *count, uint64_t *oldest_ms,
        int64_t *last, struct b3iq_error *err)
{
	struct store_rows *rows;
	const void *leaf;
	bool row = true;
	size_t len;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT leaf, created_ms, seq FROM receipt WHERE batch = ? "
	                         "ORDER BY seq LIMIT ?",
	                         "ii", batch, (int64_t)RECEIPTS_BATCH);

	*count = 0;
	while (rc == B3IQ_OK && *count < RECEIPTS_BATCH &&
	       (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		leaf = store_blob(rows, 0, &len);
		if (len == 32)
			memcpy(leaves + 32 * (*count)++, leaf, 32);
		if (*count == 1)
			*oldest_ms = (uint64_t)store_int(rows, 1);
		*last = store_int(rows, 2);
	}
	return rc;
}

static int32_t
new_batch(struct store_tx *tx, const uint8_t root[32], uint32_t count, uint64_t now_ms,
          int64_t *batch, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc = store_query(tx, &rows, err,
	                         "INSERT INTO batch(root, count, created_ms) VALUES(?,?,?) "
	                         "RETURNING seq",
	                         "bii", root, (size_t)32, (int64_t)count, (int64_t)now_ms);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK) {
		*batch = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

int32_t
receipts_batch(struct store_tx *tx, uint32_t least, uint64_t before_ms, uint64_t now_ms,
               int64_t *batch, uint8_t root[32], uint32_t *count, struct b3iq_error *err)
{
	uint8_t leaves[RECEIPTS_BATCH * 32];
	uint64_t oldest_ms = 0;
	int64_t last = 0;
	int32_t rc = collect(tx, 0, leaves, count, &oldest_ms, &last, err);

	*batch = 0;
	if (rc != B3IQ_OK || !*count || (*count < least && oldest_ms >= before_ms))
		return rc;
	rc = merkle_root_of(leaves, *count, root);
	if (rc == B3IQ_OK)
		rc = new_batch(tx, root, *count, now_ms, batch, err);
	if (rc == B3IQ_OK)
		rc = store_run(tx, err, "UPDATE receipt SET batch = ? WHERE batch = 0 AND seq <= ?",
		               "ii", *batch, last);
	return rc;
}

int32_t
receipts_anchored(struct store_tx *tx, int64_t batch, const char *ref, uint64_t height,
                  struct b3iq_error *err)
{
	return store_run(tx, err, "UPDATE batch SET ref = ?, height = ? WHERE seq = ?", "sii", ref,
	                 (int64_t)height, batch);
}

/* ---- the view -------------------------------------------------------------------- */

struct row {
	char     id[JOB_RECEIPT_SIZE];
	uint8_t  leaf[32], output[32], root[32];
	struct json_object *envelope, *verdict;
	int64_t  batch;
	char     ref[128];
	uint64_t height;
	bool     anchored;
};

static struct json_object *
parse(struct store_rows *rows, int column)
{
	struct json_object *o = NULL;
	size_t len;
	const char *text = store_text(rows, column, &len);

	if (text)
		json_parse(text, len, "a receipt", &o, NULL);
	return o;
}

static int32_t
read_row(struct store_tx *tx, const struct job *j, struct row *r, struct b3iq_error *err)
{
	struct store_rows *rows;
	const void *b;
	size_t len;
	bool row;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT r.id, r.leaf, r.output, r.envelope, r.verdict, r.batch, "
	                         "b.root, b.ref, b.height FROM receipt r "
	                         "LEFT JOIN batch b ON b.seq = r.batch WHERE r.job = ?",
	                         "i", j->seq);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "receipt not available");
	snprintf(r->id, sizeof r->id, "%s", store_text(rows, 0, NULL));
	for (int i = 0; i < 3; i++) {
		b = store_blob(rows, i == 2 ? 6 : i + 1, &len);
		if (b && len == 32)
			memcpy(i == 0 ? r->leaf : i == 1 ? r->output : r->root, b, 32);
	}
	r->envelope = parse(rows, 3);
	r->verdict = parse(rows, 4);
	r->batch = store_int(rows, 5);
	if (store_text(rows, 7, NULL))
		snprintf(r->ref, sizeof r->ref, "%s", store_text(rows, 7, NULL));
	r->height = (uint64_t)store_int(rows, 8);
	r->anchored = r->batch && r->ref[0];
	store_end(rows);
	return B3IQ_OK;
}

static int32_t
put_hex(struct json_object *to, const char *key, const uint8_t bytes[32])
{
	char hex[65];

	hex_encode(bytes, 32, hex);
	return json_put_string(to, key, hex);
}

/* Where the leaf stands in its batch: {"batch","root","index","count","path","ref","height"}. */
static int32_t
put_anchor(struct store_tx *tx, struct json_object *to, const struct row *r, struct b3iq_error *err)
{
	uint8_t leaves[RECEIPTS_BATCH * 32];
	struct merkle_proof proof;
	struct json_object *o = json_object_new_object(), *path = json_object_new_array();
	uint64_t oldest_ms = 0, at = 0;
	uint32_t count = 0;
	int64_t last;
	int32_t rc = collect(tx, r->batch, leaves, &count, &oldest_ms, &last, err);

	while (at < count && memcmp(leaves + 32 * at, r->leaf, 32) != 0)
		at++;
	if (rc == B3IQ_OK)
		rc = merkle_prove(leaves, count, at, &proof);
	for (size_t i = 0; rc == B3IQ_OK && i < proof.depth; i++) {
		char hex[65];

		hex_encode(proof.path[i], 32, hex);
		rc = json_add(path, json_object_new_string(hex));
	}
	if (rc == B3IQ_OK)
		rc = json_put(o, "path", json_object_get(path));
	if (rc == B3IQ_OK)
		rc = put_hex(o, "root", r->root);
	if (rc == B3IQ_OK && (json_put_int(o, "index", (int64_t)at) ||
	                      json_put_int(o, "count", count) || json_put_int(o, "batch", r->batch) ||
	                      json_put_int(o, "height", (int64_t)r->height) ||
	                      json_put_string(o, "ref", r->ref) ||
	                      json_put(to, "anchor", json_object_get(o))))
		rc = B3IQ_E_NO_MEMORY;
	json_object_put(o);
	json_object_put(path);
	return rc;
}

static int32_t
put_money(struct store_tx *tx, struct json_object *o, const struct job *j, const struct row *r)
{
	struct b3iq_error none = NO_ERROR;
	struct step paid = { 0 };
	char text[AMOUNT_SHOW], units[AMOUNT_SIZE];
	int32_t rc;

	amount_show_short(j->amount, text);
	amount_write(j->amount, units);
	if (steps_find(tx, j->seq, STEP_RELEASE, &paid, &none) != B3IQ_OK || paid.state != STEP_DONE)
		paid.height = 0;
	rc = json_put_string(o, "amount_paid", text);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "amount_units", units);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "payment_status", job_pay_name(j->pay));
	if (rc == B3IQ_OK && paid.height)
		rc = json_put_string(o, "transaction_hash", paid.ref);
	if (rc == B3IQ_OK)
		rc = json_put_or_null(o, "block_height",
		                      paid.height  ? json_object_new_int64((int64_t)paid.height)
		                      : r->height ? json_object_new_int64((int64_t)r->height)
		                                  : NULL);
	return rc;
}

static struct json_object *
write_view(struct store_tx *tx, const struct job *j, struct row *r, struct b3iq_error *err)
{
	struct json_object *o = json_object_new_object();
	char when[25];

	clock_iso(j->ended_ms, when);
	if (o && json_put_string(o, "receipt_id", r->id) == B3IQ_OK &&
	    json_put_string(o, "job_id", j->id) == B3IQ_OK &&
	    json_put_string(o, "client", j->client) == B3IQ_OK &&
	    json_put_string(o, "miner", j->worker) == B3IQ_OK &&
	    json_put_string(o, "provider", j->worker) == B3IQ_OK &&
	    json_put_string(o, "model", j->model) == B3IQ_OK &&
	    put_money(tx, o, j, r) == B3IQ_OK && put_hex(o, "result_hash", r->output) == B3IQ_OK &&
	    put_hex(o, "order", j->order) == B3IQ_OK &&
	    json_put_string(o, "timestamp", when) == B3IQ_OK &&
	    json_put_int(o, "units_ms", (int64_t)j->units_ms) == B3IQ_OK &&
	    json_put_int(o, "units_tokens", (int64_t)j->units_tokens) == B3IQ_OK &&
	    json_put_bool(o, "verified", r->envelope != NULL) == B3IQ_OK &&
	    json_put_or_null(o, "node_receipt", json_object_get(r->envelope)) == B3IQ_OK &&
	    json_put(o, "verdict", json_object_get(r->verdict)) == B3IQ_OK &&
	    (!r->anchored || put_anchor(tx, o, r, err) == B3IQ_OK))
		return o;
	json_object_put(o);
	return NULL;
}

int32_t
receipts_view(struct store_tx *tx, const struct job *j, struct json_object **out,
              struct b3iq_error *err)
{
	struct row r = { .batch = 0 };
	int32_t rc = read_row(tx, j, &r, err);

	*out = NULL;
	if (rc == B3IQ_OK) {
		*out = write_view(tx, j, &r, err);
		rc = *out ? B3IQ_OK : fail_memory(err, "reading a receipt");
	}
	json_object_put(r.envelope);
	json_object_put(r.verdict);
	return rc;
}
