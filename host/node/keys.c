#include "node/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"
#include "node/audit.h"

#define PREFIX_LEN (sizeof KEYS_PREFIX - 1)
#define CLI_NAME   "cli"

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
	NULL,
};

const struct store_module keys_module = { "keys", migrations };

#define COLUMNS                                                                                    \
	"id, name, scopes, models, created_ms, expires_ms, revoked_ms, rate_per_minute, burst"

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
keys_scope_allows(const char *scopes, const char *scope)
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
keys_model_allowed(const char *globs, const char *model)
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
}

static int32_t
hash_secret(const char *secret, uint8_t out[SHA256_SIZE], struct b3iq_error *err)
{
	const int32_t rc = sha256(secret, strlen(secret), out);

	return rc == B3IQ_OK ? rc : fail_memory(err, "hashing a key");
}

/* ---- create -------------------------------------------------------------- */

static int32_t
check_spec(const struct key_spec *spec, const char *scopes, struct b3iq_error *err)
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
		return fail(err, B3IQ_E_INVALID, "a key needs scopes: %s", KEYS_ALL_SCOPES);
	while ((word = next_word(&scopes, &n)))
		if (!has_word(KEYS_ALL_SCOPES, word, n))
			return fail(err, B3IQ_E_INVALID,
			            "there is no scope \"%.*s\"; the scopes are %s", (int)n, word,
			            KEYS_ALL_SCOPES);
	if (spec->models && strlen(spec->models) >= sizeof((struct key *)0)->models)
		return fail(err, B3IQ_E_INVALID,
		            "the key's list of models is longer than 1023 bytes");
	if (spec->expires_ms && spec->expires_ms <= clock_wall_ms())
		return fail(err, B3IQ_E_INVALID, "the key would have expired already");
	return B3IQ_OK;
}

struct create {
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
		               "expires_ms, rate_per_minute, burst) VALUES(?,?,?,?,?,?,?,?,?)",
		               "ssbssiiii", k->id, k->name, c->hash, sizeof c->hash, k->scopes,
		               k->models, (int64_t)k->created_ms, (int64_t)k->expires_ms,
		               (int64_t)k->rate_per_minute, (int64_t)k->burst);
	return rc == B3IQ_OK ? audit_add(tx, "key.created", k->id, k->scopes, err) : rc;
}

int32_t
keys_create(struct store *store, const struct key_spec *spec, struct key *out,
            char secret[KEYS_SECRET_SIZE], struct b3iq_error *err)
{
	const char *scopes = spec->scopes ? spec->scopes : KEYS_SCOPES;
	struct create create = { .key = out };
	int32_t rc = check_spec(spec, scopes, err);

	if (rc != B3IQ_OK)
		return rc;
	memset(out, 0, sizeof *out);
	random_id(out->id, sizeof out->id, "key_", 8);
	random_id(secret, KEYS_SECRET_SIZE, KEYS_PREFIX, 32);
	snprintf(out->name, sizeof out->name, "%s", spec->name);
	snprintf(out->scopes, sizeof out->scopes, "%s", scopes);
	snprintf(out->models, sizeof out->models, "%s", spec->models ? spec->models : "");
	out->created_ms = clock_wall_ms();
	out->expires_ms = spec->expires_ms;
	out->rate_per_minute = spec->rate_per_minute;
	out->burst = spec->burst ? spec->burst : spec->rate_per_minute;
	rc = hash_secret(secret, create.hash, err);
	if (rc == B3IQ_OK)
		rc = store_write(store, insert, &create, err);
	if (rc != B3IQ_OK)
		secret_wipe(secret, KEYS_SECRET_SIZE);
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
keys_list(struct store *store, int32_t (*each)(void *, const struct key *), void *arg,
          struct b3iq_error *err)
{
	struct walk walk = { each, arg };

	return store_read(store, list, &walk, err);
}

static int32_t
revoke_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const char *name = arg;
	int32_t rc = store_run(tx, err,
	                       "UPDATE api_key SET revoked_ms = ? WHERE revoked_ms = 0 "
	                       "AND (id = ? OR name = ?)",
	                       "iss", (int64_t)clock_wall_ms(), name, name);

	if (rc != B3IQ_OK)
		return rc;
	if (store_changes(tx) == 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "there is no valid key \"%s\"; `b3iq key list` shows them", name);
	return audit_add(tx, "key.revoked", name, "", err);
}

int32_t
keys_revoke(struct store *store, const char *id_or_name, struct b3iq_error *err)
{
	return store_write(store, revoke_row, (void *)(uintptr_t)id_or_name, err);
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
	hash = store_blob(rows, 9, &len);
	l->found = len == sizeof l->hash && secret_equal(hash, l->hash, len);
	if (l->found)
		read_key(rows, l->key);
	store_end(rows);
	return B3IQ_OK;
}

int32_t
keys_check(struct store *store, const char *credential, uint64_t now_ms, struct key *out,
           struct b3iq_error *err)
{
	struct lookup l = { .key = out };
	int32_t rc;

	if (strncmp(credential, KEYS_PREFIX, PREFIX_LEN) != 0)
		return B3IQ_DECLINED;
	if (strlen(credential) != KEYS_SECRET_SIZE - 1)
		return fail(err, B3IQ_E_DENIED,
		            "this API key is cut or mistyped: it is " KEYS_PREFIX " and 64 hex digits");
	rc = hash_secret(credential, l.hash, err);
	if (rc == B3IQ_OK)
		rc = store_read(store, look_up, &l, err);
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
