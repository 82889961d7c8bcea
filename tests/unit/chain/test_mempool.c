/* mempool.c: nonces, gaps, money that waits, fairness, eviction, and what becomes of what was taken. */
#include "fixture.h"

#include <pthread.h>

#include "chain/ledger/mempool.c"

static struct people people;
static uint64_t balances[PEOPLE], nonces[PEOPLE];

static void
account(void *ctx, const struct address *address, uint64_t *balance, uint64_t *nonce)
{
	(void)ctx;
	*balance = *nonce = 0;
	for (int i = 0; i < PEOPLE; i++)
		if (address_equal(address, &people.address[i])) {
			*balance = balances[i];
			*nonce = nonces[i];
		}
}

static struct mempool *
pool_of(size_t txs, size_t bytes, size_t per_account)
{
	const struct mempool_options o = { .txs = txs, .bytes = bytes, .per_account = per_account,
		                           .account = account };

	for (int i = 0; i < PEOPLE; i++) {
		balances[i] = 1000000;
		nonces[i] = 0;
	}
	return mempool_create(&o);
}

/* Unsigned: the pool does not look. */
static struct block_tx *
pay(int from, uint64_t nonce, uint64_t amount)
{
	struct block_tx *t = calloc(1, sizeof *t + 100);

	t->tx = people_tx(&people, from, nonce, TX_TRANSFER);
	t->tx.transfer.to = people.address[(from + 1) % PEOPLE];
	t->tx.transfer.amount = amount;
	t->len = 100;
	assert_int_equal(tx_hash(&t->tx, t->hash, NULL), B3IQ_OK);
	return t;
}

static void
adds(struct mempool *m, enum refusal why, int from, uint64_t nonce, uint64_t amount)
{
	struct b3iq_error err = NO_ERROR;

	assert_int_equal(mempool_add(m, pay(from, nonce, amount), &err), why);
	if (why)
		assert_true(err.text[0] != '\0');
}

static struct mempool_counts
counts(struct mempool *m)
{
	struct mempool_counts c;

	mempool_count(m, &c);
	return c;
}

static void
settle(struct mempool *m, struct block_tx **txs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < PEOPLE; k++)
			if (address_equal(&txs[i]->tx.from, &people.address[k]))
				nonces[k] = txs[i]->tx.nonce + 1;
	mempool_lock(m);
	mempool_settle(m, 1, txs, n, NULL, NULL, 0);
	mempool_unlock(m);
}

static void
test_nonces(void **state)
{
	struct mempool *m = pool_of(0, 0, 0);
	struct block_tx *taken[10];
	uint64_t nonce, spend;
	size_t n;

	(void)state;
	nonces[ALICE] = 5;
	adds(m, REFUSED_NONCE, ALICE, 4, 1);
	adds(m, REFUSED_NOT, ALICE, 7, 1); /* a gap waits */
	assert_false(mempool_ready(m));
	assert_int_equal(mempool_take(m, 10, 10000, taken), 0);
	adds(m, REFUSED_DUPLICATE, ALICE, 7, 1);
	adds(m, REFUSED_NONCE, ALICE, 7, 2); /* the nonce is taken */
	adds(m, REFUSED_NONCE, ALICE, 5 + MEMPOOL_AHEAD, 1);
	adds(m, REFUSED_NOT, ALICE, 5, 1);
	mempool_pending(m, &people.address[ALICE], &nonce, &spend, &n);
	assert_int_equal(nonce, 6);
	assert_int_equal(spend, 2 * (1 + FEE));
	assert_int_equal(n, 2);
	adds(m, REFUSED_NOT, ALICE, 6, 1); /* the gap is filled */
	mempool_pending(m, &people.address[ALICE], &nonce, &spend, &n);
	assert_int_equal(nonce, 8);
	assert_int_equal(mempool_take(m, 10, 10000, taken), 3);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(taken[i]->tx.nonce, 5 + i);
	adds(m, REFUSED_NONCE, ALICE, 6, 9); /* also while it is in the block */
	adds(m, REFUSED_NOT, ALICE, 8, 1);
	assert_int_equal(counts(m).taken, 3);
	settle(m, taken, 3);
	assert_int_equal(counts(m).taken, 0);
	assert_int_equal(counts(m).txs, 1);
	adds(m, REFUSED_NONCE, ALICE, 7, 1);
	assert_int_equal(mempool_take(m, 10, 10000, taken), 1);
	settle(m, taken, 1);
	assert_int_equal(counts(m).txs + counts(m).accounts + counts(m).bytes, 0);
	mempool_destroy(m);
}

