#include "node/worker/deltas.c"

#include <stdatomic.h>
#include <string.h>

#include "desk.h"

static struct desk desk;
static atomic_int lost_calls;

static int
setup(void **state)
{
	(void)state;
	desk_open(&desk);
	atomic_store(&lost_calls, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	desk_close(&desk);
	return 0;
}

static void
on_lost(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&lost_calls, 1);
}

static struct deltas *
open_deltas(const char *url)
{
	struct deltas *d = deltas_open(&(struct deltas_options){
		.url = url, .key = DESK_KEY, .job = "j", .lease = "l", .lost = on_lost });

	assert_non_null(d);
	return d;
}

/* All that was said arrives, in order, once, however it was cut; also through failures. */
static void
test_whole(void **state)
{
	struct deltas *d = open_deltas(desk.url);
	char wanted[2048] = "", piece[16];

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.refuse = "/delta";
	desk.refuse_status = 503;
	desk.refuse_left = 2;
	pthread_mutex_unlock(&desk.lock);
	for (int i = 0; i < 100; i++) {
		snprintf(piece, sizeof piece, "%d ", i);
		strncat(wanted, piece, sizeof wanted - strlen(wanted) - 1);
		deltas_say(d, piece, strlen(piece));
		if (i == 0)
			free(desk_wait(&desk, "/delta", 2)); /* the first is refused twice */
	}
	free(desk_wait(&desk, "/delta", 3));
	deltas_close(d);
	assert_true(desk_heard(&desk, wanted));
	assert_int_equal(atomic_load(&lost_calls), 0);
}

/* Nobody listens: no more is said. */
static void
test_nobody(void **state)
{
	struct deltas *d = open_deltas(desk.url);
	bool deaf = false;

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.deaf = true;
	pthread_mutex_unlock(&desk.lock);
	deltas_say(d, "a", 1);
	while (!deaf) {
		pthread_mutex_lock(&d->lock);
		deaf = d->deaf;
		pthread_mutex_unlock(&d->lock);
		usleep(1000);
	}
	deltas_say(d, "b", 1);
	deltas_close(d);
	assert_true(desk_heard(&desk, "a"));
	assert_int_equal(desk_count(&desk, "/delta"), 1);
}

static void
test_lost(void **state)
{
	struct deltas *d = open_deltas(desk.url);

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.refuse = "/delta";
	desk.refuse_status = 409;
	desk.refuse_left = -1;
	pthread_mutex_unlock(&desk.lock);
	deltas_say(d, "a", 1);
	while (!atomic_load(&lost_calls))
		usleep(1000);
	deltas_say(d, "b", 1);
	deltas_close(d);
	assert_int_equal(atomic_load(&lost_calls), 1);
	assert_int_equal(desk_count(&desk, "/delta"), 1);
}

/* A coordinator that is away keeps nobody: the job's end is not late for it. */
static void
test_away(void **state)
{
	struct deltas *d = open_deltas("http://127.0.0.1:1");

	(void)state;
	deltas_say(d, "a", 1);
	deltas_close(d);
	assert_int_equal(atomic_load(&lost_calls), 0);
	deltas_say(NULL, "a", 1);
	deltas_close(NULL);
	deltas_close(open_deltas(desk.url)); /* nothing was said */
	assert_int_equal(desk_count(&desk, "/delta"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
