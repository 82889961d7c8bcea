#include "wallet/keystore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/secret.h"

#define SUFFIX      ".json"
#define SEALED      (KEYSTORE_SEED + SEAL_EXTRA)
#define WALLETS_MAX 10000

/* ---- names and passwords --------------------------------------------------------- */

static bool
alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
keystore_name_good(const char *name)
{
	size_t n;

	for (n = 0; name[n]; n++)
		if (!alphanumeric(name[n]) && (n == 0 || !strchr("._-", name[n])))
			return false;
	return n > 0 && n < KEYSTORE_NAME;
}

static int32_t
check_name(const char *name, struct b3iq_error *err)
{
	if (keystore_name_good(name))
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID,
	            "a wallet's name has 1 to 64 letters, digits, and then also . _ -");
}

int32_t
keystore_password_good(const char *password, struct b3iq_error *err)
{
	const size_t n = strlen(password);
	size_t i;

	if (n < KEYSTORE_PASSWORD_MIN || n > KEYSTORE_PASSWORD_MAX)
		return fail(err, B3IQ_E_INVALID,
		            "a password has %d to %d bytes; take several words",
		            KEYSTORE_PASSWORD_MIN, KEYSTORE_PASSWORD_MAX);
	for (i = 0; i < n; i++)
		if ((unsigned char)password[i] < 0x20 || password[i] == 0x7f)
			return fail(err, B3IQ_E_INVALID, "a password has no control characters");
	return utf8_valid(password, n) ? B3IQ_OK :
	                                 fail(err, B3IQ_E_INVALID, "the password is not UTF-8");
}

/* ---- folder ---------------------------------------------------------------------- */

static int32_t
check_private(const char *path, const struct stat *st, const char *remedy, struct b3iq_error *err)
{
	if (st->st_uid != geteuid())
		return fail(err, B3IQ_E_DENIED, "%s belongs to another user", path);
	if (st->st_mode & 077)
		return fail(err, B3IQ_E_DENIED, "others may open %s (mode %03o): %s it", path,
		            (unsigned)(st->st_mode & 0777), remedy);
	return B3IQ_OK;
}

int32_t
keystore_open(struct keystore *ks, const struct home *home, struct b3iq_error *err)
{
	struct stat st;
	int32_t rc = home_path(home, ks->dir, err, "wallets", NULL);

	ks->n = 0;
	if (rc == B3IQ_OK && lstat(ks->dir, &st) != 0) {
		rc = path_make_dir(ks->dir, 0700, err);
		if (rc == B3IQ_OK && lstat(ks->dir, &st) != 0)
			rc = fail(err, B3IQ_E_UNAVAILABLE, "%s: %s", ks->dir, strerror(errno));
	}
	if (rc != B3IQ_OK)
		return rc;
	if (!S_ISDIR(st.st_mode))
		return fail(err, B3IQ_E_DENIED, "%s is not a folder; links are not followed",
		            ks->dir);
	return check_private(ks->dir, &st, "chmod 700", err);
}

