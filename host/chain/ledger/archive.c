#include "chain/ledger/archive.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

/* entry.row is trie_entry.row, so that a change is one look-up.  The hash of a transaction
 * is found by its first 8 bytes: an index a third as large, and the rest is compared. */
static const char *const migrations[] = {
	"CREATE TABLE genesis(id INTEGER PRIMARY KEY CHECK(id = 1), text TEXT NOT NULL) STRICT;"
	"CREATE TABLE block(height INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	" hash BLOB NOT NULL UNIQUE, header TEXT NOT NULL, signature BLOB NOT NULL, first INTEGER NOT NULL,"
	" receipts INTEGER NOT NULL) STRICT;"
	"CREATE TABLE tx(seq INTEGER PRIMARY KEY, height INTEGER NOT NULL REFERENCES block(height),"
	" short INTEGER NOT NULL, hash BLOB NOT NULL, wire TEXT NOT NULL)"
	" STRICT;"
	"CREATE INDEX tx_short ON tx(short);"
	"CREATE TABLE history(account BLOB NOT NULL, seq INTEGER NOT NULL,"
	" PRIMARY KEY(account, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE receipt(place INTEGER PRIMARY KEY, root BLOB NOT NULL, seq INTEGER NOT NULL)"
	" STRICT;"
	"CREATE INDEX receipt_root ON receipt(root, place);"
	"CREATE TABLE entry(row INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL) STRICT",
	NULL,
};

const struct store_module archive_module = { "chain", migrations };

/* ---- genesis ------------------------------------------------------------- */

int32_t
archive_genesis(struct store_tx *tx, struct buf *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	const char *text;
	size_t len;
	bool row;
	int32_t rc = store_query(tx, &rows, err, "SELECT text FROM genesis", "");

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no chain in this file yet");
	text = store_text(rows, 0, &len);
	rc = buf_append(out, text, len);
	store_end(rows);
	return rc == B3IQ_OK ? rc : fail_memory(err, "reading the genesis");
}

int32_t
archive_put_genesis(struct store_tx *tx, const struct genesis *g, struct b3iq_error *err)
{
	return store_run(tx, err, "INSERT INTO genesis(id, text) VALUES(1, ?)", "t", g->text,
	                 g->text_len);
}

/* ---- writing a block ----------------------------------------------------- */

static int64_t
short_hash(const uint8_t hash[TX_HASH])
{
	int64_t value;

	memcpy(&value, hash, sizeof value);
	return value;
}

struct writing {
	struct store_tx   *tx;
	struct b3iq_error *err;
};

static int32_t
put_entry(void *arg, const struct trie_entry *e)
{
	const struct writing *w = arg;

	return store_run(w->tx, w->err,
	                 "INSERT INTO entry(row, key, value) VALUES(?1, ?2, ?3) "
	                 "ON CONFLICT(row) DO UPDATE SET value = ?3",
	                 "itt", (int64_t)e->row, e->key, e->key_len, e->value, e->value_len);
}

static int32_t
remove_entry(void *arg, const struct trie_entry *e)
{
	const struct writing *w = arg;

	return store_run(w->tx, w->err, "DELETE FROM entry WHERE row = ?", "i", (int64_t)e->row);
}

static int32_t
put_header(struct store_tx *tx, const struct archive_change *c, struct b3iq_error *err)
{
	const struct block *b = c->block;
	struct buf text;
	int32_t rc;

	buf_init(&text, HEADER_MAX);
	rc = header_write(&b->header, &text, err);
	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "INSERT INTO block(height, time, hash, header, signature, first, "
		               "receipts) VALUES(?,?,?,?,?,?,?)",
		               "iibtbii", (int64_t)b->header.height, (int64_t)b->header.time, b->hash,
		               sizeof b->hash, text.data, text.len, b->signature,
		               sizeof b->signature, (int64_t)c->first,
		               (int64_t)c->receipts);
	buf_free(&text);
	return rc;
}

