#include "chain/ledger/replay.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

struct replay {
	struct genesis          genesis;
	struct state           *state;
	struct archive_block    parent;
	struct block            block;
	struct machine_touched *touched;
	struct replay_report   *report;
	struct b3iq_error      *err;
};

static int32_t
damaged(struct replay *r, uint64_t height, const char *what)
{
	return fail(r->err, B3IQ_E_INTERNAL, "block %llu: %.300s", (unsigned long long)height, what);
}

static int32_t
begin(struct store_tx *tx, struct replay *r)
{
	struct header header;
	struct buf text;
	uint8_t hash[SHA256_SIZE];
	int32_t rc;

	buf_init(&text, GENESIS_MAX);
	rc = archive_genesis(tx, &text, r->err);
	if (rc == B3IQ_OK)
		rc = genesis_read(text.data, text.len, &r->genesis, r->err);
	buf_free(&text);
	if (rc == B3IQ_OK)
		rc = genesis_apply(&r->genesis, r->state, &header, r->err);
	if (rc == B3IQ_OK)
		rc = header_hash(&header, hash, r->err);
	if (rc == B3IQ_OK)
		rc = archive_block(tx, 0, &r->parent, r->err);
	if (rc == B3IQ_OK && memcmp(hash, r->parent.hash, sizeof hash) != 0)
		rc = damaged(r, 0, "it does not follow from the genesis");
	if (rc == B3IQ_OK)
		state_commit(r->state);
	return rc;
}

static int32_t
take_tx(void *arg, const struct archive_row *row)
{
	struct replay *r = arg;
	struct block *b = &r->block;
	int32_t rc;

	if (b->n == b->header.count)
		return damaged(r, b->header.height, "it has more transactions than it counts");
	rc = block_tx_read(row->wire, row->len, &b->txs[b->n], r->err);
	if (rc == B3IQ_OK && memcmp(b->txs[b->n]->hash, row->hash, TX_HASH) != 0)
		rc = damaged(r, b->header.height, "a transaction is stored under another hash");
	b->n += b->txs[b->n] != NULL;
	return rc;
}

static int32_t
read_block(struct store_tx *tx, struct replay *r, uint64_t height, struct archive_block *a)
{
	struct block *b = &r->block;
	uint8_t hash[SHA256_SIZE];
	int32_t rc = archive_block(tx, height, a, r->err);

	if (rc == B3IQ_E_NOT_FOUND)
		return damaged(r, height, "it is missing");
	if (rc == B3IQ_OK)
		rc = header_hash(&a->header, hash, r->err);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(hash, a->hash, sizeof hash) != 0 || a->header.height != height ||
	    a->first != r->parent.first + r->parent.header.count || a->header.count > BLOCK_TXS)
		return damaged(r, height, "its header is not the one of its hash");
	*b = (struct block){ .header = a->header, .owned = true };
	memcpy(b->hash, a->hash, sizeof b->hash);
	memcpy(b->signature, a->signature, sizeof b->signature);
	b->txs = calloc(a->header.count + 1, sizeof(struct block_tx *));
	if (!b->txs)
		return fail_memory(r->err, "replaying a block");
	return archive_range(tx, a->first, a->header.count, take_tx, r, r->err);
}

static int32_t
replay_block(struct store_tx *tx, struct replay *r, uint64_t height)
{
	struct b3iq_error why = NO_ERROR;
	struct archive_block a;
	int32_t rc = read_block(tx, r, height, &a);

	if (rc == B3IQ_OK) {
		rc = block_check(&r->block, &r->genesis, &r->parent.header, r->parent.hash, &why);
		if (rc == B3IQ_OK)
			rc = machine_run(r->state, &r->genesis, &r->block, r->touched, &why);
		if (rc == B3IQ_OK)
			state_commit(r->state);
		else
			rc = damaged(r, height, why.text);
	}
	r->report->transactions += r->block.n;
	block_finish(&r->block);
	r->parent = a;
	return rc;
}

static int32_t
compare_entry(void *arg, const struct trie_entry *e)
{
	struct replay *r = arg;
	struct trie_entry have;
	uint8_t path[SHA256_SIZE];

	r->report->entries++;
	if (trie_path(e->key, e->key_len, path) != B3IQ_OK)
		return fail_memory(r->err, "comparing the state");
	if (!trie_get(state_trie(r->state), TRIE_COMMITTED, path, &have) ||
	    have.value_len != e->value_len || memcmp(have.value, e->value, e->value_len) != 0)
		return fail(r->err, B3IQ_E_INTERNAL,
		            "the stored entry %.120s is not what the blocks lead to", e->key);
	return B3IQ_OK;
}

static int32_t
compare(struct store_tx *tx, struct replay *r)
{
	const struct trie *trie = state_trie(r->state);
	const struct record_id none = { .nonce = 0 };
	struct record supply;
	int32_t rc = archive_entries(tx, compare_entry, r, r->err);

	if (rc == B3IQ_OK && r->report->entries != trie_count(trie, TRIE_COMMITTED))
		rc = fail(r->err, B3IQ_E_INTERNAL, "%llu entries are stored, the blocks lead to %llu",
		          (unsigned long long)r->report->entries,
		          (unsigned long long)trie_count(trie, TRIE_COMMITTED));
	state_get(r->state, TRIE_COMMITTED, RECORD_SUPPLY, &none, &supply);
	r->report->supply = supply.supply.amount;
	return rc;
}

static int32_t
replay(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct replay *r = arg;
	struct archive_block tip;
	int32_t rc = begin(tx, r);

	if (rc == B3IQ_OK)
		rc = archive_block(tx, UINT64_MAX, &tip, err);
	for (uint64_t h = 1; rc == B3IQ_OK && h <= tip.header.height; h++)
		rc = replay_block(tx, r, h);
	if (rc == B3IQ_OK)
		rc = compare(tx, r);
	if (rc != B3IQ_OK)
		return rc;
	r->report->height = tip.header.height;
	memcpy(r->report->state, tip.header.state, SHA256_SIZE);
	memcpy(r->report->head, tip.hash, SHA256_SIZE);
	memcpy(r->report->genesis, r->genesis.hash, SHA256_SIZE);
	return rc;
}

int32_t
replay_verify(const char *file, struct replay_report *report, struct b3iq_error *err)
{
	struct replay r = { .report = report, .err = err };
	struct store *store;
	int32_t rc = store_open_reader(file, &store, err);

	memset(report, 0, sizeof *report);
	if (rc != B3IQ_OK)
		return rc;
	r.state = state_create();
	r.touched = calloc(BLOCK_TXS, sizeof *r.touched);
	rc = r.state && r.touched ? store_read(store, replay, &r, err) :
	                            fail_memory(err, "replaying the chain");
	state_destroy(r.state);
	free(r.touched);
	genesis_finish(&r.genesis);
	store_close(store);
	return rc;
}
