#include "node/models.c"
#include "unit.h"

static struct home home;

static struct plugins *
twins(void)
{
	struct b3iq_error err = NO_ERR;
	struct plugins *set = plugins_create(&err);
	char state[PATH_SIZE];
	struct instance_options wanted[2] = {
		{ .name = "a", .path = ECHO, .state_dir = state, .run_inline = true },
		{ .name = "b", .path = ECHO, .state_dir = state, .run_inline = true },
	};

	assert_ok(home_path(&home, state, &err, "plugins", "x", NULL), err);
	assert_ok(plugins_reconcile(set, wanted, 2, &err), err);
	return set;
}

static int32_t
names(void *arg, const struct model *m)
{
	return buf_printf(arg, "%s ", m->name);
}

static int32_t
find(struct models *m, const char *name, const char *otherwise, char *instance, struct b3iq_error *err)
{
	struct instance *i;
	struct model model;
	const int32_t rc = models_find(m, name, otherwise, &model, &i, err);

	snprintf(instance, 65, "%s", rc == B3IQ_OK ? model.instance : "");
	instance_release(i);
	return rc;
}

static void
test_routing(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct plugins *set;
	struct models *m;
	char where[65];

	(void)state;
	unit_home(&home);
	set = unit_plugins(&home, NULL);
	m = models_create(set);
	assert_ok(find(m, "echo", "", where, &err), err);
	assert_string_equal(where, "echo");
	assert_ok(find(m, "flaky/ok", "", where, &err), err);
	assert_string_equal(where, "flaky");
	assert_int_equal(find(m, "echo/ok", "", where, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(find(m, "default", "", where, &err), B3IQ_E_NOT_FOUND); /* none is natural */
	assert_ok(find(m, "default", "echo", where, &err), err);
	assert_true(models_known(m) > 10);
	models_forget(m);
	assert_ok(find(m, "ok", "", where, &err), err);
	models_destroy(m);
	plugins_destroy(set);
	unit_home_end(&home);
}

/* The same id in two instances; also waits for instances that are just starting. */
static void
test_twins(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct plugins *set;
	struct models *m;
	struct buf list;
	char where[65];

	(void)state;
	unit_home(&home);
	set = twins();
	m = models_create(set);
	assert_ok(find(m, "b/echo", "", where, &err), err);
	assert_string_equal(where, "b");
	assert_ok(find(m, "a/echo", "", where, &err), err);
	assert_int_equal(find(m, "echo", "", where, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "INSTANCE/MODEL"));
	buf_init(&list, 1000);
	assert_ok(models_list(m, names, &list, &err), err);
	assert_string_equal(list.data, "a/echo b/echo ");
	buf_free(&list);
	models_destroy(m);
	plugins_destroy(set);
	unit_home_end(&home);
}

/* A plugin that answers nonsense has no models, and the others keep theirs. */
static void
test_garbage(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct plugins *set;
	struct models *m;
	struct buf list;

	(void)state;
	unit_home(&home);
	set = unit_plugins(&home, "{\"models\":\"garbage\"}");
	m = models_create(set);
	buf_init(&list, 1000);
	assert_ok(models_list(m, names, &list, &err), err);
	assert_string_equal(list.data, "echo ");
	buf_free(&list);
	models_destroy(m);
	plugins_destroy(set);
	unit_home_end(&home);
}

static void
test_natural(void **state)
{
	struct model models[3] = { { .id = "a", .instance = "x" }, { .id = "b", .instance = "x", .builtin = true },
	                           { .id = "c", .instance = "y" } };
	struct list list = { .n = 3, .models = models };
	bool many;

	(void)state;
	assert_string_equal(natural(&list)->id, "b");
	assert_string_equal(choose(&list, "default", "c", &many)->id, "c");
	assert_null(choose(&list, "default", "gone", &many));
	list.n = 1;
	assert_string_equal(natural(&list)->id, "a");
	list.n = 0;
	assert_null(natural(&list));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routing), cmocka_unit_test(test_twins),
		cmocka_unit_test(test_garbage), cmocka_unit_test(test_natural),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
