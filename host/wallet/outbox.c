#include "wallet/outbox.h"

#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"

static const char *const migrations[] = {
	"CREATE TABLE outbox("
	" seq INTEGER PRIMARY KEY,"
	" hash BLOB NOT NULL CHECK(length(hash) = 32),"
	" wallet TEXT NOT NULL,"
	" idempotency TEXT NOT NULL,"
	" wire BLOB NOT NULL,"
	" state INTEGER NOT NULL,"
	" note TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX outbox_idempotency ON outbox(wallet, idempotency) WHERE idempotency "
	"<> '';"
	"CREATE INDEX outbox_state ON outbox(wallet, state)",
	NULL,
};

const struct store_module outbox_module = { "outbox", migrations };

#define COLUMNS "wire, state, created_ms, note, hash, seq"

const char *
outbox_state_name(enum outbox_state s)
{
	static const char *const names[] = { "made", "sent", "refused" };

	return (unsigned)s < 3 ? names[s] : "unknown";
}

/* ---- writing ----------------------------------------------------------------------- */

struct put {
	const char          *wallet, *idempotency;
	struct outbox_entry *entry;
	struct buf           wire;
};

static int32_t
put(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct put *p = arg;
	struct store_rows *rows;
	bool row = false;
	int32_t rc;

	rc = store_run(
		tx, err,
		"INSERT INTO outbox(hash, wallet, idempotency, wire, state, note, created_ms)"
		" VALUES(?,?,?,?,?,'',?)",
		"bssbii", p->entry->hash, sizeof(p->entry->hash), p->wallet, p->idempotency,
		p->wire.data, p->wire.len, (int64_t)p->entry->state, (int64_t)p->entry->created_ms);
	if (rc == B3IQ_OK)
		rc = store_query(tx, &rows, err, "SELECT last_insert_rowid()", "");
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		p->entry->seq = store_int(rows, 0);
		store_end(rows);
	}
	return rc;
}

int32_t
outbox_put(struct store *store, const char *wallet, const char *idempotency,
           struct outbox_entry *entry, struct b3iq_error *err)
{
	struct put p = { .wallet = wallet, .idempotency = idempotency, .entry = entry };
	int32_t rc;

	buf_init(&p.wire, TX_MAX);
	rc = tx_format(&entry->tx, &p.wire, err);
	if (rc == B3IQ_OK)
		rc = store_write(store, put, &p, err);
	buf_free(&p.wire);
	return rc;
}

struct settle {
	int64_t           seq;
	enum outbox_state state;
	const char       *note;
};

static int32_t
settle(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct settle *s = arg;

	return store_run(tx, err, "UPDATE outbox SET state = ?, note = ? WHERE seq = ?", "isi",
	                 (int64_t)s->state, s->note, s->seq);
}

int32_t
outbox_settle(struct store *store, int64_t seq, enum outbox_state state, const char *note,
              struct b3iq_error *err)
{
	struct settle s = { seq, state, note };

	return store_write(store, settle, &s, err);
}

/* ---- reading ----------------------------------------------------------------------- */

static int32_t
read_entry(struct store_rows *rows, struct outbox_entry *e, struct b3iq_error *err)
{
	const char *note = store_text(rows, 3, NULL);
	size_t n, hash_len;
	const void *wire = store_blob(rows, 0, &n), *hash = store_blob(rows, 4, &hash_len);

	memset(e, 0, sizeof(*e));
	if (!wire || hash_len != TX_HASH || tx_parse(wire, n, &e->tx, NULL) != B3IQ_OK)
		return fail(err, B3IQ_E_INTERNAL, "wallet.db holds a damaged transaction");
	memcpy(e->hash, hash, TX_HASH);
	e->state = (enum outbox_state)store_int(rows, 1);
	e->created_ms = (uint64_t)store_int(rows, 2);
	e->seq = store_int(rows, 5);
	snprintf(e->note, sizeof(e->note), "%s", note ? note : "");
	return B3IQ_OK;
}

struct named {
	const char          *wallet, *idempotency;
	struct outbox_entry *out;
};

static int32_t
named(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct named *w = arg;
	struct store_rows *rows;
	bool row = false;
	int32_t rc =
		store_query(tx, &rows, err,
	                    "SELECT " COLUMNS " FROM outbox WHERE wallet = ? AND idempotency = ?",
	                    "ss", w->wallet, w->idempotency);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && !row)
		return fail(err, B3IQ_E_NOT_FOUND, "nothing was sent under that key");
	return rc == B3IQ_OK ? read_entry(rows, w->out, err) : rc;
}

int32_t
outbox_named(struct store *store, const char *wallet, const char *idempotency,
             struct outbox_entry *out, struct b3iq_error *err)
{
	struct named w = { wallet, idempotency, out };

	return store_read(store, named, &w, err);
}

struct listing {
	const char *wallet;
	int         state;
	uint32_t    limit;
	int32_t   (*each)(void *, const struct outbox_entry *);
	void       *arg;
};

static int32_t
list(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct listing *l = arg;
	struct outbox_entry e;
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT " COLUMNS " FROM outbox WHERE wallet = ?"
	                         " AND (? < 0 OR state = ?) ORDER BY seq DESC LIMIT ?",
	                         "siii", l->wallet, (int64_t)l->state, (int64_t)l->state,
	                         (int64_t)l->limit);

	while (rc == B3IQ_OK && (rc = store_next(rows, &row, err)) == B3IQ_OK && row) {
		rc = read_entry(rows, &e, err);
		if (rc == B3IQ_OK)
			rc = l->each(l->arg, &e);
	}
	return rc;
}

int32_t
outbox_list(struct store *store, const char *wallet, int state, uint32_t limit,
            int32_t (*each)(void *, const struct outbox_entry *), void *arg,
            struct b3iq_error *err)
{
	struct listing l = { wallet, state, limit, each, arg };

	return store_read(store, list, &l, err);
}
