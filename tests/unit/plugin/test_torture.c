/* Every allocation of a whole life failed in turn: a set of plugins is made, an instance is configured,
 * started, asked, stopped and destroyed, inline and in its sandbox.  What may come of it is success or
 * a sentence about memory; an instance that could not start for want of it comes back by itself. */
#include "live.h"

#include "../torture.h"
#include "core/plugin/instance/plugins.h"

/* The answer, or an error that is the fault's.  A sandbox that cannot be served any more is ended. */
static int32_t
ask(struct instance *i, bool run_inline)
{
	const struct live_result r = live_ask(i, "echo");

	if (r.rc == B3IQ_OK) {
		assert_int_equal(r.use.output_tokens, 10);
		return B3IQ_OK;
	}
	assert_true(r.err.text[0] != '\0');
	return r.rc == B3IQ_E_DIED && !run_inline ? B3IQ_E_NO_MEMORY : r.rc;
}

/* It is ready in the end, unless memory stays away. */
static int32_t
wait_ready(struct instance *i)
{
	struct b3iq_error err = NO_ERROR;

	for (int n = 0; n < 30000; n++) {
		if (instance_wait(i, 2, &err) == B3IQ_OK)
			return B3IQ_OK;
		assert_true(err.text[0] != '\0');
		if (live_state(i) == INSTANCE_REFUSED) /* which would be for good */
			fail_msg("a plugin is refused for want of memory: %s", err.text);
		if (torture_lasts())
			return B3IQ_E_NO_MEMORY;
	}
	fail_msg("one failed allocation is not survived: %s", err.text);
	return B3IQ_E_INTERNAL;
}

static int32_t
life(void *arg)
{
	struct instance_options *o = arg;
	struct b3iq_error err = NO_ERROR;
	struct plugins *p = plugins_create(&err);
	int32_t rc = B3IQ_E_NO_MEMORY;

	if (p != NULL)
		rc = plugins_reconcile(p, o, 1, &err);
	if (rc == B3IQ_OK) {
		struct instance *i = plugins_find(p, o->name);

		rc = wait_ready(i);
		if (rc == B3IQ_OK)
			rc = ask(i, o->run_inline);
		instance_stop(i);
		assert_int_equal(live_state(i), INSTANCE_STOPPED);
		instance_release(i);
	} else {
		assert_true(err.text[0] != '\0');
	}
	plugins_destroy(p);
	return rc;
}

static struct instance_options
quick(bool run_inline)
{
	struct instance_options o = live_options(ECHO, "{}", run_inline);

	o.cancel_ms = o.drain_ms = o.bye_ms = 1000;
	return o;
}

static void
test_inline(void **state)
{
	struct instance_options o = quick(true);

	(void)state;
	torture("a life inline", life, &o, 0);
}

static void
test_sandboxed(void **state)
{
	struct instance_options o = quick(false);

	(void)state;
	torture("a life in a sandbox", life, &o, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_sandboxed),
	};

	LIVE_MAIN(argc, argv);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
