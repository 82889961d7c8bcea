/* Turns, deadlines, cancels and hangs, without any plugin. */
#include "live.h"

#include "core/plugin/instance/roster.c"

#include <sys/eventfd.h>

struct bench {
	struct roster r;
	struct roster_run *run;
	int epoll, wake;
};

static void
bench_open(struct bench *b, uint32_t width)
{
	const struct roster_limits limits = { .patience_ms = 50, .stall_ms = 1000, .call_ms = 2000,
	                                      .cancel_ms = 500 };

	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	roster_init(&b->r, "test", b->epoll, b->wake, &limits);
	b->run = roster_run_create(NULL, NULL);
	if (width > 0)
		roster_open(&b->r, b->run, width);
}

static void
bench_close(struct bench *b)
{
	roster_run_release(b->run);
	roster_finish(&b->r);
	close(b->epoll);
	close(b->wake);
}

static void
test_closed(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct roster_call c;
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, &err), B3IQ_E_UNAVAILABLE);
	roster_close(&b.r, false, B3IQ_E_BUSY, 77, "because");
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, &err), B3IQ_E_BUSY);
	assert_string_equal(err.text, "because");
	assert_int_equal(err.retry_ms, 77);
	/* It may open: waits as long as its patience, or its deadline. */
	roster_close(&b.r, true, B3IQ_E_UNAVAILABLE, 0, "soon");
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, &err), B3IQ_E_UNAVAILABLE);
	assert_int_equal(roster_enter(&b.r, &c, NULL, clock_mono_ms() + 5, &err), B3IQ_E_TIMEOUT);
	assert_int_equal(b.r.n, 0);
	bench_close(&b);
}

static void *
open_later(void *arg)
{
	struct bench *b = arg;

	usleep(20000);
	roster_open(&b->r, b->run, 4);
	return NULL;
}

static void
test_waits_for_opening(void **state)
{
	struct roster_call c;
	pthread_t thread;
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	b.r.limits.patience_ms = 60000;
	roster_close(&b.r, true, B3IQ_E_UNAVAILABLE, 0, "soon");
	pthread_create(&thread, NULL, open_later, &b);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, NULL), B3IQ_OK);
	assert_ptr_equal(c.run, b.run);
	assert_int_equal(roster_leave(&c, B3IQ_OK, NULL), B3IQ_OK);
	pthread_join(thread, NULL);
	bench_close(&b);
}

struct entrant {
	struct bench *b;
	int number, *order, *n;
	pthread_t thread;
};

static void *
enter_main(void *arg)
{
	struct entrant *e = arg;
	struct roster_call c;

	if (roster_enter(&e->b->r, &c, NULL, 0, NULL) == B3IQ_OK) {
		e->order[(*e->n)++] = e->number; /* the width is one */
		roster_leave(&c, B3IQ_OK, NULL);
	}
	return NULL;
}

static void
test_one_at_a_time_in_order(void **state)
{
	int order[16] = { 0 }, n = 0;
	uint32_t running, waiting;
	struct entrant e[16];
	struct roster_call c;
	struct bench b;

	(void)state;
	bench_open(&b, 1);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, NULL), B3IQ_OK);
	for (int i = 0; i < 16; i++) {
		e[i] = (struct entrant){ .b = &b, .number = i, .order = order, .n = &n };
		pthread_create(&e[i].thread, NULL, enter_main, &e[i]);
		do
			roster_count(&b.r, &running, &waiting);
		while (waiting != (uint32_t)i + 1);
		assert_int_equal(running, 1);
	}
	roster_leave(&c, B3IQ_OK, NULL);
	for (int i = 0; i < 16; i++)
		pthread_join(e[i].thread, NULL);
	assert_int_equal(n, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(order[i], i);
	bench_close(&b);
}

static void
test_no_more_than_so_many(void **state)
{
	struct roster_call *c = calloc(INSTANCE_CALLS + 1, sizeof *c);
	struct b3iq_error err = NO_ERROR;
	struct bench b;

	(void)state;
	bench_open(&b, INSTANCE_CALLS);
	for (size_t i = 0; i < INSTANCE_CALLS; i++)
		assert_int_equal(roster_enter(&b.r, &c[i], NULL, 0, &err), B3IQ_OK);
	assert_int_equal(roster_enter(&b.r, &c[INSTANCE_CALLS], NULL, 0, &err), B3IQ_E_BUSY);
	for (size_t i = 0; i < INSTANCE_CALLS; i++)
		roster_leave(&c[i], B3IQ_OK, NULL);
	free(c);
	bench_close(&b);
}

static int32_t
emit_one(struct roster_call *c)
{
	const int32_t id = 5;
	const struct b3iq_chunk k = { .size = sizeof k, .n_ids = 1, .ids = &id, .text = "x",
	                              .text_len = 1 };

	return c->sink.emit(&c->sink, &k);
}

