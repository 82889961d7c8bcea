#include "localchain.c"
#include "chain.h"

static const uint8_t key[32] = { 9 };

struct bench {
	struct fake_host host;
	struct fake     *fake;
	void            *self;
};

static void
begin(struct bench *b, const struct fake_answer *answers, size_t n)
{
	struct b3iq_error err = NO_ERR;
	char config[256];

	fake_host_init(&b->host);
	b->fake = fake_start(answers, n);
	snprintf(config, sizeof config,
	         "{\"url\":\"http://127.0.0.1:%d/\",\"chain\":\"ait-devnet\",\"timeout_ms\":20000,"
	         "\"inclusion_ms\":0}", fake_port(b->fake));
	assert_ok(create(&b->host.table, config, &b->self, &err), err);
}

/* The same host, another chain: what is on the disk stays. */
static void
meet(struct bench *b, const struct fake_answer *answers, size_t n)
{
	struct fake_host kept = b->host;

	destroy(b->self);
	fake_stop(b->fake);
	begin(b, answers, n);
	b->host = kept;
	b->host.table.ctx = &b->host;
}

static void
end(struct bench *b)
{
	destroy(b->self);
	fake_stop(b->fake);
	fake_host_finish(&b->host);
}

#define BEGIN(...)                                                                             \
	static const struct fake_answer first[] = { __VA_ARGS__ };                             \
	struct b3iq_error err = NO_ERR;                                                        \
	struct b3iq_tx tx = { .size = B3IQ_SLOT };                                             \
	struct bench b;                                                                        \
	begin(&b, first, sizeof first / sizeof *first)
#define MEET(name, ...)                                                                        \
	static const struct fake_answer name[] = { __VA_ARGS__ };                              \
	meet(&b, name, sizeof name / sizeof *name)

static struct b3iq_ledger_op
stake_of(const char *amount)
{
	struct b3iq_ledger_op op = { .size = sizeof op, .op = B3IQ_OP_STAKE, .signer = "purse",
		                     .amount = amount };

	memcpy(op.key, key, sizeof op.key);
	return op;
}

/* The same key is the same transaction, whatever the op says the second time. */
static void
test_once(void **state)
{
	const struct b3iq_ledger_op one = stake_of("5"), other = stake_of("6");
	char ref[sizeof((struct b3iq_tx *)0)->ref];
	BEGIN(INFO, ACCOUNT(3, 3), VERDICT(0, ""));

	(void)state;
	assert_ok(submit(b.self, &one, &tx, &err), err);
	assert_int_equal(tx.state, B3IQ_TX_PENDING);
	assert_string_equal(tx.fee, "10");
	snprintf(ref, sizeof ref, "%s", tx.ref);
	assert_ok(submit(b.self, &other, &tx, &err), err);
	assert_string_equal(tx.ref, ref);
	assert_int_equal(b.host.signs, 1);
	assert_int_equal(b.host.puts, 1);
	assert_int_equal(fake_count(b.fake, "/"), 2); /* the same bytes, sent again */
	end(&b);
}

/* The record stands before anything leaves; without it nothing does. */
static void
test_record_first(void **state)
{
	const struct b3iq_ledger_op op = stake_of("5");
	BEGIN(INFO, ACCOUNT(3, 3), VERDICT(0, ""));

	(void)state;
	b.host.put_rc = B3IQ_E_UNAVAILABLE;
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_UNAVAILABLE);
	assert_int_equal(fake_count(b.fake, "/"), 0);
	assert_int_equal(status(b.self, key, &tx, &err), B3IQ_E_NOT_FOUND);
	end(&b);
}

/* Lost on the way: not known, then found by status(), which sends it again. */
static void
test_unknown_outcome(void **state)
{
	const struct b3iq_ledger_op op = stake_of("5");
	BEGIN(INFO, ACCOUNT(3, 3), { .path = "/", .body = "{", .claimed = 100 });

	(void)state;
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_UNKNOWN_OUTCOME);
	assert_int_equal(status(b.self, key, &tx, &err), B3IQ_E_UNAVAILABLE); /* still nobody knows */
	{
		MEET(well, INFO, ACCOUNT(3, 3), VERDICT(0, ""));
		assert_ok(status(b.self, key, &tx, &err), err);
		assert_int_equal(tx.state, B3IQ_TX_PENDING);
		assert_int_equal(fake_count(b.fake, "/"), 1);
		assert_int_equal(b.host.signs, 1);
	}
	end(&b);
}

/* Another transaction took the nonce: made anew once that is final, and not before. */
static void
test_nonce_taken(void **state)
{
	const struct b3iq_ledger_op op = stake_of("5");
	char ref[sizeof((struct b3iq_tx *)0)->ref];
	BEGIN(INFO, ACCOUNT(3, 3), VERDICT(8, "full"));

	(void)state;
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_BUSY);
	assert_true(err.retry_ms > 0);
	{
		MEET(waiting, INFO, ACCOUNT(3, 4), VERDICT(5, "nonce"));
		assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_BUSY);
		assert_int_equal(b.host.signs, 1);
		assert_int_equal(status(b.self, key, &tx, &err), B3IQ_E_UNAVAILABLE);
	}
	{
		MEET(final, INFO, ACCOUNT(4, 4), VERDICT(5, "nonce"));
		assert_ok(status(b.self, key, &tx, &err), err);
		assert_int_equal(tx.state, B3IQ_TX_UNKNOWN);
		snprintf(ref, sizeof ref, "%s", tx.ref);
	}
	{
		MEET(anew, INFO, ACCOUNT(4, 4), { .path = "/", .asked = "xxx", .body = "" },
		     VERDICT(5, "nonce"));
		assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_BUSY); /* it tried to be next */
		assert_int_equal(b.host.signs, 2);
		assert_int_equal(b.host.puts, 2);
	}
	end(&b);
}

/* No money: an error for the caller, and the transaction of the key stays the same. */
static void
test_refused(void **state)
{
	const struct b3iq_ledger_op op = stake_of("5");
	BEGIN(INFO, ACCOUNT(3, 3), VERDICT(6, "insufficient funds"));

	(void)state;
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "insufficient funds"));
	assert_ok(status(b.self, key, &tx, &err), err);
	assert_int_equal(tx.state, B3IQ_TX_FAILED);
	{
		MEET(rich, INFO, ACCOUNT(3, 3), VERDICT(0, ""));
		assert_ok(submit(b.self, &op, &tx, &err), err);
		assert_int_equal(b.host.signs, 1);
	}
	end(&b);
}

static void
test_limits(void **state)
{
	struct b3iq_ledger_op op = stake_of("5");
	BEGIN(INFO, ACCOUNT(3, 3), VERDICT(0, ""));

	(void)state;
	assert_ok(quote(b.self, &op, &tx, &err), err);
	assert_string_equal(tx.fee, "10");
	op.max_fee = "9";
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "fee"));
	op.max_fee = "10";
	op.signer = "stranger";
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_DENIED);
	op.signer = NULL;
	assert_int_equal(submit(b.self, &op, &tx, &err), B3IQ_E_INVALID);
	op.amount = "x";
	assert_int_equal(quote(b.self, &op, &tx, &err), B3IQ_E_INVALID);
	assert_int_equal(b.host.puts + fake_count(b.fake, "/"), 0);
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),        cmocka_unit_test(test_record_first),
		cmocka_unit_test(test_unknown_outcome), cmocka_unit_test(test_nonce_taken),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
