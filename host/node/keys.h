/* keys.h - API keys of this node: the key ring with the prefix `b3iq_local_`, the scopes and audit of
 * the node, and the key of the local CLI.
 */
#ifndef NODE_KEYS_H
#define NODE_KEYS_H

#include "core/role/home.h"
#include "core/role/keyring.h"

#define KEYS_PREFIX      "b3iq_local_"
#define KEYS_SECRET_SIZE (11 + 64 + 1)
#define KEYS_ID_SIZE     KEYRING_ID_SIZE
#define KEYS_SCOPES      "models.read chat completions receipts"
#define KEYS_ALL_SCOPES  KEYS_SCOPES " metrics admin"

/* secret is what the client uses; it is never shown again. */
int32_t keys_create(struct store *, const struct key_spec *, struct key *out,
                    char secret[KEYS_SECRET_SIZE], struct b3iq_error *err);
/* Newest first, revoked ones too. */
int32_t keys_list(struct store *, int32_t (*each)(void *arg, const struct key *), void *arg,
                  struct b3iq_error *err);
/* By id or name.  B3IQ_E_NOT_FOUND if there is none that is valid. */
int32_t keys_revoke(struct store *, const char *id_or_name, struct b3iq_error *err);
/* B3IQ_DECLINED: no credential of ours; B3IQ_E_DENIED: unknown, revoked or expired. */
int32_t keys_check(struct store *, const char *credential, uint64_t now_ms, struct key *out,
                   struct b3iq_error *err);

/* The local CLI's own key, keys/cli.key: made if it is absent or the store does not know it. */
int32_t keys_cli_make(struct store *, const struct home *, struct b3iq_error *err);
/* Reads it.  B3IQ_E_NOT_FOUND: no node has been started in this home. */
int32_t keys_cli_read(const struct home *, char secret[KEYS_SECRET_SIZE], struct b3iq_error *err);

#endif
