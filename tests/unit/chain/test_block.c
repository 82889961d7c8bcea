/* block.c: sealed, read back from any JSON text, and refused for each thing that is wrong. */
#include "fixture.h"

#include "chain/state/block.c"

static struct people people;
static struct genesis genesis;
static struct header parent;
static uint8_t parent_hash[32];
static struct block_tx *txs[3];

static int
make(void **state)
{
	struct tx tx;

	(void)state;
	people_make(&people);
	genesis = people_genesis(&people);
	memcpy(parent.chain, "test", 5);
	parent.time = START;
	memset(parent_hash, 7, 32);
	tx = people_pay(&people, ALICE, 0, BOB, 5);
	txs[0] = people_wire(&tx);
	tx = people_commit(&people, ALICE, 1, 3);
	txs[1] = people_wire(&tx);
	tx = people_commit(&people, BOB, 0, 4);
	txs[2] = people_wire(&tx);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		free(txs[i]);
	genesis_finish(&genesis);
	people_end(&people);
	return 0;
}

static struct block
sealed(int by)
{
	struct b3iq_error err = NO_ERROR;
	struct block b = { .header = parent, .txs = txs, .n = 3 };

	b.header.height = 1;
	memcpy(b.header.parent, parent_hash, 32);
	memcpy(b.header.proposer, ed25519_public(people.key[by]), 32);
	assert_ok(block_seal(&b, &err), err);
	assert_ok(header_hash(&b.header, b.hash, &err), err);
	assert_ok(header_sign(&b.header, people.key[by], b.signature, &err), err);
	return b;
}

static void
check(struct block *b, int by, int32_t want, const char *why)
{
	struct b3iq_error err = NO_ERROR;

	if (by >= 0)
		assert_ok(header_sign(&b->header, people.key[by], b->signature, &err), err);
	assert_int_equal(block_check(b, &genesis, &parent, parent_hash, &err), want);
	if (want != B3IQ_OK && !strstr(err.text, why))
		fail_msg("%s: %s", why, err.text);
}

static void
test_check(void **state)
{
	struct block b = sealed(PROPOSER);

	(void)state;
	check(&b, -1, B3IQ_OK, "");
	b = sealed(ALICE);
	check(&b, -1, B3IQ_E_DENIED, "proposer");
	b = sealed(PROPOSER);
	b.signature[0] ^= 1;
	check(&b, -1, B3IQ_E_DENIED, "signature");
	b = sealed(PROPOSER);
	b.header.height = 2;
	check(&b, PROPOSER, B3IQ_E_INVALID, "height");
	b = sealed(PROPOSER);
	b.header.parent[0] ^= 1;
	check(&b, PROPOSER, B3IQ_E_INVALID, "fork");
	b = sealed(PROPOSER);
	b.header.time--;
	check(&b, PROPOSER, B3IQ_E_INVALID, "older");
	b = sealed(PROPOSER);
	b.header.count = 2;
	check(&b, PROPOSER, B3IQ_E_INVALID, "counts");
	b = sealed(PROPOSER);
	b.header.transactions[9] ^= 1;
	check(&b, PROPOSER, B3IQ_E_INVALID, "transactions root");
	b = sealed(PROPOSER);
	b.header.receipts[9] ^= 1;
	check(&b, PROPOSER, B3IQ_E_INVALID, "receipts root");
	b = sealed(PROPOSER);
	memcpy(b.header.chain, "tent", 5);
	check(&b, PROPOSER, B3IQ_E_DENIED, "chain");
	txs[1]->tx.signature[5] ^= 1; /* the hash is the same: only the check of each finds it */
	b = sealed(PROPOSER);
	check(&b, -1, B3IQ_E_DENIED, "signature");
	txs[1]->tx.signature[5] ^= 1;
}

static void
text_of(const struct block *b, const char *space, struct buf *out)
{
	char signature[129];

	hex_encode(b->signature, 64, signature);
	buf_init(out, BLOCK_TEXT);
	buf_printf(out, "{%s\"signature\":%s\"%s\",\"transactions\":[", space, space, signature);
	for (size_t i = 0; i < b->n; i++)
		buf_printf(out, "%s%s%s", i ? "," : "", space, b->txs[i]->wire);
	buf_puts(out, "],\"header\":");
	assert_int_equal(header_write(&b->header, out, NULL), B3IQ_OK);
	buf_puts(out, "}");
}

static void
test_read(void **state)
{
	static const char *const bad[] = {
		"", "5", "{}", "[]", "{\"header\":{},\"signature\":\"\",\"transactions\":[]}",
		"{\"header\":5,\"signature\":\"00\",\"transactions\":[]}",
	};
	struct block b = sealed(PROPOSER), back;
	struct b3iq_error err = NO_ERROR;
	struct buf text;

	(void)state;
	for (int i = 0; i < 2; i++) {
		text_of(&b, i ? "\n  " : "", &text);
		assert_ok(block_read(text.data, text.len, &back, &err), err);
		assert_memory_equal(back.hash, b.hash, 32);
		assert_int_equal(back.n, 3);
		assert_string_equal(back.txs[2]->wire, txs[2]->wire);
		check(&back, -1, B3IQ_OK, "");
		block_finish(&back);
		for (size_t n = 0; n < text.len; n += 13) /* cut anywhere */
			assert_int_equal(block_read(text.data, n, &back, &err), B3IQ_E_INVALID);
		buf_free(&text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(block_read(bad[i], strlen(bad[i]), &back, &err), B3IQ_E_INVALID);
	assert_int_equal(block_read("", BLOCK_TEXT + 1, &back, &err), B3IQ_E_INVALID);
	{
		struct block_tx *t;

		assert_int_equal(block_tx_read("{}", 2, &t, &err), B3IQ_E_INVALID);
		assert_int_equal(block_tx_read("{}", TX_MAX + 1, &t, &err), B3IQ_E_INVALID);
		assert_null(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, make, end);
}
