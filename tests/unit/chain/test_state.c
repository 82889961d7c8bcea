/* state.c: money counted, unbonding in order, versions thrown away without a trace. */
#include "fixture.h"

#include "chain/state/state.c"

static struct record_id
stake_of(uint8_t who, uint64_t nonce)
{
	return (struct record_id){ .address = { { who } }, .nonce = nonce };
}

static void
put_due(struct state *s, uint8_t who, uint64_t nonce, uint64_t amount, uint64_t mature)
{
	const struct record_id id = stake_of(who, nonce);
	const struct record r = { .unbonding = { .amount = amount, .mature = mature } };
	struct b3iq_error err = NO_ERROR;

	assert_ok(state_put(s, RECORD_UNBONDING, &id, &r, &err), err);
}

static void
commit(struct state *s)
{
	uint8_t root[32];

	assert_int_equal(state_root(s, root, NULL), B3IQ_OK);
	state_commit(s);
}

static void
test_due_order(void **state)
{
	struct state *s = state_create();
	struct record_id id;
	struct record r;
	size_t at = 0;

	(void)state;
	state_begin(s);
	put_due(s, 2, 0, 5, 300);
	put_due(s, 1, 7, 6, 100);
	put_due(s, 1, 3, 7, 100);
	assert_false(state_take_mature(s, 1000, &id)); /* made by this very block */
	commit(s);
	state_begin(s);
	put_due(s, 3, 0, 8, 200);
	assert_true(state_take_mature(s, 100, &id));
	assert_int_equal(id.nonce, 3);
	assert_true(state_unbonding(s, TRIE_NEXT, &id.address, &at, &id, &r));
	assert_int_equal(id.nonce, 7); /* the taken one is gone from the list */
	assert_int_equal(at, 2);       /* and who goes on does not begin anew */
	assert_false(state_unbonding(s, TRIE_NEXT, &id.address, &at, &id, &r));
	state_abort(s);                /* and back */
	state_begin(s);
	assert_true(state_take_mature(s, 100, &id));
	assert_int_equal(id.nonce, 3);
	assert_true(state_take_mature(s, 100, &id));
	assert_int_equal(id.nonce, 7);
	assert_false(state_take_mature(s, 299, &id)); /* 200 was aborted */
	assert_true(state_take_mature(s, 300, &id));
	assert_int_equal(id.address.bytes[0], 2);
	assert_false(state_take_mature(s, UINT64_MAX, &id));
	commit(s);
	state_begin(s);
	assert_false(state_take_mature(s, UINT64_MAX, &id));
	state_abort(s);
	state_destroy(s);
	state_destroy(NULL);
}

static void
test_money(void **state)
{
	const struct record_id none = { .nonce = 0 }, who = { .address = { { 9 } } };
	struct record r = { .supply = { .amount = 100 } };
	struct b3iq_error err = NO_ERROR;
	struct state *s = state_create();

	(void)state;
	state_begin(s);
	assert_false(state_supply_holds(s)); /* no supply at all */
	assert_ok(state_put(s, RECORD_SUPPLY, &none, &r, &err), err);
	assert_false(state_supply_holds(s));
	r = (struct record){ .account = { .balance = 60, .stake = 30 } };
	assert_ok(state_put(s, RECORD_ACCOUNT, &who, &r, &err), err);
	put_due(s, 9, 1, 10, 5);
	assert_true(state_supply_holds(s));
	commit(s);
	state_begin(s);
	r.account.balance = 61;
	assert_ok(state_put(s, RECORD_ACCOUNT, &who, &r, &err), err);
	assert_false(state_supply_holds(s));
	state_abort(s);
	state_begin(s);
	assert_true(state_supply_holds(s));
	assert_ok(state_remove(s, RECORD_UNBONDING, &(struct record_id){ .address = { { 9 } }, .nonce = 1 },
	                       &err),
	          err);
	assert_false(state_supply_holds(s));
	r.account.balance = 70;
	assert_ok(state_put(s, RECORD_ACCOUNT, &who, &r, &err), err);
	assert_true(state_supply_holds(s));
	commit(s);
	assert_int_equal(state_account(s, TRIE_COMMITTED, &who.address).account.balance, 70);
	assert_int_equal(state_account(s, TRIE_COMMITTED, &none.address).account.balance, 0);
	state_destroy(s);
}

static void
test_load_refuses(void **state)
{
	static const struct trie_entry bad[] = {
		{ .key = "what/is", .key_len = 7, .value = "{}", .value_len = 2, .row = 1 },
		{ .key = "supply", .key_len = 6, .value = "{}", .value_len = 2, .row = 1 },
		{ .key = "supply", .key_len = 6, .value = "{\"amount\":1}", .value_len = 12, .row = 1 },
	};
	struct b3iq_error err = NO_ERROR;
	struct state *s = state_create();

	(void)state;
	state_begin(s);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(state_load(s, &bad[i], &err), B3IQ_E_INVALID);
	state_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_order),
		cmocka_unit_test(test_money),
		cmocka_unit_test(test_load_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
