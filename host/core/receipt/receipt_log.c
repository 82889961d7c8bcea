#include "core/receipt/receipt_log.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/fail.h"

/* The body is kept as the bytes that were signed, never taken apart and put together again. */
static const char *const migrations[] = {
	"CREATE TABLE receipt("
	" seq INTEGER PRIMARY KEY,"
	" prev BLOB NOT NULL CHECK(length(prev) = 32),"
	" hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32),"
	" id TEXT NOT NULL UNIQUE,"
	" body BLOB NOT NULL,"
	" signature BLOB NOT NULL CHECK(length(signature) = 64),"
	" node_key BLOB NOT NULL CHECK(length(node_key) = 32)"
	") STRICT",
	NULL,
};

const struct store_module receipt_log_module = { "receipt", migrations };

static int32_t
copy_blob(struct store_rows *rows, int column, uint8_t *out, size_t n, struct b3iq_error *err)
{
	size_t len;
	const void *data = store_blob(rows, column, &len);

	if (!data || len != n)
		return fail(err, B3IQ_E_INTERNAL,
		            "the receipt log holds a field of the wrong length; run `b3iq doctor`");
	memcpy(out, data, n);
	return B3IQ_OK;
}

int32_t
receipt_log_head(struct store_tx *tx, uint64_t *seq, uint8_t hash[32], struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc;

	*seq = 0;
	memset(hash, 0, 32);
	rc = store_query(tx, &rows, err, "SELECT seq, hash FROM receipt ORDER BY seq DESC LIMIT 1", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	*seq = (uint64_t)store_int(rows, 0);
	rc = copy_blob(rows, 1, hash, 32, err);
	store_end(rows);
	return rc;
}

int32_t
receipt_log_append(struct store_tx *tx, struct receipt *r, const struct ed25519_key *key,
                   struct buf *envelope, uint8_t hash_out[32], struct b3iq_error *err)
{
	uint8_t hash[RECEIPT_HASH_SIZE], sig[ED25519_SIGNATURE];
	const uint8_t *pub = ed25519_public(key);
	struct buf body;
	uint64_t head;
	int32_t rc;

	buf_init(&body, RECEIPT_MAX);
	rc = receipt_log_head(tx, &head, r->prev, err);
	if (rc != B3IQ_OK)
		return rc;
	r->seq = head + 1;
	ed25519_name(pub, r->node);
	rc = receipt_write(r, &body, err);
	if (rc == B3IQ_OK)
		rc = receipt_signature_make(body.data, body.len, key, hash, sig, err);
	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "INSERT INTO receipt(seq, prev, hash, id, body, signature, node_key) "
		               "VALUES(?,?,?,?,?,?,?)",
		               "ibbsbbb", (int64_t)r->seq, r->prev, sizeof(r->prev), hash, sizeof(hash),
		               r->id, body.data, body.len, sig, sizeof(sig), pub,
		               (size_t)ED25519_PUBLIC);
	if (rc == B3IQ_OK && envelope)
		rc = receipt_envelope(body.data, body.len, sig, pub, envelope, err);
	if (rc == B3IQ_OK && hash_out)
		memcpy(hash_out, hash, sizeof(hash));
	buf_free(&body);
	return rc;
}

int32_t
receipt_log_get(struct store_tx *tx, const char *id, struct buf *envelope, struct b3iq_error *err)
{
	uint8_t sig[ED25519_SIGNATURE], pub[ED25519_PUBLIC];
	struct store_rows *rows;
	const void *body;
	size_t len;
	bool row;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT body, signature, node_key FROM receipt WHERE id = ?", "s", id);
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no receipt %.60s on this node", id);
	rc = copy_blob(rows, 1, sig, sizeof(sig), err);
	if (rc == B3IQ_OK)
		rc = copy_blob(rows, 2, pub, sizeof(pub), err);
	if (rc == B3IQ_OK) {
		body = store_blob(rows, 0, &len);
		rc = body ? receipt_envelope(body, len, sig, pub, envelope, err) :
		            fail(err, B3IQ_E_INTERNAL, "receipt %.60s is empty; run `b3iq doctor`", id);
	}
	store_end(rows);
	return rc;
}

