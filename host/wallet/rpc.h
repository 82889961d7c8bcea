/* rpc.h - what the wallet asks of a chain, over its RPC (docs/chain.md).  Any thread; blocking.
 *
 * Failures: B3IQ_E_UNAVAILABLE and B3IQ_E_TIMEOUT (away, slow), B3IQ_E_INVALID (no chain answers
 * there), B3IQ_E_NOT_FOUND; the rest is the chain's own verdict.
 */
#ifndef WALLET_RPC_H
#define WALLET_RPC_H

#include <json-c/json.h>

#include "core/tx/tx.h"

#define RPC_URL_SIZE 1024

/* Refusals of docs/chain.md that mean something here; 0: taken. */
enum { RPC_TAKEN = 0, RPC_NONCE_USED = 5, RPC_NO_FUNDS = 6, RPC_DUPLICATE = 7, RPC_FULL = 8 };

struct rpc_account {
	uint64_t balance;       /* of blocks                                                */
	uint64_t available;     /* less what waiting transactions spend                     */
	uint64_t stake, unbonding;
	uint64_t nonce, pending_nonce;
};

struct rpc_rules {
	char     chain[FORM_CHAIN_SIZE];
	uint64_t min_fee, height;
};

struct rpc_found {
	bool     in_block;      /* else it waits */
	uint64_t height;
};

int32_t rpc_account(const char *url, const struct address *, struct rpc_account *,
                    struct b3iq_error *);
int32_t rpc_rules(const char *url, struct rpc_rules *, struct b3iq_error *);
/* What is locked in open escrows that this account opened, and how many; of its latest thousand
 * transactions. */
int32_t rpc_held(const char *url, const struct address *, uint64_t *amount, uint64_t *count,
                 struct b3iq_error *);
/* Hands a signed transaction over.  *code: the chain's refusal, *err its words.  Any result but
 * B3IQ_OK: it may have arrived; the same bytes may be sent again. */
int32_t rpc_send(const char *url, const struct buf *wire, int64_t *code, struct b3iq_error *);
int32_t rpc_find(const char *url, const uint8_t hash[TX_HASH], struct rpc_found *,
                 struct b3iq_error *);
/* Newest first, as the chain tells it: an array.  *out is the caller's. */
int32_t rpc_history(const char *url, const struct address *, uint64_t limit,
                    struct json_object **out, struct b3iq_error *);

#endif
