#include "wallet/import.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/crypto/secret.h"

static bool
space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
trim(const char **text, size_t *len)
{
	while (*len > 0 && space(**text))
		++*text, --*len;
	while (*len > 0 && space((*text)[*len - 1]))
		--*len;
}

enum import_kind
import_kind(const char *text, size_t len)
{
	static const char pem[] = "-----BEGIN ";

	trim(&text, &len);
	if (len == 2 * KEYSTORE_SEED)
		return IMPORT_HEX;
	if (len > sizeof(pem) && memcmp(text, pem, sizeof(pem) - 1) == 0)
		return IMPORT_PEM;
	return len > 0 && *text == '{' ? IMPORT_BACKUP : IMPORT_UNKNOWN;
}

static int32_t
from_hex(const char *text, size_t len, uint8_t seed[KEYSTORE_SEED], struct b3iq_error *err)
{
	char lower[2 * KEYSTORE_SEED];
	bool good;
	size_t i;

	for (i = 0; i < sizeof(lower) && i < len; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
	good = len == sizeof(lower) && hex_decode(lower, len, seed, KEYSTORE_SEED);
	secret_wipe(lower, sizeof(lower));
	return good ? B3IQ_OK : fail(err, B3IQ_E_INVALID, "a seed has 64 hex digits");
}

/* An encrypted PEM must fail, not ask on the terminal. */
static int
no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static int32_t
from_pem(const char *text, size_t len, uint8_t seed[KEYSTORE_SEED], struct b3iq_error *err)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	size_t n = KEYSTORE_SEED;
	const bool good = key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
	                  EVP_PKEY_get_raw_private_key(key, seed, &n) == 1 && n == KEYSTORE_SEED;

	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return good ? B3IQ_OK :
	              fail(err, B3IQ_E_INVALID,
	                   "the PEM text is not an unencrypted Ed25519 private key (PKCS#8)");
}

static int32_t
from_backup(const char *text, size_t len, const char *password, uint8_t seed[KEYSTORE_SEED],
            struct b3iq_error *err)
{
	struct keystore_entry e;
	int32_t rc = keystore_parse(text, len, &e, err);

	if (rc == B3IQ_OK && !password)
		rc = fail(err, B3IQ_E_DENIED, "the backup of %s is opened by its own password",
		          e.name);
	return rc == B3IQ_OK ? keystore_reveal(&e, password, seed, err) : rc;
}

int32_t
import_seed(const char *text, size_t len, const char *password, uint8_t seed[KEYSTORE_SEED],
            struct b3iq_error *err)
{
	const enum import_kind kind = len <= IMPORT_MAX ? import_kind(text, len) : IMPORT_UNKNOWN;

	trim(&text, &len);
	switch (kind) {
	case IMPORT_HEX:
		return from_hex(text, len, seed, err);
	case IMPORT_PEM:
		return from_pem(text, len, seed, err);
	case IMPORT_BACKUP:
		return from_backup(text, len, password, seed, err);
	case IMPORT_UNKNOWN:
		break;
	}
	return fail(
		err, B3IQ_E_INVALID,
		"this is no wallet: neither 64 hex digits, nor a PKCS#8 PEM key, nor a backup of "
		"`b3iq wallet export`");
}

int32_t
import_write_pem(const uint8_t seed[KEYSTORE_SEED], struct buf *out, struct b3iq_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEYSTORE_SEED);
	BIO *bio = BIO_new(BIO_s_secmem());
	int32_t rc = B3IQ_E_NO_MEMORY;
	char *pem;
	long n;

	if (key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    (n = BIO_get_mem_data(bio, &pem)) > 0)
		rc = buf_append(out, pem, (size_t)n);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return rc == B3IQ_OK ? rc : fail_memory(err, "writing a key");
}