static int32_t
put_tx(struct store_tx *tx, const struct archive_change *c, size_t i, uint64_t *receipts,
       struct b3iq_error *err)
{
	const struct block_tx *t = c->block->txs[i];
	const int64_t seq = (int64_t)(c->first + i);
	int32_t rc = store_run(tx, err,
	                       "INSERT INTO tx(seq, height, short, hash, wire) VALUES(?,?,?,?,?)",
	                       "iiibt", seq, (int64_t)c->block->header.height,
	                       short_hash(t->hash), t->hash, sizeof t->hash, t->wire, t->len);

	for (size_t k = 0; rc == B3IQ_OK && k < c->touched[i].n; k++)
		rc = store_run(tx, err, "INSERT INTO history(account, seq) VALUES(?,?)", "bi",
		               c->touched[i].list[k].bytes, (size_t)ADDRESS_BYTES, seq);
	if (rc == B3IQ_OK && t->tx.kind == TX_COMMIT)
		rc = store_run(tx, err, "INSERT INTO receipt(place, root, seq) VALUES(?,?,?)", "ibi",
		               (int64_t)(*receipts)++, t->tx.commit.root,
		               sizeof t->tx.commit.root, seq);
	return rc;
}

int32_t
archive_put(struct store_tx *tx, const struct archive_change *c, struct b3iq_error *err)
{
	struct writing w = { tx, err };
	uint64_t receipts = c->receipts;
	int32_t rc = put_header(tx, c, err);

	for (size_t i = 0; rc == B3IQ_OK && i < c->block->n; i++)
		rc = put_tx(tx, c, i, &receipts, err);
	if (rc == B3IQ_OK)
		rc = trie_changed(state_trie(c->state), put_entry, remove_entry, &w);
	return rc;
}

/* ---- reading the state --------------------------------------------------- */

int32_t
archive_entries(struct store_tx *tx, trie_visit *visit, void *arg, struct b3iq_error *err)
{
	struct store_rows *rows;
	struct trie_entry e;
	bool row = true;
	int32_t rc;

	rc = store_query(tx, &rows, err, "SELECT row, key, value FROM entry ORDER BY row", "");
	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		e.row = (uint64_t)store_int(rows, 0);
		e.key = store_text(rows, 1, &e.key_len);
		e.value = store_text(rows, 2, &e.value_len);
		rc = e.key && e.value ? visit(arg, &e) : fail_memory(err, "reading the state");
	}
	return rc;
}

/* ---- reading blocks ------------------------------------------------------ */

