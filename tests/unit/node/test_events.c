#include "node/openai/events.c"
#include "core/http/server.h"
#include "../http/unit.h"

static struct events_pinger *pinger;

/* Says nothing for a while, then one event and the end. */
static void
slow(struct http_request *rq, struct http_response *rs)
{
	struct events e;

	events_open(&e, pinger, rq, rs);
	usleep(400000);
	assert_int_equal(events_send(&e, json_object_new_string("x")), B3IQ_OK);
	assert_int_equal(events_text(&e, "[DONE]"), B3IQ_OK);
	assert_true(events_close(&e, true));
}

/* Fails before anything was sent: the response is still its own. */
static void
failing(struct http_request *rq, struct http_response *rs)
{
	struct events e;

	events_open(&e, pinger, rq, rs);
	assert_int_equal(events_send(&e, NULL), B3IQ_E_NO_MEMORY);
	assert_false(events_close(&e, true));
	response_error(rs, 429, "overloaded", NULL, "later");
}

static void
endless(struct http_request *rq, struct http_response *rs)
{
	struct events e;
	int32_t rc;

	events_open(&e, pinger, rq, rs);
	do {
		usleep(1000);
		rc = events_text(&e, "more");
	} while (rc == B3IQ_OK);
	assert_int_equal(rc, B3IQ_E_CANCELLED);
	events_close(&e, true);
}

static const struct http_route table[] = {
	{ "GET", "/slow", slow, NULL, 0 },
	{ "GET", "/failing", failing, NULL, 0 },
	{ "GET", "/endless", endless, NULL, 0 },
};

static struct server *sv;

static int
setup(void **state)
{
	(void)state;
	pinger = events_pinger_create(60, NULL);
	return pinger ? server_create(&sv, &(struct server_options){ .routes = table, .n_routes = 3 }, NULL)
	              : -1;
}

static int
teardown(void **state)
{
	(void)state;
	if (server_destroy(sv, 5000) != B3IQ_OK)
		return -1;
	events_pinger_destroy(pinger);
	events_pinger_destroy(NULL);
	return 0;
}

static void
test_ping(void **state)
{
	char *got = raw_ask(server_port(sv), "GET /slow HTTP/1.1\r\nHost: localhost\r\n"
	                                     "Connection: close\r\n\r\n");
	int pings = 0;

	(void)state;
	assert_int_equal(raw_status(got), 200);
	assert_non_null(strstr(got, "text/event-stream"));
	assert_non_null(strstr(got, "data: \"x\"\n\n"));
	assert_non_null(strstr(got, "data: [DONE]\n\n"));
	for (char *at = got; (at = strstr(at, ": ping\n\n")); at++)
		pings++;
	assert_true(pings >= 2);
}

static void
test_late_status(void **state)
{
	(void)state;
	assert_int_equal(raw_status(raw_ask(server_port(sv), "GET /failing HTTP/1.1\r\nHost: localhost\r\n"
	                                                     "Connection: close\r\n\r\n")), 429);
}

static void
test_leaves(void **state)
{
	const int fd = raw_connect(server_port(sv));
	unsigned connections, running;

	(void)state;
	raw_send(fd, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_read(fd, "more");
	close(fd);
	do {
		usleep(1000);
		server_count(sv, &connections, &running);
	} while (running);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping), cmocka_unit_test(test_late_status), cmocka_unit_test(test_leaves),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
