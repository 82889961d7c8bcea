#include "chain/state/block.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"

int32_t
block_tx_read(const void *wire, size_t len, struct block_tx **out, struct b3iq_error *err)
{
	struct block_tx *t;
	int32_t rc;

	*out = NULL;
	if (len > TX_MAX)
		return fail(err, B3IQ_E_INVALID, "the transaction is longer than %d bytes", TX_MAX);
	t = malloc(sizeof *t + len + 1);
	if (!t)
		return fail_memory(err, "reading a transaction");
	rc = tx_parse(wire, len, &t->tx, err);
	if (rc == B3IQ_OK)
		rc = tx_hash(&t->tx, t->hash, err);
	if (rc != B3IQ_OK) {
		free(t);
		return rc;
	}
	memcpy(t->wire, wire, len);
	t->wire[len] = '\0';
	t->len = len;
	*out = t;
	return B3IQ_OK;
}

/* ---- roots --------------------------------------------------------------- */

int32_t
block_leaf(const uint8_t hash[SHA256_SIZE], uint8_t out[SHA256_SIZE])
{
	return merkle_leaf(hash, SHA256_SIZE, out);
}

static int32_t
add(struct merkle *m, const uint8_t hash[SHA256_SIZE])
{
	uint8_t leaf[SHA256_SIZE];
	const int32_t rc = block_leaf(hash, leaf);

	return rc == B3IQ_OK ? merkle_add(m, leaf) : rc;
}

static int32_t
roots(const struct block *b, uint8_t transactions[SHA256_SIZE], uint8_t receipts[SHA256_SIZE],
      struct b3iq_error *err)
{
	struct merkle txs, commits;
	int32_t rc = B3IQ_OK;

	merkle_init(&txs);
	merkle_init(&commits);
	for (size_t i = 0; rc == B3IQ_OK && i < b->n; i++) {
		rc = add(&txs, b->txs[i]->hash);
		if (rc == B3IQ_OK && b->txs[i]->tx.kind == TX_COMMIT)
			rc = add(&commits, b->txs[i]->tx.commit.root);
	}
	if (rc == B3IQ_OK)
		rc = merkle_root(&txs, transactions);
	if (rc == B3IQ_OK)
		rc = merkle_root(&commits, receipts);
	return rc == B3IQ_OK ? rc : fail_memory(err, "hashing a block");
}

int32_t
block_seal(struct block *b, struct b3iq_error *err)
{
	b->header.count = b->n;
	return roots(b, b->header.transactions, b->header.receipts, err);
}

/* ---- checks -------------------------------------------------------------- */

static int32_t
check_place(const struct header *h, const struct genesis *g, const struct header *parent,
            const uint8_t parent_hash[SHA256_SIZE], struct b3iq_error *err)
{
	if (strcmp(h->chain, g->chain) != 0)
		return fail(err, B3IQ_E_DENIED, "the block is of the chain \"%s\", this is \"%s\"",
		            h->chain, g->chain);
	if (h->height != parent->height + 1)
		return fail(err, B3IQ_E_INVALID, "the block has height %llu, the next here is %llu",
		            (unsigned long long)h->height, (unsigned long long)parent->height + 1);
	if (memcmp(h->parent, parent_hash, SHA256_SIZE) != 0)
		return fail(err, B3IQ_E_INVALID,
		            "the block's parent is not block %llu of this chain: a fork",
		            (unsigned long long)parent->height);
	if (h->time < parent->time)
		return fail(err, B3IQ_E_INVALID, "the block is older than its parent");
	return B3IQ_OK;
}

static int32_t
check_content(const struct block *b, struct b3iq_error *err)
{
	uint8_t transactions[SHA256_SIZE], receipts[SHA256_SIZE];
	size_t bytes = 0;
	int32_t rc;

	if (b->header.count != b->n || b->n > BLOCK_TXS)
		return fail(err, B3IQ_E_INVALID,
		            "the header counts %llu transactions, the block has %zu",
		            (unsigned long long)b->header.count, b->n);
	for (size_t i = 0; i < b->n; i++)
		bytes += b->txs[i]->len;
	if (bytes > BLOCK_BYTES)
		return fail(err, B3IQ_E_INVALID, "the block has more than %u bytes", BLOCK_BYTES);
	rc = roots(b, transactions, receipts, err);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(transactions, b->header.transactions, SHA256_SIZE) != 0)
		return fail(err, B3IQ_E_INVALID, "the header has another transactions root");
	if (memcmp(receipts, b->header.receipts, SHA256_SIZE) != 0)
		return fail(err, B3IQ_E_INVALID, "the header has another receipts root");
	for (size_t i = 0; rc == B3IQ_OK && i < b->n; i++)
		rc = tx_check(&b->txs[i]->tx, err);
	return rc;
}