static bool
fd_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
test_stops_reach_the_plugin(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct epoll_event e;
	struct live_sink s;
	struct roster_call c;
	struct bench b;

	(void)state;
	bench_open(&b, 4);
	live_sink_init(&s);
	s.sink.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(roster_enter(&b.r, &c, &s.sink, 0, &err), B3IQ_OK);
	assert_int_equal(emit_one(&c), B3IQ_OK);
	assert_true(c.n_ids == 1 && c.shows_ids);
	assert_false(fd_readable(c.sink.cancel_fd));
	assert_int_equal(write(s.sink.cancel_fd, &(uint64_t){ 1 }, 8), 8);
	assert_int_equal(epoll_wait(b.epoll, &e, 1, 60000), 1);
	assert_int_equal(e.data.u64, c.id);
	roster_cancelled(&b.r, e.data.u64);
	roster_cancelled(&b.r, e.data.u64 + 100); /* of no call */
	assert_int_equal(epoll_wait(b.epoll, &e, 1, 0), 0); /* once is enough: nobody spins on it */
	assert_true(fd_readable(c.sink.cancel_fd));
	assert_int_equal(emit_one(&c), B3IQ_E_CANCELLED);
	assert_int_equal(s.chunks, 1);
	/* Whatever the plugin makes of it; but what it finished in time, it finished. */
	assert_int_equal(roster_leave(&c, B3IQ_E_INTERNAL, &err), B3IQ_E_CANCELLED);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, &err), B3IQ_OK);
	roster_cancel_all(&b.r, B3IQ_E_CANCELLED);
	assert_int_equal(roster_leave(&c, B3IQ_OK, &err), B3IQ_OK);
	close(s.sink.cancel_fd);
	buf_free(&s.text);
	bench_close(&b);
}

static void *
enter_cancelled(void *arg)
{
	struct entrant *e = arg;
	struct roster_call c;

	e->number = roster_enter(&e->b->r, &c, NULL, 0, NULL);
	return NULL;
}

/* A call that waits for its turn, without a deadline, hears of the stop. */
static void
test_stops_reach_those_that_wait(void **state)
{
	uint32_t running, waiting;
	struct roster_call c;
	struct entrant e;
	struct bench b;

	(void)state;
	bench_open(&b, 1);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, NULL), B3IQ_OK);
	e = (struct entrant){ .b = &b };
	pthread_create(&e.thread, NULL, enter_cancelled, &e);
	do
		roster_count(&b.r, &running, &waiting);
	while (waiting != 1);
	roster_cancel_all(&b.r, B3IQ_E_CANCELLED);
	pthread_join(e.thread, NULL);
	assert_int_equal(e.number, B3IQ_E_CANCELLED);
	roster_leave(&c, B3IQ_OK, NULL);
	bench_close(&b);
}

static void
test_watch(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct live_sink s;
	struct roster_call c;
	struct bench b;
	uint64_t now, due;
	char why[160];

	(void)state;
	bench_open(&b, 4);
	live_sink_init(&s);
	now = clock_mono_ms();
	/* A deadline: told to stop at once, hung when it does not in time. */
	assert_int_equal(roster_enter(&b.r, &c, &s.sink, now + 300000, &err), B3IQ_OK);
	due = UINT64_MAX;
	assert_false(roster_watch(&b.r, now, &due, why));
	assert_true(due <= now + 2000);
	c.deadline_ms = now + 100;
	assert_false(roster_watch(&b.r, now + 100, &due, why));
	assert_int_equal(emit_one(&c), B3IQ_E_TIMEOUT);
	assert_true(roster_watch(&b.r, clock_mono_ms() + 501, &due, why));
	assert_non_null(strstr(why, "did not stop"));
	assert_int_equal(roster_leave(&c, B3IQ_E_CANCELLED, &err), B3IQ_E_TIMEOUT);
	/* A stream that stalls; not while our own sink keeps it waiting. */
	assert_int_equal(roster_enter(&b.r, &c, &s.sink, 0, &err), B3IQ_OK);
	now = clock_mono_ms();
	assert_false(roster_watch(&b.r, now + 900, &due, why));
	atomic_store(&c.in_emit, true);
	assert_false(roster_watch(&b.r, now + 5000, &due, why));
	atomic_store(&c.in_emit, false);
	assert_true(roster_watch(&b.r, now + 5000, &due, why));
	assert_non_null(strstr(why, "no token for 1000 ms"));
	roster_leave(&c, B3IQ_OK, &err);
	/* Any other call. */
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, &err), B3IQ_OK);
	now = clock_mono_ms();
	assert_false(roster_watch(&b.r, now + 1900, &due, why));
	assert_true(roster_watch(&b.r, now + 2100, &due, why));
	roster_leave(&c, B3IQ_OK, &err);
	bench_close(&b);
}

static void
test_a_run_outlives_its_roster_turn(void **state)
{
	struct roster_call c;
	struct bench b;
	uint64_t count;

	(void)state;
	bench_open(&b, 4);
	assert_int_equal(roster_enter(&b.r, &c, NULL, 0, NULL), B3IQ_OK);
	roster_close(&b.r, false, B3IQ_E_UNAVAILABLE, 0, "gone");
	roster_run_release(b.run);
	b.run = NULL;
	assert_int_equal(atomic_load(&c.run->refs), 1); /* the call's */
	assert_false(fd_readable(b.wake));
	roster_leave(&c, B3IQ_OK, NULL);
	assert_int_equal(read(b.wake, &count, 8), 8); /* who waits for the last one hears of it */
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed), cmocka_unit_test(test_waits_for_opening),
		cmocka_unit_test(test_one_at_a_time_in_order), cmocka_unit_test(test_no_more_than_so_many),
		cmocka_unit_test(test_stops_reach_the_plugin),
		cmocka_unit_test(test_stops_reach_those_that_wait), cmocka_unit_test(test_watch),
		cmocka_unit_test(test_a_run_outlives_its_roster_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
