/* spend.c: caps hold, each transaction counts once, a clock that goes back opens no new day. */
#include "unit.h"

#include "wallet/spend.c"

#define NOON (100 * DAY_MS + DAY_MS / 2)

static struct home home;
static struct store *store;

static int
begin(void **state)
{
	(void)state;
	unit_home(&home);
	unit_store(&home, &store);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	store_close(store);
	unit_home_end(&home);
	return 0;
}

static struct token
token_of(const char *id, uint64_t per_tx, uint64_t per_day)
{
	struct token t;

	memset(&t, 0, sizeof(t));
	snprintf(t.key.id, sizeof(t.key.id), "%s", id);
	snprintf(t.key.name, sizeof(t.key.name), "%s", id);
	t.per_tx = per_tx;
	t.per_day = per_day;
	return t;
}

static struct tx
payment(uint64_t nonce, uint64_t amount)
{
	struct tx tx;

	memset(&tx, 0, sizeof(tx));
	memcpy(tx.chain, TX_DEVNET, sizeof(TX_DEVNET));
	tx.nonce = nonce;
	tx.fee = 1;
	tx.transfer.amount = amount;
	return tx;
}

static void
spent(const char *id, uint64_t now, uint64_t want)
{
	struct b3iq_error err = NO_ERR;
	uint64_t sum;

	assert_ok(spend_today(store, id, now, &sum, &err), err);
	assert_int_equal(sum, want);
}

static void
test_caps(void **state)
{
	const struct token t = token_of("a", 11, 25), other = token_of("b", 11, 25);
	struct b3iq_error err = NO_ERR;
	struct tx tx = payment(0, 11); /* and a fee of 1 */

	(void)state;
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "one transaction"));
	spent("a", NOON, 0);
	tx = payment(0, 10);
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err); /* the same: once */
	spent("a", NOON, 11);
	tx = payment(1, 10);
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	tx = payment(2, 3);
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "in a day"));
	tx = payment(2, 2);
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err); /* to the last unit */
	spent("a", NOON, 25);
	assert_ok(spend_count(store, &other, "w", &tx, NOON, &err), err);
	spent("b", NOON, 3);
	store_close(store);
	unit_store(&home, &store);
	spent("a", NOON, 25);
}

static void
test_days(void **state)
{
	const struct token t = token_of("a", 100, 20);
	struct b3iq_error err = NO_ERR;
	struct tx tx = payment(0, 19);

	(void)state;
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	tx = payment(1, 19);
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON + DAY_MS / 2 - 1, &err),
	                 B3IQ_E_DENIED);
	/* set back by a day: still the day that was reached */
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON - DAY_MS, &err), B3IQ_E_DENIED);
	spent("a", NOON - DAY_MS, 20);
	assert_ok(spend_count(store, &t, "w", &tx, NOON + DAY_MS / 2, &err), err);
	spent("a", NOON + DAY_MS / 2, 20);
}

static void
test_only_what_leaves(void **state)
{
	const struct token t = token_of("a", 1, 3);
	struct b3iq_error err = NO_ERR;
	struct tx tx = payment(0, 1);

	(void)state;
	tx.kind = TX_ESCROW_RELEASE; /* moves what the buyer locked: only the fee is ours */
	memset(&tx.escrow_release, 0, sizeof(tx.escrow_release));
	tx.escrow_release.amount = 1000;
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	spent("a", NOON, 1);
	tx.kind = TX_ESCROW_OPEN;
	memset(&tx.escrow_open, 0, sizeof(tx.escrow_open));
	tx.escrow_open.amount = 1000;
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_DENIED);
	tx = payment(1, AMOUNT_MAX);
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_INVALID);
	tx.chain[0] = '\0'; /* has no hash */
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_INVALID);
}

static void
test_sum_does_not_wrap(void **state)
{
	const struct token t = token_of("a", TOKEN_NO_CAP, TOKEN_NO_CAP);
	struct b3iq_error err = NO_ERR;
	struct tx tx = payment(0, AMOUNT_MAX - 1);

	(void)state;
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	tx = payment(1, 1);
	assert_int_equal(spend_count(store, &t, "w", &tx, NOON, &err), B3IQ_E_DENIED);
	spent("a", NOON, AMOUNT_MAX);
}

static int32_t
rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct store_rows *found;
	int32_t rc = store_query(tx, &found, err, "SELECT count(*) FROM spend_tx", "");

	return rc == B3IQ_OK ? one(found, 0, arg, err) : rc;
}

static void
test_prune(void **state)
{
	int64_t left = 0;
	const struct token t = token_of("a", 100, 100);
	struct b3iq_error err = NO_ERR;
	struct tx tx = payment(0, 9);

	(void)state;
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	assert_ok(spend_prune(store, NOON + KEEP_DAYS * DAY_MS, &err), err);
	spent("a", NOON, 10);
	assert_ok(spend_prune(store, NOON + (KEEP_DAYS + 1) * DAY_MS, &err), err);
	spent("a", NOON, 0);
	assert_ok(spend_prune(store, 5, &err), err);
	/* and without a restart, with the first payment of a day */
	assert_ok(spend_count(store, &t, "w", &tx, NOON, &err), err);
	tx = payment(1, 9);
	assert_ok(spend_count(store, &t, "w", &tx, NOON + 40 * DAY_MS, &err), err);
	assert_ok(store_read(store, rows, &left, &err), err);
	assert_int_equal(left, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_caps),           TEST(test_days),
		TEST(test_only_what_leaves), TEST(test_sum_does_not_wrap),
		TEST(test_prune),
	};

	return cmocka_run_group_tests_name("wallet/spend", tests, NULL, NULL);
}
