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

/* However a stream is cut, the text is the same; and it is valid. */
static void
test_streams(void **state)
{
	static const struct {
		const char *in, *out;
	} streams[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\xe2\x82\xac uro \xf0\x9f\x98\x80", "\xe2\x82\xac uro \xf0\x9f\x98\x80" },
		{ "a\x80z", "a" REPLACEMENT "z" },
		{ "\xe2\x82(", REPLACEMENT REPLACEMENT "(" },
		{ "\xf0\x9f\x98\xf0\x9f\x98\x80", REPLACEMENT REPLACEMENT REPLACEMENT "\xf0\x9f\x98\x80" },
		{ "cut \xf0\x9f\x98", "cut " REPLACEMENT },
		{ "cut \xc3", "cut " REPLACEMENT },
	};
	struct utf8_tail tail;
	struct buf out;
	size_t i, n, size, at;

	(void)state;
	buf_init(&out, 256);
	for (i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
		n = strlen(streams[i].in);
		for (size = 1; size <= n + 1; size++) {
			tail = (struct utf8_tail){ .n = 0 };
			buf_clear(&out);
			for (at = 0; at < n; at += size)
				assert_int_equal(utf8_append(&out, &tail, streams[i].in + at,
				                             n - at < size ? n - at : size), B3IQ_OK);
			assert_true(utf8_valid(out.data ? out.data : "", out.len));
			assert_int_equal(utf8_end(&out, &tail), B3IQ_OK);
			assert_int_equal(out.len, strlen(streams[i].out));
			assert_memory_equal(out.data ? out.data : "", streams[i].out, out.len);
		}
	}
	buf_free(&out);
	buf_init(&out, 2); /* no room */
	tail = (struct utf8_tail){ .n = 0 };
	assert_int_not_equal(utf8_append(&out, &tail, "abc\x80", 4), B3IQ_OK);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_wrong_forms),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
