/* lockout.h - guessing a password gets slower: durable, for each wallet, in wallet.db.
 *
 * A try is written down as failed before it is made, and struck out when the password was right: a
 * crash or kill between cannot give a guess for free.  The first three failures cost nothing; from
 * the fourth on the next try must wait 1 s, 2 s, 4 s ... at most an hour.
 */
#ifndef WALLET_LOCKOUT_H
#define WALLET_LOCKOUT_H

#include "core/store/store.h"
#include "wallet/keystore.h"

#define LOCKOUT_FREE    3
#define LOCKOUT_MOST_MS 3600000u

extern const struct store_module lockout_module; /* "lockout" */

/* May somebody try now?  B3IQ_E_BUSY: not before err->retry_ms. */
int32_t lockout_enter(struct store *, const char *wallet, uint64_t now_ms, struct b3iq_error *);
/* The password was right. */
int32_t lockout_clear(struct store *, const char *wallet, struct b3iq_error *);

/* keystore_reveal() and keystore_unlock() between the two: what everybody who asks for a password
 * calls. */
int32_t lockout_reveal(struct store *, const struct keystore_entry *, const char *password,
                       uint8_t seed[KEYSTORE_SEED], struct b3iq_error *);
int32_t lockout_unlock(struct store *, const struct keystore_entry *, const char *password,
                       struct ed25519_key **out, struct b3iq_error *);
/* keystore_password() likewise. */
int32_t lockout_password(struct store *, const struct keystore *, const char *wallet,
                         const char *password, const char *fresh, struct b3iq_error *);

#endif
