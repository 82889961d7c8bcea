#include "wallet/token.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/crypto/secret.h"

#define OWN "own"

static const char *const migrations[] = {
	"CREATE TABLE token_cap("
	" token TEXT PRIMARY KEY,"
	" per_tx INTEGER NOT NULL,"
	" per_day INTEGER NOT NULL"
	") STRICT",
	NULL,
};

const struct store_module token_module = { "token", migrations };

static struct keyring
ring(struct store *store)
{
	return (struct keyring){ .store = store, .prefix = TOKEN_PREFIX, .scopes = TOKEN_VERBS,
		                 .all_scopes = TOKEN_ALL_VERBS };
}

/* ---- caps ------------------------------------------------------------------------- */

static int32_t
put_caps(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct token *t = arg;

	return store_run(tx, err, "INSERT INTO token_cap(token, per_tx, per_day) VALUES(?,?,?)",
	                 "sii", t->key.id, (int64_t)t->per_tx, (int64_t)t->per_day);
}

static int32_t
get_caps(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct token *t = arg;
	struct store_rows *rows;
	bool row = false;
	int32_t rc = store_query(tx, &rows, err,
	                         "SELECT per_tx, per_day FROM token_cap WHERE token = ?", "s",
	                         t->key.id);

	t->per_tx = t->per_day = 0;
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc == B3IQ_OK && row) {
		t->per_tx = (uint64_t)store_int(rows, 0);
		t->per_day = (uint64_t)store_int(rows, 1);
		store_end(rows);
	}
	return rc;
}

/* ---- tokens ----------------------------------------------------------------------- */

int32_t
token_create(struct store *store, const struct key_spec *spec, uint64_t per_tx, uint64_t per_day,
             struct token *out, char secret[TOKEN_SECRET_SIZE], struct b3iq_error *err)
{
	const struct keyring r = ring(store);
	char made[KEYRING_SECRET_SIZE];
	int32_t rc;

	if (per_tx > AMOUNT_MAX || per_day > AMOUNT_MAX)
		return fail(err, B3IQ_E_INVALID, "a cap is beyond what there can be");
	memset(out, 0, sizeof(*out));
	rc = keyring_create(&r, spec, &out->key, made, err);
	out->per_tx = per_tx;
	out->per_day = per_day;
	if (rc == B3IQ_OK)
		rc = store_write(store, put_caps, out, err);
	if (rc == B3IQ_OK)
		memcpy(secret, made, TOKEN_SECRET_SIZE);
	secret_wipe(made, sizeof(made));
	return rc;
}

struct listing {
	struct token *tokens;
	size_t        n, cap;
};

static int32_t
collect(void *arg, const struct key *key)
{
	struct listing *l = arg;

	if (l->n == l->cap) {
		const size_t cap = l->cap ? l->cap * 2 : 16;
		struct token *grown = reallocarray(l->tokens, cap, sizeof(*grown));

		if (!grown)
			return B3IQ_E_NO_MEMORY;
		l->tokens = grown;
		l->cap = cap;
	}
	l->tokens[l->n++] = (struct token){ .key = *key };
	return B3IQ_OK;
}

int32_t
token_list(struct store *store, int32_t (*each)(void *, const struct token *), void *arg,
           struct b3iq_error *err)
{
	const struct keyring r = ring(store);
	struct listing l = { 0 };
	int32_t rc = keyring_list(&r, collect, &l, err);
	size_t i;

	for (i = 0; rc == B3IQ_OK && i < l.n; i++) {
		rc = store_read(store, get_caps, &l.tokens[i], err);
		if (rc == B3IQ_OK)
			rc = each(arg, &l.tokens[i]);
	}
	free(l.tokens);
	return rc;
}

int32_t
token_revoke(struct store *store, const char *id_or_name, struct b3iq_error *err)
{
	const struct keyring r = ring(store);

	return keyring_revoke(&r, id_or_name, err);
}

int32_t
token_check(struct store *store, const char *credential, uint64_t now_ms, struct token *out,
            struct b3iq_error *err)
{
	const struct keyring r = ring(store);
	int32_t rc;

	memset(out, 0, sizeof(*out));
	rc = keyring_check(&r, credential, now_ms, &out->key, err);
	return rc == B3IQ_OK ? store_read(store, get_caps, out, err) : rc;
}

bool
token_may(const struct token *t, const char *verb, const char *wallet)
{
	return keyring_scope_allows(t->key.scopes, verb) &&
	       (!wallet || keyring_model_allowed(t->key.models, wallet));
}

/* ---- the home's own ---------------------------------------------------------------- */

int32_t
token_own_read(const struct home *home, char secret[TOKEN_SECRET_SIZE], struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct stat st;
	struct buf text;
	int32_t rc = home_path(home, file, err, "keys", "wallet.key", NULL);

	if (rc != B3IQ_OK)
		return rc;
	if (lstat(file, &st) != 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "there is no %s; `b3iq wallet` makes it when it starts", file);
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)))
		return fail(err, B3IQ_E_DENIED, "others may read %s; run chmod 600 on it", file);
	buf_init(&text, TOKEN_SECRET_SIZE);
	rc = path_read(file, &text, err);
	if (rc == B3IQ_OK && (text.len < TOKEN_SECRET_SIZE - 1 ||
	                      strncmp(text.data, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1) != 0))
		rc = fail(err, B3IQ_E_INVALID,
		          "%s holds no token; remove it and restart `b3iq wallet`", file);
	if (rc == B3IQ_OK) {
		memcpy(secret, text.data, TOKEN_SECRET_SIZE - 1);
		secret[TOKEN_SECRET_SIZE - 1] = '\0';
	}
	buf_wipe(&text);
	return rc;
}

int32_t
token_own_make(struct store *store, const struct home *home, struct b3iq_error *err)
{
	const struct key_spec spec = { .name = OWN, .scopes = TOKEN_ALL_VERBS };
	char file[PATH_SIZE], secret[TOKEN_SECRET_SIZE];
	struct b3iq_error none = NO_ERROR;
	struct token token;
	int32_t rc = token_own_read(home, secret, &none);

	if (rc == B3IQ_OK)
		rc = token_check(store, secret, clock_wall_ms(), &token, &none);
	if (rc != B3IQ_OK) {
		token_revoke(store, OWN, &none); /* one whose file is lost */
		rc = token_create(store, &spec, TOKEN_NO_CAP, TOKEN_NO_CAP, &token, secret, err);
		if (rc == B3IQ_OK)
			rc = home_path(home, file, err, "keys", "wallet.key", NULL);
		if (rc == B3IQ_OK)
			rc = path_write(file, secret, strlen(secret), 0600, err);
	}
	secret_wipe(secret, sizeof(secret));
	return rc;
}
