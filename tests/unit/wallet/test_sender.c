/* sender.c: paid once, whatever the chain and the line do. */
#include "unit.h"

#include "wallet/sender.c"

#include "fakechain.h"
#include "wallet/wallet.h"

static struct home home;
static struct store *store;
static struct ed25519_key *key;
static struct keystore_entry wallet;
static int signatures;

static int32_t
sign(void *ctx, const char *name, struct tx *tx, struct b3iq_error *err)
{
	assert_ptr_equal(ctx, &signatures);
	assert_string_equal(name, "w");
	signatures++;
	return tx_sign(tx, key, err);
}

static int
begin(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_home(&home);
	fake_start();
	assert_ok(wallet_store_open(&home, &store, &err), err);
	assert_int_equal(ed25519_generate(&key, NULL), B3IQ_OK);
	memset(&wallet, 0, sizeof(wallet));
	memcpy(wallet.name, "w", 2);
	signatures = 0;
	return address_of(ed25519_public(key), &wallet.address) == B3IQ_OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	ed25519_free(key);
	store_close(store);
	fake_stop();
	unit_home_end(&home);
	return 0;
}

static struct sender
sender(void)
{
	return (struct sender){ fake.url, store, sign, &signatures };
}

static struct sender_wish
wish(uint64_t amount, const char *idempotency)
{
	return (struct sender_wish){ .from = &wallet, .amount = amount, .to = { { 9 } },
		                     .idempotency = idempotency };
}

static int32_t
send_it(uint64_t amount, const char *idempotency, struct outbox_entry *e, struct b3iq_error *err)
{
	const struct sender s = sender();
	const struct sender_wish w = wish(amount, idempotency);

	*err = NO_ERR;
	return sender_send(&s, &w, e, err);
}

static void
test_plain(void **state)
{
	const struct sender s = sender();
	struct sender_wish w = wish(5, NULL);
	struct b3iq_error err = NO_ERR;
	struct outbox_entry e;
	uint64_t height;

	(void)state;
	w.memo = "hello";
	assert_ok(sender_send(&s, &w, &e, &err), err);
	assert_int_equal(e.state, OUTBOX_SENT);
	assert_int_equal(e.tx.fee, 10);
	assert_string_equal(e.tx.transfer.memo, "hello");
	assert_string_equal(e.tx.chain, "ait-test");
	assert_ok(sender_wait(fake.url, e.hash, 1000, &height, &err), err);
	assert_int_equal(height, 9);
	w.has_fee = true;
	w.fee = 0;
	w.kind = TX_STAKE;
	assert_ok(sender_send(&s, &w, &e, &err), err);
	assert_int_equal(e.tx.stake.amount, 5);
	assert_int_equal(e.tx.fee, 0);
	assert_int_equal(e.tx.nonce, 1);
	e.hash[0] ^= 1;
	assert_int_equal(sender_wait(fake.url, e.hash, 0, &height, &err), B3IQ_E_TIMEOUT);
}

static void
test_wrong_wishes(void **state)
{
	const struct sender s = sender();
	struct sender_wish w = wish(0, NULL);
	struct b3iq_error err = NO_ERR;
	struct outbox_entry e;
	char text[200];

	(void)state;
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_INVALID);
	w = wish(AMOUNT_MAX + 1, NULL);
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_INVALID);
	w = wish(1, "");
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_INVALID);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	w = wish(1, text);
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_INVALID);
	w = wish(1, NULL);
	w.memo = text;
	assert_int_equal(sender_send(&s, &w, &e, NULL), B3IQ_E_INVALID);
	w.memo = "\n";
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_INVALID);
	atomic_store(&fake.min_fee, SENDER_FEE_MOST + 1); /* a chain that asks for anything */
	w = wish(1, NULL);
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "name a fee"));
	assert_int_equal(signatures, 0);
	assert_int_equal(fake.n, 0);
}

static void
test_lost_answers(void **state)
{
	struct b3iq_error err;
	struct outbox_entry e;

	(void)state;
	atomic_store(&fake.mute, 2); /* taken, and the answer lost, twice */
	assert_ok(send_it(5, NULL, &e, &err), err);
	assert_int_equal(atomic_load(&fake.broadcasts), 3);
	assert_int_equal(fake.n, 1);
	assert_int_equal(signatures, 1);
	atomic_store(&fake.deaf, 3); /* not even heard */
	assert_ok(send_it(5, NULL, &e, &err), err);
	assert_int_equal(fake.n, 2);
	assert_int_equal(signatures, 2);
}

