/* commands/plugin.c on real plugin files: enabling pins what was shown, refusals change nothing. */
#include "session.h"

#include "cli/commands/plugin.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_plugin, NULL },
};

/* A home whose plugin folder is that of this build. */
static void
begin(struct session *s)
{
	session_begin(s, &root);
	session_put(s, "config.json", "{\"plugin_dirs\":[\"" BUILD_DIR "/plugins\"],\"plugins\":{}}");
}

/* The section of the ollama plugin in config.json; the caller puts *doc. */
static struct json_object *
section(const struct session *s, struct json_object **doc)
{
	struct b3iq_error err = NO_ERROR;
	char              path[PATH_SIZE];
	struct buf        text;

	buf_init(&text, 1 << 20);
	session_path(s, "config.json", path);
	assert_int_equal(path_read(path, &text, &err), B3IQ_OK);
	assert_int_equal(json_parse(text.data, text.len, "config.json", doc, &err), B3IQ_OK);
	buf_free(&text);
	return json_object_object_get(json_object_object_get(*doc, "plugins"), "ollama");
}

static void
test_unknown_names(void **state)
{
	struct session s;

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "plugin", "enable", "nope", "--yes"), CLI_NOT_FOUND);
	assert_says(s.err, "nope.so");
	assert_int_equal(session_run(&s, "plugin", "disable", "nope"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "plugin", "info", "nope"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "plugin", "config", "nope", "a=b"), CLI_NOT_FOUND);
	assert_string_equal(s.out, "");
	session_end(&s);
}

static void
test_enable_pins_and_disable_keeps(void **state)
{
	struct json_object *doc, *plugin;
	struct session      s;
	char                pin[65];

	(void)state;
	begin(&s);
	assert_int_not_equal(session_run(&s, "plugin", "enable", "ollama"), CLI_OK); /* nobody said yes */
	assert_null(section(&s, &doc));
	json_object_put(doc);
	assert_int_equal(session_run(&s, "plugin", "enable", "ollama", "--yes"), CLI_OK);
	assert_says(s.out, "org.b3iq.ollama");
	plugin = section(&s, &doc);
	assert_true(json_object_get_boolean(json_object_object_get(plugin, "enabled")));
	snprintf(pin, sizeof pin, "%s", session_text(plugin, "sha256"));
	json_object_put(doc);
	assert_int_equal(strlen(pin), 64);
	assert_int_equal(session_run(&s, "plugin", "info", "ollama"), CLI_OK);
	assert_says(s.out, pin); /* the file's own hash is what was pinned */
	assert_int_equal(session_run(&s, "plugin", "disable", "ollama"), CLI_OK);
	plugin = section(&s, &doc);
	assert_false(json_object_get_boolean(json_object_object_get(plugin, "enabled")));
	json_object_put(doc);
	session_end(&s);
}

static void
test_config_goes_by_the_schema(void **state)
{
	struct json_object *doc, *config;
	struct session      s;

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "plugin", "enable", "ollama", "--yes"), CLI_OK);
	assert_int_not_equal(session_run(&s, "plugin", "config", "ollama", "context=many"), CLI_OK);
	assert_says(s.err, "context");
	assert_int_equal(session_run(&s, "plugin", "config", "ollama", "context=4096"), CLI_OK);
	config = json_object_object_get(section(&s, &doc), "config");
	assert_int_equal(json_object_get_int(json_object_object_get(config, "context")), 4096);
	json_object_put(doc);
	session_end(&s);
}

static void
test_list_as_json(void **state)
{
	struct json_object *doc, *list;
	struct session      s;
	bool                found = false;

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "plugin", "list", "--json"), CLI_OK);
	doc = session_json(&s);
	list = json_object_object_get(doc, "plugins");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		found |= strcmp(session_text(json_object_array_get_idx(list, i), "plugin"), "ollama") == 0;
	assert_true(found);
	json_object_put(doc);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_enable_pins_and_disable_keeps),
		cmocka_unit_test(test_config_goes_by_the_schema),
		cmocka_unit_test(test_list_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
