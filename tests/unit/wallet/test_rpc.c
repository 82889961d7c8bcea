/* rpc.c: what a chain says, and what only looks like it. */
#include "unit.h"

#include "wallet/rpc.c"

#include "fakechain.h"

static struct address self;
static struct ed25519_key *key;

static int
begin(void **state)
{
	(void)state;
	fake_start();
	assert_int_equal(ed25519_generate(&key, NULL), B3IQ_OK);
	return address_of(ed25519_public(key), &self) == B3IQ_OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	ed25519_free(key);
	fake_stop();
	return 0;
}

static void
make(struct tx *tx, enum tx_kind kind, uint64_t nonce)
{
	memset(tx, 0, sizeof(*tx));
	memcpy(tx->chain, "ait-test", 9);
	tx->from = self;
	tx->nonce = nonce;
	tx->kind = kind;
	if (kind == TX_TRANSFER)
		tx->transfer.amount = 1;
	else
		tx->escrow_open.amount = 100;
}

static int64_t
hand_in(struct tx *tx, const struct ed25519_key *by)
{
	struct b3iq_error err = NO_ERR;
	struct buf wire;
	int64_t code;

	assert_int_equal(tx_sign(tx, by, NULL), B3IQ_OK);
	buf_init(&wire, TX_MAX);
	assert_int_equal(tx_format(tx, &wire, NULL), B3IQ_OK);
	assert_ok(rpc_send(fake.url, &wire, &code, &err), err);
	buf_free(&wire);
	return code;
}

static void
test_reads(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct rpc_account a;
	struct rpc_rules rules;

	(void)state;
	assert_ok(rpc_account(fake.url, &self, &a, &err), err);
	assert_int_equal(a.balance, 1000000);
	assert_int_equal(a.available, 999999);
	assert_int_equal(a.stake, 5);
	assert_int_equal(a.unbonding, 7);
	fake.balance = 0; /* nobody paid it yet */
	assert_ok(rpc_account(fake.url, &self, &a, &err), err);
	assert_int_equal(a.balance + a.nonce + a.pending_nonce, 0);
	assert_ok(rpc_rules(fake.url, &rules, &err), err);
	assert_string_equal(rules.chain, "ait-test");
	assert_int_equal(rules.min_fee, 10);
}

static void
test_sending(void **state)
{
	struct rpc_found found;
	struct b3iq_error err = NO_ERR;
	uint8_t hash[TX_HASH];
	struct tx tx;

	(void)state;
	make(&tx, TX_TRANSFER, 0);
	assert_int_equal(tx_hash(&tx, hash, NULL), B3IQ_OK);
	assert_int_equal(rpc_find(fake.url, hash, &found, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(hand_in(&tx, key), RPC_TAKEN);
	assert_int_equal(hand_in(&tx, key), RPC_DUPLICATE);
	assert_ok(rpc_find(fake.url, hash, &found, &err), err);
	assert_true(found.in_block && found.height == 9);
	make(&tx, TX_TRANSFER, 0);
	tx.transfer.amount = 2;
	assert_int_equal(hand_in(&tx, key), RPC_NONCE_USED);
}

static void
test_held(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *list;
	uint64_t amount, count;
	struct tx tx;
	uint64_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		make(&tx, i == 3 ? TX_TRANSFER : TX_ESCROW_OPEN, i);
		if (i < 3)
			memset(tx.escrow_open.id, i == 0 ? 0x01 : i == 1 ? 0x02 : 0x10, 32);
		assert_int_equal(hand_in(&tx, key), RPC_TAKEN);
	}
	assert_ok(rpc_held(fake.url, &self, &amount, &count, &err), err);
	assert_int_equal(amount, 200);
	assert_int_equal(count, 2);
	fake.txs[0].from.bytes[0] ^= 1; /* another's, with us as the arbiter */
	assert_ok(rpc_held(fake.url, &self, &amount, &count, &err), err);
	assert_int_equal(amount, 100);
	assert_ok(rpc_history(fake.url, &self, 1000, &list, &err), err);
	assert_int_equal(json_object_array_length(list), 4);
	json_object_put(list);
}

static void
test_no_chain(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct rpc_account a;
	struct rpc_rules rules;
	struct json_object *list;
	uint64_t amount, count;
	struct buf wire;
	int64_t code;

	(void)state;
	atomic_store(&fake.garbage, true);
	assert_int_equal(rpc_account(fake.url, &self, &a, &err), B3IQ_E_INVALID);
	assert_int_equal(rpc_rules(fake.url, &rules, &err), B3IQ_E_INVALID);
	assert_int_equal(rpc_held(fake.url, &self, &amount, &count, &err), B3IQ_E_INVALID);
	assert_int_equal(rpc_history(fake.url, &self, 5, &list, &err), B3IQ_E_INVALID);
	assert_null(list);
	buf_init(&wire, TX_MAX);
	buf_puts(&wire, "x");
	assert_int_equal(rpc_send(fake.url, &wire, &code, &err), B3IQ_E_INVALID);
	assert_int_equal(rpc_account("http://127.0.0.1:1", &self, &a, &err), B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "b3iq chain"));
	assert_int_equal(rpc_account("ftp://127.0.0.1", &self, &a, &err), B3IQ_E_INVALID);
	buf_free(&wire);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_reads),
		TEST(test_sending),
		TEST(test_held),
		TEST(test_no_chain),
	};

	return cmocka_run_group_tests_name("wallet/rpc", tests, NULL, NULL);
}
