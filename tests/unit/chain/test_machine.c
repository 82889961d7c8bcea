/* machine.c: every kind of transaction, who may, what moves; and random ones: the supply holds. */
#include "fixture.h"

#include "chain/state/machine.c"

static struct people people;
static struct genesis genesis;
static struct state *now;
static struct machine machine;
static uint64_t nonce[PEOPLE];

static void
begin_at(uint64_t time)
{
	struct b3iq_error err = NO_ERROR;

	assert_ok(machine_begin(&machine, now, &genesis, time,
	                        ed25519_public(people.key[PROPOSER]), &err),
	          err);
}

static void
end_block(void)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t root[32];

	assert_ok(machine_end(&machine, &err), err);
	assert_ok(state_root(now, root, &err), err);
	state_commit(now);
}

static int
make(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct header header;

	(void)state;
	memset(nonce, 0, sizeof nonce);
	people_make(&people);
	genesis = people_genesis(&people);
	now = state_create();
	assert_ok(genesis_apply(&genesis, now, &header, &err), err);
	state_commit(now);
	begin_at(START + 1);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	state_destroy(now);
	genesis_finish(&genesis);
	people_end(&people);
	return 0;
}

static uint64_t
balance(int who)
{
	return state_account(now, TRIE_NEXT, &people.address[who]).account.balance;
}

static uint64_t
stake(int who)
{
	return state_account(now, TRIE_NEXT, &people.address[who]).account.stake;
}

static enum refusal
apply(struct tx tx)
{
	struct b3iq_error err = NO_ERROR;
	struct machine_touched touched;
	const enum refusal why = machine_apply(&machine, &tx, &touched, &err);

	if (why)
		assert_true(err.text[0] != '\0');
	assert_true(touched.n > 0);
	assert_true(address_equal(&touched.list[0], &tx.from));
	return why;
}

/* It holds, and the nonce is used. */
static void
holds(int who, struct tx tx)
{
	assert_int_equal(apply(tx), REFUSED_NOT);
	nonce[who]++;
	assert_int_equal(state_account(now, TRIE_NEXT, &people.address[who]).account.nonce,
	                 nonce[who]);
}

/* It is refused, and nothing at all has changed. */
static void
refused(enum refusal why, struct tx tx)
{
	uint8_t before[32], after[32];
	const uint64_t fees = machine.fees;

	assert_int_equal(state_root(now, before, NULL), B3IQ_OK);
	assert_int_equal(apply(tx), why);
	assert_int_equal(state_root(now, after, NULL), B3IQ_OK);
	assert_memory_equal(before, after, 32);
	assert_int_equal(machine.fees, fees);
}

static void
test_transfer(void **state)
{
	struct tx tx;

	(void)state;
	holds(ALICE, people_pay(&people, ALICE, 0, CAROL, 500));
	assert_int_equal(balance(ALICE), RICH - 500 - FEE);
	assert_int_equal(balance(CAROL), 500);
	holds(CAROL, people_pay(&people, CAROL, 0, BOB, 490)); /* in the same block, to the last */
	assert_int_equal(balance(CAROL), 0);
	holds(ALICE, people_pay(&people, ALICE, 1, ALICE, 7)); /* to oneself: the fee */
	assert_int_equal(balance(ALICE), RICH - 500 - 2 * FEE);
	assert_int_equal(nonce[ALICE], 2);
	refused(REFUSED_NONCE, people_pay(&people, ALICE, 1, BOB, 1));
	refused(REFUSED_YET, people_pay(&people, ALICE, 3, BOB, 1));
	refused(REFUSED_FUNDS, people_pay(&people, ALICE, 2, BOB, RICH));
	refused(REFUSED_FUNDS, people_pay(&people, ALICE, 2, BOB, AMOUNT_MAX));
	refused(REFUSED_FUNDS, people_pay(&people, DAVE, 0, BOB, 1));
	tx = people_tx(&people, ALICE, 2, TX_TRANSFER);
	tx.transfer.to = people.address[BOB];
	tx.transfer.amount = 1;
	tx.fee = FEE - 1;
	refused(REFUSED_FEE, tx);
	tx.fee = FEE;
	memcpy(tx.chain, "other", 6);
	refused(REFUSED_CHAIN, tx);
	end_block();
	assert_int_equal(state_account(now, TRIE_COMMITTED, &people.address[PROPOSER]).account.balance,
	                 3 * FEE);
}

