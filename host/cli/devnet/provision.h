/* provision.h - what a network needs before its roles can work together: made where it is absent, left
 * as it is where it is not.  Each function may be called again after any crash. */
#ifndef CLI_DEVNET_PROVISION_H
#define CLI_DEVNET_PROVISION_H

#include <stdint.h>

#include "core/role/home.h"

/* The three purses: who pays, who arbitrates, who is paid. */
#define PROVISION_CLIENT      "client"
#define PROVISION_COORDINATOR "coordinator"
#define PROVISION_NODE        "node"
#define PROVISION_WALLETS     PROVISION_CLIENT " " PROVISION_COORDINATOR " " PROVISION_NODE

#define PROVISION_KEY_SIZE     256 /* of an API key, with room */
#define PROVISION_ADDRESS_SIZE 64

/* keys/devnet.password: one random password for the purses, so that they open without a person.  It
 * lies beside what it opens: for money that is worth nothing. */
int32_t provision_password(const struct home *, char file[PATH_SIZE], struct b3iq_error *err);
int32_t provision_wallets(const struct home *, const char *password_file, struct b3iq_error *err);
int32_t provision_address(const struct home *, const char *wallet,
                          char out[PROVISION_ADDRESS_SIZE], struct b3iq_error *err);
/* secrets/coordinator/wallet: the coordinator's token at the wallet daemon, for the purses that it
 * opens escrows with. */
int32_t provision_token(const struct home *, struct b3iq_error *err);
/* keys/client.key, keys/admin.key and keys/miner.key: API keys of the coordinator; the client's spends
 * from its purse.  *miner is for the node. */
int32_t provision_keys(const struct home *, char miner[PROVISION_KEY_SIZE],
                       struct b3iq_error *err);
/* coordinator.json: escrows through the localchain plugin.  Where the file exists only the two
 * addresses in it are brought up to date. */
int32_t provision_settings(const struct home *, const char *chain_url, const char *wallet_url,
                           struct b3iq_error *err);
/* Asks the chain's faucet if the account has less than `least` (micro-AITBC), and waits for the block. */
int32_t provision_funds(const char *chain_url, const char *address, uint64_t least,
                        struct b3iq_error *err);

#endif
