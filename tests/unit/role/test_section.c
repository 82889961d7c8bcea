#include "core/role/section.c"
#include "../home.h"

static struct json_object *
parse(const char *text)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;

	assert_ok(json_parse(text, strlen(text), "test", &doc, &err), err);
	return doc;
}

static void
test_getters(void **state)
{
	struct json_object *doc = parse("{\"in\":{\"name\":\"n\",\"most\":4294967295,\"on\":true,"
	                                "\"off\":false,\"hosts\":[\"a\",\"b\"],\"none\":[]}}");
	struct json_object *in = section_member(doc, "in");
	const char **list;
	size_t n;

	(void)state;
	assert_non_null(in);
	assert_null(section_member(doc, "out"));
	assert_string_equal(section_text(in, "name"), "n");
	assert_null(section_text(in, "absent"));
	assert_int_equal(section_number(in, "most"), 4294967295u);
	assert_true(section_truth(in, "on"));
	assert_false(section_truth(in, "off"));
	list = section_texts(in, "hosts", &n);
	assert_int_equal(n, 2);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b");
	assert_null(list[2]);
	free(list);
	list = section_texts(in, "none", NULL);
	assert_non_null(list);
	assert_null(list[0]);
	free(list);
	list = section_texts(in, "absent", &n);
	assert_non_null(list);
	assert_int_equal(n, 0);
	free(list);
	json_object_put(doc);
}

static void
test_check(void **state)
{
	struct json_object *right = parse("{}"), *wrong = parse("{\"allow_remote\":1}");
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(section_check(right, "coordinator-config.json", "a.json", &err), err);
	assert_string_equal(section_text(section_member(right, "listen"), "address"), "127.0.0.1");
	assert_int_equal(section_check(wrong, "coordinator-config.json", "a.json", &err),
	                 B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "a.json"));
	assert_non_null(strstr(err.text, "allow_remote"));
	assert_int_equal(section_check(right, "no.json", "a.json", &err), B3IQ_E_INTERNAL);
	assert_non_null(strstr(err.text, "schemas/no.json"));
	json_object_put(right);
	json_object_put(wrong);
}

static void
write_text(const char *file, const char *text)
{
	struct b3iq_error err = NO_ERR;

	assert_ok(path_write(file, text, strlen(text), 0600, &err), err);
}

static void
test_load(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;
	char file[PATH_SIZE];
	struct home home;

	(void)state;
	unit_home(&home);
	assert_ok(home_path(&home, file, &err, "a.json", NULL), err);
	assert_int_equal(section_load(file, 100, &doc, &err), B3IQ_E_NOT_FOUND);
	assert_null(doc);
	write_text(file, "{\"name\":\"n\"}\n");
	assert_ok(section_load(file, 100, &doc, &err), err);
	assert_string_equal(section_text(doc, "name"), "n");
	json_object_put(doc);
	assert_int_not_equal(section_load(file, 5, &doc, &err), B3IQ_OK);
	assert_null(doc);
	write_text(file, "");
	assert_int_equal(section_load(file, 100, &doc, &err), B3IQ_E_INVALID);
	assert_null(doc);
	assert_non_null(strstr(err.text, file));
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_getters),
		                            cmocka_unit_test(test_check),
		                            cmocka_unit_test(test_load) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
