/* ledger.h - the chain itself, without HTTP: mempool in front, state in memory, archive on disk.
 *
 * One thread makes blocks, one after the other: take what waits, execute it on the next version of the
 * state, sign, write block and state durably in one transaction, then publish: a reader never sees
 * what a power cut could take back.  While a block is being written, the next one's transactions
 * gather, so the cost of the disk is shared by all of them.
 *
 * Locks, in this order: making (one block at a time), the mempool's, state.  Any thread.
 */
#ifndef CHAIN_LEDGER_H
#define CHAIN_LEDGER_H

#include "chain/ledger/archive.h"
#include "chain/ledger/mempool.h"
#include "chain/ledger/source.h"

struct ledger;

struct ledger_options {
	const char *file;           /* chain.db                                               */
	const char *genesis;        /* for a new file; an old one must have the same.  NULL:  */
	size_t      genesis_len;    /* an old file's own                                      */
	const struct ed25519_key *proposer; /* NULL, or not of the genesis: makes no blocks   */
	struct source *source;      /* taken over; NULL: source_local(), source_none() without a key */
	struct mempool_options mempool; /* limits only                                        */
	uint64_t (*now)(void);      /* ms; NULL: the wall clock                               */
};

struct ledger_head {
	struct header header;
	uint8_t       hash[SHA256_SIZE], signature[ED25519_SIGNATURE];
	uint64_t      transactions, receipts; /* in all blocks */
};

struct ledger_counts {
	uint64_t blocks, transactions;    /* since the start                       */
	uint64_t build_us, write_us;      /* time of making blocks, of writing them */
	uint64_t failures;                /* blocks that could not be written      */
};

/* Opens or makes the file, loads the state and compares it with the head.  B3IQ_E_INVALID: another
 * genesis; B3IQ_E_INTERNAL: the file is damaged. */
int32_t ledger_open(const struct ledger_options *, struct ledger **, struct b3iq_error *);
/* Starts and stops making blocks. */
int32_t ledger_start(struct ledger *, struct b3iq_error *);
void    ledger_stop(struct ledger *);
void    ledger_close(struct ledger *);

const struct genesis *ledger_genesis(const struct ledger *);
struct mempool       *ledger_mempool(struct ledger *);
bool                  ledger_proposes(const struct ledger *);
void                  ledger_head(struct ledger *, struct ledger_head *);
void                  ledger_count(struct ledger *, struct ledger_counts *);

/* Takes a signed transaction from outside.  hash is set whenever it could be parsed. */
enum refusal ledger_submit(struct ledger *, const void *wire, size_t len, uint8_t hash[TX_HASH],
                           struct b3iq_error *);
/* Waits until the transaction is in a block (REFUSED_NOT), was dropped, or wait_ms are over.
 * REFUSED_UNKNOWN with an empty text: it is not known here. */
enum refusal ledger_wait(struct ledger *, const uint8_t hash[TX_HASH], uint32_t wait_ms,
                         struct mempool_fate *);
/* A block that was made elsewhere: executed, compared, stored.  Errors of block_check(), and
 * B3IQ_E_INVALID for another state root. */
int32_t ledger_import(struct ledger *, const char *text, size_t len, struct b3iq_error *);
/* Makes a block of what waits, in this thread; for tests and benches that start none. */
int32_t ledger_build(struct ledger *, bool empty, struct b3iq_error *);

/* Calls look() with the committed state and its head; it must be quick and must not block. */
typedef void ledger_look(void *arg, const struct state *, const struct ledger_head *);
void    ledger_state(struct ledger *, ledger_look *, void *arg);
/* A reading closure on the archive. */
int32_t ledger_read(struct ledger *, store_fn *, void *arg, struct b3iq_error *);
/* Appends a block as block_read() reads it. */
int32_t ledger_block_text(struct store_tx *, const struct archive_block *, struct buf *,
                          struct b3iq_error *);

#endif
