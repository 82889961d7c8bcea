/* mempool.h - transactions that wait for a block, by account and in the order of their nonces.
 *
 * Bounded in number and bytes, per account and in all.  A nonce that was seen is refused; a gap waits
 * for what is missing.  Money is counted: what waits may not spend more than the account has.  Blocks
 * are filled from all accounts in turn, and when there is no room, the account with the most waiting
 * loses its last one to an account with fewer: who sends much cannot crowd out who sends little; and
 * what waits behind a gap, and pays nothing for it, makes room for what can be executed.
 *
 * While a block is made of transactions they are "taken": they stay, so that their nonces and money
 * count, until mempool_settle() says what became of each.
 *
 * Any thread; but take and settle by one at a time.  Lock order: what `account` locks comes after
 * the mempool's lock.
 */
#ifndef CHAIN_MEMPOOL_H
#define CHAIN_MEMPOOL_H

#include "chain/state/block.h"
#include "chain/state/refusal.h"

#define MEMPOOL_TXS     50000
#define MEMPOOL_BYTES   (64u << 20)
#define MEMPOOL_ACCOUNT 10000 /* transactions of one account                */
#define MEMPOOL_AHEAD   10000 /* how far a nonce may be beyond the next one */

struct mempool;
struct mempool_entry;

struct mempool_options { /* zero: the default above */
	size_t txs, bytes, per_account;
	/* Balance and next nonce of an account as committed; called under the mempool's lock. */
	void (*account)(void *ctx, const struct address *, uint64_t *balance, uint64_t *nonce);
	void  *ctx;
};

/* What became of a transaction. */
struct mempool_fate {
	enum refusal why;    /* REFUSED_NOT: it is in a block */
	uint64_t     height, index;
	char         text[200];
};

struct mempool_counts {
	size_t   txs, bytes, accounts, taken;
	uint64_t added, dropped, evicted;
};

struct mempool *mempool_create(const struct mempool_options *);
void            mempool_destroy(struct mempool *);

/* Takes the transaction over in any case.  REFUSED_DUPLICATE: it waits already. */
enum refusal mempool_add(struct mempool *, struct block_tx *, struct b3iq_error *);
/* Waits until mempool_settle() decides about this transaction, at most wait_ms; one that was refused
 * a moment ago is remembered.  REFUSED_UNKNOWN: it does not wait here, or the time is over. */
enum refusal mempool_wait(struct mempool *, const uint8_t hash[TX_HASH], uint32_t wait_ms,
                          struct mempool_fate *);
/* The account's next nonce with what waits without a gap counted, and what all of it spends. */
void mempool_pending(struct mempool *, const struct address *, uint64_t *nonce, uint64_t *spend,
                     size_t *n);
/* The text of one that waits; false: it does not. */
bool mempool_get(struct mempool *, const uint8_t hash[TX_HASH], char wire[TX_MAX], size_t *len);
/* Visits up to `limit`; the transaction is borrowed for the call, under the lock. */
void mempool_each(struct mempool *, size_t limit, void (*visit)(void *, const struct block_tx *),
                  void *arg);
void mempool_count(struct mempool *, struct mempool_counts *);
/* Is there anything that could go into a block now? */
bool mempool_ready(struct mempool *);

/* ---- making a block ------------------------------------------------------------------------- */

/* Takes up to n transactions of up to `bytes` together, each account's in order; returns how many.
 * Borrowed until they are settled. */
size_t mempool_take(struct mempool *, size_t n, size_t bytes, struct block_tx **out);

/* Between these two the committed state may be changed, and no transaction comes in. */
void mempool_lock(struct mempool *);
void mempool_unlock(struct mempool *);
/* After the state was committed (or not), under mempool_lock().  `committed`: the transactions of the
 * block, in order, from wherever they came; `refused`: taken ones that did not hold, with the reason.
 * All taken ones that are in neither go back. */
void mempool_settle(struct mempool *, uint64_t height, struct block_tx *const *committed, size_t n,
                    struct block_tx *const *refused, const struct mempool_fate *fates,
                    size_t n_refused);

#endif
