/* signer.h - the decision to sign: what the message is, whether the token may, what it spends.
 *
 * The signer sees the whole message and signs nothing that it cannot read:
 *
 *   "b3iq.tx/1\n"       a transaction from this very wallet; amount and fee are counted first
 *   "b3iq.order/1\n"    a canonical JSON object: what a client asks for
 *   "b3iq.verdict/1\n"  the same: what a coordinator found
 */
#ifndef WALLET_SIGNER_H
#define WALLET_SIGNER_H

#include "wallet/context.h"

#define SIGNER_MESSAGE_MAX 65536

/* Is it a message that may be signed with this wallet at all?  *is_tx: then what it says is in *tx. */
int32_t signer_check(const struct keystore_entry *, const void *message, size_t len, bool *is_tx,
                     struct tx *, struct b3iq_error *);

/* B3IQ_E_DENIED: locked, another account's, or beyond a cap; B3IQ_E_INVALID: no message that is signed
 * here.  The spending is on the disk before sig is written. */
int32_t signer_sign(struct wallet *, const struct token *, const struct keystore_entry *,
                    const void *message, size_t len, uint8_t sig[ED25519_SIGNATURE],
                    struct b3iq_error *);

#endif
