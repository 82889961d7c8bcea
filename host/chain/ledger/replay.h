/* replay.h - executes every block of a chain.db again from its genesis and compares: headers,
 * signatures, roots, and at the end every entry of the stored state.  Beside a running chain too.
 */
#ifndef CHAIN_REPLAY_H
#define CHAIN_REPLAY_H

#include "chain/ledger/archive.h"

struct replay_report {
	uint64_t height, transactions, entries, supply;
	uint8_t  state[SHA256_SIZE], head[SHA256_SIZE], genesis[SHA256_SIZE];
};

/* B3IQ_OK: all is as it says.  Otherwise err names the first block or entry that is not. */
int32_t replay_verify(const char *file, struct replay_report *, struct b3iq_error *);

#endif