static struct record
escrow(uint8_t id)
{
	const struct record_id which = { .hash = { id } };
	struct record r;

	assert_true(state_get(now, TRIE_NEXT, RECORD_ESCROW, &which, &r));
	return r;
}

static void
test_escrow(void **state)
{
	(void)state;
	refused(REFUSED_YET, people_release(&people, BOB, 0, 1, CAROL, 1, 0)); /* none there */
	refused(REFUSED_RULE, people_open(&people, ALICE, 0, 1, 1000, BOB, START)); /* too late */
	refused(REFUSED_FUNDS, people_open(&people, CAROL, 0, 1, 1000, BOB, START + 100));
	holds(ALICE, people_open(&people, ALICE, 0, 1, 1000, BOB, START + 100));
	assert_int_equal(balance(ALICE), RICH - 1000 - FEE);
	refused(REFUSED_RULE, people_open(&people, ALICE, 1, 1, 5, BOB, START + 100)); /* same id */
	refused(REFUSED_AUTHORITY, people_release(&people, ALICE, 1, 1, CAROL, 1, 0));
	refused(REFUSED_RULE, people_release(&people, BOB, 0, 1, CAROL, 900, 101)); /* too much */
	refused(REFUSED_RULE, people_release(&people, BOB, 0, 1, CAROL, AMOUNT_MAX, AMOUNT_MAX));
	refused(REFUSED_AUTHORITY, people_refund(&people, ALICE, 1, 1)); /* not before the deadline */
	holds(BOB, people_release(&people, BOB, 0, 1, CAROL, 700, 50));
	assert_int_equal(balance(CAROL), 700);
	assert_int_equal(balance(BOB), 1000000 + 50 - FEE);
	assert_int_equal(balance(ALICE), RICH - 1000 - FEE + 250);
	assert_int_equal(escrow(1).escrow.state, ESCROW_RELEASED);
	assert_int_equal(escrow(1).escrow.digest[0], 0xd1);
	refused(REFUSED_RULE, people_release(&people, BOB, 1, 1, CAROL, 1, 0)); /* once */
	refused(REFUSED_RULE, people_refund(&people, BOB, 1, 1));
	refused(REFUSED_RULE, people_open(&people, ALICE, 1, 1, 5, BOB, START + 100)); /* for ever */
	/* The arbiter refunds at any time. */
	holds(ALICE, people_open(&people, ALICE, 1, 2, 2000, BOB, START + 100));
	holds(BOB, people_refund(&people, BOB, 1, 2));
	assert_int_equal(balance(ALICE), RICH - 750 - 2 * FEE);
	assert_int_equal(escrow(2).escrow.state, ESCROW_REFUNDED);
	refused(REFUSED_RULE, people_refund(&people, BOB, 2, 2));
	/* Anybody, after the deadline; the arbiter may still release until then. */
	holds(ALICE, people_open(&people, ALICE, 2, 3, 300, BOB, START + 100));
	holds(ALICE, people_open(&people, ALICE, 3, 4, 400, BOB, START + 100));
	end_block();
	begin_at(START + 100);
	refused(REFUSED_AUTHORITY, people_refund(&people, CAROL, 0, 3)); /* at it is not after it */
	end_block();
	begin_at(START + 101);
	holds(CAROL, people_refund(&people, CAROL, 0, 3));
	holds(BOB, people_release(&people, BOB, 2, 4, CAROL, 400, 0));
	assert_int_equal(balance(ALICE), RICH - 750 - 4 * FEE - 400);
	end_block();
}

