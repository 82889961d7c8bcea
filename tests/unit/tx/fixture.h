/* fixture.h - one transaction of each kind, for tests that need some. */
#ifndef TESTS_UNIT_TX_FIXTURE_H
#define TESTS_UNIT_TX_FIXTURE_H

#include "core/tx/tx.h"

static struct ed25519_key *
fixture_key(uint8_t n)
{
	struct ed25519_key *key = NULL;
	uint8_t seed[32];

	memset(seed, n, sizeof(seed));
	assert_int_equal(ed25519_from_seed(seed, &key, NULL), B3IQ_OK);
	return key;
}

/* By fixture_key(1); a registration's node is fixture_key(3). */
static struct tx
fixture_tx(enum tx_kind kind)
{
	struct ed25519_key *key = fixture_key(1), *node;
	char message[TX_REGISTER_MAX];
	struct tx tx;

	memset(&tx, 0, sizeof(tx));
	memcpy(tx.chain, TX_DEVNET, sizeof(TX_DEVNET));
	address_of(ed25519_public(key), &tx.from);
	tx.nonce = 5;
	tx.fee = 10;
	tx.kind = kind;
	switch (kind) {
	case TX_TRANSFER:
		tx.transfer.amount = 7;
		memcpy(tx.transfer.memo, "memo", 5);
		break;
	case TX_ESCROW_OPEN:
		tx.escrow_open.amount = 7;
		tx.escrow_open.deadline = 99;
		break;
	case TX_STAKE:
	case TX_UNSTAKE:
		tx.stake.amount = 7;
		break;
	case TX_SLASH:
		tx.slash.amount = 7;
		break;
	case TX_REGISTER_NODE:
		node = fixture_key(3);
		memcpy(tx.register_node.node, ed25519_public(node), 32);
		assert_int_equal(ed25519_sign(node, message, tx_register_message(&tx.from, message),
		                              tx.register_node.proof, NULL),
		                 B3IQ_OK);
		ed25519_free(node);
		break;
	case TX_REGISTER_MODEL:
		memcpy(tx.register_model.name, "m", 2);
		break;
	default:
		break;
	}
	assert_int_equal(tx_sign(&tx, key, NULL), B3IQ_OK);
	ed25519_free(key);
	return tx;
}

#endif
