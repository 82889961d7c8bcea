/* archive.c: what a block leaves in the file, found again by every way there is. */
#include "fixture.h"

#include "chain/ledger/archive.c"

static struct people people;
static struct ledger *ledger;
static char dir[64], file[96];
static struct tx txs[5];

static int
make(void **state)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t hash[TX_HASH];

	(void)state;
	people_make(&people);
	folder_make(dir, file, "chain.db");
	assert_ok(ledger_open(&(struct ledger_options){ .file = file, .genesis = people.genesis.data,
	                                                .genesis_len = people.genesis.len,
	                                                .proposer = people.key[PROPOSER] },
	                      &ledger, &err),
	          err);
	txs[0] = people_pay(&people, ALICE, 0, BOB, 5);
	txs[1] = people_commit(&people, ALICE, 1, 8);
	txs[2] = people_commit(&people, ALICE, 2, 9);
	txs[3] = people_pay(&people, ALICE, 3, BOB, 6);
	txs[4] = people_commit(&people, ALICE, 4, 8); /* a root of before, once more */
	for (int i = 0; i < 5; i++) {
		struct block_tx *t = people_wire(&txs[i]);

		assert_int_equal(ledger_submit(ledger, t->wire, t->len, hash, &err), REFUSED_NOT);
		free(t);
		if (i != 0 && i != 1) /* blocks: {0, 1, 2}, {3}, {4} */
			assert_ok(ledger_build(ledger, false, &err), err);
	}
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ledger_close(ledger);
	folder_remove(dir);
	people_end(&people);
	return 0;
}

struct seen {
	uint64_t seq[16], height[16], index[16];
	size_t   n;
};

static int32_t
note(void *arg, const struct archive_row *row)
{
	struct seen *s = arg;

	s->seq[s->n] = row->seq;
	s->height[s->n] = row->height;
	s->index[s->n++] = row->index;
	return B3IQ_OK;
}

static int32_t
check_lists(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct seen s = { .n = 0 };
	uint64_t n;

	(void)arg;
	assert_ok(archive_list(tx, NULL, UINT64_MAX, 3, note, &s, err), *err);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.seq[0], 4);
	assert_int_equal(s.height[0], 3);
	assert_int_equal(s.seq[2], 2);
	assert_int_equal(s.index[2], 2);
	s.n = 0;
	assert_ok(archive_list(tx, NULL, s.seq[2], 100, note, &s, err), *err); /* the next page */
	assert_int_equal(s.n, 2);
	s.n = 0;
	assert_ok(archive_list(tx, &people.address[BOB], UINT64_MAX, 100, note, &s, err), *err);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.seq[0], 3);
	assert_int_equal(s.seq[1], 0);
	s.n = 0;
	assert_ok(archive_list(tx, &people.address[CAROL], UINT64_MAX, 100, note, &s, err), *err);
	assert_int_equal(s.n, 0);
	assert_ok(archive_commits(tx, UINT64_MAX, 2, note, &s, err), *err);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.seq[0], 4);
	assert_int_equal(s.seq[1], 2);
	assert_ok(archive_history_count(tx, &people.address[ALICE], &n, err), *err);
	assert_int_equal(n, 5);
	s.n = 0;
	assert_ok(archive_range(tx, 1, 3, note, &s, err), *err);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.seq[0], 1);
	return B3IQ_OK;
}

static int32_t
check_blocks(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct archive_block b, same;
	const uint8_t nothing[32] = { 0 };

	(void)arg;
	assert_ok(archive_block(tx, UINT64_MAX, &b, err), *err);
	assert_int_equal(b.header.height, 3);
	assert_int_equal(b.first, 4);
	assert_int_equal(b.receipts, 2);
	assert_ok(archive_block_named(tx, b.hash, &same, err), *err);
	assert_memory_equal(&b.header.state, &same.header.state, 32);
	assert_int_equal(archive_block(tx, 4, &b, err), B3IQ_E_NOT_FOUND);
	assert_int_equal(archive_block(tx, (uint64_t)INT64_MAX + 1, &b, err), B3IQ_E_NOT_FOUND);
	assert_int_equal(archive_block_named(tx, nothing, &b, err), B3IQ_E_NOT_FOUND);
	return B3IQ_OK;
}

static int32_t
check_finds(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	uint8_t hash[TX_HASH], root[32] = { 9 };
	struct seen s = { .n = 0 };
	uint64_t seq, place;

	(void)arg;
	assert_int_equal(tx_hash(&txs[3], hash, NULL), B3IQ_OK);
	assert_ok(archive_tx(tx, hash, note, &s, err), *err);
	assert_int_equal(s.seq[0], 3);
	assert_int_equal(s.height[0], 2);
	hash[31] ^= 1; /* the same first eight bytes */
	assert_int_equal(archive_tx(tx, hash, note, &s, err), B3IQ_E_NOT_FOUND);
	assert_ok(archive_receipt(tx, root, &seq, &place, err), *err);
	assert_int_equal(seq, 2);
	assert_int_equal(place, 1);
	root[0] = 8; /* the first of two */
	assert_ok(archive_receipt(tx, root, &seq, &place, err), *err);
	assert_int_equal(seq, 1);
	root[0] = 7;
	assert_int_equal(archive_receipt(tx, root, &seq, &place, err), B3IQ_E_NOT_FOUND);
	return B3IQ_OK;
}

/* The leaves of each block lead to the roots of its header. */
static int32_t
check_leaves(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct archive_block b;
	uint8_t *leaves, root[32];
	uint64_t n;

	(void)arg;
	for (uint64_t h = 0; h <= 3; h++) {
		assert_ok(archive_block(tx, h, &b, err), *err);
		assert_ok(archive_leaves(tx, &b, false, &leaves, &n, err), *err);
		assert_int_equal(n, b.header.count);
		assert_int_equal(merkle_root_of(leaves, n, root), B3IQ_OK);
		assert_memory_equal(root, b.header.transactions, 32);
		free(leaves);
		assert_ok(archive_leaves(tx, &b, true, &leaves, &n, err), *err);
		assert_int_equal(n, h == 1 ? 2 : h == 3 ? 1 : 0);
		assert_int_equal(merkle_root_of(leaves, n, root), B3IQ_OK);
		assert_memory_equal(root, b.header.receipts, 32);
		free(leaves);
	}
	return B3IQ_OK;
}

static void
test_reads(void **state)
{
	static store_fn *const checks[] = { check_lists, check_blocks, check_finds, check_leaves };
	struct b3iq_error err = NO_ERROR;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_ok(ledger_read(ledger, checks[i], NULL, &err), err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reads) };

	return cmocka_run_group_tests(tests, make, end);
}
