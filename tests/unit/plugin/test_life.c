/* How an end is judged; the lives themselves are lived in test_instance.c. */
#include "live.h"

#include "core/plugin/instance/life.c"

static void
test_which_refusals_may_pass(void **state)
{
	(void)state;
	assert_true(may_pass(B3IQ_E_UNAVAILABLE));
	assert_true(may_pass(B3IQ_E_NO_MEMORY));
	assert_true(may_pass(B3IQ_E_TIMEOUT));
	assert_false(may_pass(B3IQ_E_INVALID));
	assert_false(may_pass(B3IQ_E_DENIED));
	assert_false(may_pass(B3IQ_E_UNSUPPORTED));
}

static void
test_judgement(void **state)
{
	const struct instance_options o = { .name = "test" };
	const struct life l = { .options = &o };
	struct watch w = { .life = &l, .phase = SERVING };
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(judge(&w, "was killed by SIGSEGV", &err), LIFE_DIED);
	assert_string_equal(err.text, "test: its process was killed by SIGSEGV");
	w.phase = CREATING;
	assert_int_equal(judge(&w, "ended with status 1", &err), LIFE_DIED);
	assert_non_null(strstr(err.text, "before create()"));
	blame(&w, "hung: first");
	blame(&w, "hung: second"); /* the first blame is the cause */
	assert_int_equal(judge(&w, "was killed by SIGABRT", &err), LIFE_DIED);
	assert_non_null(strstr(err.text, "hung: first"));
	w.refused = true;
	w.code = B3IQ_E_INVALID;
	assert_int_equal(judge(&w, "ended with status 0", &err), LIFE_REFUSED);
	assert_non_null(strstr(err.text, "without a word"));
	w.code = B3IQ_E_BUSY;
	snprintf(w.error.text, sizeof w.error.text, "not now");
	assert_int_equal(judge(&w, "ended with status 0", &err), LIFE_AWAY);
	assert_string_equal(err.text, "not now");
	w.phase = DRAINING;
	assert_int_equal(judge(&w, "was killed by SIGKILL", &err), LIFE_STOPPED);
}

static void
test_kill_times(void **state)
{
	struct watch w = { .kill_ms = 0 };

	(void)state;
	kill_by(&w, 100);
	kill_by(&w, 200);
	assert_int_equal(w.kill_ms, 100);
	kill_by(&w, 50);
	assert_int_equal(w.kill_ms, 50);
	assert_int_equal(earlier(7, 0), 7);
	assert_int_equal(earlier(7, 3), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_refusals_may_pass), cmocka_unit_test(test_judgement),
		cmocka_unit_test(test_kill_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
