/* keystore.h - wallets on the disk: one file each, wallets/NAME.json of the home, sealed by a password.
 *
 *   {"address","created_ms","kdf":{"n","name":"scrypt","p","r","salt"},"name","public_key","sealed",
 *    "version":"b3iq.wallet/1"}
 *
 *   key    = scrypt(password, salt, n, r, p)
 *   sealed = AES-256-GCM(key, 32-byte seed of RFC 8032), bound to the canonical text of all other
 *            fields: a name, an address or a cost that was changed opens with no password
 *
 * Folder 0700, files 0600, the owner's own, no links: anything else is refused and said.  A file is
 * made or replaced whole (rename after fsync); changes wait for each other on the folder's lock, also
 * between processes.  Wrong password and changed file are one error after the same work.
 *
 * A file is its own backup: keystore_export() is its text.  Any thread.
 */
#ifndef WALLET_KEYSTORE_H
#define WALLET_KEYSTORE_H

#include "core/crypto/password.h"
#include "core/crypto/seal.h"
#include "core/role/home.h"
#include "core/tx/address.h"

#define KEYSTORE_VERSION      "b3iq.wallet/1"
#define KEYSTORE_NAME         65   /* letters, digits, then also . _ -; 64 and NUL */
#define KEYSTORE_SEED         32
#define KEYSTORE_FILE_MAX     8192
#define KEYSTORE_PASSWORD_MIN 8
#define KEYSTORE_PASSWORD_MAX 1024

struct keystore {
	char     dir[PATH_SIZE];
	uint64_t n; /* scrypt's, for what is sealed from now on; 0: PASSWORD_N */
};

struct keystore_entry { /* a file, read; nothing secret in it */
	char                 name[KEYSTORE_NAME];
	struct address       address;
	uint8_t              pub[ED25519_PUBLIC];
	uint64_t             created_ms;
	struct password_cost cost;
	uint8_t              sealed[KEYSTORE_SEED + SEAL_EXTRA];
};

/* Makes the folder where it is absent. */
int32_t keystore_open(struct keystore *, const struct home *, struct b3iq_error *);
bool    keystore_name_good(const char *name);
/* What may protect a wallet: 8 to 1024 bytes of printable UTF-8. */
int32_t keystore_password_good(const char *password, struct b3iq_error *);

/* A new wallet of a random seed.  B3IQ_E_BUSY: there is one of that name, and it stays. */
int32_t keystore_create(const struct keystore *, const char *name, const char *password,
                        struct keystore_entry *out, struct b3iq_error *);
/* The same of a seed that exists. */
int32_t keystore_add(const struct keystore *, const char *name, const uint8_t seed[KEYSTORE_SEED],
                     const char *password, struct keystore_entry *out, struct b3iq_error *);
/* B3IQ_E_NOT_FOUND; B3IQ_E_DENIED: owner, mode or a link; B3IQ_E_INVALID: damaged. */
int32_t keystore_read(const struct keystore *, const char *name, struct keystore_entry *out,
                      struct b3iq_error *);
/* All, by name.  One that cannot be read has entry NULL and the reason. */
typedef int32_t keystore_each_fn(void *arg, const char *name, const struct keystore_entry *,
                                 const struct b3iq_error *why);
int32_t keystore_each(const struct keystore *, keystore_each_fn *, void *arg, struct b3iq_error *);

/* The seed; the caller wipes it.  B3IQ_E_DENIED: wrong password, or the file was changed. */
int32_t keystore_reveal(const struct keystore_entry *, const char *password,
                        uint8_t seed[KEYSTORE_SEED], struct b3iq_error *);
int32_t keystore_unlock(const struct keystore_entry *, const char *password,
                        struct ed25519_key **out, struct b3iq_error *);
/* Seals the same seed anew. */
int32_t keystore_password(const struct keystore *, const char *name, const char *password,
                          const char *fresh, struct b3iq_error *);
int32_t keystore_delete(const struct keystore *, const char *name, struct b3iq_error *);
/* The encrypted backup: appends the text of the file. */
int32_t keystore_export(const struct keystore *, const char *name, struct buf *,
                        struct b3iq_error *);
/* Such a text; name and address are those in it. */
int32_t keystore_parse(const char *text, size_t len, struct keystore_entry *out,
                       struct b3iq_error *);

#endif
