/* intent.h - the transaction of a key, stored before it is sent.
 *
 * The chain does not know our keys; it knows hashes.  So what makes one key one transaction is this
 * record in the host's durable store: the signed bytes, written before they leave.  After any crash
 * the same bytes are sent again, and the chain takes one hash once.
 */
#ifndef LOCALCHAIN_INTENT_H
#define LOCALCHAIN_INTENT_H

#include "address.h"
#include "body.h"
#include "rpc.h"

struct intent {
	char     hash[RPC_HASH_SIZE];
	char     fee[80], from[ADDRESS_SIZE];
	uint64_t nonce;
	char    *wire; /* the signed transaction */
};

/* B3IQ_E_NOT_FOUND: nothing was ever made for this key. */
int32_t intent_load(const struct b3iq_host *, const uint8_t key[32], struct intent *out,
                    struct b3iq_error *err);
/* Has reached the disk when it returns; replaces what was there. */
int32_t intent_store(const struct b3iq_host *, const uint8_t key[32], const struct intent *,
                     struct b3iq_error *err);
/* Signs the body with the host's key and makes the record; nothing is stored yet. */
int32_t intent_make(const struct b3iq_host *, const char *signer, const uint8_t public_key[32],
                    const struct body_sender *, const char *body, struct intent *out,
                    struct b3iq_error *err);
void    intent_finish(struct intent *);

#endif
