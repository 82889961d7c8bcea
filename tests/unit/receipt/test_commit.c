/* commit.c: fields do not stand for one another, and each can be opened alone. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/receipt/commit.c"

#define SALT_PROMPT  "7614595bb3a363b3e89f5bda4280d2a035f9f50bbc5326635413baa98e0a0fb9"
#define COMMIT_HELLO "69cf39277ee860b5f43e6d785180e351855d80de8ee886546f66e17ef5f3c6be"

static void
test_against_the_formula(void **state)
{
	/* Worked out with Python's hmac and hashlib from the formulas of docs/receipts.md. */
	uint8_t secret[32], out[32], want[32];

	(void)state;
	memset(secret, 0x5e, sizeof(secret));
	assert_int_equal(commit_salt(secret, "prompt", out), B3IQ_OK);
	hex_decode(SALT_PROMPT, 64, want, 32);
	assert_memory_equal(out, want, 32);
	assert_int_equal(commit_field(secret, "prompt", "hello", 5, out), B3IQ_OK);
	hex_decode(COMMIT_HELLO, 64, want, 32);
	assert_memory_equal(out, want, 32);
}

static void
test_fields_and_secrets_part(void **state)
{
	uint8_t secret[32] = { 1 }, other[32] = { 2 }, salt[32], a[32], b[32];

	(void)state;
	assert_int_equal(commit_field(secret, "prompt", "x", 1, a), B3IQ_OK);
	assert_int_equal(commit_field(secret, "output", "x", 1, b), B3IQ_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(commit_field(other, "prompt", "x", 1, b), B3IQ_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(commit_salt(secret, "prompt", salt), B3IQ_OK);
	assert_int_equal(commit_salted(salt, "prompt", "x", 1, b), B3IQ_OK);
	assert_memory_equal(a, b, 32);
	assert_int_equal(commit_salted(salt, "output", "x", 1, b), B3IQ_OK); /* the name counts too */
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(commit_field(secret, "prompt", NULL, 0, b), B3IQ_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(commit_salt(secret, "a name that is longer than any field of the format ever is",
	                             salt), B3IQ_E_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_the_formula),
		cmocka_unit_test(test_fields_and_secrets_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
