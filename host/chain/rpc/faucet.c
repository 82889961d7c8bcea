#include "chain/rpc/faucet.h"

#include <string.h>

#include "core/base/fail.h"

static enum refusal
give(struct chain *c, const struct address *to, uint64_t amount, uint8_t hash[TX_HASH],
     struct b3iq_error *err)
{
	const struct genesis *g = ledger_genesis(c->ledger);
	struct tx tx = { .from = g->faucet, .fee = g->min_fee, .kind = TX_TRANSFER,
		         .transfer = { .to = *to, .amount = amount, .memo = "faucet" } };
	struct buf wire;
	uint64_t spend;
	size_t n;
	enum refusal why = REFUSED_INTERNAL;

	memcpy(tx.chain, g->chain, sizeof tx.chain);
	mempool_pending(ledger_mempool(c->ledger), &g->faucet, &tx.nonce, &spend, &n);
	buf_init(&wire, TX_MAX);
	if (tx_sign(&tx, c->faucet, err) == B3IQ_OK && tx_format(&tx, &wire, err) == B3IQ_OK)
		why = ledger_submit(c->ledger, wire.data, wire.len, hash, err);
	buf_free(&wire);
	return why;
}

enum refusal
faucet_give(struct chain *c, const struct address *to, uint64_t amount, uint8_t hash[TX_HASH],
            struct b3iq_error *err)
{
	const struct genesis *g = ledger_genesis(c->ledger);
	enum refusal why;

	if (!c->faucet) {
		fail(err, B3IQ_E_DENIED, "this node does not hold the faucet's key");
		return REFUSED_AUTHORITY;
	}
	if (amount == 0 || amount > g->faucet_max) {
		fail(err, B3IQ_E_INVALID, "the faucet gives 1 to %llu micro-AITBC at once",
		     (unsigned long long)g->faucet_max);
		return REFUSED_RULE;
	}
	pthread_mutex_lock(&c->tap); /* the nonces follow each other */
	why = give(c, to, amount, hash, err);
	pthread_mutex_unlock(&c->tap);
	return why;
}
