/* genesis.h - block 0: who has what, who may propose, and the numbers that never change.
 *
 *   {"accounts":{address:amount,...},"chain":text,"faucet":{"account","max"}?,"min_fee":amount,
 *    "proposers":["ed25519:..",...],"slasher":address,"time":ms,"treasury":address,"unbonding_ms":n}
 *
 * hash = SHA-256("b3iq.genesis/1\n" || canonical).  A file may have any white space and order; what
 * is kept and hashed is the canonical form.  schemas/genesis.json says the types.  Any thread.
 */
#ifndef CHAIN_GENESIS_H
#define CHAIN_GENESIS_H

#include "chain/state/state.h"
#include "core/tx/header.h"

#define GENESIS_DOMAIN    "b3iq.genesis/1\n"
#define GENESIS_MAX       (4u << 20)
#define GENESIS_PROPOSERS 16

struct genesis {
	char           chain[FORM_CHAIN_SIZE];
	uint64_t       time, unbonding_ms, min_fee;
	struct address slasher, treasury;
	uint8_t        proposers[GENESIS_PROPOSERS][ED25519_PUBLIC];
	size_t         n_proposers;
	struct genesis_account {
		struct address address;
		uint64_t       amount;
	}             *accounts;
	size_t         n_accounts;
	uint64_t       supply;
	bool           has_faucet;
	struct address faucet;
	uint64_t       faucet_max;      /* of one request */
	char          *text;            /* canonical      */
	size_t         text_len;
	uint8_t        hash[SHA256_SIZE];
};

/* Freed with genesis_finish() on success only. */
int32_t genesis_read(const char *text, size_t len, struct genesis *, struct b3iq_error *);
void    genesis_finish(struct genesis *);
bool    genesis_may_propose(const struct genesis *, const uint8_t key[ED25519_PUBLIC]);
/* A chain for trying things: all money with the faucet, one proposer, who is the slasher too. */
int32_t genesis_write_devnet(const char *chain, uint64_t time,
                             const uint8_t proposer[ED25519_PUBLIC],
                             const uint8_t faucet[ED25519_PUBLIC], struct buf *out,
                             struct b3iq_error *);
/* Fills an empty state and makes the header of block 0, which nobody signs: it follows from the
 * genesis. */
int32_t genesis_apply(const struct genesis *, struct state *, struct header *out,
                      struct b3iq_error *);

#endif
