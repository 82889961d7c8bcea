/* wallet.h - the wallet role: keys, and signatures for those who may.  `b3iq wallet` runs it.
 *
 * Listens on loopback only.  Start order: home and its lock, keys' memory, wallet.db, the home's own
 * token, wallets that are to be unlocked, HTTP.  Then the ready line on stdout:
 *
 *   b3iq wallet is ready at http://127.0.0.1:8015 (pid 4711, home /home/me/.b3iq)
 */
#ifndef WALLET_WALLET_H
#define WALLET_WALLET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/role/service.h"
#include "core/store/store.h"
#include "core/role/home.h"

#define WALLET_PORT  8015
#define WALLET_CHAIN "http://127.0.0.1:8006"

struct wallet_options {
	const char *home;          /* NULL: $B3IQ_HOME or ~/.b3iq                              */
	const char *address;       /* NULL: 127.0.0.1; must be loopback                        */
	int32_t     port;          /* -1: WALLET_PORT; 0: any free one                         */
	const char *chain_url;     /* NULL: $AITBC_BLOCKCHAIN_RPC_URL or WALLET_CHAIN          */
	const char *unlock;        /* names between spaces, unlocked until the end; NULL: none */
	const char *password_file; /* their password, 0600                                     */
	uint64_t    scrypt_n;      /* 0: the usual cost of new wallets                         */
	bool        json, quiet;   /* the ready line                                           */
};

struct wallet;

int32_t        wallet_start(const struct wallet_options *, struct wallet **, struct b3iq_error *);
const char    *wallet_url(const struct wallet *);
int32_t        wallet_stop(struct wallet *, struct b3iq_error *);
struct service wallet_service(const struct wallet_options *);
/* Runs until it is told to stop. */
int32_t        wallet_main(const struct wallet_options *, struct b3iq_error *);

/* wallet.db of a home, for the daemon and for the command line beside it. */
int32_t        wallet_store_open(const struct home *, struct store **, struct b3iq_error *);
/* The chain's URL: given, or of the environment, or WALLET_CHAIN; without a slash at its end. */
int32_t        wallet_chain_url(const char *given, char *out, size_t size, struct b3iq_error *);
/* The first line of a private file (0600, no link), as a password: NUL-terminated, wiped by the caller. */
int32_t        wallet_password_file(const char *file, char *out, size_t size, struct b3iq_error *);

#endif
