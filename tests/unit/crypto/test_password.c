/* password.c: a vector of RFC 7914, and numbers that no file may make us use. */
#include "../check.h"

#include "core/crypto/password.c"

#include "core/base/encode.h"

/* RFC 7914's vectors have shorter salts, so this one is Python's hashlib.scrypt of the same numbers:
 * password "pleaseletmein", salt 32 times 0x07, n 1024, r 8, p 16. */
static void
test_vector(void **state)
{
	struct password_cost c = { .n = 1024, .r = 8, .p = 16 };
	uint8_t want[32], got[32];

	(void)state;
	memset(c.salt, 7, sizeof(c.salt));
	assert_true(hex_decode("7dcd32aaadf253f761bab66a8f550864aef53934cfb4f9ccedeae10a6031d20c", 64, want, 32));
	assert_int_equal(password_key(&c, "pleaseletmein", got, NULL), B3IQ_OK);
	assert_memory_equal(got, want, 32);
	assert_int_equal(password_key(&c, "pleaseletmeiN", got, NULL), B3IQ_OK);
	assert_memory_not_equal(got, want, 32);
}

static void
test_bounds(void **state)
{
	static const struct password_cost bad[] = {
		{ .n = 0, .r = 8, .p = 1 },
		{ .n = 1, .r = 8, .p = 1 },
		{ .n = 1000, .r = 8, .p = 1 },
		{ .n = 1024, .r = 0, .p = 1 },
		{ .n = 1024, .r = 8, .p = 0 },
		{ .n = UINT64_C(1) << 63, .r = 8, .p = 1 },
		{ .n = UINT64_C(1) << 21, .r = 8, .p = 1 },
		{ .n = 2, .r = UINT32_MAX, .p = UINT32_MAX },
		{ .n = 2, .r = 1, .p = UINT32_MAX },
		{ .n = UINT64_C(1) << 20, .r = 8, .p = 3 },
		{ .n = UINT64_C(1) << 32, .r = UINT32_C(1) << 31, .p = 2 },
	};
	struct b3iq_error err = NO_ERROR;
	struct password_cost one;
	uint8_t out[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(password_key(&bad[i], "x", out, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "bounds"));
	password_cost_new(&one, 0);
	assert_int_equal(one.n, PASSWORD_N);
	assert_true(bounded(&one));
	password_cost_new(&one, 16);
	assert_int_equal(one.n, 16);
	assert_int_equal(password_key(&one, "", out, NULL), B3IQ_OK); /* rules are the caller's */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("crypto/password", tests, NULL, NULL);
}
