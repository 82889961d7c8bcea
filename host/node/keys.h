/* keys.h - API keys of this node: `b3iq_local_` and 256 random bits, stored only as SHA-256.
 *
 * Every request looks its key up, so a key that is made or revoked by the CLI counts at once, also
 * in a running node.  Changes are audit events of the same transaction.
 */
#ifndef NODE_KEYS_H
#define NODE_KEYS_H

#include "core/store/store.h"
#include "core/role/home.h"

#define KEYS_PREFIX      "b3iq_local_"
#define KEYS_SECRET_SIZE (11 + 64 + 1)
#define KEYS_ID_SIZE     (4 + 16 + 1) /* "key_" and 16 hex digits */
#define KEYS_SCOPES      "models.read chat completions receipts"
#define KEYS_ALL_SCOPES  KEYS_SCOPES " metrics admin"

extern const struct store_module keys_module; /* "keys" */

struct key_spec {
	const char *name;            /* unique among those not revoked; 1..64 characters */
	const char *scopes;          /* words of KEYS_ALL_SCOPES; NULL: KEYS_SCOPES      */
	const char *models;          /* globs between spaces, "*" and "?"; NULL: all     */
	uint64_t    expires_ms;      /* wall clock; 0: never                             */
	uint32_t    rate_per_minute; /* requests; 0: no limit                            */
	uint32_t    burst;           /* 0: as rate_per_minute                            */
};
struct key {
	char     id[KEYS_ID_SIZE], name[65], scopes[512], models[1024];
	uint64_t created_ms, expires_ms, revoked_ms; /* 0: no */
	uint32_t rate_per_minute, burst;
};

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

/* Does the list of words have this one ("admin" has every one)?  Does a list of globs fit the
 * text (an empty list fits all)? */
bool    keys_scope_allows(const char *scopes, const char *scope);
bool    keys_model_allowed(const char *globs, const char *model);

#endif