static void
test_stake(void **state)
{
	(void)state;
	refused(REFUSED_YET, people_unstake(&people, ALICE, 0, 1));
	refused(REFUSED_FUNDS, people_stake(&people, BOB, 0, 1000000));
	holds(ALICE, people_stake(&people, ALICE, 0, 5000));
	assert_int_equal(stake(ALICE), 5000);
	assert_int_equal(balance(ALICE), RICH - 5000 - FEE);
	refused(REFUSED_YET, people_unstake(&people, ALICE, 1, 5001));
	holds(ALICE, people_unstake(&people, ALICE, 1, 2000));
	assert_int_equal(stake(ALICE), 3000);
	assert_int_equal(balance(ALICE), RICH - 5000 - 2 * FEE); /* not yet */
	end_block();
	begin_at(START + UNBOND);
	assert_int_equal(balance(ALICE), RICH - 5000 - 2 * FEE); /* a millisecond is missing */
	end_block();
	begin_at(START + 1 + UNBOND);
	assert_int_equal(balance(ALICE), RICH - 3000 - 2 * FEE);
	end_block();
	begin_at(START + 2 + UNBOND);
	assert_int_equal(balance(ALICE), RICH - 3000 - 2 * FEE); /* once */
	end_block();
}

static void
test_slash(void **state)
{
	(void)state;
	holds(ALICE, people_pay(&people, ALICE, 0, PROPOSER, 1000));
	refused(REFUSED_YET, people_slash(&people, PROPOSER, 0, BOB, 5)); /* has none */
	holds(ALICE, people_stake(&people, ALICE, 1, 1000));
	holds(ALICE, people_unstake(&people, ALICE, 2, 300));
	holds(ALICE, people_unstake(&people, ALICE, 3, 200));
	refused(REFUSED_AUTHORITY, people_slash(&people, ALICE, 4, ALICE, 1));
	holds(PROPOSER, people_slash(&people, PROPOSER, 0, ALICE, 100)); /* from the stake */
	assert_int_equal(stake(ALICE), 400);
	assert_int_equal(balance(TREASURY), 100);
	holds(PROPOSER, people_slash(&people, PROPOSER, 1, ALICE, 750)); /* 400, 300, then 50 of 200 */
	assert_int_equal(stake(ALICE), 0);
	assert_int_equal(balance(TREASURY), 850);
	end_block();
	begin_at(START + 2);
	holds(PROPOSER, people_slash(&people, PROPOSER, 2, ALICE, 50)); /* what a block before left */
	assert_int_equal(balance(TREASURY), 900);
	end_block();
	begin_at(START + 1 + UNBOND); /* only what is left matures */
	assert_int_equal(balance(ALICE), RICH - 1000 - 1000 - 4 * FEE + 100);
	end_block();
	begin_at(START + 2 + UNBOND);
	refused(REFUSED_YET, people_slash(&people, PROPOSER, 3, ALICE, 1));
	/* More than there is takes what there is. */
	holds(ALICE, people_stake(&people, ALICE, 4, 10));
	holds(PROPOSER, people_slash(&people, PROPOSER, 3, ALICE, 5000));
	assert_int_equal(balance(TREASURY), 910);
	end_block();
}

static void
test_registry(void **state)
{
	const struct record_id model = { .hash = { 9 } };
	struct record_id node = { .nonce = 0 };
	struct record r;

	(void)state;
	memcpy(node.hash, ed25519_public(people.key[DAVE]), 32);
	holds(ALICE, people_node(&people, ALICE, 0, DAVE, "first"));
	holds(ALICE, people_node(&people, ALICE, 1, DAVE, "renamed"));
	assert_true(state_get(now, TRIE_NEXT, RECORD_NODE, &node, &r));
	assert_string_equal(r.node.label, "renamed");
	refused(REFUSED_AUTHORITY, people_node(&people, BOB, 0, DAVE, "mine"));
	holds(ALICE, people_model(&people, ALICE, 2, 9, "b3iq-mini"));
	refused(REFUSED_AUTHORITY, people_model(&people, BOB, 0, 9, "other"));
	assert_true(state_get(now, TRIE_NEXT, RECORD_MODEL, &model, &r));
	assert_string_equal(r.model.name, "b3iq-mini");
	holds(ALICE, people_commit(&people, ALICE, 3, 1));
	holds(ALICE, people_commit(&people, ALICE, 4, 1)); /* the same root again: a new commit */
	end_block();
}

