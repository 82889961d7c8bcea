#include "core/crypto/ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/base/random.h"
#include "core/crypto/secret.h"

#define PEM_MAX 4096
static const char prefix[] = "ed25519:";

struct ed25519_key {
	EVP_PKEY *pkey;
	uint8_t   pub[ED25519_PUBLIC];
};

/* Takes over pkey on every path. */
static int32_t
wrap(EVP_PKEY *pkey, struct ed25519_key **out, struct b3iq_error *err)
{
	struct ed25519_key *key = malloc(sizeof(*key));
	size_t n = ED25519_PUBLIC;

	*out = NULL;
	if (!key || !pkey || EVP_PKEY_get_raw_public_key(pkey, key->pub, &n) != 1 ||
	    n != ED25519_PUBLIC) {
		EVP_PKEY_free(pkey);
		free(key);
		ERR_clear_error();
		return fail_memory(err, "making an Ed25519 key");
	}
	key->pkey = pkey;
	*out = key;
	return B3IQ_OK;
}

int32_t
ed25519_from_seed(const uint8_t seed[32], struct ed25519_key **out, struct b3iq_error *err)
{
	return wrap(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32), out, err);
}

int32_t
ed25519_generate(struct ed25519_key **out, struct b3iq_error *err)
{
	uint8_t seed[32];
	int32_t rc;

	random_bytes(seed, sizeof(seed));
	rc = ed25519_from_seed(seed, out, err);
	secret_wipe(seed, sizeof(seed));
	return rc;
}

void
ed25519_free(struct ed25519_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* wipes the private part */
	free(key);
}

const uint8_t *
ed25519_public(const struct ed25519_key *key)
{
	return key->pub;
}

/* ---- the key file ----------------------------------------------------------- */

static int32_t
check_mode(const char *file, struct b3iq_error *err)
{
	struct stat st;

	if (stat(file, &st) != 0)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no key file %s", file);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return fail(err, B3IQ_E_DENIED,
		            "the key file %s can be read by others (mode %03o); chmod 600 it, and make a "
		            "new key if anybody may have read it",
		            file, (unsigned)(st.st_mode & 0777));
	return B3IQ_OK;
}

/* An encrypted file must fail, not ask on the terminal. */
static int
no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

int32_t
ed25519_load(const char *file, struct ed25519_key **out, struct b3iq_error *err)
{
	EVP_PKEY *pkey = NULL;
	struct buf pem;
	BIO *bio;
	int32_t rc;

	*out = NULL;
	rc = check_mode(file, err);
	if (rc != B3IQ_OK)
		return rc;
	buf_init(&pem, PEM_MAX);
	rc = path_read(file, &pem, err);
	if (rc != B3IQ_OK)
		goto done;
	bio = pem.len ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	if (bio)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey || EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(pkey);
		rc = fail(err, B3IQ_E_INVALID,
		          "%s is not an unencrypted Ed25519 private key (PKCS#8 PEM)", file);
		goto done;
	}
	rc = wrap(pkey, out, err);
done:
	buf_wipe(&pem);
	return rc;
}

int32_t
ed25519_save(const struct ed25519_key *key, const char *file, struct b3iq_error *err)
{
	BIO *bio;
	char *pem;
	long n;
	int32_t rc;

	if (path_exists(file))
		return fail(err, B3IQ_E_DENIED,
		            "%s exists, and a key is never overwritten; move it away first", file);
	bio = BIO_new(BIO_s_secmem());
	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(bio, &pem)) <= 0) {
		ERR_clear_error();
		rc = fail_memory(err, "writing a key file");
	} else {
		rc = path_write(file, pem, (size_t)n, 0600, err);
	}
	BIO_free(bio);
	return rc;
}

/* ---- signatures --------------------------------------------------------------- */

int32_t
ed25519_sign(const struct ed25519_key *key, const void *msg, size_t len,
             uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = ED25519_SIGNATURE;
	int32_t rc = B3IQ_OK;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, msg, len) != 1 || n != ED25519_SIGNATURE) {
		ERR_clear_error();
		rc = fail_memory(err, "signing");
	}
	EVP_MD_CTX_free(ctx);
	return rc;
}

int32_t
ed25519_verify(const uint8_t pub[ED25519_PUBLIC], const void *msg, size_t len,
               const uint8_t sig[ED25519_SIGNATURE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, ED25519_PUBLIC);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int32_t rc = B3IQ_E_NO_MEMORY;

	if (pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		rc = EVP_DigestVerify(ctx, sig, ED25519_SIGNATURE, msg, len) == 1 ? B3IQ_OK :
		                                                                    B3IQ_E_DENIED;
	if (rc != B3IQ_OK)
		ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return rc;
}

void
ed25519_name(const uint8_t pub[ED25519_PUBLIC], char out[ED25519_NAME_SIZE])
{
	memcpy(out, prefix, sizeof(prefix) - 1);
	hex_encode(pub, ED25519_PUBLIC, out + sizeof(prefix) - 1);
}

bool
ed25519_parse(const char *name, uint8_t pub[ED25519_PUBLIC])
{
	size_t n = sizeof(prefix) - 1;

	return strncmp(name, prefix, n) == 0 &&
	       hex_decode(name + n, strlen(name + n), pub, ED25519_PUBLIC);
}
