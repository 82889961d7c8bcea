#include "node/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/crypto/secret.h"
#include "node/audit.h"

#define PREFIX_LEN (sizeof KEYS_PREFIX - 1)
#define CLI_NAME   "cli"

static struct keyring
ring(struct store *store)
{
	return (struct keyring){ .store = store, .prefix = KEYS_PREFIX, .scopes = KEYS_SCOPES,
	                         .all_scopes = KEYS_ALL_SCOPES, .audit = audit_add };
}

int32_t
keys_create(struct store *store, const struct key_spec *spec, struct key *out,
            char secret[KEYS_SECRET_SIZE], struct b3iq_error *err)
{
	const struct keyring r = ring(store);
	char made[KEYRING_SECRET_SIZE];
	const int32_t rc = keyring_create(&r, spec, out, made, err);

	if (rc == B3IQ_OK)
		memcpy(secret, made, KEYS_SECRET_SIZE);
	secret_wipe(made, sizeof made);
	return rc;
}

int32_t
keys_list(struct store *store, int32_t (*each)(void *, const struct key *), void *arg,
          struct b3iq_error *err)
{
	const struct keyring r = ring(store);

	return keyring_list(&r, each, arg, err);
}

int32_t
keys_revoke(struct store *store, const char *id_or_name, struct b3iq_error *err)
{
	const struct keyring r = ring(store);

	return keyring_revoke(&r, id_or_name, err);
}

int32_t
keys_check(struct store *store, const char *credential, uint64_t now_ms, struct key *out,
           struct b3iq_error *err)
{
	const struct keyring r = ring(store);

	return keyring_check(&r, credential, now_ms, out, err);
}

/* ---- the CLI's own key --------------------------------------------------- */

int32_t
keys_cli_read(const struct home *home, char secret[KEYS_SECRET_SIZE], struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct stat st;
	struct buf text;
	int32_t rc = home_path(home, file, err, "keys", "cli.key", NULL);

	if (rc != B3IQ_OK)
		return rc;
	if (stat(file, &st) != 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "there is no %s; start the node of this home once with `b3iq node`",
		            file);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(err, B3IQ_E_DENIED, "others may read %s; run chmod 600 on it", file);
	buf_init(&text, 256);
	rc = path_read(file, &text, err);
	if (rc == B3IQ_OK && (text.len < KEYS_SECRET_SIZE - 1 ||
	                      strncmp(text.data, KEYS_PREFIX, PREFIX_LEN) != 0))
		rc = fail(err, B3IQ_E_INVALID,
		          "%s holds no API key; remove it and restart the node", file);
	if (rc == B3IQ_OK) {
		memcpy(secret, text.data, KEYS_SECRET_SIZE - 1);
		secret[KEYS_SECRET_SIZE - 1] = '\0';
	}
	buf_wipe(&text);
	return rc;
}

int32_t
keys_cli_make(struct store *store, const struct home *home, struct b3iq_error *err)
{
	const struct key_spec spec = { .name = CLI_NAME, .scopes = KEYS_ALL_SCOPES };
	char file[PATH_SIZE], secret[KEYS_SECRET_SIZE];
	struct b3iq_error none = NO_ERROR;
	struct key key;
	int32_t rc = keys_cli_read(home, secret, &none);

	if (rc == B3IQ_OK)
		rc = keys_check(store, secret, clock_wall_ms(), &key, &none);
	if (rc == B3IQ_OK) {
		secret_wipe(secret, sizeof secret);
		return rc;
	}
	keys_revoke(store, CLI_NAME, &none); /* one whose file is lost */
	rc = keys_create(store, &spec, &key, secret, err);
	if (rc == B3IQ_OK)
		rc = home_path(home, file, err, "keys", "cli.key", NULL);
	if (rc == B3IQ_OK)
		rc = path_write(file, secret, strlen(secret), 0600, err);
	secret_wipe(secret, sizeof secret);
	return rc;
}
