#include "core/role/keyring.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"

static const char *const migrations[] = {
	"CREATE TABLE api_key("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32),"
	" scopes TEXT NOT NULL,"
	" models TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL,"
	" revoked_ms INTEGER NOT NULL DEFAULT 0,"
	" rate_per_minute INTEGER NOT NULL,"
	" burst INTEGER NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX api_key_name ON api_key(name) WHERE revoked_ms = 0",
	"ALTER TABLE api_key ADD COLUMN account TEXT NOT NULL DEFAULT ''",
	NULL,
};

const struct store_module keyring_module = { "keys", migrations };

#define COLUMNS                                                                                    \
	"id, name, scopes, models, created_ms, expires_ms, revoked_ms, rate_per_minute, burst, "    \
	"account"

/* ---- words and globs ----------------------------------------------------- */

/* The next word of a list between spaces, or NULL at its end. */
static const char *
next_word(const char **list, size_t *n)
{
	const char *word = *list + strspn(*list, " ");

	*n = strcspn(word, " ");
	*list = word + *n;
	return *n ? word : NULL;
}

static bool
has_word(const char *list, const char *want, size_t want_len)
{
	const char *word;
	size_t n;

	while ((word = next_word(&list, &n)))
		if (n == want_len && memcmp(word, want, n) == 0)
			return true;
	return false;
}

bool
keyring_scope_allows(const char *scopes, const char *scope)
{
	return has_word(scopes, scope, strlen(scope)) || has_word(scopes, "admin", 5);
}

/* "*" is any run of characters, "?" any one; linear but for the last star. */
static bool
glob_fits(const char *glob, size_t n, const char *text)
{
	const char *const end = glob + n;
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (glob < end && *glob == '*') {
			star = ++glob;
			resume = text;
		} else if (glob < end && (*glob == '?' || *glob == *text)) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (glob < end && *glob == '*')
		glob++;
	return glob == end;
}

bool
keyring_model_allowed(const char *globs, const char *model)
{
	const char *word;
	bool any = false;
	size_t n;

	while ((word = next_word(&globs, &n))) {
		any = true;
		if (glob_fits(word, n, model))
			return true;
	}
	return !any;
}

/* ---- rows ---------------------------------------------------------------- */

static void
read_key(struct store_rows *rows, struct key *k)
{
	memset(k, 0, sizeof *k);
	snprintf(k->id, sizeof k->id, "%s", store_text(rows, 0, NULL));
	snprintf(k->name, sizeof k->name, "%s", store_text(rows, 1, NULL));
	snprintf(k->scopes, sizeof k->scopes, "%s", store_text(rows, 2, NULL));
	snprintf(k->models, sizeof k->models, "%s", store_text(rows, 3, NULL));
	k->created_ms = (uint64_t)store_int(rows, 4);
	k->expires_ms = (uint64_t)store_int(rows, 5);
	k->revoked_ms = (uint64_t)store_int(rows, 6);
	k->rate_per_minute = (uint32_t)store_int(rows, 7);
	k->burst = (uint32_t)store_int(rows, 8);
	snprintf(k->account, sizeof k->account, "%s", store_text(rows, 9, NULL));
}

static int32_t
hash_secret(const char *secret, uint8_t out[SHA256_SIZE], struct b3iq_error *err)
{
	const int32_t rc = sha256(secret, strlen(secret), out);

	return rc == B3IQ_OK ? rc : fail_memory(err, "hashing a key");
}

/* ---- create -------------------------------------------------------------- */

static int32_t
check_spec(const struct keyring *r, const struct key_spec *spec, const char *scopes,
           struct b3iq_error *err)
{
	const size_t name_len = spec->name ? strlen(spec->name) : 0;
	const char *word;
	size_t n;