static void
test_foresee(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct tx tx = people_slash(&people, ALICE, 0, BOB, 1);

	(void)state;
	end_block();
	assert_int_equal(machine_foresee(now, &genesis, &tx, START, &err), REFUSED_AUTHORITY);
	tx = people_release(&people, ALICE, 77, 9, BOB, 1, 0); /* whatever the nonce */
	assert_int_equal(machine_foresee(now, &genesis, &tx, START, &err), REFUSED_YET);
	tx = people_pay(&people, CAROL, 0, BOB, 1); /* whatever the funds */
	assert_int_equal(machine_foresee(now, &genesis, &tx, START, &err), REFUSED_NOT);
}

/* ---- random transactions --------------------------------------------------- */

static uint32_t seed;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Unsigned: the machine does not look at signatures. */
static struct tx
random_tx(void)
{
	const int who = (int)chance(PEOPLE);
	const enum tx_kind kind = (enum tx_kind)chance(TX_N_KINDS);
	struct tx tx = people_tx(&people, who, nonce[who], kind);
	const uint64_t amount = 1 + chance(chance(2) ? 50 : 2000000);

	if (chance(20) == 0)
		tx.nonce += chance(3);
	tx.fee = chance(20) == 0 ? FEE - 1 : FEE + chance(5);
	switch (kind) {
	case TX_TRANSFER:
		tx.transfer.to = people.address[chance(PEOPLE)];
		tx.transfer.amount = chance(50) == 0 ? AMOUNT_MAX : amount;
		break;
	case TX_ESCROW_OPEN:
		tx.escrow_open.id[0] = (uint8_t)chance(200);
		tx.escrow_open.amount = amount;
		tx.escrow_open.arbiter = people.address[chance(PEOPLE)];
		tx.escrow_open.deadline = machine.time + chance(60);
		break;
	case TX_ESCROW_RELEASE:
		tx.escrow_release.id[0] = (uint8_t)chance(200);
		tx.escrow_release.to = people.address[chance(PEOPLE)];
		tx.escrow_release.amount = chance(2) ? chance(50) : amount;
		tx.escrow_release.cut = chance(20);
		break;
	case TX_ESCROW_REFUND:
		tx.escrow_refund.id[0] = (uint8_t)chance(200);
		break;
	case TX_STAKE:
	case TX_UNSTAKE:
		tx.stake.amount = chance(2) ? amount : 1 + chance(5);
		break;
	case TX_SLASH:
		tx.from = people.address[chance(4) ? PROPOSER : who];
		tx.nonce = chance(4) ? state_account(now, TRIE_NEXT, &tx.from).account.nonce : tx.nonce;
		tx.slash.account = people.address[chance(PEOPLE)];
		tx.slash.amount = 1 + chance(30);
		break;
	case TX_REGISTER_NODE:
		tx.register_node.node[0] = (uint8_t)chance(4);
		break;
	case TX_REGISTER_MODEL:
		tx.register_model.root[0] = (uint8_t)chance(4);
		memcpy(tx.register_model.name, "m", 2);
		break;
	default:
		tx.commit.root[0] = (uint8_t)chance(256);
		break;
	}
	return tx;
}

static int32_t
load(void *arg, const struct trie_entry *e)
{
	struct b3iq_error err = NO_ERROR;

	assert_ok(state_load(arg, e, &err), err);
	return B3IQ_OK;
}

static int32_t
add_money(void *arg, const struct trie_entry *e)
{
	enum record_kind kind;
	struct record_id id;
	struct record r;

	assert_true(record_key_read(e->key, e->key_len, &kind, &id));
	assert_int_equal(record_read(kind, e->value, e->value_len, &r, NULL), B3IQ_OK);
	*(uint64_t *)arg += record_money(kind, &r);
	return B3IQ_OK;
}

/* The state as a restart would find it: loaded from its entries. */
static struct state *
restarted(void)
{
	struct state *other = state_create();
	uint8_t root[32];

	state_begin(other);
	trie_each(state_trie(now), TRIE_COMMITTED, load, other);
	assert_int_equal(state_root(other, root, NULL), B3IQ_OK);
	assert_true(state_supply_holds(other));
	state_commit(other);
	return other;
}

