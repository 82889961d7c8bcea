/* faucet.h - money of a development network, given by ordinary signed transfers. */
#ifndef CHAIN_FAUCET_H
#define CHAIN_FAUCET_H

#include "chain/rpc/context.h"

/* At most the genesis's faucet.max at once.  REFUSED_AUTHORITY: this process has no faucet's key. */
enum refusal faucet_give(struct chain *, const struct address *to, uint64_t amount,
                         uint8_t hash[TX_HASH], struct b3iq_error *);

#endif
