#include "core/crypto/secret.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdatomic.h>

#include "plugin.h"

#define HEAP_SIZE  ((size_t)256 << 10) /* thousands of keys; a power of two, as OpenSSL wants it */
#define HEAP_LEAST 32

static EVP_KDF *
algorithm(void)
{
	static _Atomic(EVP_KDF *) kept;
	EVP_KDF *kdf = atomic_load(&kept), *none = NULL;

	if (kdf)
		return kdf;
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (kdf && !atomic_compare_exchange_strong(&kept, &none, kdf)) {
		EVP_KDF_free(kdf);
		kdf = none;
	}
	return kdf;
}

/* OpenSSL takes its inputs as pointers to non-const, and reads them only. */
static OSSL_PARAM
octets(const char *key, const void *data, size_t n)
{
	static const char nothing = 0;

	return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)(n ? data : &nothing), n);
}

int32_t
secret_hkdf(const void *key, size_t key_len, const void *salt, size_t salt_len, const void *info,
            size_t info_len, void *out, size_t out_len)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
		octets(OSSL_KDF_PARAM_KEY, key, key_len),
		octets(OSSL_KDF_PARAM_SALT, salt, salt_len),
		octets(OSSL_KDF_PARAM_INFO, info, info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = algorithm();
	EVP_KDF_CTX *ctx = NULL;
	int32_t rc = B3IQ_OK;

	if (out_len > 255 * 32 || out_len == 0)
		return B3IQ_E_INVALID;
	if (!kdf)
		return B3IQ_E_INTERNAL;
	ctx = EVP_KDF_CTX_new(kdf);
	if (!ctx || EVP_KDF_derive(ctx, out, out_len, params) != 1) {
		rc = B3IQ_E_NO_MEMORY; /* nothing else can go wrong with these inputs */
		ERR_clear_error();
	}
	EVP_KDF_CTX_free(ctx);
	return rc;
}

int32_t
secret_hmac(const void *key, size_t key_len, const void *msg, size_t len, uint8_t out[32])
{
	static const unsigned char nothing = 0;
	unsigned n = 0;

	if (key_len > INT32_MAX)
		return B3IQ_E_INVALID;
	if (HMAC(EVP_sha256(), key_len ? key : &nothing, (int)key_len, len ? msg : &nothing, len,
		 out, &n) &&
	    n == 32)
		return B3IQ_OK;
	ERR_clear_error();
	return B3IQ_E_NO_MEMORY;
}

bool
secret_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
secret_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

static int heap_made;

static void
make_heap(void)
{
	heap_made = CRYPTO_secure_malloc_init(HEAP_SIZE, HEAP_LEAST);
}

int32_t
secret_heap(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_heap);
	return heap_made == 1 ? B3IQ_OK : B3IQ_E_DENIED;
}

void *
secret_alloc(size_t n)
{
	(void)secret_heap();
	return OPENSSL_secure_zalloc(n);
}

void
secret_free(void *p, size_t n)
{
	OPENSSL_secure_clear_free(p, n);
}
