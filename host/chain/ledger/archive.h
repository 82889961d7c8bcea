/* archive.h - chain.db: genesis, blocks, transactions, receipt roots and the entries of the state.
 *
 * A block with all that it changes is written in one transaction of core/store, so a crash leaves the
 * block whole or not there at all.  Transactions are numbered through the whole chain from 0 (`seq`);
 * lists go from new to old.
 *
 * All functions run inside store_read() or store_write() closures; none keeps anything.
 */
#ifndef CHAIN_ARCHIVE_H
#define CHAIN_ARCHIVE_H

#include "chain/state/block.h"
#include "chain/state/machine.h"
#include "core/store/store.h"

extern const struct store_module archive_module;

/* What belongs to a block beside it. */
struct archive_change {
	const struct block           *block;
	const struct state           *state;   /* its next version is written            */
	const struct machine_touched *touched; /* of each transaction                    */
	uint64_t                      first;   /* seq of the block's first transaction   */
	uint64_t                      receipts; /* receipt roots in all blocks before     */
};

struct archive_block {
	struct header header;
	uint8_t       hash[SHA256_SIZE];
	uint8_t       signature[ED25519_SIGNATURE]; /* zeros: block 0 */
	uint64_t      first;
	uint64_t      receipts; /* in all blocks before it */
};

/* One transaction as a list shows it; borrowed. */
struct archive_row {
	uint64_t       seq, height, index;
	const uint8_t *hash;
	const char    *wire;
	size_t         len;
	uint64_t       time; /* of its block */
};
typedef int32_t archive_visit(void *arg, const struct archive_row *);

/* B3IQ_E_NOT_FOUND: a new file. */
int32_t archive_genesis(struct store_tx *, struct buf *out, struct b3iq_error *);
int32_t archive_put_genesis(struct store_tx *, const struct genesis *, struct b3iq_error *);
int32_t archive_put(struct store_tx *, const struct archive_change *, struct b3iq_error *);
/* Every entry, by row. */
int32_t archive_entries(struct store_tx *, trie_visit *, void *arg, struct b3iq_error *);

/* B3IQ_E_NOT_FOUND: no such block.  height UINT64_MAX: the latest. */
int32_t archive_block(struct store_tx *, uint64_t height, struct archive_block *out,
                      struct b3iq_error *);
int32_t archive_block_named(struct store_tx *, const uint8_t hash[SHA256_SIZE],
                            struct archive_block *out, struct b3iq_error *);
/* The transactions of seq first .. first + n - 1, ascending. */
int32_t archive_range(struct store_tx *, uint64_t first, uint64_t n, archive_visit *, void *arg,
                      struct b3iq_error *);
/* Newest first, below seq `before`: of one account, or (NULL) of all. */
int32_t archive_list(struct store_tx *, const struct address *, uint64_t before, uint64_t limit,
                     archive_visit *, void *arg, struct b3iq_error *);
/* The same of those that commit to receipts. */
int32_t archive_commits(struct store_tx *, uint64_t before, uint64_t limit, archive_visit *,
                        void *arg, struct b3iq_error *);
/* How many transactions an account's history has. */
int32_t archive_history_count(struct store_tx *, const struct address *, uint64_t *out,
                              struct b3iq_error *);
/* B3IQ_E_NOT_FOUND: it is in no block. */
int32_t archive_tx(struct store_tx *, const uint8_t hash[TX_HASH], archive_visit *, void *arg,
                   struct b3iq_error *);
/* The first commit of a receipt root: the seq of its transaction, and its place among the receipt
 * roots of the whole chain. */
int32_t archive_receipt(struct store_tx *, const uint8_t root[32], uint64_t *seq, uint64_t *place,
                        struct b3iq_error *);
/* The leaves of one of a block's two trees, for merkle_prove(); *out is freed with free(). */
int32_t archive_leaves(struct store_tx *, const struct archive_block *, bool receipts,
                       uint8_t **out, uint64_t *n, struct b3iq_error *);

#endif
