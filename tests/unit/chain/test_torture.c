/* Every allocation of a block's execution failing in turn: it is the right state, or none. */
#include "fixture.h"

#include "../torture.h"
#include "chain/state/machine.h"

#define N 9

static struct people people;
static struct genesis genesis;
static struct block_tx *txs[N];
static uint8_t want[32]; /* the right root; zeros: not known yet */

/* Begins at the genesis; executes all of them; B3IQ_OK only with the right root. */
static int32_t
execute(void *arg)
{
	struct state *s = state_create();
	struct b3iq_error err = NO_ERROR;
	struct machine_touched touched;
	struct header header;
	struct machine m;
	uint8_t root[32];
	int32_t rc = s ? genesis_apply(&genesis, s, &header, &err) : B3IQ_E_NO_MEMORY;

	(void)arg;
	if (rc == B3IQ_OK) {
		state_commit(s);
		rc = machine_begin(&m, s, &genesis, START + 1, ed25519_public(people.key[PROPOSER]),
		                   &err);
	}
	for (int i = 0; rc == B3IQ_OK && i < N; i++)
		/* A refusal for a record that could not be looked up shows at the root. */
		if (machine_apply(&m, &txs[i]->tx, &touched, &err) == REFUSED_INTERNAL)
			rc = B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_OK)
		rc = machine_end(&m, &err);
	if (rc == B3IQ_OK)
		rc = state_root(s, root, &err);
	if (rc == B3IQ_OK) {
		static const uint8_t none[32];

		if (memcmp(want, none, 32) == 0)
			memcpy(want, root, 32);
		assert_memory_equal(root, want, 32); /* whatever failed on the way */
		state_commit(s);
	}
	state_destroy(s);
	return rc;
}

static void
test_execute(void **state)
{
	const struct tx list[N] = {
		people_pay(&people, ALICE, 0, CAROL, 500),
		people_open(&people, ALICE, 1, 1, 1000, BOB, START + 50),
		people_release(&people, BOB, 0, 1, CAROL, 600, 10),
		people_stake(&people, ALICE, 2, 700),
		people_unstake(&people, ALICE, 3, 200),
		people_node(&people, ALICE, 4, DAVE, "n"),
		people_commit(&people, ALICE, 5, 8),
		people_pay(&people, ALICE, 6, PROPOSER, 500),
		people_slash(&people, PROPOSER, 0, ALICE, 600),
	};

	(void)state;
	for (int i = 0; i < N; i++)
		txs[i] = people_wire(&list[i]);
	torture("a block", execute, NULL, B3IQ_E_INTERNAL);
	for (int i = 0; i < N; i++)
		free(txs[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_execute) };
	int rc;

	people_make(&people);
	genesis = people_genesis(&people);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	genesis_finish(&genesis);
	people_end(&people);
	return rc;
}