/* Changes wait for each other.  -1, and the reason. */
static int
lock_folder(const struct keystore *ks, struct b3iq_error *err)
{
	const int fd = open(ks->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be locked: %s", ks->dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int32_t
file_of(const struct keystore *ks, const char *name, char out[PATH_SIZE], struct b3iq_error *err)
{
	char file[KEYSTORE_NAME + sizeof(SUFFIX)];
	const int32_t rc = check_name(name, err);

	if (rc != B3IQ_OK)
		return rc;
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	return path_join(out, err, ks->dir, file, NULL);
}

/* ---- the file's text ------------------------------------------------------------- */

static int32_t
put_hex(struct json_object *o, const char *key, const void *bytes, size_t n)
{
	char text[2 * SEALED + 1];

	hex_encode(bytes, n, text);
	return json_put_string(o, key, text);
}

static int32_t
put_cost(struct json_object *doc, const struct password_cost *cost)
{
	struct json_object *kdf = json_object_new_object();
	int32_t rc = json_put(doc, "kdf", kdf);

	if (rc == B3IQ_OK)
		rc = json_put_string(kdf, "name", "scrypt");
	if (rc == B3IQ_OK)
		rc = json_put_int(kdf, "n", (int64_t)cost->n);
	if (rc == B3IQ_OK)
		rc = json_put_int(kdf, "r", cost->r);
	if (rc == B3IQ_OK)
		rc = json_put_int(kdf, "p", cost->p);
	return rc == B3IQ_OK ? put_hex(kdf, "salt", cost->salt, PASSWORD_SALT) : rc;
}

/* The canonical text, with or without what is sealed. */
static int32_t
write_entry(const struct keystore_entry *e, bool sealed, struct buf *out, struct b3iq_error *err)
{
	char address[ADDRESS_SIZE], key[ED25519_NAME_SIZE];
	struct json_object *doc = json_object_new_object();
	int32_t rc = doc ? json_put_string(doc, "version", KEYSTORE_VERSION) : B3IQ_E_NO_MEMORY;

	address_write(&e->address, address);
	ed25519_name(e->pub, key);
	if (rc == B3IQ_OK)
		rc = json_put_string(doc, "name", e->name);
	if (rc == B3IQ_OK)
		rc = json_put_string(doc, "address", address);
	if (rc == B3IQ_OK)
		rc = json_put_string(doc, "public_key", key);
	if (rc == B3IQ_OK)
		rc = json_put_int(doc, "created_ms", (int64_t)e->created_ms);
	if (rc == B3IQ_OK)
		rc = put_cost(doc, &e->cost);
	if (rc == B3IQ_OK && sealed)
		rc = put_hex(doc, "sealed", e->sealed, SEALED);
	if (rc == B3IQ_OK)
		rc = json_canonical(doc, out, err);
	else
		fail_memory(err, "writing a wallet");
	json_object_put(doc);
	return rc;
}

static bool
get_hex(struct json_object *doc, const char *key, void *out, size_t n)
{
	const char *text = NULL;

	return json_get_string(doc, key, "", &text, NULL) == B3IQ_OK &&
	       hex_decode(text, strlen(text), out, n);
}

static bool
is_text(struct json_object *doc, const char *key, const char *want)
{
	const char *text = NULL;

	return json_get_string(doc, key, "", &text, NULL) == B3IQ_OK && strcmp(text, want) == 0;
}

static bool
read_cost(struct json_object *doc, struct password_cost *out)
{
	struct json_object *kdf = NULL;
	int64_t n, r, p;

	if (json_get(doc, "kdf", json_type_object, &kdf, NULL) != B3IQ_OK || !kdf ||
	    !is_text(kdf, "name", "scrypt") || !get_hex(kdf, "salt", out->salt, PASSWORD_SALT) ||
	    json_get_int(kdf, "n", 2, INT64_C(1) << 40, 0, &n, NULL) != B3IQ_OK ||
	    json_get_int(kdf, "r", 1, UINT32_MAX, 0, &r, NULL) != B3IQ_OK ||
	    json_get_int(kdf, "p", 1, UINT32_MAX, 0, &p, NULL) != B3IQ_OK)
		return false;
	out->n = (uint64_t)n;
	out->r = (uint32_t)r;
	out->p = (uint32_t)p;
	return true;
}

static bool
read_fields(struct json_object *doc, struct keystore_entry *e)
{
	const char *name = NULL, *address = NULL, *key = NULL;
	int64_t created;

	if (!is_text(doc, "version", KEYSTORE_VERSION) ||
	    json_get_string(doc, "name", "", &name, NULL) != B3IQ_OK || !keystore_name_good(name) ||
	    json_get_string(doc, "address", "", &address, NULL) != B3IQ_OK ||
	    address_parse(address, &e->address, NULL) != B3IQ_OK ||
	    json_get_string(doc, "public_key", "", &key, NULL) != B3IQ_OK ||
	    !ed25519_parse(key, e->pub) ||
	    json_get_int(doc, "created_ms", 0, INT64_C(1) << 53, -1, &created, NULL) != B3IQ_OK ||
	    created < 0 || !read_cost(doc, &e->cost) || !get_hex(doc, "sealed", e->sealed, SEALED))
		return false;
	memcpy(e->name, name, strlen(name) + 1);
	e->created_ms = (uint64_t)created;
	return true;
}

int32_t
keystore_parse(const char *text, size_t len, struct keystore_entry *out, struct b3iq_error *err)
{
	struct json_object *doc = NULL;
	struct address owner;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	rc = len > KEYSTORE_FILE_MAX ? B3IQ_E_INVALID :
	                               json_parse(text, len, "the wallet file", &doc, NULL);
	if (rc == B3IQ_OK &&
	    (!json_object_is_type(doc, json_type_object) || !read_fields(doc, out)))
		rc = B3IQ_E_INVALID;
	if (rc == B3IQ_OK)
		rc = address_of(out->pub, &owner);
	if (rc == B3IQ_OK && !address_equal(&owner, &out->address))
		rc = B3IQ_E_INVALID;
	json_object_put(doc);
	if (rc == B3IQ_E_INVALID)
		return fail(err, rc,
		            "the wallet file is damaged or of another version; restore it from a "
		            "backup "
		            "with `b3iq wallet import`");
	return rc == B3IQ_OK ? rc : fail_memory(err, "reading a wallet");
}

/* ---- sealing ----------------------------------------------------------------------- */

static int32_t
seal(struct keystore_entry *e, const uint8_t seed[KEYSTORE_SEED], const char *password, uint64_t n,
     struct b3iq_error *err)
{
	uint8_t key[PASSWORD_KEY];
	struct buf about, sealed;
	int32_t rc;

	buf_init(&about, KEYSTORE_FILE_MAX);
	buf_init(&sealed, SEALED);
	password_cost_new(&e->cost, n);
	rc = write_entry(e, false, &about, err);
	if (rc == B3IQ_OK)
		rc = password_key(&e->cost, password, key, err);
	if (rc == B3IQ_OK) {
		rc = seal_close(key, about.data, seed, KEYSTORE_SEED, &sealed);
		if (rc == B3IQ_OK)
			memcpy(e->sealed, sealed.data, SEALED);
		else
			fail(err, rc, "the wallet cannot be sealed");
	}
	secret_wipe(key, sizeof(key));
	buf_free(&about);
	buf_free(&sealed);
	return rc;
}

/* The seed must be that of the public key: a file made by somebody else may say anything. */
static int32_t
check_seed(const uint8_t seed[KEYSTORE_SEED], const uint8_t pub[ED25519_PUBLIC])
{
	struct ed25519_key *key = NULL;
	int32_t rc = ed25519_from_seed(seed, &key, NULL);

	if (rc == B3IQ_OK && memcmp(ed25519_public(key), pub, ED25519_PUBLIC) != 0)
		rc = B3IQ_E_DENIED;
	ed25519_free(key);
	return rc;
}

int32_t
keystore_reveal(const struct keystore_entry *e, const char *password, uint8_t seed[KEYSTORE_SEED],
                struct b3iq_error *err)
{
	uint8_t key[PASSWORD_KEY];
	struct buf about, plain;
	int32_t rc;

	buf_init(&about, KEYSTORE_FILE_MAX);
	buf_init(&plain, KEYSTORE_SEED);
	rc = write_entry(e, false, &about, err);
	if (rc == B3IQ_OK)
		rc = password_key(&e->cost, password, key, err);
	if (rc == B3IQ_OK) {
		rc = seal_open(key, about.data, e->sealed, SEALED, &plain);
		if (rc == B3IQ_OK)
			rc = check_seed((uint8_t *)plain.data, e->pub);
		if (rc == B3IQ_OK)
			memcpy(seed, plain.data, KEYSTORE_SEED);
		else if (rc == B3IQ_E_DENIED)
			fail(err, rc, "wrong password for wallet %s, or its file was changed",
			     e->name);
		else
			fail(err, rc, "wallet %s cannot be opened for want of memory", e->name);
	}
	secret_wipe(key, sizeof(key));
	buf_wipe(&plain);
	buf_free(&about);
	return rc;
}

int32_t
keystore_unlock(const struct keystore_entry *e, const char *password, struct ed25519_key **out,
                struct b3iq_error *err)
{
	uint8_t *seed = secret_alloc(KEYSTORE_SEED);
	int32_t rc;

	*out = NULL;
	if (!seed)
		return fail_memory(err, "unlocking a wallet");
	rc = keystore_reveal(e, password, seed, err);
	if (rc == B3IQ_OK)
		rc = ed25519_from_seed(seed, out, err);
	secret_free(seed, KEYSTORE_SEED);
	return rc;
}

/* ---- files --------------------------------------------------------------------------- */

static int32_t
read_file(const char *file, const char *name, struct buf *out, struct b3iq_error *err)
{
	char room[KEYSTORE_FILE_MAX + 1];
	struct stat st;
	ssize_t n = 0;
	int32_t rc = B3IQ_OK;
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "there is no wallet %s; `b3iq wallet list` shows those there are",
		            name);
	if (fd < 0 && errno == ELOOP)
		return fail(err, B3IQ_E_DENIED, "%s is a link; put the file itself there", file);
	if (fd < 0)
		return fail(err, B3IQ_E_DENIED, "%s cannot be opened: %s", file, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = fail(err, B3IQ_E_DENIED, "%s is not a regular file", file);
	if (rc == B3IQ_OK)
		rc = check_private(file, &st, "chmod 600", err);
	if (rc == B3IQ_OK)
		n = pread(fd, room, sizeof(room), 0);
	if (rc == B3IQ_OK && (n < 0 || n > KEYSTORE_FILE_MAX))
		rc = fail(err, B3IQ_E_INVALID, "%s cannot be read or is too large for a wallet",
		          file);
	if (rc == B3IQ_OK && buf_append(out, room, (size_t)n) != B3IQ_OK)
		rc = fail_memory(err, "reading a wallet");
	close(fd);
	return rc;
}

int32_t
keystore_export(const struct keystore *ks, const char *name, struct buf *out,
                struct b3iq_error *err)
{
	struct keystore_entry e;
	char file[PATH_SIZE];
	int32_t rc = keystore_read(ks, name, &e, err);

	if (rc == B3IQ_OK)
		rc = file_of(ks, name, file, err);
	return rc == B3IQ_OK ? read_file(file, name, out, err) : rc;
}

int32_t
keystore_read(const struct keystore *ks, const char *name, struct keystore_entry *out,
              struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct buf text;
	int32_t rc = file_of(ks, name, file, err);

	if (rc != B3IQ_OK)
		return rc;
	buf_init(&text, KEYSTORE_FILE_MAX);
	rc = read_file(file, name, &text, err);
	if (rc == B3IQ_OK)
		rc = keystore_parse(text.len ? text.data : "", text.len, out, err);
	if (rc == B3IQ_OK && strcmp(out->name, name) != 0)
		rc = fail(err, B3IQ_E_INVALID,
		          "%s is a copy of wallet %s; take it in with `b3iq wallet import`", file,
		          out->name);
	buf_free(&text);
	return rc;
}

/* A new file, or (replace) a new content of the one there is.  Under the folder's lock. */
static int32_t
write_file(const struct keystore *ks, const struct keystore_entry *e, bool replace,
           struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct buf text;
	struct stat st;
	int32_t rc = file_of(ks, e->name, file, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!replace && lstat(file, &st) == 0)
		return fail(err, B3IQ_E_BUSY, "there is a wallet %s already, and it stays as it is",
		            e->name);
	buf_init(&text, KEYSTORE_FILE_MAX);
	rc = write_entry(e, true, &text, err);
	if (rc == B3IQ_OK && buf_append(&text, "\n", 1) != B3IQ_OK)
		rc = fail_memory(err, "writing a wallet");
	if (rc == B3IQ_OK)
		rc = path_write(file, text.data, text.len, 0600, err);
	buf_free(&text);
	return rc;
}

int32_t
keystore_add(const struct keystore *ks, const char *name, const uint8_t seed[KEYSTORE_SEED],
             const char *password, struct keystore_entry *out, struct b3iq_error *err)
{
	struct ed25519_key *key = NULL;
	int32_t rc = check_name(name, err);
	int lock = -1;

	memset(out, 0, sizeof(*out));
	if (rc == B3IQ_OK)
		rc = keystore_password_good(password, err);
	if (rc == B3IQ_OK)
		rc = ed25519_from_seed(seed, &key, err);
	if (rc != B3IQ_OK)
		return rc;
	memcpy(out->name, name, strlen(name) + 1);
	memcpy(out->pub, ed25519_public(key), ED25519_PUBLIC);
	ed25519_free(key);
	out->created_ms = clock_wall_ms();
	rc = address_of(out->pub, &out->address);
	if (rc == B3IQ_OK)
		rc = seal(out, seed, password, ks->n, err);
	if (rc != B3IQ_OK)
		return rc;
	lock = lock_folder(ks, err);
	if (lock < 0)
		return B3IQ_E_UNAVAILABLE;
	rc = write_file(ks, out, false, err);
	close(lock);
	return rc;
}

int32_t
keystore_create(const struct keystore *ks, const char *name, const char *password,
                struct keystore_entry *out, struct b3iq_error *err)
{
	uint8_t *seed = secret_alloc(KEYSTORE_SEED);
	int32_t rc;

	if (!seed)
		return fail_memory(err, "making a wallet");
	random_bytes(seed, KEYSTORE_SEED);
	rc = keystore_add(ks, name, seed, password, out, err);
	secret_free(seed, KEYSTORE_SEED);
	return rc;
}

int32_t
keystore_password(const struct keystore *ks, const char *name, const char *password,
                  const char *fresh, struct b3iq_error *err)
{
	uint8_t *seed = secret_alloc(KEYSTORE_SEED);
	struct keystore_entry e;
	int32_t rc = keystore_password_good(fresh, err);
	int lock;

	if (!seed)
		return fail_memory(err, "changing a password");
	lock = lock_folder(ks, err);
	if (rc == B3IQ_OK && lock < 0)
		rc = B3IQ_E_UNAVAILABLE;
	if (rc == B3IQ_OK)
		rc = keystore_read(ks, name, &e, err);
	if (rc == B3IQ_OK)
		rc = keystore_reveal(&e, password, seed, err);
	if (rc == B3IQ_OK)
		rc = seal(&e, seed, fresh, ks->n, err);
	if (rc == B3IQ_OK)
		rc = write_file(ks, &e, true, err);
	if (lock >= 0)
		close(lock);
	secret_free(seed, KEYSTORE_SEED);
	return rc;
}

int32_t
keystore_delete(const struct keystore *ks, const char *name, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = file_of(ks, name, file, err);
	int lock;

	if (rc != B3IQ_OK)
		return rc;
	lock = lock_folder(ks, err);
	if (lock < 0)
		return B3IQ_E_UNAVAILABLE;
	if (unlink(file) != 0)
		rc = errno == ENOENT ? fail(err, B3IQ_E_NOT_FOUND, "there is no wallet %s", name) :
		                       fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be removed: %s",
		                            file, strerror(errno));
	else if (fsync(lock) != 0)
		rc = fail(err, B3IQ_E_UNAVAILABLE, "%s: %s", ks->dir, strerror(errno));
	close(lock);
	return rc;
}

/* ---- listing -------------------------------------------------------------------------- */

static int
is_wallet(const struct dirent *entry)
{
	const size_t n = strlen(entry->d_name), suffix = sizeof(SUFFIX) - 1;
	char name[KEYSTORE_NAME];

	if (n <= suffix || n - suffix >= sizeof(name) ||
	    strcmp(entry->d_name + n - suffix, SUFFIX) != 0)
		return 0;
	memcpy(name, entry->d_name, n - suffix);
	name[n - suffix] = '\0';
	return keystore_name_good(name);
}

int32_t
keystore_each(const struct keystore *ks, keystore_each_fn *each, void *arg, struct b3iq_error *err)
{
	struct dirent **found = NULL;
	struct keystore_entry e;
	int32_t rc = B3IQ_OK;
	int i, n = scandir(ks->dir, &found, is_wallet, alphasort);

	if (n < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be listed: %s", ks->dir,
		            strerror(errno));
	for (i = 0; i < n; i++) {
		struct b3iq_error why = NO_ERROR;

		found[i]->d_name[strlen(found[i]->d_name) - (sizeof(SUFFIX) - 1)] = '\0';
		if (rc == B3IQ_OK && i < WALLETS_MAX)
			rc = keystore_read(ks, found[i]->d_name, &e, &why) == B3IQ_OK ?
			             each(arg, found[i]->d_name, &e, NULL) :
			             each(arg, found[i]->d_name, NULL, &why);
		free(found[i]);
	}
	free(found);
	return rc;
}