	if (name_len < 1 || name_len > 64 || !utf8_valid(spec->name, name_len))
		return fail(err, B3IQ_E_INVALID, "a key needs a name of 1 to 64 characters");
	for (size_t i = 0; i < name_len; i++)
		if ((unsigned char)spec->name[i] < 0x20 || spec->name[i] == 0x7f)
			return fail(err, B3IQ_E_INVALID, "the key's name has control characters");
	if (strlen(scopes) >= sizeof((struct key *)0)->scopes || !scopes[strspn(scopes, " ")])
		return fail(err, B3IQ_E_INVALID, "a key needs scopes: %s", r->all_scopes);
	while ((word = next_word(&scopes, &n)))
		if (!has_word(r->all_scopes, word, n))
			return fail(err, B3IQ_E_INVALID,
			            "there is no scope \"%.*s\"; the scopes are %s", (int)n, word,
			            r->all_scopes);
	if (spec->models && strlen(spec->models) >= sizeof((struct key *)0)->models)
		return fail(err, B3IQ_E_INVALID,
		            "the key's list of models is longer than 1023 bytes");
	if (spec->account && strlen(spec->account) >= sizeof((struct key *)0)->account)
		return fail(err, B3IQ_E_INVALID, "the key's account is longer than 127 bytes");
	if (spec->expires_ms && spec->expires_ms <= clock_wall_ms())
		return fail(err, B3IQ_E_INVALID, "the key would have expired already");
	return B3IQ_OK;
}

static int32_t
report(const struct keyring *r, struct store_tx *tx, const char *kind, const char *subject,
       const char *detail, struct b3iq_error *err)
{
	return r->audit ? r->audit(tx, kind, subject, detail, err) : B3IQ_OK;
}

struct create {
	const struct keyring *ring;
	const struct key *key;
	uint8_t hash[SHA256_SIZE];
};

static int32_t
name_is_free(struct store_tx *tx, const char *name, struct b3iq_error *err)
{
	struct store_rows *rows;
	bool row;
	int32_t rc =
		store_query(tx, &rows, err,
	                    "SELECT 1 FROM api_key WHERE name = ? AND revoked_ms = 0", "s", name);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	store_end(rows);
	return fail(err, B3IQ_E_INVALID,
	            "there is a key named \"%s\" already; choose another name or revoke it first",
	            name);
}

static int32_t
insert(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct create *c = arg;
	const struct key *k = c->key;
	int32_t rc = name_is_free(tx, k->name, err);

	if (rc == B3IQ_OK)
		rc = store_run(tx, err,
		               "INSERT INTO api_key(id, name, hash, scopes, models, created_ms, "
		               "expires_ms, rate_per_minute, burst, account) "
		               "VALUES(?,?,?,?,?,?,?,?,?,?)",
		               "ssbssiiiis", k->id, k->name, c->hash, sizeof c->hash, k->scopes,
		               k->models, (int64_t)k->created_ms, (int64_t)k->expires_ms,
		               (int64_t)k->rate_per_minute, (int64_t)k->burst, k->account);
	return rc == B3IQ_OK ? report(c->ring, tx, "key.created", k->id, k->scopes, err) : rc;
}

int32_t
keyring_create(const struct keyring *r, const struct key_spec *spec, struct key *out,
               char secret[KEYRING_SECRET_SIZE], struct b3iq_error *err)
{
	const char *scopes = spec->scopes ? spec->scopes : r->scopes;
	struct create create = { .ring = r, .key = out };
	int32_t rc = check_spec(r, spec, scopes, err);

	if (rc != B3IQ_OK)
		return rc;
	memset(out, 0, sizeof *out);
	random_id(out->id, sizeof out->id, "key_", 8);
	random_id(secret, KEYRING_SECRET_SIZE, r->prefix, 32);
	snprintf(out->name, sizeof out->name, "%s", spec->name);
	snprintf(out->scopes, sizeof out->scopes, "%s", scopes);
	snprintf(out->models, sizeof out->models, "%s", spec->models ? spec->models : "");
	snprintf(out->account, sizeof out->account, "%s", spec->account ? spec->account : "");
	out->created_ms = clock_wall_ms();
	out->expires_ms = spec->expires_ms;
	out->rate_per_minute = spec->rate_per_minute;
	out->burst = spec->burst ? spec->burst : spec->rate_per_minute;
	rc = hash_secret(secret, create.hash, err);
	if (rc == B3IQ_OK)
		rc = store_write(r->store, insert, &create, err);
	if (rc != B3IQ_OK)
		secret_wipe(secret, KEYRING_SECRET_SIZE);
	return rc;
}