int32_t
receipt_log_list(struct store_tx *tx, uint64_t before, uint32_t limit,
                 int32_t (*each)(void *arg, const struct receipt_entry *), void *arg,
                 struct b3iq_error *err)
{
	int64_t top = before == 0 || before > INT64_MAX ? INT64_MAX : (int64_t)before;
	struct store_rows *rows;
	struct receipt_entry e;
	bool row = true;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT seq, id, hash, body FROM receipt WHERE seq < ? "
	                 "ORDER BY seq DESC LIMIT ?",
	                 "ii", top, (int64_t)limit);
	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		e.seq = (uint64_t)store_int(rows, 0);
		e.id = store_text(rows, 1, NULL);
		e.body = store_blob(rows, 3, &e.body_len);
		rc = copy_blob(rows, 2, e.hash, sizeof(e.hash), err);
		if (rc == B3IQ_OK && (!e.id || !e.body))
			rc = fail(err, B3IQ_E_INTERNAL, "receipt %" PRIu64 " is empty; run `b3iq doctor`", e.seq);
		if (rc == B3IQ_OK)
			rc = each(arg, &e);
		if (rc != B3IQ_OK)
			store_end(rows);
	}
	return rc;
}

/* ---- checking the chain -------------------------------------------------------------- */

struct link { /* what the next receipt must refer to */
	uint64_t seq;
	uint8_t  hash[RECEIPT_HASH_SIZE];
};

static int32_t
broken(struct b3iq_error *err, uint64_t seq, const char *why)
{
	return fail(err, B3IQ_E_INVALID, "receipt %" PRIu64 " of the log %s", seq, why);
}

/* One row (seq, prev, hash, id, body, signature, node_key) against the one before it. */
static int32_t
check_row(struct store_rows *rows, const uint8_t pub[ED25519_PUBLIC], struct link *last,
          struct b3iq_error *err)
{
	struct receipt_signed r;
	uint8_t stored[RECEIPT_HASH_SIZE];
	const char *body, *id;
	char node[ED25519_NAME_SIZE];
	size_t len;
	int32_t rc;

	if ((uint64_t)store_int(rows, 0) != last->seq + 1)
		return broken(err, last->seq + 1, "is missing");
	body = store_blob(rows, 4, &len);
	if (!body)
		return broken(err, last->seq + 1, "is empty");
	rc = receipt_read(body, len, &r.body, err);
	if (rc == B3IQ_OK && receipt_hash(body, len, r.hash) != B3IQ_OK)
		rc = fail_memory(err, "hashing a receipt");
	if (rc == B3IQ_OK)
		rc = copy_blob(rows, 2, stored, sizeof(stored), err);
	if (rc == B3IQ_OK)
		rc = copy_blob(rows, 5, r.signature, sizeof(r.signature), err);
	if (rc != B3IQ_OK)
		return rc;
	id = store_text(rows, 3, NULL);
	ed25519_name(pub, node);
	if (r.body.seq != last->seq + 1 || !id || strcmp(id, r.body.id) != 0)
		return broken(err, last->seq + 1, "stands in the wrong place");
	if (memcmp(r.body.prev, last->hash, sizeof(last->hash)) != 0)
		return broken(err, last->seq + 1, "does not refer to the one before it");
	if (memcmp(r.hash, stored, sizeof(stored)) != 0)
		return broken(err, last->seq + 1, "has another hash than its body");
	if (strcmp(r.body.node, node) != 0)
		return broken(err, last->seq + 1, "is of another node");
	rc = receipt_signature(&r, pub);
	if (rc != B3IQ_OK)
		return rc == B3IQ_E_DENIED ? broken(err, last->seq + 1, "has a wrong signature") :
		                             fail_memory(err, "checking a signature");
	last->seq++;
	memcpy(last->hash, r.hash, sizeof(last->hash));
	return B3IQ_OK;
}

int32_t
receipt_log_verify(struct store_tx *tx, const uint8_t pub[ED25519_PUBLIC], uint64_t *count,
                   struct b3iq_error *err)
{
	struct link last = { .seq = 0 };
	struct store_rows *rows;
	bool row = true;
	int32_t rc;

	*count = 0;
	rc = store_query(tx, &rows, err,
	                 "SELECT seq, prev, hash, id, body, signature, node_key FROM receipt "
	                 "ORDER BY seq",
	                 "");
	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		rc = check_row(rows, pub, &last, err);
		if (rc != B3IQ_OK)
			store_end(rows);
		*count = last.seq;
	}
	return rc;
}
