/* sender.h - sends money so that asking again never pays twice.
 *
 * A transaction is written to the outbox before it leaves.  While its fate is not known its bytes are
 * sent again, never other bytes for the same wish; so the chain, which takes a hash once, pays once.
 * What an earlier call left open is settled first, so that no nonce is lost in between.
 *
 * One sending of a sender at a time; the chain gives the nonce, so that several homes may share an
 * account.  Who signs is the caller's: a daemon with its policy, or a command line with a password.
 */
#ifndef WALLET_SENDER_H
#define WALLET_SENDER_H

#include "wallet/keystore.h"
#include "wallet/outbox.h"
#include "wallet/rpc.h"

#define SENDER_TRIES    4                   /* of one broadcast: the first and three more */
#define SENDER_FEE_MOST (AMOUNT_COIN / 10) /* that is paid without being named           */

struct sender {
	const char   *chain_url;
	struct store *store;
	/* Sets key and signature of a transaction of this wallet. */
	int32_t     (*sign)(void *ctx, const char *wallet, struct tx *, struct b3iq_error *);
	void         *ctx;
};

struct sender_wish {
	const struct keystore_entry *from;
	enum tx_kind                 kind;   /* TX_TRANSFER, TX_STAKE, TX_UNSTAKE    */
	struct address               to;     /* of a transfer                        */
	uint64_t                     amount; /* from 1                               */
	bool                         has_fee;
	uint64_t                     fee;    /* else the chain's least               */
	const char                  *memo;   /* of a transfer; NULL: none            */
	const char                  *idempotency; /* 1 to 128 characters; NULL: none */
};

/* B3IQ_OK: the chain has it (out->state OUTBOX_SENT).  B3IQ_E_DENIED: refused, by policy or chain,
 * with its reason; B3IQ_E_BUSY: the chain is full; B3IQ_E_UNKNOWN_OUTCOME: it may be on its way:
 * out->hash is set, ask again with the same idempotency key; B3IQ_E_UNAVAILABLE before anything was
 * signed; B3IQ_E_INVALID: another wish had that key. */
int32_t sender_send(const struct sender *, const struct sender_wish *, struct outbox_entry *out,
                    struct b3iq_error *);
/* Waits until the transaction is in a block; wait_ms at most.  B3IQ_E_TIMEOUT. */
int32_t sender_wait(const char *chain_url, const uint8_t hash[TX_HASH], uint32_t wait_ms,
                    uint64_t *height, struct b3iq_error *);

#endif