static void
test_unknown_outcome(void **state)
{
	struct outbox_entry e, again;
	struct b3iq_error err;
	char hash[TX_HASH_TEXT];

	(void)state;
	atomic_store(&fake.mute, SENDER_TRIES);
	assert_int_equal(send_it(5, "rent", &e, &err), B3IQ_E_UNKNOWN_OUTCOME);
	tx_hash_write(e.hash, hash);
	assert_non_null(strstr(err.text, hash));
	assert_int_equal(send_it(6, "rent", &again, &err), B3IQ_E_INVALID); /* another wish */
	assert_ok(send_it(5, "rent", &again, &err), err);
	assert_memory_equal(again.hash, e.hash, TX_HASH);
	assert_ok(send_it(5, "rent", &again, &err), err);
	assert_int_equal(fake.n, 1);
	assert_int_equal(signatures, 1);
}

/* What an earlier call left open goes first, or its nonce would be a gap. */
static void
test_left_open(void **state)
{
	struct outbox_entry first, second;
	struct b3iq_error err;

	(void)state;
	atomic_store(&fake.deaf, SENDER_TRIES);
	assert_int_equal(send_it(5, NULL, &first, &err), B3IQ_E_UNKNOWN_OUTCOME);
	assert_int_equal(fake.n, 0);
	atomic_store(&fake.deaf, SENDER_TRIES); /* still away: nothing new is begun */
	assert_int_equal(send_it(6, NULL, &second, &err), B3IQ_E_UNAVAILABLE);
	assert_int_equal(signatures, 1);
	assert_ok(send_it(6, NULL, &second, &err), err);
	assert_int_equal(fake.n, 2);
	assert_memory_equal(fake.hashes[0], first.hash, TX_HASH);
	assert_memory_equal(fake.hashes[1], second.hash, TX_HASH);
}

static void
test_refused(void **state)
{
	struct b3iq_error err;
	struct outbox_entry e;

	(void)state;
	atomic_store(&fake.refuse, RPC_NO_FUNDS);
	assert_int_equal(send_it(5, "k", &e, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "because 6"));
	atomic_store(&fake.refuse, 0);
	assert_int_equal(send_it(5, "k", &e, &err),
	                 B3IQ_E_DENIED); /* that key has had its answer */
	assert_ok(send_it(5, "l", &e, &err), err);
	assert_int_equal(e.tx.nonce, 0); /* no gap */
	atomic_store(&fake.refuse, RPC_FULL);
	assert_int_equal(send_it(5, "m", &e, &err), B3IQ_E_BUSY);
	assert_true(err.retry_ms > 0);
	atomic_store(&fake.refuse, 0);
	assert_ok(send_it(7, NULL, &e, &err), err); /* sends the waiting one first */
	assert_int_equal(fake.n, 3);
	assert_int_equal(fake.txs[1].transfer.amount, 5);
}

/* Another home of the same account is quicker. */
static void
test_nonce_taken(void **state)
{
	struct b3iq_error err;
	struct outbox_entry e;

	(void)state;
	atomic_store(&fake.steal, 2);
	assert_ok(send_it(5, NULL, &e, &err), err);
	assert_int_equal(e.tx.nonce, 2);
	assert_int_equal(signatures, 3);
	atomic_store(&fake.steal, NONCES);
	assert_int_equal(send_it(5, NULL, &e, &err), B3IQ_E_DENIED);
	atomic_store(&fake.steal, 1);
	assert_int_equal(send_it(5, "k", &e, &err), B3IQ_E_DENIED); /* one key, one transaction */
}

static void
test_no_chain(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct sender s = sender();
	const struct sender_wish w = wish(5, NULL);
	struct outbox_entry e;

	(void)state;
	s.chain_url = "http://127.0.0.1:1";
	assert_int_equal(sender_send(&s, &w, &e, &err), B3IQ_E_UNAVAILABLE);
	atomic_store(&fake.garbage, true);
	assert_int_equal(send_it(5, NULL, &e, &err), B3IQ_E_INVALID);
	assert_int_equal(signatures, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_plain),     TEST(test_wrong_wishes), TEST(test_lost_answers),
		TEST(test_unknown_outcome), TEST(test_left_open), TEST(test_refused),
		TEST(test_nonce_taken), TEST(test_no_chain),
	};

	return cmocka_run_group_tests_name("wallet/sender", tests, NULL, NULL);
}
