/* schema.c: each keyword refuses what it must, with the path; our own schemas keep to the subset. */
#include "../check.h"

#include "core/base/schema.c"

static struct json_object *
parse(const char *text)
{
	struct json_object *o;
	struct b3iq_error err = NO_ERROR;

	if (json_parse(text, strlen(text), "test", &o, &err) != B3IQ_OK)
		fail_msg("%s: %s", text, err.text);
	return o;
}

/* The error's text, or "" when the document is fine. */
static const char *
checked(const char *schema, const char *doc)
{
	static struct b3iq_error err;
	struct json_object *s = parse(schema), *d = parse(doc);
	int32_t rc;

	err = NO_ERROR;
	rc = schema_check(s, d, "doc", &err);
	assert_int_equal(rc == B3IQ_OK, err.text[0] == '\0');
	json_object_put(s);
	json_object_put(d);
	return err.text;
}

static void
test_each_keyword(void **state)
{
	static const char *const cases[][3] = {
		/* schema, good, bad */
		{ "{\"type\":\"string\"}", "\"x\"", "1" },
		{ "{\"type\":\"integer\"}", "1", "1.0" },
		{ "{\"type\":\"number\"}", "1", "\"1\"" },
		{ "{\"type\":\"boolean\"}", "true", "0" },
		{ "{\"type\":\"null\"}", "null", "0" },
		{ "{\"const\":5}", "5", "6" },
		{ "{\"const\":{\"a\":[1]}}", "{\"a\":[1]}", "{\"a\":[2]}" },
		{ "{\"enum\":[\"a\",2]}", "2", "\"b\"" },
		{ "{\"oneOf\":[{\"const\":\"a\",\"title\":\"A\"},{\"const\":\"b\"}]}", "\"b\"", "\"c\"" },
		{ "{\"minLength\":2}", "\"\xc3\xa9\xc3\xa9\"", "\"\xc3\xa9\"" },
		{ "{\"maxLength\":2}", "\"\xc3\xa9\xc3\xa9\"", "\"abc\"" },
		{ "{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", "\"aBc\"" },
		{ "{\"pattern\":\"^[a-z]+$\"}", "5", "\"a\\u0000\"" },
		{ "{\"minimum\":3}", "3", "2" },
		{ "{\"maximum\":3.5}", "3.5", "4" },
		{ "{\"exclusiveMinimum\":3}", "3.1", "3" },
		{ "{\"exclusiveMaximum\":3}", "2", "3" },
		{ "{\"minimum\":9007199254740993}", "9007199254740993", "9007199254740992" },
		{ "{\"items\":{\"type\":\"integer\"}}", "[1,2]", "[1,\"2\"]" },
		{ "{\"minItems\":1}", "[1]", "[]" },
		{ "{\"maxItems\":1}", "[1]", "[1,2]" },
		{ "{\"required\":[\"a\"]}", "{\"a\":null}", "{\"b\":1}" },
		{ "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"b\":\"x\"}", "{\"a\":\"x\"}" },
		{ "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", "{\"b\":1}" },
		{ "{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"b\":1}", "{\"b\":\"1\"}" },
		{ "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"type\":\"integer\"}}}", "1", "\"1\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(checked(cases[i][0], cases[i][1]), "");
		if (checked(cases[i][0], cases[i][2])[0] == '\0')
			fail_msg("%s accepts %s", cases[i][0], cases[i][2]);
	}
}

static void
test_the_error_names_the_path(void **state)
{
	static const char schema[] =
		"{\"properties\":{\"plugins\":{\"additionalProperties\":{\"properties\":"
		"{\"threads\":{\"type\":\"integer\",\"minimum\":1},\"list\":{\"items\":{\"enum\":[1,2]}}}}}}}";

	(void)state;
	assert_string_equal(checked(schema, "{\"plugins\":{\"cpu\":{\"threads\":\"x\"}}}"),
	                    "doc: plugins.cpu.threads must be an integer");
	assert_string_equal(checked(schema, "{\"plugins\":{\"cpu\":{\"threads\":0}}}"),
	                    "doc: plugins.cpu.threads must be at least 1");
	assert_string_equal(checked(schema, "{\"plugins\":{\"cpu\":{\"list\":[1,3]}}}"),
	                    "doc: plugins.cpu.list[1] must be one of: 1, 2");
}

static void
test_defaults(void **state)
{
	struct json_object *s = parse("{\"type\":\"object\",\"properties\":{"
	                              "\"a\":{\"type\":\"integer\",\"default\":4},"
	                              "\"b\":{\"type\":\"object\",\"default\":{},\"properties\":"
	                              "{\"c\":{\"default\":\"x\"}}}}}");
	struct json_object *d = parse("{\"z\":1}");
	struct buf b;

	(void)state;
	assert_int_equal(schema_check(s, d, "doc", NULL), B3IQ_OK);
	buf_init(&b, 1000);
	json_write(d, &b);
	assert_string_equal(b.data, "{\"z\":1,\"a\":4,\"b\":{\"c\":\"x\"}}");
	buf_free(&b);
	json_object_put(d);
	buf_init(&b, 1000);
	json_write(s, &b); /* the schema's own default stayed as it was */
	assert_non_null(strstr(b.data, "\"default\":{}"));
	buf_free(&b);
	json_object_put(s);
}

static void
test_schemas_outside_the_subset(void **state)
{
	static const char *const wrong[] = {
		"[]", "true", "{\"allOf\":[]}", "{\"patternProperties\":{}}", "{\"multipleOf\":2}",
		"{\"type\":[\"string\"]}", "{\"type\":\"float\"}", "{\"minLength\":-1}",
		"{\"pattern\":\"[\"}", "{\"$ref\":\"#/nowhere\"}", "{\"$ref\":\"#/$defs/x\"}",
		"{\"oneOf\":[{\"type\":\"string\"}]}", "{\"oneOf\":[]}", "{\"required\":[1]}",
		"{\"properties\":{\"a\":1}}", "{\"items\":{\"if\":{}}}",
		"{\"type\":\"integer\",\"default\":\"x\"}", "{\"additionalProperties\":1}",
	};
	struct b3iq_error err;
	struct json_object *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		s = parse(wrong[i]);
		err = NO_ERROR;
		if (schema_valid(s, "schema", &err) != B3IQ_E_INVALID)
			fail_msg("accepted: %s", wrong[i]);
		json_object_put(s);
	}
}

