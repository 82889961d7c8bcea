/* defaults.c: a config out of nothing but its schema. */
#include "../../../sdk/check/defaults.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

_Noreturn void
check_fail(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

/* A check with this schema as its plugin's. */
static struct check
with(const char *schema)
{
	struct check        c = { .scratch = "/tmp" };
	struct json_object *config = json_tokener_parse(schema);

	assert_non_null(config);
	c.manifest = json_object_new_object();
	json_object_object_add(c.manifest, "config", config);
	return c;
}

static void
done(struct check *c)
{
	json_object_put(c->manifest);
	json_object_put(c->config);
	json_object_put(c->secrets);
}

static const char *
text_of(struct json_object *o)
{
	const int plain = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

	return json_object_to_json_string_ext(o, plain);
}

#define OBJECT(required, fields)                                                    \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":" required \
	",\"properties\":{" fields "}}"

static void
test_made_up(void **state)
{
	struct check c = with(OBJECT("[\"n\",\"e\",\"s\",\"f\"]",
	                             "\"n\":{\"type\":\"integer\",\"minimum\":7},"
	                             "\"e\":{\"enum\":[\"x\",\"y\"]},"
	                             "\"s\":{\"type\":\"string\",\"minLength\":3},"
	                             "\"f\":{\"type\":\"string\",\"format\":\"file\"},"
	                             "\"d\":{\"type\":\"integer\",\"default\":5},"
	                             "\"optional\":{\"type\":\"string\"}"));

	(void)state;
	defaults_config(&c, NULL, 0);
	assert_string_equal(c.unready, "");
	assert_string_equal(text_of(c.config),
	                    "{\"n\":7,\"e\":\"x\",\"s\":\"xxx\",\"f\":\"/tmp/config-f\",\"d\":5}");
	done(&c);
}

static void
test_secrets_stand_apart(void **state)
{
	struct check c = with(OBJECT("[]", "\"k\":{\"type\":\"string\",\"format\":\"secret\"}"));

	(void)state;
	defaults_config(&c, NULL, 0);
	assert_string_equal(c.unready, "");
	assert_string_equal(text_of(c.config), "{\"k\":{\"secret\":\"k\"}}");
	assert_string_equal(text_of(c.secrets), "{\"k\":\"" DEFAULTS_SECRET "k\"}");
	done(&c);
}

static void
test_given_goes_first(void **state)
{
	static const char given[] = "{\"k\":\"mine\",\"n\":9}";
	struct check      c = with(OBJECT("[\"n\",\"m\"]",
	                                  "\"n\":{\"type\":\"integer\"},"
	                                  "\"m\":{\"type\":\"integer\"},"
	                                  "\"k\":{\"type\":\"string\",\"format\":\"secret\"}"));

	(void)state;
	defaults_config(&c, given, sizeof given - 1);
	assert_string_equal(c.unready, "");
	assert_string_equal(text_of(c.config), "{\"k\":{\"secret\":\"k\"},\"n\":9,\"m\":1}");
	assert_string_equal(text_of(c.secrets), "{\"k\":\"mine\"}");
	done(&c);
}

static void
test_unready(void **state)
{
	static const char *const wrong[] = { "{\"n\":\"text\"}", "{\"other\":1}", "[]", "{", "5" };
	struct check             none = { .scratch = "/tmp" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct check c = with(OBJECT("[\"n\"]", "\"n\":{\"type\":\"integer\"}"));

		defaults_config(&c, wrong[i], strlen(wrong[i]));
		assert_true(c.unready[0]);
		done(&c);
	}
	defaults_config(&none, NULL, 0);
	assert_true(none.unready[0]);
	done(&none);
}

static void
test_with(void **state)
{
	struct check        c = with(OBJECT("[]", "\"a\":{\"type\":\"integer\",\"default\":1}"));
	struct json_object *copy;

	(void)state;
	defaults_config(&c, NULL, 0);
	copy = defaults_with(&c, "a", json_object_new_int(2));
	assert_string_equal(text_of(copy), "{\"a\":2}");
	json_object_put(copy);
	copy = defaults_with(&c, "a", NULL);
	assert_string_equal(text_of(copy), "{}");
	json_object_put(copy);
	assert_string_equal(text_of(c.config), "{\"a\":1}");
	done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_secrets_stand_apart),
		cmocka_unit_test(test_given_goes_first),
		cmocka_unit_test(test_unready),
		cmocka_unit_test(test_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
