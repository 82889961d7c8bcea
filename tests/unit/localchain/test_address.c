#include "address.c"
#include "unit.h"

/* The host's own code (core/tx) gives the same address. */
static void
test_vector(void **state)
{
	char text[ADDRESS_SIZE];

	(void)state;
	assert_int_equal(address_of(zero_public, text), B3IQ_OK);
	assert_string_equal(text, ZERO_ADDRESS);
}

/* By the rule of BIP-350: over prefix and symbols, the sum is its constant. */
static void
test_checksum(void **state)
{
	uint8_t bytes[BYTES];
	char text[ADDRESS_SIZE];

	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		uint32_t sum = 1;

		for (unsigned i = 0; i < BYTES; i++)
			bytes[i] = (uint8_t)(n * 37 + i * i * 11);
		encode(bytes, text);
		assert_int_equal(strlen(text), ADDRESS_SIZE - 1);
		for (const uint8_t *s = (const uint8_t[]){ 3, 3, 3, 0, 1, 9, 20, 255 }; *s != 255; s++)
			sum = step(sum, *s); /* "ait" expanded */
		for (const char *c = text + 4; *c; c++)
			sum = step(sum, (uint32_t)(strchr(alphabet, *c) - alphabet));
		assert_int_equal(sum, BECH32M);
	}
}

static void
test_valid(void **state)
{
	char text[ADDRESS_SIZE];

	(void)state;
	assert_true(address_valid(ZERO_ADDRESS));
	assert_false(address_valid(NULL));
	assert_false(address_valid(""));
	assert_false(address_valid(ZERO_ADDRESS "q"));
	for (size_t i = 0; i < ADDRESS_SIZE - 1; i++) { /* any one character wrong */
		memcpy(text, ZERO_ADDRESS, ADDRESS_SIZE);
		text[i] = text[i] == 'q' ? 'p' : 'q';
		assert_false(address_valid(text));
		text[i] = 'B';
		assert_false(address_valid(text));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vector),
		                            cmocka_unit_test(test_checksum),
		                            cmocka_unit_test(test_valid) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
