/* plugin_config.c: words of a command line as values of a plugin's schema. */
#include "../check.h"

#include "cli/commands/plugin_config.c"

static struct json_object *
field(const char *text)
{
	return json_tokener_parse(text);
}

static void
becomes(const char *schema, const char *word, const char *expected)
{
	struct json_object *f = field(schema), *value = value_of(f, word);

	if (expected)
		assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
		                    expected);
	else
		assert_null(value);
	json_object_put(value);
	json_object_put(f);
}

static void
test_values(void **state)
{
	(void)state;
	becomes("{\"type\":\"string\"}", "8", "\"8\"");
	becomes("{\"type\":\"string\"}", "a b=c", "\"a b=c\"");
	becomes("{\"type\":\"integer\"}", "8", "8");
	becomes("{\"type\":\"boolean\"}", "true", "true");
	becomes("{\"type\":\"number\"}", "0.5", "0.5");
	becomes("{\"type\":\"integer\"}", "many", NULL);
	becomes("{\"type\":\"array\"}", "a,b", "[\"a\",\"b\"]");
	becomes("{\"type\":\"array\"}", "[\"a,b\"]", "[\"a,b\"]");
	becomes("{\"type\":\"array\"}", "one", "[\"one\"]");
	becomes("{\"type\":\"object\"}", "{\"x\":1}", "{\"x\":1}");
	becomes("{\"enum\":[\"auto\",\"avx2\"]}", "auto", "\"auto\"");
	becomes("{\"enum\":[1,2]}", "2", "2");
}

static void
test_secrets_are_recognised(void **state)
{
	struct json_object *secret = field("{\"type\":\"string\",\"format\":\"secret\"}");
	struct json_object *plain = field("{\"type\":\"string\",\"format\":\"url\"}");

	(void)state;
	assert_true(is_secret(secret));
	assert_false(is_secret(plain));
	json_object_put(secret);
	json_object_put(plain);
}

static void
test_set_and_unset(void **state)
{
	struct cli          cli = { .path = "test" };
	struct json_object *f = field("{\"type\":\"integer\"}");
	struct change       c = { .cli = &cli, .section = json_object_new_object() };

	(void)state;
	assert_int_equal(set_value(&c, "n", f, "5"), CLI_OK);
	assert_int_equal(json_object_get_int(json_object_object_get(c.section, "n")), 5);
	assert_int_equal(set_value(&c, "n", f, "five"), CLI_USAGE);
	assert_int_equal(set_value(&c, "n", f, ""), CLI_OK); /* the default again */
	assert_null(json_object_object_get(c.section, "n"));
	json_object_put(c.section);
	json_object_put(cli.result);
	json_object_put(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_secrets_are_recognised),
		cmocka_unit_test(test_set_and_unset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
