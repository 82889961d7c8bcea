/* record.c: keys and values there and back, and nothing else is read. */
#include "fixture.h"

#include "chain/state/record.c"

static const struct record_id id = { .address = { { 1, 2, 3 } }, .nonce = 12, .hash = { 0xab, 0xcd } };

static void
round_trip(enum record_kind kind, const struct record *r, const char *text)
{
	struct b3iq_error err = NO_ERROR;
	struct record back;
	struct buf out;

	buf_init(&out, RECORD_VALUE_MAX);
	assert_ok(record_write(kind, r, &out, &err), err);
	if (text)
		assert_string_equal(out.data, text);
	assert_ok(record_read(kind, out.data, out.len, &back, &err), err);
	assert_int_equal(record_money(kind, r), record_money(kind, &back));
	buf_append(&out, " ", 1);
	assert_int_equal(record_read(kind, out.data, out.len, &back, &err), B3IQ_E_INVALID);
	assert_int_equal(record_read(kind, out.data, out.len - 2, &back, &err), B3IQ_E_INVALID);
	buf_free(&out);
}

static void
test_values(void **state)
{
	struct record r = { .account = { .balance = 5, .nonce = 6, .stake = 7 } };

	(void)state;
	round_trip(RECORD_ACCOUNT, &r, "{\"balance\":\"5\",\"nonce\":6,\"stake\":\"7\"}");
	assert_int_equal(record_money(RECORD_ACCOUNT, &r), 12);
	r = (struct record){ .unbonding = { .amount = 9, .mature = 1000 } };
	round_trip(RECORD_UNBONDING, &r, "{\"amount\":\"9\",\"mature\":1000}");
	assert_int_equal(record_money(RECORD_UNBONDING, &r), 9);
	r = (struct record){ .escrow = { .amount = 50, .deadline = 3 } };
	round_trip(RECORD_ESCROW, &r, NULL);
	assert_int_equal(record_money(RECORD_ESCROW, &r), 50);
	r.escrow.state = ESCROW_REFUNDED;
	round_trip(RECORD_ESCROW, &r, NULL);
	assert_int_equal(record_money(RECORD_ESCROW, &r), 0);
	r.escrow.state = ESCROW_RELEASED;
	r.escrow.paid = 40;
	r.escrow.cut = 2;
	round_trip(RECORD_ESCROW, &r, NULL);
	assert_int_equal(record_money(RECORD_ESCROW, &r), 0);
	r = (struct record){ .node = { .label = "x" } };
	round_trip(RECORD_NODE, &r, NULL);
	r = (struct record){ .node = { .label = "" } };
	round_trip(RECORD_NODE, &r, NULL);
	r = (struct record){ .model = { .name = "b3iq-mini" } };
	round_trip(RECORD_MODEL, &r, NULL);
	r = (struct record){ .supply = { .amount = 1 } };
	round_trip(RECORD_SUPPLY, &r, "{\"amount\":\"1\"}");
	assert_int_equal(record_money(RECORD_SUPPLY, &r), 0);
	r = (struct record){ .genesis = { .hash = { 1 } } };
	round_trip(RECORD_GENESIS, &r, NULL);
}

static void
test_keys(void **state)
{
	static const char *const wrong[] = {
		"", "account", "account/", "account/ait1nope", "supply/", "supplyx", "supply/1",
		"escrow/ab", "unbonding/", "unknown/1", "nodes/1", "genesis/x",
	};
	char key[RECORD_KEY_SIZE];
	enum record_kind kind;
	struct record_id back;

	(void)state;
	for (int k = 0; k < RECORD_N_KINDS; k++) {
		const size_t len = record_key((enum record_kind)k, &id, key);

		assert_int_equal(len, strlen(key));
		assert_true(len < RECORD_KEY_SIZE);
		assert_true(record_key_read(key, len, &kind, &back));
		assert_int_equal(kind, k);
		assert_memory_equal(record_kind_name(kind), key, strlen(record_kind_name(kind)));
		assert_false(record_key_read(key, len - 1, &kind, &back) && k != RECORD_UNBONDING);
	}
	record_key(RECORD_UNBONDING, &id, key);
	assert_true(record_key_read(key, strlen(key), &kind, &back));
	assert_int_equal(back.nonce, 12);
	assert_true(address_equal(&back.address, &id.address));
	memcpy(strrchr(key, '/'), "/012", 5); /* no leading zero */
	assert_false(record_key_read(key, strlen(key), &kind, &back));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(record_key_read(wrong[i], strlen(wrong[i]), &kind, &back));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
