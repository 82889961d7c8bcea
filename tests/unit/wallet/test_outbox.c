/* outbox.c: what was signed is there after a restart, each wish under its key once. */
#include "unit.h"

#include "wallet/outbox.c"

static struct home home;
static struct store *store;

static void
open_store(void)
{
	static const struct store_module *const modules[] = { &outbox_module, NULL };
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(home_path(&home, file, &err, "wallet.db", NULL), err);
	assert_ok(store_open(file, modules, &store, &err), err);
}

static int
begin(void **state)
{
	(void)state;
	unit_home(&home);
	open_store();
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

static struct outbox_entry
entry(uint64_t nonce)
{
	struct outbox_entry e;

	memset(&e, 0, sizeof(e));
	memcpy(e.tx.chain, TX_DEVNET, sizeof(TX_DEVNET));
	e.tx.nonce = nonce;
	e.tx.transfer.amount = 5;
	e.created_ms = 77;
	assert_int_equal(tx_hash(&e.tx, e.hash, NULL), B3IQ_OK);
	return e;
}

static int32_t
count(void *arg, const struct outbox_entry *e)
{
	uint64_t *seen = arg;

	*seen = *seen * 10 + e->tx.nonce;
	return B3IQ_OK;
}

static void
test_life(void **state)
{
	struct outbox_entry e = entry(1), back;
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(outbox_put(store, "w", "rent", &e, &err), err);
	store_close(store);
	open_store();
	assert_ok(outbox_named(store, "w", "rent", &back, &err), err);
	assert_memory_equal(&back, &e, sizeof(e));
	assert_int_equal(outbox_named(store, "w", "other", &back, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(outbox_named(store, "v", "rent", &back, &err), B3IQ_E_NOT_FOUND);
	assert_ok(outbox_settle(store, e.seq, OUTBOX_REFUSED, "no funds", &err), err);
	assert_ok(outbox_named(store, "w", "rent", &back, &err), err);
	assert_int_equal(back.state, OUTBOX_REFUSED);
	assert_string_equal(back.note, "no funds");
	e = entry(2); /* the key is taken for this wallet, not for another */
	assert_int_equal(outbox_put(store, "w", "rent", &e, &err), B3IQ_E_INVALID);
	assert_ok(outbox_put(store, "v", "rent", &e, &err), err);
	assert_ok(outbox_put(store, "v", "", &e, &err), err); /* the same bytes as another wish */
	e.tx.chain[0] = '\0';
	assert_int_equal(outbox_put(store, "v", "", &e, &err), B3IQ_E_INVALID);
	assert_string_equal(outbox_state_name(OUTBOX_SENT), "sent");
	assert_string_equal(outbox_state_name((enum outbox_state)9), "unknown");
}

static void
test_list(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct outbox_entry e;
	uint64_t i, seen = 0;

	(void)state;
	for (i = 1; i < 6; i++) { /* no key: any number */
		e = entry(i);
		assert_ok(outbox_put(store, "w", "", &e, &err), err);
		if (i % 2)
			assert_ok(outbox_settle(store, e.seq, OUTBOX_SENT, "", &err), err);
	}
	assert_ok(outbox_list(store, "w", -1, 100, count, &seen, &err), err);
	assert_int_equal(seen, 54321);
	seen = 0;
	assert_ok(outbox_list(store, "w", OUTBOX_MADE, 100, count, &seen, &err), err);
	assert_int_equal(seen, 42);
	seen = 0;
	assert_ok(outbox_list(store, "w", OUTBOX_SENT, 2, count, &seen, &err), err);
	assert_int_equal(seen, 53);
}

static int32_t
damage(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	(void)arg;
	return store_run(tx, err, "UPDATE outbox SET wire = x'00'", "");
}

static void
test_damaged(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct outbox_entry e = entry(1);
	uint64_t seen = 0;

	(void)state;
	assert_ok(outbox_put(store, "w", "k", &e, &err), err);
	assert_ok(store_write(store, damage, NULL, &err), err);
	assert_int_equal(outbox_named(store, "w", "k", &e, &err), B3IQ_E_INTERNAL);
	assert_int_equal(outbox_list(store, "w", -1, 9, count, &seen, &err), B3IQ_E_INTERNAL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = { TEST(test_life), TEST(test_list), TEST(test_damaged) };

	return cmocka_run_group_tests_name("wallet/outbox", tests, NULL, NULL);
}
