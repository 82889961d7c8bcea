/* block.h - a block: a signed header and the transactions that it commits to.
 *
 *   {"header":{...},"signature":"<hex>","transactions":[{...},...]}       header and transactions canonical
 *
 * struct block borrows its transactions; those that block_read() made are freed by block_finish().
 */
#ifndef CHAIN_BLOCK_H
#define CHAIN_BLOCK_H

#include "chain/state/genesis.h"
#include "core/tx/header.h"
#include "core/tx/tx.h"

#define BLOCK_TXS   5000
#define BLOCK_BYTES (4u << 20)              /* of transactions on the wire            */
#define BLOCK_TEXT  (BLOCK_BYTES + (1u << 20)) /* of a block                          */

/* A transaction that was parsed once, with its own text. */
struct block_tx {
	struct tx tx;
	uint8_t   hash[TX_HASH];
	size_t    len;
	char      wire[];
};

struct block {
	struct header     header;
	uint8_t           hash[SHA256_SIZE];
	uint8_t           signature[ED25519_SIGNATURE];
	struct block_tx **txs;
	size_t            n;
	bool              owned; /* made by block_read() */
};

/* Parses a transaction; the signature is not checked.  *out is freed with free(). */
int32_t block_tx_read(const void *wire, size_t len, struct block_tx **out, struct b3iq_error *);

/* Fills in what the header says about the transactions. */
int32_t block_seal(struct block *, struct b3iq_error *);
/* Parent, height, chain and time follow `parent`; a proposer of the genesis signed; count and roots
 * are those of the transactions, which are signed.  The state root is for whoever executes it.
 * B3IQ_E_DENIED: foreign or forged; B3IQ_E_INVALID: the rest. */
int32_t block_check(const struct block *, const struct genesis *, const struct header *parent,
                    const uint8_t parent_hash[SHA256_SIZE], struct b3iq_error *);
/* From a file or the network: any JSON text of it. */
int32_t block_read(const char *text, size_t len, struct block *, struct b3iq_error *);
void    block_finish(struct block *);

/* Hashes as the leaves of a block's two trees: 32 bytes each, one behind the other. */
int32_t block_leaf(const uint8_t hash[SHA256_SIZE], uint8_t out[SHA256_SIZE]);

#endif
