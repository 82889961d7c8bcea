/* json_parse.c: RFC 8259 to the letter. */
#include "../check.h"

#include "core/base/json_parse.c"

static int32_t
parse(const char *text, struct json_object **out)
{
	return json_parse(text, strlen(text), "test", out, NULL);
}

/* What is read, written again, is the right side. */
static void
test_good(void **state)
{
	static const char *const good[][2] = {
		{ "null", "null" },
		{ " true ", "true" },
		{ "0", "0" },
		{ "-0", "0" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "18446744073709551616", "1.8446744073709552e+19" },
		{ "1.5e3", "1500" },
		{ "0.1", "0.1" },
		{ "-0.0e3", "0" },
		{ "1e-7", "1e-07" },
		{ "\"a\\u00e9\\ud83d\\ude00\\/\\n\\u0000\"", "\"a\xc3\xa9\xf0\x9f\x98\x80/\\n\\u0000\"" },
		{ "[]", "[]" },
		{ "{ }", "{}" },
		{ "[1,\t[null,{\"\":{}}]]", "[1,[null,{\"\":{}}]]" },
		{ "{\"b\":1,\"a\":\"x\"}", "{\"b\":1,\"a\":\"x\"}" },
	};
	struct json_object *o;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(good[i][0], &o), B3IQ_OK);
		buf_clear(&b);
		assert_int_equal(json_write(o, &b), B3IQ_OK);
		assert_string_equal(b.data, good[i][1]);
		json_object_put(o);
	}
	buf_free(&b);
}

static void
test_bad(void **state)
{
	static const char *const bad[] = {
		"", " ", "nul", "True", "NaN", "Infinity", "-Infinity", "+1", "01", "-", "1.", ".5", "1e",
		"1e+", "0x10", "1e999", "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"",
		"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "[", "[1", "[1,", "[1,]",
		"[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{1:1}",
		"{\"a\" 1}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\\u0000\":1}", "1 2",
		"{} x", "/* c */ 1", "\"\xff\"", ("\xef\xbb\xbf" "1"), "[1]]",
	};
	struct b3iq_error err = NO_ERROR;
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (json_parse(bad[i], strlen(bad[i]), "config.json", &o, &err) != B3IQ_E_INVALID)
			fail_msg("accepted: %s", bad[i]);
		assert_null(o);
		assert_int_equal(strncmp(err.text, "config.json: ", 13), 0);
	}
	assert_int_equal(json_parse("1\0", 2, "nul", &o, NULL), B3IQ_E_INVALID);
}

static void
test_depth(void **state)
{
	struct json_object *o;
	char text[100];
	int depth;

	(void)state;
	for (depth = 30; depth < 36; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		assert_int_equal(parse(text, &o), depth <= JSON_DEPTH ? B3IQ_OK : B3IQ_E_INVALID);
		json_object_put(o);
	}
}

static void
test_long_numbers_are_refused(void **state)
{
	struct json_object *o;
	char text[80];

	(void)state;
	memset(text, '1', sizeof(text));
	text[63] = '\0';
	assert_int_equal(parse(text, &o), B3IQ_OK);
	json_object_put(o);
	text[63] = '1';
	text[64] = '\0';
	assert_int_equal(parse(text, &o), B3IQ_E_INVALID);
}

/* Any prefix of a document is refused, and reads nothing behind its end. */
static void
test_every_prefix(void **state)
{
	static const char doc[] = "{\"a\":[1,-2.5e1,\"x\\u00e9\\n\",true,false,null],\"b\":{\"c\":\"d\"}}";
	struct json_object *o;
	char *copy;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(doc) - 1; n++) {
		copy = malloc(n ? n : 1); /* the exact size: a sanitizer sees one byte too far */
		memcpy(copy, doc, n);
		assert_int_equal(json_parse(copy, n, "prefix", &o, NULL), B3IQ_E_INVALID);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_numbers_are_refused),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
