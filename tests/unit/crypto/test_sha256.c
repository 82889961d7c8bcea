/* sha256.c: the vectors of FIPS 180-4, in one piece and in many. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/crypto/sha256.c"

static const struct {
	const char *text, *hash;
} vectors[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void
test_vectors(void **state)
{
	uint8_t want[32], got[32];
	struct sha256 s;
	size_t i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(hex_decode(vectors[i].hash, 64, want, 32));
		assert_int_equal(sha256(vectors[i].text, strlen(vectors[i].text), got), B3IQ_OK);
		assert_memory_equal(got, want, 32);
		sha256_begin(&s);
		for (j = 0; j < strlen(vectors[i].text); j++)
			sha256_add(&s, vectors[i].text + j, 1);
		assert_int_equal(sha256_end(&s, got), B3IQ_OK);
		assert_memory_equal(got, want, 32);
	}
}

static void
test_a_million(void **state)
{
	uint8_t want[32], got[32];
	struct sha256 s;
	char block[1000];
	int i;

	(void)state;
	memset(block, 'a', sizeof(block));
	sha256_begin(&s);
	for (i = 0; i < 1000; i++)
		sha256_add(&s, block, sizeof(block));
	assert_int_equal(sha256_end(&s, got), B3IQ_OK);
	hex_decode("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 64, want, 32);
	assert_memory_equal(got, want, 32);
}

static void
test_a_failure_sticks(void **state)
{
	uint8_t out[32] = { 7 };
	struct sha256 s;

	(void)state;
	sha256_begin(&s);
	s.rc = B3IQ_E_NO_MEMORY;
	sha256_add(&s, "x", 1);
	assert_int_equal(sha256_end(&s, out), B3IQ_E_NO_MEMORY);
	assert_int_equal(out[0], 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_a_million),
		cmocka_unit_test(test_a_failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
