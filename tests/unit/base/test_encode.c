/* encode.c: one text for each value, and nothing else is read. */
#include "../check.h"

#include "core/base/encode.c"

static void
test_hex(void **state)
{
	unsigned char bytes[4];
	char text[9];

	(void)state;
	hex_encode("\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	assert_true(hex_decode("007f80ff", 8, bytes, 4));
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	assert_false(hex_decode("007F80FF", 8, bytes, 4)); /* upper case: another text */
	assert_false(hex_decode("007f80f", 7, bytes, 4));
	assert_false(hex_decode("007f80fg", 8, bytes, 4));
	assert_false(hex_decode("00", 2, bytes, SIZE_MAX));
	assert_true(hex_decode("", 0, bytes, 0));
}

static void
test_base64(void **state)
{
	/* RFC 4648, section 10, without the padding. */
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "-_8" } };
	char text[BASE64_SIZE(6)], back[6];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t n = strlen(pairs[i][0]);

		base64_encode(pairs[i][0], n, text);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(base64_decode(text, strlen(text), back, sizeof(back)), n);
		assert_memory_equal(back, pairs[i][0], n);
	}
}

static void
test_base64_refuses(void **state)
{
	char back[6];

	(void)state;
	assert_int_equal(base64_decode("Z", 1, back, 6), -1);
	assert_int_equal(base64_decode("Zh", 2, back, 6), -1);   /* bits left over */
	assert_int_equal(base64_decode("Zm9=", 4, back, 6), -1); /* padding */
	assert_int_equal(base64_decode("Zm+v", 4, back, 6), -1); /* the other alphabet */
	assert_int_equal(base64_decode("Zm9v", 4, back, 2), -1); /* no room */
}

static void
test_base64_round_trip(void **state)
{
	unsigned char in[64], back[64];
	char text[BASE64_SIZE(64)];
	size_t n, i;

	(void)state;
	for (n = 0; n <= sizeof(in); n++) {
		for (i = 0; i < n; i++)
			in[i] = (unsigned char)(i * 37 + n);
		base64_encode(in, n, text);
		assert_true(strlen(text) < BASE64_SIZE(n));
		assert_int_equal(base64_decode(text, strlen(text), back, n), n);
		assert_memory_equal(in, back, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refuses),
		cmocka_unit_test(test_base64_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
