#include "core/crypto/password.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/random.h"

void
password_cost_new(struct password_cost *cost, uint64_t n)
{
	cost->n = n ? n : PASSWORD_N;
	cost->r = 8;
	cost->p = 1;
	random_bytes(cost->salt, sizeof(cost->salt));
}

/* Divisions instead of products: nothing can overflow. */
static int
bounded(const struct password_cost *c)
{
	return c->n >= 2 && (c->n & (c->n - 1)) == 0 && c->r >= 1 && c->p >= 1 &&
	       c->n <= PASSWORD_MEMORY / 128 / c->r && c->p <= PASSWORD_MEMORY / 128 / c->r &&
	       c->p <= PASSWORD_WORK / c->n / c->r;
}

int32_t
password_key(const struct password_cost *c, const char *password, uint8_t out[PASSWORD_KEY],
             struct b3iq_error *err)
{
	int good;

	if (!bounded(c))
		return fail(err, B3IQ_E_INVALID,
		            "scrypt with n=%llu r=%u p=%u is beyond the bounds (1 GiB, 2^24 steps)",
		            (unsigned long long)c->n, c->r, c->p);
	good = EVP_PBE_scrypt(password, strlen(password), c->salt, sizeof(c->salt), c->n, c->r, c->p,
	                      PASSWORD_MEMORY * 2, out, PASSWORD_KEY);
	if (good == 1)
		return B3IQ_OK;
	ERR_clear_error();
	return fail_memory(err, "deriving a key from a password");
}