static int32_t
read_block(struct store_rows *rows, struct archive_block *out, struct b3iq_error *err)
{
	const void *hash, *signature;
	const char *header;
	size_t n_hash, n_signature, len;
	bool row;
	int32_t rc = store_next(rows, &row, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no such block");
	header = store_text(rows, 0, &len);
	hash = store_blob(rows, 1, &n_hash);
	signature = store_blob(rows, 2, &n_signature);
	out->first = (uint64_t)store_int(rows, 3);
	out->receipts = (uint64_t)store_int(rows, 4);
	if (!header || n_hash != sizeof out->hash || n_signature != sizeof out->signature)
		rc = fail(err, B3IQ_E_INTERNAL, "chain.db is damaged: a block is incomplete");
	else
		rc = header_read(header, len, &out->header, err);
	if (rc == B3IQ_OK) {
		memcpy(out->hash, hash, n_hash);
		memcpy(out->signature, signature, n_signature);
	}
	store_end(rows);
	return rc;
}

#define BLOCK_COLUMNS "SELECT header, hash, signature, first, receipts FROM block "

int32_t
archive_block(struct store_tx *tx, uint64_t height, struct archive_block *out,
              struct b3iq_error *err)
{
	struct store_rows *rows;
	int32_t rc;

	if (height == UINT64_MAX)
		rc = store_query(tx, &rows, err, BLOCK_COLUMNS "ORDER BY height DESC LIMIT 1", "");
	else if (height > INT64_MAX)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no such block");
	else
		rc = store_query(tx, &rows, err, BLOCK_COLUMNS "WHERE height = ?", "i",
		                 (int64_t)height);
	return rc == B3IQ_OK ? read_block(rows, out, err) : rc;
}

int32_t
archive_block_named(struct store_tx *tx, const uint8_t hash[SHA256_SIZE],
                    struct archive_block *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	const int32_t rc = store_query(tx, &rows, err, BLOCK_COLUMNS "WHERE hash = ?", "b", hash,
	                               (size_t)SHA256_SIZE);

	return rc == B3IQ_OK ? read_block(rows, out, err) : rc;
}

/* ---- reading transactions ------------------------------------------------ */

#define TX_COLUMNS "SELECT t.seq, t.height, t.seq - b.first, t.hash, t.wire, b.time FROM "
#define TX_TABLES  "tx t JOIN block b ON b.height = t.height "

static int32_t
visit_all(struct store_rows *rows, archive_visit *visit, void *arg, struct b3iq_error *err)
{
	struct archive_row r;
	size_t n;
	bool row;
	int32_t rc;

	while ((rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		r.seq = (uint64_t)store_int(rows, 0);
		r.height = (uint64_t)store_int(rows, 1);
		r.index = (uint64_t)store_int(rows, 2);
		r.hash = store_blob(rows, 3, &n);
		r.wire = store_text(rows, 4, &r.len);
		r.time = (uint64_t)store_int(rows, 5);
		if (!r.wire || n != TX_HASH)
			rc = fail(err, B3IQ_E_INTERNAL,
			          "chain.db is damaged: a transaction is incomplete");
		else
			rc = visit(arg, &r);
		if (rc != B3IQ_OK)
			break;
	}
	store_end(rows);
	return rc;
}

int32_t
archive_range(struct store_tx *tx, uint64_t first, uint64_t n, archive_visit *visit, void *arg,
              struct b3iq_error *err)
{
	struct store_rows *rows;
	const int32_t rc = store_query(
		tx, &rows, err, TX_COLUMNS TX_TABLES "WHERE t.seq >= ? AND t.seq < ? ORDER BY t.seq",
		"ii", (int64_t)first, (int64_t)(first + n));

	return rc == B3IQ_OK ? visit_all(rows, visit, arg, err) : rc;
}

int32_t
archive_list(struct store_tx *tx, const struct address *account, uint64_t before, uint64_t limit,
             archive_visit *visit, void *arg, struct b3iq_error *err)
{
	const int64_t below = before > INT64_MAX ? INT64_MAX : (int64_t)before;
	struct store_rows *rows;
	int32_t rc;

	if (account)
		rc = store_query(tx, &rows, err,
		                 TX_COLUMNS "history h JOIN tx t ON t.seq = h.seq "
		                            "JOIN block b ON b.height = t.height "
		                            "WHERE h.account = ? AND h.seq < ? "
		                            "ORDER BY h.seq DESC LIMIT ?",
		                 "bii", account->bytes, (size_t)ADDRESS_BYTES, below, (int64_t)limit);
	else
		rc = store_query(tx, &rows, err,
		                 TX_COLUMNS TX_TABLES "WHERE t.seq < ? ORDER BY t.seq DESC LIMIT ?",
		                 "ii", below, (int64_t)limit);
	return rc == B3IQ_OK ? visit_all(rows, visit, arg, err) : rc;
}

int32_t
archive_commits(struct store_tx *tx, uint64_t before, uint64_t limit, archive_visit *visit,
                void *arg, struct b3iq_error *err)
{
	const int64_t below = before > INT64_MAX ? INT64_MAX : (int64_t)before;
	struct store_rows *rows;
	const int32_t rc = store_query(tx, &rows, err,
	                               TX_COLUMNS "receipt r JOIN tx t ON t.seq = r.seq "
	                                          "JOIN block b ON b.height = t.height "
	                                          "WHERE r.seq < ? ORDER BY r.place DESC LIMIT ?",
	                               "ii", below, (int64_t)limit);

	return rc == B3IQ_OK ? visit_all(rows, visit, arg, err) : rc;
}

int32_t
archive_history_count(struct store_tx *tx, const struct address *account, uint64_t *out,
                      struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err, "SELECT count(*) FROM history WHERE account = ?",
	                         "b", account->bytes, (size_t)ADDRESS_BYTES);

	*out = 0;
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		*out = (uint64_t)store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

struct wanted {
	const uint8_t *hash;
	archive_visit *visit;
	void          *arg;
	bool           found;
};

static int32_t
visit_wanted(void *arg, const struct archive_row *r)
{
	struct wanted *w = arg;

	if (w->found || memcmp(r->hash, w->hash, TX_HASH) != 0)
		return B3IQ_OK;
	w->found = true;
	return w->visit(w->arg, r);
}

int32_t
archive_tx(struct store_tx *tx, const uint8_t hash[TX_HASH], archive_visit *visit, void *arg,
           struct b3iq_error *err)
{
	struct wanted w = { hash, visit, arg, false };
	struct store_rows *rows;
	int32_t rc = store_query(tx, &rows, err, TX_COLUMNS TX_TABLES "WHERE t.short = ?", "i",
	                         short_hash(hash));

	if (rc == B3IQ_OK)
		rc = visit_all(rows, visit_wanted, &w, err);
	if (rc == B3IQ_OK && !w.found)
		rc = fail(err, B3IQ_E_NOT_FOUND, "no block has this transaction");
	return rc;
}

/* ---- receipts and proofs ------------------------------------------------- */

int32_t
archive_receipt(struct store_tx *tx, const uint8_t root[32], uint64_t *seq, uint64_t *place,
                struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT seq, place FROM receipt WHERE root = ? ORDER BY place LIMIT 1", "b",
	                 root, (size_t)32);
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND, "no block has this receipt root");
	*seq = (uint64_t)store_int(rows, 0);
	*place = (uint64_t)store_int(rows, 1);
	store_end(rows);
	return B3IQ_OK;
}

