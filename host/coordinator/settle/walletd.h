/* walletd.h - signatures of wallets, by the wallet daemon: keys stay there, and it decides.
 *
 * What a ledger plugin gets as host->sign() and host->public_key().  [any thread]
 */
#ifndef COORDINATOR_SETTLE_WALLETD_H
#define COORDINATOR_SETTLE_WALLETD_H

#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct walletd;

/* url: of the daemon; token: sent as a bearer, copied. */
int32_t walletd_create(const char *url, const char *token, struct walletd **out,
                      struct b3iq_error *err);
void    walletd_destroy(struct walletd *);
/* In the form of struct hostapi_services; ctx is the walletd. */
int32_t walletd_sign(struct walletd *, const char *wallet, const char *alg, const void *message,
                    size_t len, struct b3iq_writer *sig);
int32_t walletd_public_key(struct walletd *, const char *wallet, const char *alg,
                          struct b3iq_writer *out);
/* The wallet's address, as its chain writes it. */
int32_t walletd_address(struct walletd *, const char *wallet, char out[129], struct b3iq_error *err);

#endif
