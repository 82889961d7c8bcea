#include "core/http/stream.c"
#include "core/http/server.h"
#include "unit.h"

#include <stdatomic.h>

#define PIECES 2000

static atomic_int written, result, ended;

/* PIECES events of 100 bytes, then a proper end. */
static void
events(struct http_request *rq, struct http_response *rs)
{
	char line[101];
	int32_t rc;

	rs->type = "text/event-stream";
	rc = stream_begin(rq, rs);
	for (int i = 0; rc == B3IQ_OK && i < PIECES; i++) {
		snprintf(line, sizeof line, "data: %092d\n\n", i);
		rc = stream_write(rq, line, 100);
		written = i;
	}
	stream_end(rq, true);
	result = rc;
	ended++;
}

static void
forgetful(struct http_request *rq, struct http_response *rs)
{
	stream_begin(rq, rs);
	stream_write(rq, "half", 4);
}

static void
endless(struct http_request *rq, struct http_response *rs)
{
	int32_t rc = stream_begin(rq, rs);

	for (written = 0; rc == B3IQ_OK; written++)
		rc = stream_write(rq, "0123456789", 10), usleep(100);
	result = rc;
	ended++;
}

/* Silent after its start: only the cancel descriptor tells. */
static void
silent(struct http_request *rq, struct http_response *rs)
{
	struct pollfd p = { .fd = request_cancel_fd(rq), .events = POLLIN };

	stream_begin(rq, rs);
	stream_write(rq, "x", 1);
	assert_int_equal(poll(&p, 1, 20000), 1);
	result = stream_write(rq, "y", 1);
	ended++;
}

static void
flood(struct http_request *rq, struct http_response *rs)
{
	static char block[100000];
	int32_t rc = stream_begin(rq, rs);

	while (rc == B3IQ_OK)
		rc = stream_write(rq, block, sizeof block);
	result = rc;
	ended++;
}

static const struct http_route table[] = {
	{ "GET", "/events", events, NULL, 0 },   { "GET", "/forgetful", forgetful, NULL, 0 },
	{ "GET", "/endless", endless, NULL, 0 }, { "GET", "/silent", silent, NULL, 0 },
	{ "GET", "/flood", flood, NULL, 0 },
};

static struct server *
serve(uint32_t write_ms)
{
	const struct server_options o = { .routes = table, .n_routes = 5, .write_ms = write_ms };
	struct server *sv;

	assert_int_equal(server_create(&sv, &o, NULL), B3IQ_OK);
	result = ended = written = 0;
	return sv;
}

static void
test_whole(void **state)
{
	struct server *sv = serve(0);
	char *got, last[120];

	(void)state;
	got = raw_ask(server_port(sv), "GET /events HTTP/1.1\r\nHost: localhost\r\n"
	                               "Connection: close\r\n\r\n");
	assert_int_equal(raw_status(got), 200);
	assert_non_null(strstr(got, "Transfer-Encoding: chunked"));
	snprintf(last, sizeof last, "data: %092d\n\n", PIECES - 1);
	assert_string_equal(got + strlen(got) - 5, "0\r\n\r\n");
	assert_non_null(strstr(raw_joined(got), last));
	assert_int_equal(result, B3IQ_OK);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_cut_when_not_whole(void **state)
{
	struct server *sv = serve(0);
	char *got;

	(void)state;
	got = raw_ask(server_port(sv), "GET /forgetful HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_non_null(strstr(got, "half"));
	assert_string_not_equal(got + strlen(got) - 5, "0\r\n\r\n");
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
leave(const char *request, const char *until)
{
	struct server *sv = serve(0);
	const int fd = raw_connect(server_port(sv));

	raw_send(fd, request);
	raw_read(fd, until);
	close(fd);
	while (!ended)
		usleep(1000);
	assert_int_equal(result, B3IQ_E_CANCELLED);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_client_leaves(void **state)
{
	(void)state;
	leave("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n", "0123");
	leave("GET /silent HTTP/1.1\r\nHost: localhost\r\n\r\n", "x\r\n");
}

/* A client that reads nothing holds no more than the queue, and not for ever. */
static void
test_slow_client(void **state)
{
	struct server *sv = serve(300);
	const int fd = raw_connect(server_port(sv));

	(void)state;
	raw_send(fd, "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
	while (!ended)
		usleep(1000);
	assert_int_equal(result, B3IQ_E_TIMEOUT);
	close(fd);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_many_at_once(void **state)
{
	struct server *sv = serve(0);
	int fds[64];
	char last[120];

	(void)state;
	snprintf(last, sizeof last, "data: %092d\n\n", PIECES - 1);
	for (int i = 0; i < 64; i++) {
		fds[i] = raw_connect(server_port(sv));
		raw_send(fds[i], "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	for (int i = 0; i < 64; i++) {
		assert_non_null(strstr(raw_joined(raw_read(fds[i], "\r\n0\r\n\r\n")), last));
		close(fds[i]);
	}
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_stop_while_streaming(void **state)
{
	struct server *sv = serve(0);
	const int fd = raw_connect(server_port(sv));

	(void)state;
	raw_send(fd, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_read(fd, "0123");
	assert_int_equal(server_destroy(sv, 200), B3IQ_OK);
	assert_int_equal(result, B3IQ_E_CANCELLED);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_when_not_whole),
		cmocka_unit_test(test_client_leaves),
		cmocka_unit_test(test_slow_client),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_stop_while_streaming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
