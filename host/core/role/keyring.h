/* keyring.h - the API keys of a role: a prefix and 256 random bits, stored only as SHA-256.
 *
 * Every check looks the key up, so a key that is made or revoked by the CLI counts at once, also in
 * a running daemon.  What is reported to the audit is part of the same transaction.
 */
#ifndef CORE_ROLE_KEYRING_H
#define CORE_ROLE_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/store/store.h"

#define KEYRING_PREFIX_MAX  31
#define KEYRING_SECRET_SIZE (KEYRING_PREFIX_MAX + 64 + 1)
#define KEYRING_ID_SIZE     (4 + 16 + 1) /* "key_" and 16 hex digits */

extern const struct store_module keyring_module; /* "keys" */

struct keyring {                /* a value: whose keys, and what they may be */
	struct store *store;
	const char   *prefix;     /* "b3iq_local_"; at most KEYRING_PREFIX_MAX      */
	const char   *scopes;     /* words that a key has if it names none          */
	const char   *all_scopes; /* words that it may name                         */
	int32_t     (*audit)(struct store_tx *, const char *kind, const char *subject,
	                     const char *detail, struct b3iq_error *); /* may be NULL */
};

struct key_spec {
	const char *name;            /* unique among those not revoked; 1..64 characters */
	const char *scopes;          /* NULL: keyring.scopes                             */
	const char *models;          /* globs between spaces, "*" and "?"; NULL: all     */
	const char *account;         /* whose money it moves; NULL: nobody's             */
	uint64_t    expires_ms;      /* wall clock; 0: never                             */
	uint32_t    rate_per_minute; /* requests; 0: no limit                            */
	uint32_t    burst;           /* 0: as rate_per_minute                            */
};
struct key {
	char     id[KEYRING_ID_SIZE], name[65], scopes[512], models[1024], account[128];
	uint64_t created_ms, expires_ms, revoked_ms; /* 0: no */
	uint32_t rate_per_minute, burst;
};

/* secret is what the client uses; it is never shown again. */
int32_t keyring_create(const struct keyring *, const struct key_spec *, struct key *out,
                       char secret[KEYRING_SECRET_SIZE], struct b3iq_error *err);
/* Newest first, revoked ones too. */
int32_t keyring_list(const struct keyring *, int32_t (*each)(void *arg, const struct key *),
                     void *arg, struct b3iq_error *err);
/* By id or name.  B3IQ_E_NOT_FOUND if there is none that is valid. */
int32_t keyring_revoke(const struct keyring *, const char *id_or_name, struct b3iq_error *err);
/* B3IQ_DECLINED: no credential of ours; B3IQ_E_DENIED: unknown, revoked or expired. */
int32_t keyring_check(const struct keyring *, const char *credential, uint64_t now_ms,
                      struct key *out, struct b3iq_error *err);

/* Does the list of words have this one ("admin" has every one)?  Does a list of globs fit the
 * text (an empty list fits all)? */
bool    keyring_scope_allows(const char *scopes, const char *scope);
bool    keyring_model_allowed(const char *globs, const char *model);

#endif