int32_t
block_check(const struct block *b, const struct genesis *g, const struct header *parent,
            const uint8_t parent_hash[SHA256_SIZE], struct b3iq_error *err)
{
	int32_t rc = check_place(&b->header, g, parent, parent_hash, err);

	if (rc == B3IQ_OK && !genesis_may_propose(g, b->header.proposer))
		rc = fail(err, B3IQ_E_DENIED, "the block's proposer is not one of the genesis");
	if (rc == B3IQ_OK)
		rc = header_check(&b->header, b->signature, err);
	return rc == B3IQ_OK ? check_content(b, err) : rc;
}

/* ---- reading ------------------------------------------------------------- */

static int32_t
read_tx(struct json_object *o, struct buf *text, struct block_tx **out, struct b3iq_error *err)
{
	int32_t rc;

	buf_clear(text);
	rc = json_canonical(o, text, err);
	return rc == B3IQ_OK ? block_tx_read(text->data, text->len, out, err) : rc;
}

static int32_t
read_txs(struct json_object *list, struct block *b, struct buf *text, struct b3iq_error *err)
{
	const size_t n = json_object_array_length(list);
	int32_t rc = B3IQ_OK;

	if (n > BLOCK_TXS)
		return fail(err, B3IQ_E_INVALID, "a block has at most %d transactions", BLOCK_TXS);
	b->txs = calloc(n ? n : 1, sizeof(struct block_tx *));
	if (!b->txs)
		return fail_memory(err, "reading a block");
	while (rc == B3IQ_OK && b->n < n) {
		rc = read_tx(json_object_array_get_idx(list, b->n), text, &b->txs[b->n], err);
		b->n += rc == B3IQ_OK;
	}
	return rc;
}

static int32_t
read_doc(struct json_object *doc, struct block *b, struct buf *text, struct b3iq_error *err)
{
	struct json_object *header, *txs;
	const char *signature;
	int32_t rc;

	if ((rc = json_get(doc, "header", json_type_object, &header, err)) != B3IQ_OK ||
	    (rc = json_get(doc, "transactions", json_type_array, &txs, err)) != B3IQ_OK ||
	    (rc = json_get_string(doc, "signature", "", &signature, err)) != B3IQ_OK)
		return rc;
	if (!header || !txs ||
	    !hex_decode(signature, strlen(signature), b->signature, sizeof b->signature))
		return fail(err, B3IQ_E_INVALID,
		            "a block is {\"header\",\"signature\",\"transactions\"}");
	rc = json_canonical(header, text, err);
	if (rc == B3IQ_OK)
		rc = header_read(text->data, text->len, &b->header, err);
	if (rc == B3IQ_OK)
		rc = header_hash(&b->header, b->hash, err);
	return rc == B3IQ_OK ? read_txs(txs, b, text, err) : rc;
}

int32_t
block_read(const char *text, size_t len, struct block *b, struct b3iq_error *err)
{
	struct json_object *doc;
	struct buf piece;
	int32_t rc;

	memset(b, 0, sizeof *b);
	b->owned = true;
	if (len > BLOCK_TEXT)
		return fail(err, B3IQ_E_INVALID, "the block is longer than %u bytes", BLOCK_TEXT);
	rc = json_parse(text, len, "the block", &doc, err);
	if (rc != B3IQ_OK)
		return rc;
	buf_init(&piece, 2 * TX_MAX);
	if (json_object_is_type(doc, json_type_object))
		rc = read_doc(doc, b, &piece, err);
	else
		rc = fail(err, B3IQ_E_INVALID, "the block is no object");
	buf_free(&piece);
	json_object_put(doc);
	if (rc != B3IQ_OK)
		block_finish(b);
	return rc;
}

void
block_finish(struct block *b)
{
	if (!b->owned)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->txs[i]);
	free(b->txs);
	memset(b, 0, sizeof *b);
}
