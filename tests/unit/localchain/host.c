#include "unit.h"

#include <openssl/evp.h>

const uint8_t zero_public[32] = { 0x3b, 0x6a, 0x27, 0xbc, 0xce, 0xb6, 0xa4, 0x2d, 0x62, 0xa3, 0xa8,
	                          0xd0, 0x2a, 0x6f, 0x0d, 0x73, 0x65, 0x32, 0x15, 0x77, 0x1d, 0xe2,
	                          0x43, 0xa6, 0x3a, 0xc0, 0x48, 0xa1, 0x8b, 0x59, 0xda, 0x29 };

static size_t
find(const struct fake_host *h, const char *name)
{
	size_t i = 0;

	while (i < h->n_kv && strcmp(h->kv[i].name, name) != 0)
		i++;
	return i;
}

static int32_t
kv_get(void *ctx, const char *name, struct b3iq_writer *out)
{
	struct fake_host *h = ctx;
	const size_t i = find(h, name);

	return i == h->n_kv ? B3IQ_E_NOT_FOUND : out->write(out, h->kv[i].value, h->kv[i].len);
}

static int32_t
kv_put(void *ctx, const char *name, const void *value, size_t len)
{
	struct fake_host *h = ctx;
	const size_t i = find(h, name);

	h->puts++;
	if (h->put_rc != B3IQ_OK)
		return h->put_rc;
	assert_true(i < sizeof h->kv / sizeof *h->kv && strlen(name) < sizeof h->kv[i].name);
	h->n_kv += i == h->n_kv;
	free(h->kv[i].value);
	snprintf(h->kv[i].name, sizeof h->kv[i].name, "%s", name);
	h->kv[i].value = malloc(len + 1);
	assert_non_null(h->kv[i].value);
	memcpy(h->kv[i].value, value, len);
	h->kv[i].len = len;
	return B3IQ_OK;
}

static int32_t
sign(void *ctx, const char *key, const char *alg, const void *message, size_t len,
     struct b3iq_writer *out)
{
	static const uint8_t seed[32];
	struct fake_host *h = ctx;
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t n = sizeof sig;

	h->signs++;
	assert_string_equal(alg, "ed25519");
	if (strcmp(key, "purse") == 0 && h->sign_rc == B3IQ_OK) {
		assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, pkey), 1);
		assert_int_equal(EVP_DigestSign(md, sig, &n, message, len), 1);
	}
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	if (strcmp(key, "purse") != 0)
		return B3IQ_E_DENIED;
	return h->sign_rc != B3IQ_OK ? h->sign_rc : out->write(out, sig, n);
}

static int32_t
public_key(void *ctx, const char *key, const char *alg, struct b3iq_writer *out)
{
	(void)ctx;
	assert_string_equal(alg, "ed25519");
	return strcmp(key, "purse") == 0 ? out->write(out, zero_public, 32) : B3IQ_E_DENIED;
}

void
fake_host_init(struct fake_host *h)
{
	*h = (struct fake_host){ .table = { .size = sizeof h->table, .abi = B3IQ_ABI, .ctx = h,
		                            .instance = "test", .sign = sign,
		                            .public_key = public_key, .kv_get = kv_get,
		                            .kv_put = kv_put } };
}

void
fake_host_finish(struct fake_host *h)
{
	for (size_t i = 0; i < h->n_kv; i++)
		free(h->kv[i].value);
}
