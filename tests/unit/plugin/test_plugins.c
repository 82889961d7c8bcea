/* The configured set: reconciled, searched, iterated, while others use it. */
#include "live.h"

#include "core/plugin/instance/plugins.c"

#include <stdatomic.h>

static struct instance_options
named(const char *name, const char *path, const char *config)
{
	struct instance_options o = live_options(path, config, false);

	o.name = name;
	return o;
}

static pid_t
pid_of(struct plugins *p, const char *name)
{
	struct instance *i = plugins_find(p, name);
	struct instance_status st;

	assert_non_null(i);
	assert_int_equal(instance_wait(i, 60000, NULL), B3IQ_OK);
	instance_status(i, &st);
	instance_release(i);
	return st.pid;
}

static void
test_reconcile(void **state)
{
	struct instance_options wanted[3] = { named("b", ECHO, NULL), named("a", FLAKY, NULL),
	                                      named("c", ECHO, NULL) };
	struct plugins *p = plugins_create(NULL);
	struct b3iq_error err = NO_ERROR;
	struct instance *held, *i = NULL;
	char names[8] = "";
	pid_t a, b;

	(void)state;
	assert_int_equal(plugins_reconcile(p, wanted, 3, &err), B3IQ_OK);
	a = pid_of(p, "a");
	b = pid_of(p, "b");
	pid_of(p, "c");
	while ((i = plugins_next(p, B3IQ_INFERENCE, i)) != NULL)
		strncat(names, instance_name(i), 1);
	assert_string_equal(names, "abc");
	assert_null(plugins_next(p, B3IQ_LEDGER, NULL));
	assert_null(plugins_find(p, "d"));
	/* c goes, a changes, b stays as it is. */
	held = plugins_find(p, "c");
	wanted[1] = named("a", FLAKY, "{\"token_ms\":1}");
	assert_int_equal(plugins_reconcile(p, wanted, 2, &err), B3IQ_OK);
	assert_null(plugins_find(p, "c"));
	assert_int_equal(live_state(held), INSTANCE_STOPPED);
	assert_int_equal(live_ask(held, "echo").rc, B3IQ_E_UNAVAILABLE);
	instance_release(held);
	assert_int_equal(pid_of(p, "b"), b);
	assert_int_not_equal(pid_of(p, "a"), a);
	plugins_destroy(p);
	plugins_destroy(NULL);
}

static void
test_nothing_changes_when_it_is_wrong(void **state)
{
	struct instance_options good = named("a", ECHO, NULL);
	struct instance_options twice[2] = { good, good };
	struct instance_options bad[2] = { named("b", ECHO, NULL), named("Bad Name", ECHO, NULL) };
	struct plugins *p = plugins_create(NULL);
	struct b3iq_error err = NO_ERROR;
	struct instance_options *many = calloc(PLUGINS_MAX + 1, sizeof *many);
	pid_t pid;

	(void)state;
	assert_int_equal(plugins_reconcile(p, &good, 1, &err), B3IQ_OK);
	pid = pid_of(p, "a");
	assert_int_equal(plugins_reconcile(p, twice, 2, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "\"a\""));
	assert_int_equal(plugins_reconcile(p, bad, 2, &err), B3IQ_E_INVALID);
	assert_int_equal(plugins_reconcile(p, many, PLUGINS_MAX + 1, &err), B3IQ_E_INVALID);
	free(many);
	assert_null(plugins_find(p, "b"));
	assert_int_equal(pid_of(p, "a"), pid);
	plugins_destroy(p);
}

static void
test_a_refused_plugin_is_in_the_set(void **state)
{
	struct instance_options wanted = named("a", "/no/such.so", NULL);
	struct plugins *p = plugins_create(NULL);
	struct instance *i;

	(void)state;
	assert_int_equal(plugins_reconcile(p, &wanted, 1, NULL), B3IQ_OK);
	i = plugins_find(p, "a");
	live_until(i, INSTANCE_REFUSED);
	instance_release(i);
	plugins_destroy(p);
}

static void
test_serial_locks_are_shared(void **state)
{
	struct plugins *p = plugins_create(NULL);
	pthread_mutex_t *a = serial_of(p, "a");

	(void)state;
	assert_non_null(a);
	assert_ptr_equal(serial_of(p, "a"), a);
	assert_ptr_not_equal(serial_of(p, "b"), a);
	plugins_destroy(p);
}

static atomic_bool stop_users;

static void *
use_all(void *arg)
{
	struct plugins *p = arg;
	intptr_t served = 0;

	while (!atomic_load(&stop_users)) {
		for (struct instance *i = NULL; (i = plugins_next(p, 0, i)) != NULL;)
			served += live_ask(i, "echo").rc == B3IQ_OK;
	}
	return (void *)served;
}

static void
test_changes_under_load(void **state)
{
	struct instance_options wanted[4] = { named("a", ECHO, NULL), named("b", ECHO, NULL),
	                                      named("c", ECHO, NULL), named("d", ECHO, NULL) };
	struct plugins *p = plugins_create(NULL);
	pthread_t user[3];
	void *served;

	(void)state;
	assert_int_equal(plugins_reconcile(p, wanted, 4, NULL), B3IQ_OK);
	pid_of(p, "a");
	for (size_t k = 0; k < 3; k++)
		pthread_create(&user[k], NULL, use_all, p);
	for (size_t n = 0; n < 12; n++) {
		wanted[0].stall_ms = (uint32_t)(60000 + n); /* a change, each time */
		assert_int_equal(plugins_reconcile(p, wanted + n % 2, 3 - n % 3, NULL), B3IQ_OK);
	}
	atomic_store(&stop_users, true);
	for (size_t k = 0; k < 3; k++) {
		pthread_join(user[k], &served);
		assert_true((intptr_t)served > 0);
	}
	plugins_destroy(p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reconcile),
		cmocka_unit_test(test_nothing_changes_when_it_is_wrong),
		cmocka_unit_test(test_a_refused_plugin_is_in_the_set),
		cmocka_unit_test(test_serial_locks_are_shared),
		cmocka_unit_test(test_changes_under_load),
	};

	LIVE_MAIN(argc, argv);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
