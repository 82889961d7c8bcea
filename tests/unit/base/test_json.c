/* json.c: the canonical form, and getters that name the field. */
#include "../check.h"

#include "core/base/json.c"

static struct json_object *
parse(const char *text)
{
	struct json_object *o;

	assert_int_equal(json_parse(text, strlen(text), "test", &o, NULL), B3IQ_OK);
	return o;
}

static int32_t
canonical(const char *text, struct buf *b)
{
	struct json_object *o = parse(text);
	int32_t rc;

	buf_clear(b);
	rc = json_canonical(o, b, NULL);
	json_object_put(o);
	return rc;
}

static void
test_canonical(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	/* The example of RFC 8785, section 3.2.3, less its fractions: order by UTF-16 code units. */
	assert_int_equal(canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
	                           "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
	                           "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
	                           "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}", &b), B3IQ_OK);
	assert_string_equal(b.data, "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	                            "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
	                            "\"\xe2\x82\xac\":\"Euro Sign\","
	                            "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
	                            "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
	assert_int_equal(canonical(" { \"b\" : [ 1 , true ] , \"a\" : { \"\\u0041\" : -0 } } ", &b),
	                 B3IQ_OK);
	assert_string_equal(b.data, "{\"a\":{\"A\":0},\"b\":[1,true]}");
	assert_int_equal(canonical("\"\\u0001\\b\\t\\n\\f\\r\\u001f\\\"\\\\\\/\\u007f\"", &b), B3IQ_OK);
	assert_string_equal(b.data, "\"\\u0001\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\x7f\"");
	buf_free(&b);
}

static void
test_what_has_no_canonical_form(void **state)
{
	static const char *const none[] = { "1.5", "[1.0]", "null", "{\"a\":null}", "9007199254740992",
		"-9007199254740992", "18446744073709551615", "1e3" };
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(canonical(none[i], &b), B3IQ_E_INVALID);
	assert_int_equal(canonical("[9007199254740991,-9007199254740991]", &b), B3IQ_OK);
	buf_free(&b);
	buf_init(&b, 3);
	assert_int_equal(canonical("[1,2]", &b), B3IQ_E_INVALID); /* longer than allowed */
	buf_free(&b);
}

static void
test_strings_that_are_not_utf8(void **state)
{
	struct json_object *o = json_object_new_string_len("a\xff", 2);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(json_write(o, &b), B3IQ_E_INVALID);
	json_object_put(o);
	buf_free(&b);
}

static void
test_key_order_is_total(void **state)
{
	static const char *const sorted[] = { "", "a", "aa", "b", "\xed\x9f\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf", "\xee\x80\x80", "\xef\xbf\xbf" };
	size_t i, j, n = sizeof(sorted) / sizeof(sorted[0]);

	(void)state;
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			int order = compare_keys(&sorted[i], &sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void
test_getters(void **state)
{
	struct json_object *o = parse("{\"s\":\"x\",\"i\":7,\"u\":18446744073709551615,\"d\":0.5,"
	                              "\"t\":true,\"z\":null,\"nul\":\"a\\u0000b\",\"o\":{}}");
	struct b3iq_error err = NO_ERROR;
	struct json_object *v;
	const char *s;
	int64_t i;
	double d;
	bool t;

	(void)state;
	assert_int_equal(json_get_string(o, "s", NULL, &s, &err), B3IQ_OK);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_string(o, "z", "d", &s, &err), B3IQ_OK);
	assert_string_equal(s, "d");
	assert_int_equal(json_get_string(o, "i", NULL, &s, &err), B3IQ_E_INVALID);
	assert_string_equal(err.text, "i must be a string");
	assert_int_equal(json_get_string(o, "nul", NULL, &s, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get_int(o, "i", 0, 7, -1, &i, &err), B3IQ_OK);
	assert_int_equal(i, 7);
	assert_int_equal(json_get_int(o, "absent", 0, 7, -1, &i, &err), B3IQ_OK);
	assert_int_equal(i, -1);
	assert_int_equal(json_get_int(o, "i", 0, 6, -1, &i, &err), B3IQ_E_INVALID);
	assert_string_equal(err.text, "i must be between 0 and 6");
	assert_int_equal(json_get_int(o, "u", 0, INT64_MAX, 0, &i, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get_int(o, "d", 0, 6, -1, &i, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get_number(o, "d", 0, 1, 0, &d, &err), B3IQ_OK);
	assert_true(d == 0.5);
	assert_int_equal(json_get_number(o, "i", 0, 10, 0, &d, &err), B3IQ_OK);
	assert_int_equal(json_get_number(o, "i", 0, 6, 0, &d, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get_number(o, "t", 0, 6, 0, &d, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get_bool(o, "t", false, &t, &err), B3IQ_OK);
	assert_true(t);
	assert_int_equal(json_get_bool(o, "s", false, &t, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get(o, "o", json_type_object, &v, &err), B3IQ_OK);
	assert_non_null(v);
	assert_int_equal(json_get(o, "o", json_type_array, &v, &err), B3IQ_E_INVALID);
	assert_int_equal(json_get(o, "p", json_type_array, &v, &err), B3IQ_OK);
	assert_null(v);
	json_object_put(o);
}

static void
test_put(void **state)
{
	struct json_object *o = json_object_new_object();
	struct buf b;

	(void)state;
	assert_int_equal(json_put_string(o, "s", "x/y"), B3IQ_OK);
	assert_int_equal(json_put_int(o, "i", INT64_MIN), B3IQ_OK);
	assert_int_equal(json_put_bool(o, "b", false), B3IQ_OK);
	assert_int_equal(json_put(o, "n", NULL), B3IQ_E_NO_MEMORY);
	assert_int_equal(json_put_or_null(o, "z", NULL), B3IQ_OK);
	assert_true(json_object_object_get_ex(o, "z", NULL));
	json_object_object_del(o, "z");
	assert_int_equal(json_put_or_null(o, "a", json_object_new_array()), B3IQ_OK);
	assert_int_equal(json_add(json_object_object_get(o, "a"), NULL), B3IQ_E_NO_MEMORY);
	assert_int_equal(json_add(json_object_object_get(o, "a"), json_object_new_int(1)), B3IQ_OK);
	assert_int_equal(json_object_array_length(json_object_object_get(o, "a")), 1);
	json_object_object_del(o, "a");
	buf_init(&b, 1000);
	assert_int_equal(json_write(o, &b), B3IQ_OK);
	assert_string_equal(b.data, "{\"s\":\"x/y\",\"i\":-9223372036854775808,\"b\":false}");
	buf_free(&b);
	json_object_put(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_what_has_no_canonical_form),
		cmocka_unit_test(test_strings_that_are_not_utf8),
		cmocka_unit_test(test_key_order_is_total),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
