/* wire.c: RFC 4648's own vectors, either alphabet, and what is none. */
#include "../check.h"

#include "chain/rpc/wire.c"

static void
test_base64(void **state)
{
	static const char *const vectors[][2] = { { "", "" },           { "f", "Zg==" },
		                                  { "fo", "Zm8=" },     { "foo", "Zm9v" },
		                                  { "foob", "Zm9vYg==" }, { "\xfb\xff", "+/8=" } };
	char text[64];
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const size_t n = strlen(vectors[i][0]);

		wire_encode(vectors[i][0], n, text);
		assert_string_equal(text, vectors[i][1]);
		assert_int_equal(wire_decode(text, strlen(text), bytes, sizeof bytes), n);
		assert_memory_equal(bytes, vectors[i][0], n);
	}
	assert_int_equal(wire_decode("-_8", 3, bytes, sizeof bytes), 2); /* URL-safe, no padding */
	assert_int_equal(wire_decode("Zg=", 3, bytes, sizeof bytes), -1);
	assert_int_equal(wire_decode("Z===", 4, bytes, sizeof bytes), -1);
	assert_int_equal(wire_decode("Zm9v!", 5, bytes, sizeof bytes), -1);
	assert_int_equal(wire_decode("Zh==", 4, bytes, sizeof bytes), -1); /* bits left over */
	assert_int_equal(wire_decode("Zm9v", 4, bytes, 2), -1);            /* no room */
}

static void
test_long(void **state)
{
	uint8_t in[5000], out[5000];
	static char text[WIRE_SIZE(5000)];

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t n = 4990; n <= 5000; n++) {
		wire_encode(in, n, text);
		assert_int_equal(strlen(text) + 1, WIRE_SIZE(n));
		assert_int_equal(wire_decode(text, strlen(text), out, sizeof out), n);
		assert_memory_equal(in, out, n);
		assert_int_equal(wire_decode(text, strlen(text), out, n - 1), -1);
	}
}

static void
test_hash(void **state)
{
	static const char hex[] = "ab01020304050607080910111213141516171819202122232425262728293031";
	uint8_t a[32], b[32];
	char text[80];

	(void)state;
	assert_true(wire_hash(hex, a));
	snprintf(text, sizeof text, "0x%s", hex);
	assert_true(wire_hash(text, b));
	assert_memory_equal(a, b, 32);
	wire_encode(a, 32, text);
	memset(b, 0, 32);
	assert_true(wire_hash(text, b));
	assert_memory_equal(a, b, 32);
	wire_encode(a, 31, text);
	assert_false(wire_hash(text, b));
	assert_false(wire_hash("", b));
	assert_false(wire_hash("0x12", b));
	wire_hex(a, 32, text);
	assert_string_equal(text, "AB01020304050607080910111213141516171819202122232425262728293031");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