/* ---- list, revoke, check ------------------------------------------------- */

struct walk {
	int32_t (*each)(void *, const struct key *);
	void     *arg;
};

static int32_t
list(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct walk *w = arg;
	struct store_rows *rows;
	struct key key;
	bool row;
	int32_t rc = store_query(
		tx, &rows, err, "SELECT " COLUMNS " FROM api_key ORDER BY created_ms DESC, id", "");

	while (rc == B3IQ_OK) {
		rc = store_next(rows, &row, err);
		if (rc != B3IQ_OK || !row)
			break;
		read_key(rows, &key);
		rc = w->each(w->arg, &key);
	}
	return rc;
}

int32_t
keyring_list(const struct keyring *r, int32_t (*each)(void *, const struct key *), void *arg,
             struct b3iq_error *err)
{
	struct walk walk = { each, arg };

	return store_read(r->store, list, &walk, err);
}

struct revoke {
	const struct keyring *ring;
	const char           *name;
};

static int32_t
revoke_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct revoke *r = arg;
	const char *name = r->name;
	int32_t rc = store_run(tx, err,
	                       "UPDATE api_key SET revoked_ms = ? WHERE revoked_ms = 0 "
	                       "AND (id = ? OR name = ?)",
	                       "iss", (int64_t)clock_wall_ms(), name, name);

	if (rc != B3IQ_OK)
		return rc;
	if (store_changes(tx) == 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "there is no valid key \"%s\"; `b3iq key list` shows them", name);
	return report(r->ring, tx, "key.revoked", name, "", err);
}

int32_t
keyring_revoke(const struct keyring *r, const char *id_or_name, struct b3iq_error *err)
{
	struct revoke revoke = { r, id_or_name };

	return store_write(r->store, revoke_row, &revoke, err);
}

struct lookup {
	uint8_t     hash[SHA256_SIZE];
	struct key *key;
	bool        found;
};

/* The index is over hashes of 256 random bits: what its timing tells leads nowhere.  The stored
 * hash is compared again, in constant time. */
static int32_t
look_up(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct lookup *l = arg;
	struct store_rows *rows;
	const void *hash;
	size_t len;
	bool row;
	int32_t rc =
		store_query(tx, &rows, err, "SELECT " COLUMNS ", hash FROM api_key WHERE hash = ?",
	                    "b", l->hash, sizeof l->hash);

	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK || !row)
		return rc;
	hash = store_blob(rows, 10, &len);
	l->found = len == sizeof l->hash && secret_equal(hash, l->hash, len);
	if (l->found)
		read_key(rows, l->key);
	store_end(rows);
	return B3IQ_OK;
}

int32_t
keyring_check(const struct keyring *r, const char *credential, uint64_t now_ms, struct key *out,
              struct b3iq_error *err)
{
	const size_t prefix = strlen(r->prefix);
	struct lookup l = { .key = out };
	int32_t rc;

	if (strncmp(credential, r->prefix, prefix) != 0)
		return B3IQ_DECLINED;
	if (strlen(credential) != prefix + 64)
		return fail(err, B3IQ_E_DENIED,
		            "this API key is cut or mistyped: it is %s and 64 hex digits", r->prefix);
	rc = hash_secret(credential, l.hash, err);
	if (rc == B3IQ_OK)
		rc = store_read(r->store, look_up, &l, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!l.found)
		return fail(err, B3IQ_E_DENIED, "this API key is not known here");
	if (out->revoked_ms)
		return fail(err, B3IQ_E_DENIED, "this API key has been revoked");
	if (out->expires_ms && out->expires_ms <= now_ms)
		return fail(err, B3IQ_E_DENIED, "this API key has expired");
	return B3IQ_OK;
}
