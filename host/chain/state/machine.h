/* machine.h - the rules: what a block and its transactions do to the state.
 *
 * A block begins (stake that is mature becomes free), applies its transactions in order, and ends
 * (fees to the proposer, the supply is checked).  A transaction holds whole or changes nothing.
 * Everything follows from state, genesis, block time and transaction: no clock, no I/O, no chance.
 *
 * Signatures are not checked here: tx_check() is done before, by whoever took the transaction in.
 * docs/chain.md states the rules for a second implementation.  Threads: as state.h.
 */
#ifndef CHAIN_MACHINE_H
#define CHAIN_MACHINE_H

#include "chain/state/block.h"
#include "chain/state/refusal.h"
#include "chain/state/state.h"

struct machine {
	struct state         *state;
	const struct genesis *genesis;
	uint64_t              time;     /* of the block                */
	struct address        proposer;
	uint64_t              fees;     /* of this block so far        */
};

#define MACHINE_TOUCHED 8

/* Accounts whose history a transaction belongs to. */
struct machine_touched {
	struct address list[MACHINE_TOUCHED];
	size_t         n;
};

/* Begins a version of the state.  Failures of begin and end: B3IQ_E_NO_MEMORY, B3IQ_E_INTERNAL. */
int32_t machine_begin(struct machine *, struct state *, const struct genesis *, uint64_t time,
                      const uint8_t proposer[ED25519_PUBLIC], struct b3iq_error *);
/* After REFUSED_INTERNAL the version can only be aborted; after another refusal nothing has
 * changed. */
enum refusal machine_apply(struct machine *, const struct tx *, struct machine_touched *,
                           struct b3iq_error *);
int32_t      machine_end(struct machine *, struct b3iq_error *);

/* A whole block, as its header says: it must hold, and lead to the header's state root.
 * touched: one for each transaction.  B3IQ_E_INVALID: it does not; then, as after any failure, the
 * version is to be aborted. */
int32_t machine_run(struct state *, const struct genesis *, const struct block *,
                    struct machine_touched *touched, struct b3iq_error *);

/* Would it hold now, nonce and funds aside?  For the mempool: of the committed version, `time` the
 * present. */
enum refusal machine_foresee(const struct state *, const struct genesis *, const struct tx *,
                             uint64_t time, struct b3iq_error *);

#endif
