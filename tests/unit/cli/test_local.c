/* local.c: which instance is meant, which model, and homes that cannot be used. */
#include "session.h"

#include "cli/local.c"

#define PLUGINS                                                                              \
	"{\"plugins\":{\"one\":{\"plugin\":\"cpu\",\"enabled\":false},\"two\":{\"plugin\":"  \
	"\"cpu\",\"enabled\":true},\"three\":{\"plugin\":\"gone\",\"enabled\":true}}}"

/* local_open() of a home with that config. */
static int
opened(struct session *s, struct cli *cli, struct local *l, const char *config)
{
	session_begin(s, NULL);
	session_put(s, "config.json", config);
	*cli = (struct cli){ .path = "b3iq test", .home = s->home, .json = true };
	return local_open(cli, l);
}

static void
end(struct session *s, struct cli *cli, struct local *l)
{
	local_close(l);
	assert_null(l->config);
	json_object_put(cli->result);
	session_end(s);
}

static void
test_find(void **state)
{
	struct session s;
	struct local   l;
	struct cli     cli;

	(void)state;
	assert_int_equal(opened(&s, &cli, &l, PLUGINS), CLI_OK);
	assert_string_equal(local_find(&l, NULL, "cpu")->name, "two"); /* the first enabled one */
	assert_string_equal(local_find(&l, "one", "cpu")->name, "one");
	assert_null(local_find(&l, "four", "cpu")); /* a name says which, whatever the plugin */
	assert_null(local_find(&l, NULL, "ollama"));
	assert_string_equal(options_of(&l, "two")->name, "two");
	assert_null(options_of(&l, "one")); /* not enabled: not wanted */
	end(&s, &cli, &l);
}

static void
test_start_refused(void **state)
{
	struct session s;
	struct local   l;
	struct cli     cli;

	(void)state;
	assert_int_equal(opened(&s, &cli, &l, PLUGINS), CLI_OK);
	assert_int_equal(local_start(&cli, &l, NULL, "ollama", NULL), CLI_NOT_FOUND);
	assert_says(json_object_to_json_string(cli.result), "b3iq plugin enable ollama");
	assert_int_equal(local_start(&cli, &l, "one", "cpu", NULL), CLI_NOT_FOUND);
	assert_null(l.instance);
	assert_int_not_equal(local_start(&cli, &l, NULL, "gone", "{\"a\":1}"), CLI_OK);
	assert_says(json_object_to_json_string(cli.result), "gone");
	assert_string_equal(l.name, "three");
	assert_string_equal(options_of(&l, "three")->config, "{\"a\":1}");
	end(&s, &cli, &l);
}

static void
test_unusable_homes(void **state)
{
	struct session s;
	struct local   l;
	struct cli     cli;

	(void)state;
	assert_int_equal(opened(&s, &cli, &l, "{\"node\":7}"), CLI_FAILED);
	assert_says(json_object_to_json_string(cli.result), "config.json");
	end(&s, &cli, &l);
	assert_int_equal(opened(&s, &cli, &l, "{}"), CLI_OK);
	local_close(&l);
	assert_int_equal(chmod(s.home, 0777), 0);
	assert_int_equal(local_open(&cli, &l), CLI_DENIED);
	end(&s, &cli, &l);
}

static void
test_model(void **state)
{
	struct json_object *models = json_tokener_parse(
		"[7,{\"id\":3},{},{\"id\":\"a\",\"n\":1},{\"id\":\"ab\",\"n\":2},{\"id\":\"a\",\"n\":3}]");

	(void)state;
	assert_string_equal(session_text(local_model(models, "a"), "n"), "1");
	assert_string_equal(session_text(local_model(models, "ab"), "n"), "2");
	assert_null(local_model(models, "b"));
	assert_null(local_model(models, ""));
	json_object_put(models);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find),
		                            cmocka_unit_test(test_start_refused),
		                            cmocka_unit_test(test_unusable_homes),
		                            cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
