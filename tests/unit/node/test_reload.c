#include "node/reload.c"
#include "live.h"

static struct live live;

static void
write_config(const char *json)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(home_path(&live.node->home, file, &err, "config.json", NULL), err);
	assert_ok(path_write(file, json, strlen(json), 0600, &err), err);
}

static void
test_reload(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *report = NULL, *list;
	struct instance *i;

	(void)state;
	live_start(&live, NULL);
	assert_int_equal(reload_config(live.node, &report, &err), B3IQ_E_NOT_FOUND);
	write_config("{\"node\":{\"default_model\":\"m\",\"listen\":{\"port\":9}},\"log\":{\"level\":\"debug\"},"
	             "\"plugin_dirs\":[\"/nowhere\"],\"plugins\":{\"new\":{\"plugin\":\"absent\"}}}");
	assert_ok(reload_config(live.node, &report, &err), err);
	assert_string_equal(live.node->default_model, "m");
	assert_true(json_object_object_get_ex(report, "restart_needed", &list));
	assert_int_equal(json_object_array_length(list), 2);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(list, 0)), "node.listen");
	json_object_put(report);
	assert_null(plugins_find(live.node->plugins, "echo"));
	i = plugins_find(live.node->plugins, "new");
	assert_non_null(i);
	instance_release(i);
	write_config("{\"plugins\":{\"bad name!\":{\"plugin\":\"x\"}}}");
	assert_int_not_equal(reload_config(live.node, NULL, &err), B3IQ_OK);
	assert_string_equal(live.node->default_model, "m");
	live_stop(&live);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reload) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
