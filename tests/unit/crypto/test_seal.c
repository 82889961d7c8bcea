#include "../check.h"

#include "core/crypto/seal.c"

static const uint8_t key[SEAL_KEY] = "0123456789abcdef0123456789abcde";

static void
test_round_trip(void **state)
{
	char text[1000];
	struct buf sealed, plain;

	(void)state;
	memset(text, 'x', sizeof text);
	buf_init(&sealed, 4096);
	buf_init(&plain, 4096);
	for (size_t n = 0; n <= sizeof text; n = n * 2 + 1) {
		buf_clear(&sealed);
		buf_clear(&plain);
		assert_int_equal(seal_close(key, "here", text, n, &sealed), B3IQ_OK);
		assert_int_equal(sealed.len, n + SEAL_EXTRA);
		assert_int_equal(seal_open(key, "here", sealed.data, sealed.len, &plain), B3IQ_OK);
		assert_int_equal(plain.len, n);
		assert_memory_equal(plain.data ? plain.data : "", text, n);
		if (n > 8)
			assert_null(memmem(sealed.data, sealed.len, text, 8));
	}
	buf_free(&sealed);
	buf_free(&plain);
}

/* A bit anywhere, another key, another place, a piece of it: none opens. */
static void
test_only_as_it_was(void **state)
{
	uint8_t other[SEAL_KEY];
	struct buf sealed, plain;

	(void)state;
	buf_init(&sealed, 4096);
	buf_init(&plain, 4096);
	assert_int_equal(seal_close(key, "here", "secret words", 12, &sealed), B3IQ_OK);
	for (size_t i = 0; i < sealed.len * 8; i++) {
		sealed.data[i / 8] = (char)(sealed.data[i / 8] ^ 1 << i % 8);
		assert_int_equal(seal_open(key, "here", sealed.data, sealed.len, &plain), B3IQ_E_DENIED);
		sealed.data[i / 8] = (char)(sealed.data[i / 8] ^ 1 << i % 8);
	}
	for (size_t n = 0; n < sealed.len; n++)
		assert_int_equal(seal_open(key, "here", sealed.data, n, &plain), B3IQ_E_DENIED);
	memcpy(other, key, sizeof other);
	other[31] ^= 1;
	assert_int_equal(seal_open(other, "here", sealed.data, sealed.len, &plain), B3IQ_E_DENIED);
	assert_int_equal(seal_open(key, "there", sealed.data, sealed.len, &plain), B3IQ_E_DENIED);
	assert_int_equal(seal_open(key, "", sealed.data, sealed.len, &plain), B3IQ_E_DENIED);
	assert_int_equal(plain.len, 0);
	assert_int_equal(seal_open(key, "here", sealed.data, sealed.len, &plain), B3IQ_OK);
	assert_memory_equal(plain.data, "secret words", 12);
	buf_free(&sealed);
	buf_free(&plain);
}

/* Two texts are never alike, and what does not fit is refused. */
static void
test_ends(void **state)
{
	struct buf a, b, small;

	(void)state;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	buf_init(&small, 16);
	assert_int_equal(seal_close(key, "", "same", 4, &a), B3IQ_OK);
	assert_int_equal(seal_close(key, "", "same", 4, &b), B3IQ_OK);
	assert_memory_not_equal(a.data, b.data, a.len);
	assert_int_equal(seal_close(key, "", "same", 4, &small), B3IQ_E_INVALID);
	assert_int_equal(seal_close(key, "", "", SIZE_MAX - 3, &b), B3IQ_E_INVALID);
	buf_free(&a);
	buf_free(&b);
	buf_free(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_only_as_it_was),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
