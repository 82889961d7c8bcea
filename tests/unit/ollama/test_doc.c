#include "doc.c"

#include "bench.h"

static void
parses_one_strict_document(void **state)
{
	static const char *const bad[] = { "", " ", "{", "{}x", "{} {}", "{\"a\":1,}", "nul",
		                           "\"\xff\"", "[1,2" };
	struct json_object      *doc = doc_parse("{\"a\":[1]} \r\n", 12);
	char                     deep[201];

	(void)state;
	assert_non_null(doc);
	json_object_put(doc);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (doc_parse(bad[i], strlen(bad[i])))
			fail_msg("%s is taken for JSON", bad[i]);
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	assert_null(doc_parse(deep, 200));
	assert_null(doc_parse("{}\0", 3));
}

static void
getters_find_nothing_in_the_wrong_thing(void **state)
{
	static const char   in[] = "{\"s\":\"x\",\"n\":-1,\"t\":true,\"a\":[1,2]}";
	struct json_object *doc = doc_parse(in, sizeof in - 1);
	char                text[2] = "?";

	(void)state;
	assert_string_equal(doc_string(doc, "s"), "x");
	assert_null(doc_string(doc, "n"));
	assert_null(doc_string(NULL, "s"));
	assert_null(doc_member(doc_member(doc, "a", json_type_array), "s", json_type_string));
	assert_int_equal(doc_count(doc, "n"), 0);
	assert_int_equal(doc_count(doc, "s"), 0);
	assert_true(doc_true(doc, "t"));
	assert_false(doc_true(doc, "s"));
	assert_int_equal(doc_length(doc_member(doc, "a", json_type_array)), 2);
	assert_int_equal(doc_length(doc), 0);
	assert_int_equal(doc_length(NULL), 0);
	doc_copy(doc, "s", text, sizeof text);
	assert_string_equal(text, "x");
	doc_copy(doc, "absent", text, sizeof text);
	assert_string_equal(text, "");
	doc_copy(doc, "s", text, 1);
	assert_string_equal(text, "");
	json_object_put(doc);
}

static void
adds_and_takes_over(void **state)
{
	struct json_object *doc = json_object_new_object(), *list;

	(void)state;
	assert_true(doc_add_float(doc, "f", 0.7f));
	assert_true(doc_add_float(doc, "big", 1e30f));
	assert_true(doc_add_int(doc, "i", -5));
	assert_true(doc_add_bool(doc, "b", false));
	assert_true(doc_add_string(doc, "s", "a/b"));
	assert_true(doc_add(doc, "l", list = json_object_new_array()));
	assert_true(doc_append(list, json_object_new_int(1)));
	assert_string_equal(doc_text(doc, NULL), "{\"f\":0.7,\"big\":1e+30,\"i\":-5,\"b\":false,"
	                                         "\"s\":\"a/b\",\"l\":[1]}");
	assert_false(doc_add(doc, "x", NULL));
	assert_false(
		doc_add(NULL, "x", json_object_new_int(1))); /* and frees it: the sanitizer looks */
	assert_false(doc_append(NULL, json_object_new_int(1)));
	json_object_put(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_one_strict_document),
		cmocka_unit_test(getters_find_nothing_in_the_wrong_thing),
		cmocka_unit_test(adds_and_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
