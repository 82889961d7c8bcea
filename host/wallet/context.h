/* context.h - the one struct of this role: what every handler finds behind rq->context. */
#ifndef WALLET_CONTEXT_H
#define WALLET_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/http/server.h"
#include "core/role/traffic.h"
#include "wallet/keystore.h"
#include "wallet/rpc.h"
#include "wallet/token.h"
#include "wallet/unlocked.h"

struct wallet {
	struct home      home;
	struct keystore  keystore;
	struct store    *store;      /* wallet.db */
	struct unlocked *unlocked;
	struct traffic  *traffic;
	struct server   *server;
	pthread_mutex_t  opening;    /* one scrypt at a time: it takes 128 MiB   */
	pthread_mutex_t  sending;    /* one payment at a time: it takes a nonce  */
	char             chain_url[RPC_URL_SIZE], url[HOME_URL_SIZE];
	atomic_ulong     signatures, refusals, wrong_passwords;
	atomic_bool      ready;      /* until it stops                           */
};

/* Opens a wallet of this home with its password, slowed by its lockout.  B3IQ_E_BUSY: locked out. */
int32_t wallet_open_key(struct wallet *, const struct keystore_entry *, const char *password,
                        struct ed25519_key **out, struct b3iq_error *);

#endif
