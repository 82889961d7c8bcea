/* Characters: UTF-8 to the letter of the standard, classes by sample, the 256 spelled bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/unicode.c"

static void
every_code_point_survives(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x110000; point++) {
		char text[UNICODE_MAX_UTF8];
		size_t len = unicode_encode(point, text), taken;

		if (point >= 0xd800 && point < 0xe000) {
			assert_int_equal(unicode_decode(text, len, &taken), UNICODE_REPLACEMENT);
			assert_int_equal(taken, 1);
			continue;
		}
		assert_int_equal(unicode_decode(text, len, &taken), point);
		assert_int_equal(taken, len);
		for (size_t cut = 1; cut < len; cut++)
			assert_int_equal(unicode_scan(text, cut), 0);
	}
}

static void
ill_formed_text_is_cut_as_the_standard_says(void **state)
{
	static const struct {
		const char *text;
		size_t      len;
		int         scan;
	} cases[] = {
		{ "\x80", 1, -1 }, { "\xbf", 1, -1 }, { "\xc0\x80", 2, -1 }, { "\xc1\xbf", 2, -1 },
		{ "\xe0\x9f\xbf", 3, -1 }, { "\xed\xa0\x80", 3, -1 }, { "\xf0\x8f\xbf\xbf", 4, -1 },
		{ "\xf4\x90\x80\x80", 4, -1 }, { "\xf5\x80", 2, -1 }, { "\xff", 1, -1 },
		{ "\xc3|", 2, -1 }, { "\xe2\x82|", 3, -2 }, { "\xf0\x9f\xa6|", 4, -3 },
		{ "\xf0\x9f|", 3, -2 }, { "\xe2\x82", 2, 0 }, { "a", 1, 1 }, { "\xc3\xb6", 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(unicode_scan(cases[i].text, cases[i].len), cases[i].scan);
}

static void
classes_by_sample(void **state)
{
	(void)state;
	assert_int_equal(unicode_class('a'), UNICODE_LETTER);
	assert_int_equal(unicode_class(0xaa), UNICODE_LETTER);
	assert_int_equal(unicode_class('7'), UNICODE_NUMBER);
	assert_int_equal(unicode_class(0xbd), UNICODE_NUMBER);
	assert_int_equal(unicode_class(0x2167), UNICODE_NUMBER);
	assert_int_equal(unicode_class('!'), UNICODE_PUNCTUATION);
	assert_int_equal(unicode_class('_'), UNICODE_PUNCTUATION);
	assert_int_equal(unicode_class('+'), UNICODE_SYMBOL);
	assert_int_equal(unicode_class(0x1f999), UNICODE_SYMBOL);
	assert_int_equal(unicode_class(0x301), UNICODE_MARK);
	assert_int_equal(unicode_class(0x4e2d), UNICODE_LETTER);
	assert_int_equal(unicode_class(0x9fff), UNICODE_LETTER); /* in a First..Last range */
	assert_int_equal(unicode_class(0xac01), UNICODE_LETTER);
	assert_int_equal(unicode_class(0x31350), UNICODE_LETTER); /* new in 15.0 */
	assert_int_equal(unicode_class(0x378), UNICODE_OTHER);
	assert_int_equal(unicode_class(0), UNICODE_OTHER);
	assert_int_equal(unicode_class(0x10ffff), UNICODE_OTHER);
	assert_int_equal(unicode_class(UINT32_MAX >> 3), UNICODE_OTHER);
}

static void
white_space_is_the_property(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint32_t point = 0; point < 0x110000; point++)
		n += unicode_is_space(point);
	assert_int_equal(n, 25);
	assert_false(unicode_is_space(0x200b));
	assert_false(unicode_is_space(0x1c));
}

static void
bytes_have_one_spelling_each(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 256; b++) {
		uint32_t point = unicode_from_byte((uint8_t)b);

		assert_int_equal(unicode_to_byte(point), b);
		assert_false(unicode_is_space(point));
	}
	assert_int_equal(unicode_from_byte(' '), 0x120);
	assert_int_equal(unicode_from_byte('\n'), 0x10a);
	assert_int_equal(unicode_from_byte(0xad), 0x143);
	assert_int_equal(unicode_to_byte(' '), -1);
	assert_int_equal(unicode_to_byte(0x144), -1);
	assert_int_equal(unicode_to_byte(0x4e2d), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_survives),
		cmocka_unit_test(ill_formed_text_is_cut_as_the_standard_says),
		cmocka_unit_test(classes_by_sample),
		cmocka_unit_test(white_space_is_the_property),
		cmocka_unit_test(bytes_have_one_spelling_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
