#include "core/crypto/sha256.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>

#include "plugin.h"

/* Fetched once and kept: a fetch takes a lock and costs more than a short hash. */
static const EVP_MD *
algorithm(void)
{
	static _Atomic(EVP_MD *) kept;
	EVP_MD *md = atomic_load(&kept), *none = NULL;

	if (md)
		return md;
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (md && !atomic_compare_exchange_strong(&kept, &none, md)) {
		EVP_MD_free(md);
		md = none;
	}
	return md;
}

void
sha256_begin(struct sha256 *s)
{
	const EVP_MD *md = algorithm();
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;

	s->state = ctx;
	s->rc = B3IQ_OK;
	if (!md)
		s->rc = B3IQ_E_INTERNAL;
	else if (!ctx || EVP_DigestInit_ex2(ctx, md, NULL) != 1)
		s->rc = B3IQ_E_NO_MEMORY;
}

void
sha256_add(struct sha256 *s, const void *data, size_t n)
{
	if (s->rc == B3IQ_OK && n > 0 && EVP_DigestUpdate(s->state, data, n) != 1)
		s->rc = B3IQ_E_INTERNAL;
}

int32_t
sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE])
{
	unsigned len = 0;

	if (s->rc == B3IQ_OK &&
	    (EVP_DigestFinal_ex(s->state, out, &len) != 1 || len != SHA256_SIZE))
		s->rc = B3IQ_E_INTERNAL;
	EVP_MD_CTX_free(s->state);
	s->state = NULL;
	if (s->rc != B3IQ_OK)
		ERR_clear_error();
	return s->rc;
}

int32_t
sha256(const void *data, size_t n, uint8_t out[SHA256_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, data, n);
	return sha256_end(&s, out);
}
