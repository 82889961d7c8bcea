/* unlocked.h - the keys that may sign now, in memory only, each until its time is over.
 *
 * A thread of its own wipes a key when its time comes, not when somebody asks next.  [any thread]
 */
#ifndef WALLET_UNLOCKED_H
#define WALLET_UNLOCKED_H

#include "core/crypto/ed25519.h"

#define UNLOCKED_MAX 1024 /* wallets at once */

struct unlocked;

int32_t unlocked_create(struct unlocked **, struct b3iq_error *);
void    unlocked_destroy(struct unlocked *); /* wipes all; NULL is fine */
/* Takes the key over on every path.  seconds 0: until it is locked.  Unlocking again sets the time anew. */
int32_t unlocked_put(struct unlocked *, const char *wallet, struct ed25519_key *, uint64_t seconds,
                     struct b3iq_error *);
/* False: it was not unlocked. */
bool    unlocked_lock(struct unlocked *, const char *wallet);
/* *left_ms (may be NULL): 0 when it has no end. */
bool    unlocked_is(struct unlocked *, const char *wallet, uint64_t *left_ms);
size_t  unlocked_count(struct unlocked *);
/* B3IQ_E_DENIED: the wallet is locked. */
int32_t unlocked_sign(struct unlocked *, const char *wallet, const void *msg, size_t len,
                      uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *);

#endif