static void
test_references_in_a_circle_end(void **state)
{
	(void)state;
	assert_non_null(strstr(checked("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}",
	                               "1"), "circle"));
	/* A recursive schema over a finite document is fine. */
	assert_string_equal(checked("{\"$ref\":\"#/$defs/l\",\"$defs\":{\"l\":{\"properties\":"
	                            "{\"next\":{\"$ref\":\"#/$defs/l\"}}}}}",
	                            "{\"next\":{\"next\":{}}}"), "");
}

static void
test_long_paths_stay_in_bounds(void **state)
{
	char doc[2048] = "", schema[] = "{\"additionalProperties\":{\"$ref\":\"#/$defs/x\"},\"$defs\":"
	                                "{\"x\":{\"additionalProperties\":{\"$ref\":\"#/$defs/x\"},"
	                                "\"maxLength\":1}}}";
	int i;

	(void)state;
	for (i = 0; i < 30; i++)
		strncat(doc, "{\"quite_a_long_name_of_a_key\":", sizeof(doc) - strlen(doc) - 1);
	strncat(doc, "\"xx\"", sizeof(doc) - strlen(doc) - 1);
	for (i = 0; i < 30; i++)
		strncat(doc, "}", sizeof(doc) - strlen(doc) - 1);
	assert_true(checked(schema, doc)[0] != '\0');
}

static void
test_our_own_schemas(void **state)
{
	size_t i, len, found = 0;
	const char *text;

	(void)state;
	for (i = 0; i < n_schema_files; i++) {
		struct b3iq_error err = NO_ERROR;
		struct json_object *s;
		const char *name = schema_files[i].name, *dot = strrchr(name, '.');

		text = schema_text(name, &len);
		assert_non_null(text);
		assert_int_equal(text[len], '\0');
		if (strcmp(dot, ".json") != 0)
			continue;
		if (json_parse(text, len, name, &s, &err) != B3IQ_OK ||
		    schema_valid(s, name, &err) != B3IQ_OK)
			fail_msg("%s: %s", name, err.text);
		json_object_put(s);
		found++;
	}
	assert_true(found > 5);
	assert_null(schema_text("nothing.json", &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_keyword),
		cmocka_unit_test(test_the_error_names_the_path),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_schemas_outside_the_subset),
		cmocka_unit_test(test_references_in_a_circle_end),
		cmocka_unit_test(test_long_paths_stay_in_bounds),
		cmocka_unit_test(test_our_own_schemas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
