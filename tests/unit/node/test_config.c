#include "node/config.c"
#include "unit.h"

static struct json_object *
parse(const char *json)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;

	assert_ok(json_parse(json, strlen(json), "test", &doc, &err), err);
	return doc;
}

static void
test_defaults(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct config *c;

	(void)state;
	assert_ok(config_from(parse("{}"), &c, &err), err);
	assert_string_equal(c->address, "127.0.0.1");
	assert_int_equal(c->port, 8008);
	assert_false(c->allow_remote);
	assert_true(c->require_pin);
	assert_int_equal(c->streams, 64);
	assert_int_equal(c->n_origins, 0);
	assert_null(c->plugin_dirs[0]);
	config_free(c);
	config_free(NULL);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{ "{\"node\":{\"listen\":{\"port\":70000}}}", "node.listen.port" },
		{ "{\"node\":{\"lissen\":{}}}", "lissen" },
		{ "{\"node\":{\"listen\":{\"address\":\"0.0.0.0\"}}}", "node.allow_remote" },
		{ "{\"node\":{\"allow_remote\":true,\"open_loopback\":true}}", "node.open_loopback" },
		{ "{\"node\":{\"listen\":{\"address\":\"example.org\"}}}", "node.allow_remote" },
		{ "{\"plugins\":{\"a\":{}}}", "plugins.a" },
		{ "{\"plugins\":{\"a\":{\"plugin\":\"../x\"}}}", "plugins.a.plugin" },
		{ "{\"plugins\":{\"a\":{\"plugin\":\"x\",\"sha256\":\"ABC\"}}}", "plugins.a.sha256" },
		{ "{\"plugin_dirs\":[\"relative\"]}", "plugin_dirs[0]" },
		{ "{\"log\":{\"level\":\"loud\"}}", "log.level" },
		{ "{\"version\":2}", "version" },
		{ "[]", "config.json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_error err = NO_ERR;
		struct config *c;

		if (config_from(parse(cases[i].json), &c, &err) != B3IQ_E_INVALID)
			fail_msg("accepted: %s", cases[i].json);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: \"%s\"", cases[i].json, err.text);
		assert_null(c);
	}
}

static void
test_remote(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct config *c;

	(void)state;
	assert_ok(config_from(parse("{\"node\":{\"listen\":{\"address\":\"0.0.0.0\"},"
	                            "\"allow_remote\":true,\"hosts\":[\"a.example\"]}}"), &c, &err), err);
	assert_true(c->allow_remote);
	assert_string_equal(c->hosts[0], "a.example");
	config_free(c);
}

static void
test_first_start(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];
	struct config *c;
	struct home home;
	struct stat st;

	(void)state;
	unit_home(&home);
	assert_int_equal(config_load(&home, &c, &err), B3IQ_E_NOT_FOUND);
	assert_ok(config_make_default(&home, &err), err);
	assert_ok(config_load(&home, &c, &err), err);
	config_free(c);
	assert_ok(home_path(&home, file, &err, "config.json", NULL), err);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(path_write(file, "{\"log\":{\"level\":\"warn\"}}", 24, 0600, &err), err);
	assert_ok(config_make_default(&home, &err), err); /* leaves what is there */
	assert_ok(config_load(&home, &c, &err), err);
	assert_int_equal(c->log_level, B3IQ_LOG_WARN);
	config_free(c);
	assert_ok(path_write(file, "{", 1, 0600, &err), err);
	assert_int_equal(config_load(&home, &c, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "config.json"));
	unit_home_end(&home);
}

static int32_t
enable(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	struct json_object *section = config_plugin_section(doc, arg, true);

	(void)err;
	assert_non_null(section);
	return json_put_string(section, "plugin", "echo");
}

static int32_t
spoil(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	(void)arg, (void)err;
	return json_put_string(doc, "nonsense", "x");
}

static int32_t
drop(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	(void)err;
	return config_plugin_remove(doc, arg) ? B3IQ_OK : B3IQ_E_NOT_FOUND;
}

/* An edit keeps what it does not touch, adds no defaults, and cannot leave a broken file. */
static void
test_edit(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];
	struct home home;
	struct config *c;
	struct buf text;

	(void)state;
	unit_home(&home);
	assert_ok(home_path(&home, file, &err, "config.json", NULL), err);
	assert_ok(path_write(file, "{\"node\":{\"name\":\"n\"}}", 21, 0600, &err), err);
	assert_ok(config_edit(&home, enable, "gpu0", &err), err);
	assert_int_equal(config_edit(&home, spoil, NULL, &err), B3IQ_E_INVALID);
	assert_int_equal(config_edit(&home, drop, "other", &err), B3IQ_E_NOT_FOUND);
	buf_init(&text, 10000);
	assert_ok(path_read(file, &text, &err), err);
	assert_null(strstr(text.data, "nonsense"));
	assert_null(strstr(text.data, "listen"));
	buf_free(&text);
	assert_ok(config_load(&home, &c, &err), err);
	assert_string_equal(c->name, "n");
	assert_int_equal(c->n_plugins, 1);
	assert_string_equal(c->plugins[0].name, "gpu0");
	config_free(c);
	assert_ok(config_edit(&home, drop, "gpu0", &err), err);
	assert_ok(config_load(&home, &c, &err), err);
	assert_int_equal(c->n_plugins, 0);
	config_free(c);
	unit_home_end(&home);
}

static void
test_instances(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct config_instances list;
	struct config *c;
	struct home home;

	(void)state;
	unit_home(&home);
	assert_ok(config_from(parse("{\"require_pin\":false,\"plugin_dirs\":[\"" BUILD_DIR "/examples\"],"
	                            "\"plugins\":{\"a\":{\"plugin\":\"echo\",\"config\":{\"x\":[1]}},"
	                            "\"b\":{\"plugin\":\"echo\",\"enabled\":false},"
	                            "\"c\":{\"plugin\":\"absent\",\"isolation\":\"inline\",\"width\":3}}}"),
	                      &c, &err), err);
	assert_ok(config_instances(c, &home, NULL, &list, &err), err);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.options[0].name, "a");
	assert_string_equal(list.options[0].config, "{\"x\":[1]}");
	assert_non_null(strstr(list.options[0].state_dir, "/plugins/a"));
	assert_non_null(strstr(list.options[0].secrets_dir, "/secrets/a"));
	assert_string_equal(list.options[1].name, "c");
	assert_true(list.options[1].run_inline);
	assert_int_equal(list.options[1].width, 3);
	assert_null(list.options[1].sha256);
	config_instances_free(&list);
	config_free(c);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_remote),     cmocka_unit_test(test_first_start),
		cmocka_unit_test(test_edit),       cmocka_unit_test(test_instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
