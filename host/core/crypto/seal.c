#include "core/crypto/seal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/base/random.h"
#include "core/crypto/secret.h"

#define NONCE 12
#define TAG   16

/* One direction; `tag` is written when sealing and read when opening. */
static int32_t
run(int sealing, const uint8_t *key, const uint8_t *nonce, const char *about, const uint8_t *in,
    size_t n, uint8_t *out, uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const size_t about_len = strlen(about);
	int len = 0, end = 0;
	int32_t rc = B3IQ_E_NO_MEMORY; /* OpenSSL has the cipher: setting it up fails for nothing else */

	if (!ctx)
		return rc;
	if (n > INT_MAX || about_len > INT_MAX)
		rc = B3IQ_E_INVALID;
	else if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, sealing) == 1 &&
	         (about_len == 0 || EVP_CipherUpdate(ctx, NULL, &len, (const uint8_t *)about,
	                                             (int)about_len) == 1) &&
	         (n == 0 || EVP_CipherUpdate(ctx, out, &len, in, (int)n) == 1))
		rc = B3IQ_OK;
	if (rc == B3IQ_OK && !sealing &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) != 1)
		rc = B3IQ_E_INTERNAL;
	if (rc == B3IQ_OK && EVP_CipherFinal_ex(ctx, out + n, &end) != 1)
		rc = sealing ? B3IQ_E_INTERNAL : B3IQ_E_DENIED;
	if (rc == B3IQ_OK && sealing &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) != 1)
		rc = B3IQ_E_INTERNAL;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

int32_t
seal_close(const uint8_t key[SEAL_KEY], const char *about, const void *plain, size_t n,
           struct buf *out)
{
	uint8_t *at = n > SIZE_MAX - SEAL_EXTRA ? NULL : (uint8_t *)buf_reserve(out, n + SEAL_EXTRA);
	int32_t rc;

	if (!at)
		return out->rc != B3IQ_OK ? out->rc : B3IQ_E_INVALID;
	random_bytes(at, NONCE);
	rc = run(1, key, at, about, plain, n, at + NONCE, at + NONCE + n);
	if (rc == B3IQ_OK)
		buf_grew(out, n + SEAL_EXTRA);
	return rc;
}

int32_t
seal_open(const uint8_t key[SEAL_KEY], const char *about, const void *sealed, size_t n,
          struct buf *out)
{
	const uint8_t *in = sealed;
	const size_t plain = n - SEAL_EXTRA;
	uint8_t *at, tag[TAG];
	int32_t rc;

	if (n < SEAL_EXTRA)
		return B3IQ_E_DENIED;
	at = (uint8_t *)buf_reserve(out, plain);
	if (!at)
		return out->rc != B3IQ_OK ? out->rc : B3IQ_E_INVALID;
	memcpy(tag, in + NONCE + plain, TAG);
	rc = run(0, key, in, about, in + NONCE, plain, at, tag);
	if (rc == B3IQ_OK)
		buf_grew(out, plain);
	else
		secret_wipe(at, plain);
	return rc;
}