static void
run_random(uint32_t from, unsigned restart_every, uint8_t root[32], unsigned *held)
{
	uint64_t money;

	seed = from;
	*held = 0;
	state_abort(now);
	for (unsigned block = 0; block < 150; block++) {
		if (restart_every && block % restart_every == 0) {
			struct state *other = restarted();

			state_destroy(now);
			now = other;
		}
		begin_at(START + 10 + block * 37);
		for (unsigned i = 0; i < 40; i++) {
			struct tx tx = random_tx();
			struct machine_touched touched;
			struct b3iq_error err = NO_ERROR;
			const enum refusal why = machine_apply(&machine, &tx, &touched, &err);

			assert_int_not_equal(why, REFUSED_INTERNAL);
			*held += why == REFUSED_NOT;
			for (int k = 0; k < PEOPLE; k++)
				nonce[k] = state_account(now, TRIE_NEXT, &people.address[k])
				                   .account.nonce;
		}
		assert_int_equal(machine_end(&machine, NULL), B3IQ_OK);
		assert_int_equal(state_root(now, root, NULL), B3IQ_OK);
		if (chance(6) == 0) { /* a block that could not be written: the chance goes on */
			state_abort(now);
			begin_at(START + 10 + block * 37);
			assert_int_equal(machine_end(&machine, NULL), B3IQ_OK);
			assert_int_equal(state_root(now, root, NULL), B3IQ_OK);
		}
		state_commit(now);
		for (int k = 0; k < PEOPLE; k++)
			nonce[k] =
				state_account(now, TRIE_COMMITTED, &people.address[k]).account.nonce;
		money = 0;
		trie_each(state_trie(now), TRIE_COMMITTED, add_money, &money);
		assert_int_equal(money, genesis.supply);
	}
}

static void
test_random(void **state)
{
	uint8_t plain[32], again[32];
	unsigned held, held_again;

	for (uint32_t s = 1; s <= 4; s++) {
		run_random(s, 0, plain, &held);
		assert_true(held > 500);
		end(state);
		make(state);
		run_random(s, 5, again, &held_again); /* with 30 restarts between */
		assert_int_equal(held, held_again);
		assert_memory_equal(plain, again, 32);
		end(state);
		make(state);
	}
}

static void
test_run(void **state)
{
	struct machine_touched touched[4];
	struct tx pay = people_pay(&people, ALICE, 0, CAROL, 5);
	struct block_tx *one = people_wire(&pay);
	struct b3iq_error err = NO_ERROR;
	struct block b = { .txs = &one, .n = 1 };
	uint8_t root[32];

	(void)state;
	/* What the machine makes of it is what the header must say. */
	assert_int_equal(apply(pay), REFUSED_NOT);
	assert_int_equal(machine_end(&machine, &err), B3IQ_OK);
	assert_int_equal(state_root(now, root, &err), B3IQ_OK);
	state_abort(now);
	b.header.time = START + 1;
	memcpy(b.header.proposer, ed25519_public(people.key[PROPOSER]), 32);
	memcpy(b.header.state, root, 32);
	assert_ok(machine_run(now, &genesis, &b, touched, &err), err);
	assert_int_equal(touched[0].n, 2);
	state_abort(now);
	b.header.state[5] ^= 1;
	assert_int_equal(machine_run(now, &genesis, &b, touched, &err), B3IQ_E_INVALID);
	state_abort(now);
	one->tx.nonce = 1;
	assert_int_equal(machine_run(now, &genesis, &b, touched, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "transaction 0"));
	free(one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_transfer, make, end),
		cmocka_unit_test_setup_teardown(test_escrow, make, end),
		cmocka_unit_test_setup_teardown(test_stake, make, end),
		cmocka_unit_test_setup_teardown(test_slash, make, end),
		cmocka_unit_test_setup_teardown(test_registry, make, end),
		cmocka_unit_test_setup_teardown(test_foresee, make, end),
		cmocka_unit_test_setup_teardown(test_random, make, end),
		cmocka_unit_test_setup_teardown(test_run, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
