#include "core/receipt/commit.h"

#include <string.h>

#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"
#include "plugin.h"

static const char salt_domain[] = "b3iq.salt/1\n";
static const char commit_domain[] = "b3iq.commit/1\n";

int32_t
commit_salt(const uint8_t secret[32], const char *field, uint8_t salt[32])
{
	char info[64];
	size_t head = sizeof(salt_domain) - 1, n = strlen(field);

	if (n > sizeof(info) - head)
		return B3IQ_E_INVALID;
	memcpy(info, salt_domain, head);
	memcpy(info + head, field, n);
	return secret_hkdf(secret, 32, NULL, 0, info, head + n, salt, 32);
}

int32_t
commit_salted(const uint8_t salt[32], const char *field, const void *data, size_t n,
              uint8_t out[COMMIT_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, commit_domain, sizeof(commit_domain) - 1);
	sha256_add(&s, field, strlen(field) + 1); /* with its NUL: the 0x00 of the formula */
	sha256_add(&s, salt, 32);
	sha256_add(&s, data, n);
	return sha256_end(&s, out);
}

int32_t
commit_field(const uint8_t secret[32], const char *field, const void *data, size_t n,
             uint8_t out[COMMIT_SIZE])
{
	uint8_t salt[32];
	int32_t rc = commit_salt(secret, field, salt);

	if (rc == B3IQ_OK)
		rc = commit_salted(salt, field, data, n, out);
	secret_wipe(salt, sizeof(salt));
	return rc;
}
