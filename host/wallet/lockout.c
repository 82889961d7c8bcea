#include "wallet/lockout.h"

#include "core/base/clock.h"
#include "core/base/fail.h"

static const char *const migrations[] = {
	"CREATE TABLE lockout("
	" wallet TEXT PRIMARY KEY,"
	" failures INTEGER NOT NULL,"
	" until_ms INTEGER NOT NULL"
	") STRICT",
	NULL,
};

const struct store_module lockout_module = { "lockout", migrations };

struct try {
	const char *wallet;
	uint64_t    now_ms;
};

/* How long the next try waits after so many failures. */
static uint64_t
pause_after(int64_t failures)
{
	uint64_t ms = 1000;
	int64_t i;

	if (failures <= LOCKOUT_FREE)
		return 0;
	for (i = LOCKOUT_FREE + 1; i < failures && ms < LOCKOUT_MOST_MS; i++)
		ms *= 2;
	return ms < LOCKOUT_MOST_MS ? ms : LOCKOUT_MOST_MS;
}

static int32_t
read_row(struct store_tx *tx, const char *wallet, int64_t *failures, uint64_t *until,
         struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT failures, until_ms FROM lockout WHERE wallet = ?", "s",
	                         wallet);

	*failures = 0;
	*until = 0;
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		*failures = store_int(rows, 0);
		*until = (uint64_t)store_int(rows, 1);
		store_end(rows);
	}
	return rc;
}

static int32_t
enter(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct try *t = arg;
	uint64_t until, wait;
	int64_t failures;
	int32_t rc = read_row(tx, t->wallet, &failures, &until, err);

	if (rc != B3IQ_OK)
		return rc;
	wait = until > t->now_ms ? until - t->now_ms : 0;
	if (wait > pause_after(failures)) /* the clock was set back */
		wait = pause_after(failures);
	if (wait > 0) {
		fail(err, B3IQ_E_BUSY,
		     "wallet %s is locked out for %llu s after %lld wrong passwords; try then",
		     t->wallet, (unsigned long long)(wait + 999) / 1000, (long long)failures);
		if (err)
			err->retry_ms = (uint32_t)wait;
		return B3IQ_E_BUSY;
	}
	if (failures < 64)
		failures++;
	return store_run(tx, err,
	                 "INSERT INTO lockout(wallet, failures, until_ms) VALUES(?,?,?)"
	                 " ON CONFLICT(wallet) DO UPDATE SET failures = excluded.failures,"
	                 " until_ms = excluded.until_ms",
	                 "sii", t->wallet, failures, (int64_t)(t->now_ms + pause_after(failures)));
}

int32_t
lockout_enter(struct store *store, const char *wallet, uint64_t now_ms, struct b3iq_error *err)
{
	struct try t = { wallet, now_ms };

	return store_write(store, enter, &t, err);
}

static int32_t
clear(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, "DELETE FROM lockout WHERE wallet = ?", "s", (const char *)arg);
}

int32_t
lockout_clear(struct store *store, const char *wallet, struct b3iq_error *err)
{
	return store_write(store, clear, (void *)(uintptr_t)wallet, err);
}

/* ---- with the password in between -------------------------------------------------------- */

int32_t
lockout_reveal(struct store *store, const struct keystore_entry *e, const char *password,
               uint8_t seed[KEYSTORE_SEED], struct b3iq_error *err)
{
	int32_t rc = lockout_enter(store, e->name, clock_wall_ms(), err);

	if (rc == B3IQ_OK)
		rc = keystore_reveal(e, password, seed, err);
	return rc == B3IQ_OK ? lockout_clear(store, e->name, err) : rc;
}

int32_t
lockout_unlock(struct store *store, const struct keystore_entry *e, const char *password,
               struct ed25519_key **out, struct b3iq_error *err)
{
	int32_t rc = lockout_enter(store, e->name, clock_wall_ms(), err);

	*out = NULL;
	if (rc == B3IQ_OK)
		rc = keystore_unlock(e, password, out, err);
	if (rc == B3IQ_OK)
		rc = lockout_clear(store, e->name, err);
	if (rc != B3IQ_OK) {
		ed25519_free(*out);
		*out = NULL;
	}
	return rc;
}

int32_t
lockout_password(struct store *store, const struct keystore *ks, const char *wallet,
                 const char *password, const char *fresh, struct b3iq_error *err)
{
	int32_t rc = keystore_password_good(fresh, err); /* before it counts as a try */

	if (rc == B3IQ_OK)
		rc = lockout_enter(store, wallet, clock_wall_ms(), err);
	if (rc == B3IQ_OK)
		rc = keystore_password(ks, wallet, password, fresh, err);
	return rc == B3IQ_OK ? lockout_clear(store, wallet, err) : rc;
}