static void
test_funds(void **state)
{
	struct mempool *m = pool_of(0, 0, 0);

	(void)state;
	balances[BOB] = 100;
	adds(m, REFUSED_FUNDS, BOB, 0, 91);
	adds(m, REFUSED_NOT, BOB, 0, 50);
	adds(m, REFUSED_FUNDS, BOB, 1, 31); /* 60 of 100 wait to be spent */
	adds(m, REFUSED_NOT, BOB, 1, 30);
	adds(m, REFUSED_FUNDS, BOB, 2, 1);
	balances[CAROL] = 0;
	adds(m, REFUSED_FUNDS, CAROL, 0, 1);
	adds(m, REFUSED_FUNDS, ALICE, 0, AMOUNT_MAX);
	mempool_destroy(m);
	mempool_destroy(NULL);
}

static void
test_fair(void **state)
{
	struct mempool *m = pool_of(0, 0, 0);
	struct block_tx *taken[300];
	int others = 0;
	size_t n;

	(void)state;
	for (uint64_t i = 0; i < 200; i++)
		adds(m, REFUSED_NOT, ALICE, i, 1);
	for (uint64_t i = 0; i < 3; i++)
		adds(m, REFUSED_NOT, BOB, i, 1);
	n = mempool_take(m, 100, 100000, taken);
	assert_int_equal(n, 100);
	for (size_t i = 0; i < n; i++)
		others += address_equal(&taken[i]->tx.from, &people.address[BOB]);
	assert_int_equal(others, 3); /* nobody waits behind another's queue */
	settle(m, taken, n);
	assert_int_equal(mempool_take(m, 300, 1050, taken), 10); /* bytes are a limit too */
	settle(m, taken, 0);
	assert_int_equal(mempool_take(m, 300, 1000000, taken), 103); /* what went back comes again */
	assert_int_equal(taken[0]->tx.nonce, 97);
	mempool_destroy(m);
}

/* Many accounts, each with one that can never be executed, do not keep the others out. */
static void
test_full_of_gaps(void **state)
{
	struct mempool *m = pool_of(3, 1000, 10);
	struct block_tx *out[4];

	(void)state;
	adds(m, REFUSED_NOT, ALICE, 1, 1);
	adds(m, REFUSED_NOT, BOB, 7, 1);
	adds(m, REFUSED_NOT, CAROL, 1, 1);
	adds(m, REFUSED_FULL, DAVE, 1, 1);
	adds(m, REFUSED_NOT, DAVE, 0, 1);
	adds(m, REFUSED_NOT, ALICE, 0, 1); /* fills its own gap: that is not what goes for it */
	assert_int_equal(counts(m).txs, 3);
	assert_int_equal(counts(m).evicted, 2);
	assert_int_equal(mempool_take(m, 4, 1000, out), 3);
	adds(m, REFUSED_FULL, BOB, 0, 1); /* nothing waits behind a gap any more */
	mempool_destroy(m);
}

static void
test_full(void **state)
{
	struct mempool *m = pool_of(10, 0, 8);

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		adds(m, REFUSED_NOT, ALICE, i, 1);
	adds(m, REFUSED_FULL, ALICE, 8, 1); /* as many as one account may have */
	for (uint64_t i = 0; i < 4; i++)
		adds(m, REFUSED_NOT, BOB, i, 1); /* alice loses her last two */
	assert_int_equal(counts(m).evicted, 2);
	assert_int_equal(counts(m).txs, 10);
	adds(m, REFUSED_NOT, BOB, 4, 1);
	adds(m, REFUSED_FULL, BOB, 5, 1); /* five and five: even */
	adds(m, REFUSED_FULL, ALICE, 5, 1);
	for (uint64_t i = 0; i < 3; i++)
		adds(m, REFUSED_NOT, CAROL, i, 1);
	adds(m, REFUSED_FULL, CAROL, 3, 1);
	assert_int_equal(counts(m).txs, 10);
	mempool_destroy(m);
	/* What is in a block is not thrown out. */
	m = pool_of(3, 0, 8);
	for (uint64_t i = 0; i < 3; i++)
		adds(m, REFUSED_NOT, ALICE, i, 1);
	{
		struct block_tx *taken[3];

		assert_int_equal(mempool_take(m, 3, 1000, taken), 3);
	}
	adds(m, REFUSED_FULL, BOB, 0, 1);
	mempool_destroy(m);
	m = pool_of(0, 250, 8);
	adds(m, REFUSED_NOT, ALICE, 0, 1);
	adds(m, REFUSED_NOT, ALICE, 1, 1);
	adds(m, REFUSED_FULL, ALICE, 2, 1);
	mempool_destroy(m);
}

