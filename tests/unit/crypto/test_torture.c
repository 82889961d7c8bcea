/* Every allocation of the room failed in turn. */
#include "../check.h"
#include "../torture.h"

#include "core/crypto/ed25519.h"
#include "core/crypto/merkle.h"
#include "core/crypto/secret.h"

static int32_t
hashes(void *arg)
{
	uint8_t leaves[5 * 32], out[32];
	struct merkle_proof p;
	uint8_t i;
	int32_t rc = B3IQ_OK;

	(void)arg;
	for (i = 0; i < 5 && rc == B3IQ_OK; i++)
		rc = merkle_leaf(&i, 1, leaves + 32 * i);
	if (rc == B3IQ_OK)
		rc = merkle_root_of(leaves, 5, out);
	if (rc == B3IQ_OK)
		rc = merkle_prove(leaves, 5, 3, &p);
	if (rc == B3IQ_OK)
		rc = merkle_verify(&p, leaves + 32 * 3, out);
	if (rc == B3IQ_OK)
		rc = secret_hkdf(out, 32, NULL, 0, "info", 4, out, 32);
	if (rc == B3IQ_OK)
		rc = secret_hmac(out, 32, "msg", 3, out);
	return rc;
}

static int32_t
signatures(void *arg)
{
	static const uint8_t seed[32] = { 1 };
	struct ed25519_key *key = NULL;
	uint8_t sig[64];
	int32_t rc;

	(void)arg;
	rc = ed25519_from_seed(seed, &key, NULL);
	if (rc == B3IQ_OK)
		rc = ed25519_sign(key, "msg", 3, sig, NULL);
	if (rc == B3IQ_OK)
		rc = ed25519_verify(ed25519_public(key), "msg", 3, sig);
	ed25519_free(key);
	return rc;
}

static void
test_hashes(void **state)
{
	(void)state;
	torture("hashes", hashes, NULL, 0);
}

static void
test_signatures(void **state)
{
	(void)state;
	/* OpenSSL's verify cannot tell a lack of memory from a wrong signature: it refuses. */
	torture("signatures", signatures, NULL, B3IQ_E_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
