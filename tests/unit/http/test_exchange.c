#include "core/http/exchange.c"
#include "unit.h"

/* An exchange that no connection stands behind. */
static struct server_exchange *
detached(void)
{
	struct server_exchange *ex = calloc(1, sizeof *ex);

	assert_non_null(ex);
	pthread_mutex_init(&ex->lock, NULL);
	pthread_cond_init(&ex->moved, NULL);
	ex->refs = 1;
	ex->cancel_fd = -1;
	ex->rq.exchange = ex;
	buf_init(&ex->queue, STREAM_QUEUE);
	buf_init(&ex->body, 0);
	response_init(&ex->rs);
	return ex;
}

static void
test_cancel_fd(void **state)
{
	struct server_exchange *early = detached(), *late = detached();
	struct pollfd p = { .events = POLLIN };

	(void)state;
	p.fd = exchange_cancel_fd(early);
	assert_int_equal(p.fd, exchange_cancel_fd(early));
	assert_int_equal(poll(&p, 1, 0), 0);
	exchange_gone(early);
	exchange_gone(early);
	assert_int_equal(poll(&p, 1, 0), 1);
	exchange_gone(late); /* gone before anybody asked */
	p.fd = exchange_cancel_fd(late);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(exchange_is_gone(late));
	exchange_unref(early);
	exchange_unref(late);
}

static void
test_read(void **state)
{
	struct server_exchange *ex = detached();
	char out[10];

	(void)state;
	ex->phase = EXCHANGE_STREAMING;
	buf_append(&ex->queue, "hello world", 11);
	assert_int_equal(exchange_read(ex, 0, out, 10), 10);
	assert_memory_equal(out, "hello worl", 10);
	ex->ended = true;
	assert_int_equal(exchange_read(ex, 10, out, 10), 1);
	assert_int_equal(exchange_read(ex, 11, out, 10), MHD_CONTENT_READER_END_WITH_ERROR);
	ex->whole = true;
	assert_int_equal(exchange_read(ex, 11, out, 10), MHD_CONTENT_READER_END_OF_STREAM);
	assert_int_equal(ex->sent, 11);
	exchange_gone(ex);
	assert_int_equal(exchange_read(ex, 11, out, 10), MHD_CONTENT_READER_END_WITH_ERROR);
	exchange_ref(ex);
	exchange_read_end(ex);
	exchange_unref(ex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_fd),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
