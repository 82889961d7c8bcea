#include "core/http/workers.c"
#include "unit.h"

#include <stdatomic.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int done;

static void
work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	done++;
}

/* Three threads and two in the queue; the sixth is refused, and all five are done in the end. */
static void
test_bounded(void **state)
{
	struct workers *ws;
	unsigned threads, busy, queued;

	(void)state;
	done = 0;
	assert_int_equal(workers_create(&ws, 3, 2, 10000, NULL), B3IQ_OK);
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 3; i++)
		assert_int_equal(workers_run(ws, work, NULL), B3IQ_OK);
	do {
		usleep(1000);
		workers_count(ws, &threads, &busy, &queued);
	} while (busy != 3 || queued != 0);
	assert_int_equal(threads, 3);
	assert_int_equal(workers_run(ws, work, NULL), B3IQ_OK);
	assert_int_equal(workers_run(ws, work, NULL), B3IQ_OK);
	assert_int_equal(workers_run(ws, work, NULL), B3IQ_E_BUSY);
	pthread_mutex_unlock(&gate);
	workers_destroy(ws);
	assert_int_equal(done, 5);
}

static void
test_idle_threads_leave(void **state)
{
	struct workers *ws;
	unsigned threads, busy, queued;

	(void)state;
	assert_int_equal(workers_create(&ws, 4, 4, 20, NULL), B3IQ_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(workers_run(ws, work, NULL), B3IQ_OK);
	do {
		usleep(5000);
		workers_count(ws, &threads, &busy, &queued);
	} while (threads > 0);
	assert_int_equal(workers_run(ws, work, NULL), B3IQ_OK);
	workers_destroy(ws);
	workers_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_idle_threads_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
