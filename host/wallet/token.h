/* token.h - who may use the wallet daemon: tokens `b3iq_wallet_` + 256 bits, with verbs, wallets and
 * caps, in wallet.db.
 *
 * A token is a key of the key ring; its globs name wallets.  Its caps stand beside it: a token whose
 * caps are not there (a crash between the two) may spend nothing.  Changes count at once.
 *
 * verbs  read (address, balance, history), sign, send, unlock (with the password), admin (all, and new
 *        wallets)
 */
#ifndef WALLET_TOKEN_H
#define WALLET_TOKEN_H

#include "core/role/home.h"
#include "core/role/keyring.h"
#include "core/tx/amount.h"

#define TOKEN_PREFIX      "b3iq_wallet_"
#define TOKEN_SECRET_SIZE (12 + 64 + 1)
#define TOKEN_VERBS       "read sign send"
#define TOKEN_ALL_VERBS   TOKEN_VERBS " unlock admin"
#define TOKEN_NO_CAP      AMOUNT_MAX

extern const struct store_module token_module; /* "token" */

struct token {
	struct key key;              /* key.models: globs of wallets; "": all     */
	uint64_t   per_tx, per_day;  /* micro-AITBC, fees included; TOKEN_NO_CAP  */
};

/* spec->models: globs of wallets.  secret is never shown again. */
int32_t token_create(struct store *, const struct key_spec *, uint64_t per_tx, uint64_t per_day,
                     struct token *out, char secret[TOKEN_SECRET_SIZE], struct b3iq_error *);
/* Newest first, revoked ones too. */
int32_t token_list(struct store *, int32_t (*each)(void *arg, const struct token *), void *arg,
                   struct b3iq_error *);
/* By id or name. */
int32_t token_revoke(struct store *, const char *id_or_name, struct b3iq_error *);
/* B3IQ_DECLINED: no token of ours; B3IQ_E_DENIED: unknown, revoked or expired. */
int32_t token_check(struct store *, const char *credential, uint64_t now_ms, struct token *out,
                    struct b3iq_error *);
bool    token_may(const struct token *, const char *verb, const char *wallet);

/* The home's own token, keys/wallet.key: all verbs, no caps, for this home's command line and roles in
 * the same process.  Made if it is absent or wallet.db does not know it. */
int32_t token_own_make(struct store *, const struct home *, struct b3iq_error *);
int32_t token_own_read(const struct home *, char secret[TOKEN_SECRET_SIZE], struct b3iq_error *);

#endif
