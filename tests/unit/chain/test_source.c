/* source.c: wakes when something waits, idles when nothing does, stops for good. */
#include "../check.h"

#include <unistd.h>

#include "chain/ledger/source.c"

static void *
wait_once(void *arg)
{
	struct source_event *event = calloc(1, sizeof *event);

	((struct source *)arg)->wait(arg, event);
	return event;
}

static struct source_event
joined(pthread_t thread)
{
	struct source_event *event, out;

	assert_int_equal(pthread_join(thread, (void **)&event), 0);
	out = *event;
	free(event);
	return out;
}

static void
test_local(void **state)
{
	struct source *s = source_local(0);
	struct source_event event;
	pthread_t thread;

	(void)state;
	s->wake(s);
	s->wake(s); /* twice is one */
	s->wait(s, &event);
	assert_int_equal(event.step, SOURCE_BUILD);
	assert_false(event.empty);
	assert_int_equal(s->order(s, NULL, 0, NULL), B3IQ_OK);
	assert_int_equal(pthread_create(&thread, NULL, wait_once, s), 0);
	usleep(2000);
	s->wake(s);
	event = joined(thread);
	assert_int_equal(event.step, SOURCE_BUILD);
	assert_int_equal(pthread_create(&thread, NULL, wait_once, s), 0);
	s->stop(s);
	event = joined(thread);
	assert_int_equal(event.step, SOURCE_STOP);
	s->wake(s);
	s->wait(s, &event);
	assert_int_equal(event.step, SOURCE_STOP);
	s->destroy(s);
}

static void
test_idle(void **state)
{
	struct source *s = source_local(1);
	struct source_event event;

	(void)state;
	s->wait(s, &event);
	assert_int_equal(event.step, SOURCE_BUILD);
	assert_true(event.empty);
	s->destroy(s);
}

static void
test_none(void **state)
{
	struct source *s = source_none();
	struct source_event event;
	pthread_t thread;

	(void)state;
	s->wake(s); /* it never builds */
	assert_int_equal(pthread_create(&thread, NULL, wait_once, s), 0);
	usleep(2000);
	s->stop(s);
	event = joined(thread);
	assert_int_equal(event.step, SOURCE_STOP);
	s->destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
