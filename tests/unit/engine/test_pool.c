#include "engine/model/pool.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct tally {
	_Atomic unsigned count[1000];
	_Atomic unsigned workers;
};

static void
mark(void *ctx, size_t item, unsigned worker)
{
	struct tally *t = ctx;

	atomic_fetch_add(&t->count[item], 1);
	atomic_fetch_or(&t->workers, 1u << worker);
}

static void
every_item_runs_once(void **state)
{
	static struct tally t;
	struct pool *p;

	(void)state;
	for (unsigned threads = 1; threads <= 8; threads++) {
		assert_int_equal(pool_create(&p, threads, NULL), B3IQ_OK);
		assert_int_equal(pool_threads(p), threads);
		for (size_t round = 0; round < 400; round++) {
			const size_t n = round * 13 % 1000;

			for (size_t i = 0; i < 1000; i++)
				atomic_store(&t.count[i], 0);
			pool_run(p, mark, &t, n);
			for (size_t i = 0; i < 1000; i++)
				assert_int_equal(atomic_load(&t.count[i]), i < n);
		}
		assert_true(atomic_load(&t.workers) < 1u << threads);
		pool_destroy(p);
	}
}

/* Jobs that follow each other at once: a worker that is late must not touch the next one. */
static void
jobs_do_not_mix(void **state)
{
	static struct tally a, b;
	struct pool *p;

	(void)state;
	assert_int_equal(pool_create(&p, 4, NULL), B3IQ_OK);
	for (unsigned round = 1; round <= 20000; round++) {
		pool_run(p, mark, &a, 2);
		pool_run(p, mark, &b, 3);
		assert_int_equal(atomic_load(&a.count[1]), round);
		assert_int_equal(atomic_load(&b.count[2]), round);
		assert_int_equal(atomic_load(&a.count[2]), 0);
	}
	pool_destroy(p);
}

static void
sleepers_wake(void **state)
{
	static struct tally t;
	struct pool *p;

	(void)state;
	assert_int_equal(pool_create(&p, 3, NULL), B3IQ_OK);
	for (unsigned round = 1; round <= 50; round++) {
		(void)usleep(2000); /* long enough for the workers to sleep */
		pool_run(p, mark, &t, 5);
		assert_int_equal(atomic_load(&t.count[4]), round);
	}
	pool_destroy(p);
	assert_int_equal(pool_create(&p, POOL_MAX_THREADS + 1, NULL), B3IQ_E_INVALID);
	assert_int_equal(pool_create(&p, 0, NULL), B3IQ_OK);
	assert_true(pool_threads(p) >= 1);
	pool_destroy(p);
	pool_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_runs_once),
		cmocka_unit_test(jobs_do_not_mix),
		cmocka_unit_test(sleepers_wake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