static int32_t
query_leaves(struct store_tx *tx, const struct archive_block *b, bool receipts,
             struct store_rows **rows, struct b3iq_error *err)
{
	const int64_t first = (int64_t)b->first, end = (int64_t)(b->first + b->header.count);

	if (receipts)
		return store_query(tx, rows, err,
		                   "SELECT root FROM receipt WHERE seq >= ?2 AND seq < ?3 AND "
		                   "place >= ?1 AND place < ?1 + ?3 - ?2 ORDER BY place",
		                   "iii", (int64_t)b->receipts, first, end);
	return store_query(tx, rows, err,
	                   "SELECT hash FROM tx WHERE seq >= ? AND seq < ? ORDER BY seq", "ii", first,
	                   end);
}

int32_t
archive_leaves(struct store_tx *tx, const struct archive_block *b, bool receipts, uint8_t **out,
               uint64_t *n, struct b3iq_error *err)
{
	struct store_rows *rows;
	size_t len;
	bool row;
	int32_t rc;

	*n = 0;
	*out = calloc(b->header.count ? b->header.count : 1, SHA256_SIZE);
	if (!*out)
		return fail_memory(err, "proving");
	rc = query_leaves(tx, b, receipts, &rows, err);
	while (rc == B3IQ_OK && (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		const uint8_t *hash = store_blob(rows, 0, &len);

		if (len != SHA256_SIZE || *n == b->header.count)
			rc = fail(err, B3IQ_E_INTERNAL, "chain.db is damaged: a hash is incomplete");
		else
			rc = block_leaf(hash, *out + (*n)++ * SHA256_SIZE);
	}
	if (rc != B3IQ_OK) {
		free(*out);
		*out = NULL;
	}
	return rc;
}
