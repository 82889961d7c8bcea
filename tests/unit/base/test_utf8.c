/* utf8.c: every encodable code point, and none of the wrong forms. */
#include "../check.h"

#include "core/base/utf8.c"

static size_t
encode(uint32_t c, char out[4])
{
	if (c < 0x80)
		return (size_t)(out[0] = (char)c, 1);
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void
test_every_code_point(void **state)
{
	char s[4];
	uint32_t c;
	size_t n, cut;
	bool bad;

	(void)state;
	for (c = 0; c < 0x110100; c++) {
		n = encode(c, s);
		assert_int_equal(utf8_valid(s, n), c < 0x110000 && (c < 0xd800 || c > 0xdfff));
		if (c % 251 || c >= 0xd800)
			continue;
		for (cut = 1; cut < n; cut++) {
			assert_int_equal(utf8_whole(s, cut, &bad), 0);
			assert_false(bad); /* unfinished, not wrong */
		}
	}
}

static void
test_wrong_forms(void **state)
{
	static const char *const wrong[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "\xc3(", "\xe2\x82(", "\xe2(" };
	char s[16];
	size_t i;
	bool bad;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(s, "ok", 2);
		memcpy(s + 2, wrong[i], strlen(wrong[i]));
		assert_int_equal(utf8_whole(s, 2 + strlen(wrong[i]), &bad), 2);
		assert_true(bad);
	}
	assert_int_equal(utf8_whole("", 0, &bad), 0);
	assert_false(bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_wrong_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
