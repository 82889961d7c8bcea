/* version.c: for people and for programs. */
#include "session.h"

#include "cli/commands/version.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_version, NULL },
};

static void
test_text(void **state)
{
	struct session s;
	char           line[128];

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "version"), CLI_OK);
	snprintf(line, sizeof line, "b3iq %s (plugin ABI %u.%u)\n", B3IQ_VERSION, B3IQ_ABI_MAJOR,
	         B3IQ_ABI_MINOR);
	assert_string_equal(s.out, line);
	assert_string_equal(s.err, "");
	session_end(&s);
}

static void
test_json(void **state)
{
	struct json_object *doc;
	struct session      s;
	unsigned            major = 999, minor = 999;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "version", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "version"), B3IQ_VERSION);
	assert_int_equal(sscanf(session_text(doc, "abi"), "%u.%u", &major, &minor), 2);
	assert_int_equal(major, B3IQ_ABI_MAJOR);
	assert_int_equal(minor, B3IQ_ABI_MINOR);
	assert_int_equal(json_object_object_length(doc), 2);
	json_object_put(doc);
	session_end(&s);
}

static void
test_takes_no_word(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "version", "two"), CLI_USAGE);
	assert_string_equal(s.out, "");
	assert_says(s.err, "\"two\" is one word too many");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text), cmocka_unit_test(test_json),
		                            cmocka_unit_test(test_takes_no_word) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
