/* secret.c: the vectors of RFC 5869 and RFC 4231. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/crypto/secret.c"

static size_t
bytes(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	assert_true(hex_decode(hex, strlen(hex), out, n));
	return n;
}

static void
test_hkdf(void **state)
{
	static const char *const cases[][4] = { /* key, salt, info, okm: test cases 1 and 3 */
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
		  "f0f1f2f3f4f5f6f7f8f9",
		  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
	};
	uint8_t key[64], salt[64], info[64], want[64], got[64];
	size_t i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		n = bytes(cases[i][3], want);
		assert_int_equal(secret_hkdf(key, bytes(cases[i][0], key), salt, bytes(cases[i][1], salt),
		                             info, bytes(cases[i][2], info), got, n), B3IQ_OK);
		assert_memory_equal(got, want, n);
	}
	assert_int_equal(secret_hkdf(key, 22, NULL, 0, NULL, 0, got, 42), B3IQ_OK);
	assert_memory_equal(got, want, 42);
	assert_int_equal(secret_hkdf(key, 22, NULL, 0, NULL, 0, got, 0), B3IQ_E_INVALID);
	assert_int_equal(secret_hkdf(key, 22, NULL, 0, NULL, 0, got, 255 * 32 + 1), B3IQ_E_INVALID);
}

static void
test_hmac(void **state)
{
	uint8_t key[131], want[32], got[32];

	(void)state;
	memset(key, 0x0b, 20);
	assert_int_equal(secret_hmac(key, 20, "Hi There", 8, got), B3IQ_OK);
	bytes("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", want);
	assert_memory_equal(got, want, 32);
	assert_int_equal(secret_hmac("Jefe", 4, "what do ya want for nothing?", 28, got), B3IQ_OK);
	bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
	assert_memory_equal(got, want, 32);
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(secret_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	                             54, got), B3IQ_OK);
	bytes("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", want);
	assert_memory_equal(got, want, 32);
	assert_int_equal(secret_hmac(NULL, 0, NULL, 0, got), B3IQ_OK);
	bytes("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", want);
	assert_memory_equal(got, want, 32);
}

static void
test_equal_and_wipe(void **state)
{
	char a[] = "secret", b[] = "secreT";
	static const char zeros[sizeof(a)];

	(void)state;
	assert_true(secret_equal(a, "secret", 6));
	assert_false(secret_equal(a, b, 6));
	assert_true(secret_equal(a, b, 0));
	secret_wipe(a, sizeof(a));
	assert_memory_equal(a, zeros, sizeof(a));
}

static void
test_heap(void **state)
{
	static const uint8_t zeros[32];
	const int32_t rc = secret_heap();
	void *early = secret_alloc(32);

	(void)state;
	assert_true(rc == B3IQ_OK || rc == B3IQ_E_DENIED); /* as the system's limits are */
	assert_int_equal(secret_heap(), rc); /* once is enough */
	assert_non_null(early);
	assert_memory_equal(early, zeros, 32);
	assert_true(CRYPTO_secure_allocated(early));
	secret_free(early, 32);
	secret_free(NULL, 0);
	assert_null(secret_alloc(HEAP_SIZE + 1)); /* never from elsewhere */
	ERR_clear_error();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_equal_and_wipe),
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