struct waiting {
	struct mempool     *pool;
	uint8_t             hash[TX_HASH];
	struct mempool_fate fate;
	enum refusal        why;
};

static void *
wait_long(void *arg)
{
	struct waiting *w = arg;

	w->why = mempool_wait(w->pool, w->hash, 60000, &w->fate);
	return NULL;
}

/* Until the waiter hangs on its transaction. */
static void
until_waiting(struct mempool *m, const uint8_t hash[TX_HASH])
{
	for (bool there = false; !there;) {
		usleep(200);
		mempool_lock(m);
		there = find(m, hash)->waiters != NULL;
		mempool_unlock(m);
	}
}

static void
test_fates(void **state)
{
	struct mempool *m = pool_of(0, 0, 0);
	struct mempool_fate no = { .why = REFUSED_RULE, .text = "because" };
	struct waiting w[3] = { { .pool = m }, { .pool = m }, { .pool = m } };
	struct block_tx *taken[3], *foreign = pay(ALICE, 2, 77);
	struct mempool_fate fate;
	pthread_t thread[3];

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		adds(m, REFUSED_NOT, ALICE, i, 1);
		memcpy(w[i].hash, m->by_address[slot(people.address[ALICE].bytes)]->last->tx->hash, 32);
		assert_int_equal(pthread_create(&thread[i], NULL, wait_long, &w[i]), 0);
		until_waiting(m, w[i].hash);
	}
	assert_int_equal(mempool_wait(m, w[0].hash, 1, &fate), REFUSED_UNKNOWN); /* too short */
	assert_int_equal(mempool_take(m, 3, 1000, taken), 3);
	/* The first holds, the second does not, so the third waits on. */
	nonces[ALICE] = 1;
	mempool_lock(m);
	mempool_settle(m, 9, taken, 1, taken + 1, &no, 1);
	mempool_unlock(m);
	pthread_join(thread[0], NULL);
	assert_int_equal(w[0].why, REFUSED_NOT);
	assert_int_equal(w[0].fate.height, 9);
	pthread_join(thread[1], NULL);
	assert_int_equal(w[1].why, REFUSED_RULE);
	assert_string_equal(w[1].fate.text, "because");
	assert_false(mempool_ready(m));
	assert_int_equal(counts(m).txs, 1);
	assert_int_equal(counts(m).dropped, 1);
	/* A block from elsewhere uses the third one's nonce. */
	nonces[ALICE] = 3;
	mempool_lock(m);
	mempool_settle(m, 10, &foreign, 1, NULL, NULL, 0);
	mempool_unlock(m);
	pthread_join(thread[2], NULL);
	assert_int_equal(w[2].why, REFUSED_NONCE);
	assert_int_equal(counts(m).txs, 0);
	assert_int_equal(mempool_wait(m, w[0].hash, 1, &fate), REFUSED_UNKNOWN);
	assert_int_equal(mempool_wait(m, w[1].hash, 1, &fate), REFUSED_RULE); /* asked too late */
	assert_string_equal(fate.text, "because");
	for (size_t i = 0; i < RECENT; i++) { /* and forgotten in the end */
		struct block_tx *one = pay(BOB, i, 1);

		nonces[BOB] = i;
		assert_int_equal(mempool_add(m, one, NULL), REFUSED_NOT);
		mempool_lock(m);
		mempool_settle(m, 11, NULL, 0, &one, &no, 1);
		mempool_unlock(m);
	}
	assert_int_equal(mempool_wait(m, w[1].hash, 1, &fate), REFUSED_UNKNOWN);
	for (size_t i = 0; i < 2; i++) { /* dropped, sent again, in a block: nobody is told the first of it */
		struct block_tx *one = pay(BOB, RECENT, 1);

		nonces[BOB] = RECENT;
		memcpy(w[0].hash, one->hash, TX_HASH);
		assert_int_equal(mempool_add(m, one, NULL), REFUSED_NOT);
		mempool_lock(m);
		mempool_settle(m, 12, &one, i, &one, &no, !i);
		mempool_unlock(m);
		assert_int_equal(mempool_wait(m, w[0].hash, 1, &fate), i ? REFUSED_UNKNOWN : REFUSED_RULE);
	}
	free(foreign);
	mempool_destroy(m);
}

