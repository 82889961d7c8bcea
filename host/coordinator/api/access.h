/* access.h - who asks: a key of coordinator.db, or one of the environment, with its role and rate.
 *
 * A key is looked up at most once a second, so a revoked one counts within that.  Rates are token
 * buckets, one a key.  [any thread]
 */
#ifndef COORDINATOR_API_ACCESS_H
#define COORDINATOR_API_ACCESS_H

#include "core/http/request.h"
#include "core/role/keyring.h"

#define ACCESS_PREFIX "b3iq_net_"
#define ACCESS_ROLES  "client miner admin"

struct access;

struct principal {               /* rq->principal                                       */
	char     key[KEYRING_ID_SIZE + 8];
	char     wallet[128];
	char     scopes[64];
	bool     admin;
	uint32_t rate_per_minute, burst;
};

/* The key ring of this role over a store. */
struct keyring access_ring(struct store *);

/* rate: of keys that have none; wallet: of keys that have none, "": none.  Reads CLIENT_API_KEYS,
 * MINER_API_KEYS and ADMIN_API_KEYS from the environment. */
struct access *access_create(struct store *, uint32_t rate, const char *wallet,
                             struct b3iq_error *err);
void           access_destroy(struct access *);
/* B3IQ_E_DENIED: no key, or none that is valid; *known tells whether it is one at all. */
int32_t access_check(struct access *, const struct http_request *, struct principal *out,
                     struct b3iq_error *err);
/* Takes a token.  0: fine; else the seconds until there is one. */
uint32_t access_rate(struct access *, const struct principal *);

#endif
