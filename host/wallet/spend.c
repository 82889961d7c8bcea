#include "wallet/spend.h"

#include "core/base/fail.h"

#define DAY_MS    UINT64_C(86400000)
#define KEEP_DAYS 31

static const char *const migrations[] = {
	"CREATE TABLE spend_day("
	" token TEXT NOT NULL,"
	" day INTEGER NOT NULL,"
	" amount INTEGER NOT NULL,"
	" PRIMARY KEY(token, day)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE spend_tx("
	" hash BLOB NOT NULL CHECK(length(hash) = 32),"
	" token TEXT NOT NULL,"
	" wallet TEXT NOT NULL,"
	" day INTEGER NOT NULL,"
	" amount INTEGER NOT NULL,"
	" PRIMARY KEY(hash, token)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX spend_tx_day ON spend_tx(day)",
	NULL,
};

const struct store_module spend_module = { "spend", migrations };

struct charge {
	const struct token *token;
	const char         *wallet;
	uint8_t             hash[TX_HASH];
	uint64_t            amount, day;
};

/* The first column of the only row, or `otherwise`. */
static int32_t
one(struct store_rows *rows, int64_t otherwise, int64_t *out, struct b3iq_error *err)
{
	bool row = false;
	int32_t rc = store_next(rows, &row, err);

	*out = rc == B3IQ_OK && row && !store_is_null(rows, 0) ? store_int(rows, 0) : otherwise;
	if (row)
		store_end(rows);
	return rc;
}

static int32_t
was_counted(struct store_tx *tx, const struct charge *c, bool *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	int64_t n = 0;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT count(*) FROM spend_tx WHERE hash = ? AND token = ?", "bs",
	                         c->hash, sizeof(c->hash), c->token->key.id);

	if (rc == B3IQ_OK)
		rc = one(rows, 0, &n, err);
	*out = n > 0;
	return rc;
}

/* The latest day of a token that was counted, if it is later than `day`. */
static int32_t
latest(struct store_tx *tx, const char *token, uint64_t *day, struct b3iq_error *err)
{
	struct store_rows *rows;
	int64_t last = 0;
	int32_t rc = store_query(tx, &rows, err, "SELECT max(day) FROM spend_day WHERE token = ?",
	                         "s", token);

	if (rc == B3IQ_OK)
		rc = one(rows, 0, &last, err);
	if ((uint64_t)last > *day)
		*day = (uint64_t)last;
	return rc;
}

static int32_t
sum_of(struct store_tx *tx, const char *token, uint64_t day, uint64_t *out, struct b3iq_error *err)
{
	struct store_rows *rows;
	int64_t sum = 0;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT amount FROM spend_day WHERE token = ? AND day = ?", "si",
	                         token, (int64_t)day);

	if (rc == B3IQ_OK)
		rc = one(rows, 0, &sum, err);
	*out = (uint64_t)sum;
	return rc;
}

static int32_t
over(const struct token *t, uint64_t cap, const char *which, struct b3iq_error *err)
{
	char text[AMOUNT_SHOW];

	amount_show(cap, text);
	return fail(err, B3IQ_E_DENIED, "token %s may spend %s %s, fees included; this is more",
	            t->key.name, text, which);
}

static int32_t
put(struct store_tx *tx, const struct charge *c, struct b3iq_error *err)
{
	int32_t rc = store_run(
		tx, err,
		"INSERT INTO spend_day(token, day, amount) VALUES(?,?,?)"
		" ON CONFLICT(token, day) DO UPDATE SET amount = amount + excluded.amount",
		"sii", c->token->key.id, (int64_t)c->day, (int64_t)c->amount);

	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "INSERT INTO spend_tx(hash, token, wallet, day, amount)"
		               " VALUES(?,?,?,?,?)",
		               "bssii", c->hash, sizeof(c->hash), c->token->key.id, c->wallet,
		               (int64_t)c->day, (int64_t)c->amount);
	return rc;
}

static int32_t
prune(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const uint64_t *today = arg;
	const int64_t first = *today > KEEP_DAYS ? (int64_t)(*today - KEEP_DAYS) : 0;
	int32_t rc = store_run(tx, err, "DELETE FROM spend_tx WHERE day < ?", "i", first);

	return rc == B3IQ_OK ? store_run(tx, err, "DELETE FROM spend_day WHERE day < ?", "i", first)
	                     : rc;
}

static int32_t
count(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct charge *c = arg;
	uint64_t sum = 0;
	bool counted;
	int32_t rc = was_counted(tx, c, &counted, err);

	if (rc != B3IQ_OK || counted)
		return rc;
	if (c->amount > c->token->per_tx)
		return over(c->token, c->token->per_tx, "in one transaction", err);
	rc = latest(tx, c->token->key.id, &c->day, err);
	if (rc == B3IQ_OK)
		rc = sum_of(tx, c->token->key.id, c->day, &sum, err);
	if (rc != B3IQ_OK)
		return rc;
	if (sum == 0) /* a token's first of the day tidies up */
		rc = prune(tx, &c->day, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!amount_add(sum, c->amount, &sum) || sum > c->token->per_day)
		return over(c->token, c->token->per_day, "in a day", err);
	return put(tx, c, err);
}

int32_t
spend_count(struct store *store, const struct token *token, const char *wallet,
            const struct tx *tx, uint64_t now_ms, struct b3iq_error *err)
{
	struct charge c = { .token = token, .wallet = wallet, .day = now_ms / DAY_MS };
	int32_t rc = tx_hash(tx, c.hash, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!amount_add(tx_outlay(tx), tx->fee, &c.amount))
		return fail(err, B3IQ_E_INVALID,
		            "amount and fee together are beyond what there can be");
	return store_write(store, count, &c, err);
}

struct today {
	const char *token;
	uint64_t    day, sum;
};

static int32_t
read_today(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct today *t = arg;
	int32_t rc = latest(tx, t->token, &t->day, err);

	return rc == B3IQ_OK ? sum_of(tx, t->token, t->day, &t->sum, err) : rc;
}

int32_t
spend_today(struct store *store, const char *token_id, uint64_t now_ms, uint64_t *out,
            struct b3iq_error *err)
{
	struct today t = { .token = token_id, .day = now_ms / DAY_MS };
	int32_t rc = store_read(store, read_today, &t, err);

	*out = t.sum;
	return rc;
}

int32_t
spend_prune(struct store *store, uint64_t now_ms, struct b3iq_error *err)
{
	uint64_t day = now_ms / DAY_MS;

	return store_write(store, prune, &day, err);
}