static void
count_one(void *arg, const struct block_tx *t)
{
	(void)t;
	++*(size_t *)arg;
}

static void
test_looks(void **state)
{
	struct mempool *m = pool_of(0, 0, 0);
	char wire[TX_MAX];
	size_t n = 0, len;

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		adds(m, REFUSED_NOT, ALICE, i, 1);
	mempool_each(m, 3, count_one, &n);
	assert_int_equal(n, 3);
	mempool_each(m, SIZE_MAX, count_one, &n);
	assert_int_equal(n, 8);
	assert_true(mempool_get(m, m->by_address[slot(people.address[ALICE].bytes)]->first->tx->hash,
	                        wire, &len));
	assert_int_equal(len, 100);
	assert_false(mempool_get(m, (const uint8_t[TX_HASH]){ 0 }, wire, &len));
	mempool_destroy(m);
}

/* Random adds and blocks; the counts are those of a plain walk. */
static void
check_counts(struct mempool *m)
{
	size_t txs = 0, queues = 0, bytes = 0;

	for (size_t i = 0; i < TABLE; i++)
		for (struct queue *q = m->by_address[i]; q; q = q->chain) {
			size_t n = 0;
			uint64_t spend = 0;

			queues++;
			for (struct mempool_entry *e = q->first; e; e = e->next) {
				n++;
				spend += spend_of(&e->tx->tx);
				bytes += e->tx->len;
				assert_true(!e->next || e->next->prev == e);
				assert_true(!e->next || e->next->tx->tx.nonce > e->tx->tx.nonce);
			}
			assert_int_equal(n, q->n);
			assert_int_equal(spend, q->spend);
			assert_true(n > 0);
			assert_int_equal(q->listed, q->fresh != NULL);
			txs += n;
		}
	assert_int_equal(txs, m->counts.txs);
	assert_int_equal(queues, m->counts.accounts);
	assert_int_equal(bytes, m->counts.bytes);
}

static void
test_random(void **state)
{
	struct mempool *m = pool_of(60, 0, 25);
	struct block_tx *taken[40];
	struct mempool_fate fates[40];
	uint32_t seed = 3;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct b3iq_error err = NO_ERROR;
		int who;

		seed = seed * 1664525u + 1013904223u;
		who = (int)(seed >> 20) % PEOPLE;
		mempool_add(m, pay(who, nonces[who] + (seed >> 8) % 30, 1 + (seed >> 10) % 3), &err);
		if (round % 50 != 49)
			continue;
		{
			const size_t n = mempool_take(m, (seed >> 4) % 40, 100000, taken);
			const size_t bad = n ? (seed >> 9) % n : 0; /* this one is refused */
			struct block_tx *good[40], *refused[1] = { n ? taken[bad] : NULL };
			size_t n_good = 0;

			fates[0] = (struct mempool_fate){ .why = REFUSED_RULE };
			for (size_t i = 0; i < n; i++)
				if (i != bad && (i < bad || !address_equal(&taken[i]->tx.from,
				                                           &taken[bad]->tx.from)))
					good[n_good++] = taken[i];
			check_counts(m);
			for (size_t i = 0; i < n_good; i++)
				for (int k = 0; k < PEOPLE; k++)
					if (address_equal(&good[i]->tx.from, &people.address[k]))
						nonces[k] = good[i]->tx.nonce + 1;
			mempool_lock(m);
			mempool_settle(m, 1, good, n_good, refused, fates, n > 0);
			mempool_unlock(m);
			check_counts(m);
			assert_int_equal(counts(m).taken, 0);
		}
	}
	mempool_destroy(m);
}

static int
make(void **state)
{
	(void)state;
	people_make(&people);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	people_end(&people);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonces), cmocka_unit_test(test_funds),
		cmocka_unit_test(test_fair),   cmocka_unit_test(test_full), cmocka_unit_test(test_full_of_gaps),
		cmocka_unit_test(test_fates),  cmocka_unit_test(test_looks),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, make, end);
}
