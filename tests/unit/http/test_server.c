#include "core/http/server.c"
#include "unit.h"

static atomic_int calls, dones;

static void
hello(struct http_request *rq, struct http_response *rs)
{
	const char *name = request_query(rq, "name");

	calls++;
	response_text(rs, 200, "text/plain", name ? name : "hello");
}

static void
echo(struct http_request *rq, struct http_response *rs)
{
	buf_append(&rs->body, rq->body, rq->body_len);
	rs->type = "text/plain";
}

static void
slow(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	usleep(1200000);
	response_text(rs, 200, "text/plain", "slow");
}

/* Works until it is told to stop. */
static void
endless(struct http_request *rq, struct http_response *rs)
{
	struct pollfd p = { .fd = request_cancel_fd(rq), .events = POLLIN };

	calls++;
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(request_gone(rq));
	response_text(rs, 200, "text/plain", "stopped");
}

static bool
gate(struct http_request *rq, struct http_response *rs)
{
	if (!rq->route->scope)
		return true;
	response_error(rs, 401, "invalid_api_key", NULL, "no");
	return false;
}

static void
done(const struct http_request *rq, int status, uint64_t bytes)
{
	(void)rq, (void)status, (void)bytes;
	dones++;
}

static const struct http_route table[] = {
	{ "GET", "/hello", hello, NULL, 0 },
	{ "POST", "/echo", echo, NULL, 1000 },
	{ "GET", "/slow", slow, NULL, 0 },
	{ "GET", "/endless", endless, NULL, 0 },
	{ "GET", "/closed", hello, "admin", 0 },
};
static const char *origins[] = { "https://app.example" };

static struct server *
serve(struct server_options o)
{
	struct b3iq_error err = NO_ERROR;
	struct server *sv;

	o.routes = table;
	o.n_routes = sizeof table / sizeof *table;
	o.gate = gate;
	o.done = done;
	o.guard = (struct guard_rules){ NULL, 0, origins, 1 };
	if (server_create(&sv, &o, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return sv;
}

#define ASK(head) raw_ask(server_port(sv), head "Connection: close\r\n\r\n")

static void
test_answers(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	char *got;

	(void)state;
	got = ASK("GET /hello?name=a%20b+c HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: my-1\r\n");
	assert_int_equal(raw_status(got), 200);
	assert_non_null(strstr(got, "\r\nX-Request-Id: my-1\r\n"));
	assert_non_null(strstr(got, "\r\n\r\na b c"));
	got = ASK("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n");
	assert_int_equal(raw_status(got), 200);
	assert_non_null(strstr(got, "Content-Length: 5\r\n"));
	assert_string_equal(got + strlen(got) - 4, "\r\n\r\n");
	got = ASK("GET /nothing HTTP/1.1\r\nHost: localhost\r\n");
	assert_int_equal(raw_status(got), 404);
	assert_non_null(strstr(got, "\"code\":\"not_found\""));
	assert_non_null(strstr(got, "X-Request-Id: req_"));
	got = ASK("PUT /hello HTTP/1.1\r\nHost: localhost\r\n");
	assert_int_equal(raw_status(got), 405);
	assert_non_null(strstr(got, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	got = ASK("GET /closed HTTP/1.1\r\nHost: localhost\r\n");
	assert_int_equal(raw_status(got), 401);
	got = raw_ask(server_port(sv), "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	assert_non_null(strstr(got, "\r\n\r\nabcde"));
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_keep_alive(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	const int fd = raw_connect(server_port(sv));

	(void)state;
	for (int i = 0; i < 3; i++) {
		raw_send(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assert_int_equal(raw_status(raw_read(fd, "hello")), 200);
		raw_send(fd, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assert_int_equal(raw_status(raw_read(fd, "}}")), 404);
	}
	/* two at once: the answers come in order */
	raw_send(fd, "GET /hello?name=first HTTP/1.1\r\nHost: localhost\r\n\r\n"
	             "GET /hello?name=second HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_non_null(strstr(raw_read(fd, "second"), "first"));
	close(fd);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_hostile(void **state)
{
	static const struct {
		const char *text;
		int         status;
	} cases[] = {
		{ "GET /hello HTTP/1.1\r\n\r\n", 400 },
		{ "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
		{ "GET /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403 },
		{ "GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400 },
		{ "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400 },
		{ "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"
		  "abc", 400 },
		{ "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n", 501 },
		{ "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -3\r\n\r\nabc", 400 },
		{ "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\nabc", 413 },
		{ "GET /hello HTTP/1.1\r\nHost: localhost\r\nbad name: x\r\n\r\n", 400 },
	};
	struct server *sv = serve((struct server_options){ 0 });
	int before;

	(void)state;
	calls = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const int status = raw_status(raw_ask(server_port(sv), cases[i].text));

		if (status != cases[i].status)
			fail_msg("%d instead of %d for %s", status, cases[i].status, cases[i].text);
	}
	before = calls;
	assert_int_equal(before, 0);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

/* A body over the limit is read to its end while that is reasonable, so that 413 arrives. */
static void
test_body_limit(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	char head[200], *body = calloc(1, 200001);
	int fd;

	(void)state;
	memset(body, 'x', 200000);
	fd = raw_connect(server_port(sv));
	snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n"
	                            "\r\n");
	raw_send(fd, head);
	raw_send(fd, body);
	assert_int_equal(raw_status(raw_read(fd, "}}")), 413);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok");
	assert_int_equal(raw_status(raw_read(fd, "\r\n\r\nok")), 200);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	             "4e20\r\n");
	body[20000] = '\0';
	raw_send(fd, body);
	raw_send(fd, "\r\n0\r\n\r\n");
	assert_int_equal(raw_status(raw_read(fd, "}}")), 413);
	close(fd);
	free(body);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

/* All bodies together have a limit, too; what was held is given back. */
static void
test_all_bodies(void **state)
{
	struct server *sv = serve((struct server_options){ .bodies = 1500 });
	const int held = raw_connect(server_port(sv));
	char body[701] = "";

	(void)state;
	memset(body, 'x', 700);
	raw_send(held, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n");
	raw_send(held, body);
	while (atomic_load(&sv->bodies) < 700)
		usleep(1000);
	for (int i = 0; i < 2; i++) {
		const int fd = raw_connect(server_port(sv));

		raw_send(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n");
		raw_send(fd, body);
		raw_send(fd, body + 500);
		assert_int_equal(raw_status(raw_read(fd, "}}")), 503);
		close(fd);
	}
	close(held);
	while (atomic_load(&sv->bodies) > 0)
		usleep(1000);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_cors(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	char *got;

	(void)state;
	got = ASK("GET /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n");
	assert_non_null(strstr(got, "Access-Control-Allow-Origin: https://app.example\r\n"));
	got = ASK("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
	          "Access-Control-Request-Method: POST\r\n");
	assert_int_equal(raw_status(got), 204);
	assert_non_null(strstr(got, "Access-Control-Allow-Methods: POST\r\n"));
	got = ASK("GET /hello HTTP/1.1\r\nHost: localhost\r\n");
	assert_null(strstr(got, "Access-Control"));
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

/* A byte now and then does not keep a connection; an idle one ends, too. */
static void
test_deadlines(void **state)
{
	struct server *sv = serve((struct server_options){
		.header_ms = 300, .body_ms = 300, .idle_ms = 1000 });
	const int head = raw_connect(server_port(sv));
	const int body = raw_connect(server_port(sv));
	const uint64_t from = clock_mono_ms();
	char byte;

	(void)state;
	raw_send(body, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n");
	while (send(head, "G", 1, MSG_NOSIGNAL) == 1 && recv(head, &byte, 1, MSG_DONTWAIT) != 0 &&
	       clock_mono_ms() - from < 15000)
		usleep(50000);
	while (send(body, "G", 1, MSG_NOSIGNAL) == 1 && recv(body, &byte, 1, MSG_DONTWAIT) != 0 &&
	       clock_mono_ms() - from < 15000)
		usleep(50000);
	assert_true(clock_mono_ms() - from < 15000);
	close(head);
	close(body);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

/* A handler may take longer than a connection may be idle. */
static void
test_slow_handler(void **state)
{
	struct server *sv = serve((struct server_options){ .idle_ms = 1000, .header_ms = 500 });

	(void)state;
	assert_int_equal(raw_status(ASK("GET /slow HTTP/1.1\r\nHost: localhost\r\n")), 200);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_client_leaves(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	int fds[30];

	(void)state;
	calls = dones = 0;
	for (int i = 0; i < 30; i++) {
		fds[i] = raw_connect(server_port(sv));
		raw_send(fds[i], "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	while (calls < 30)
		usleep(1000);
	for (int i = 0; i < 30; i++)
		close(fds[i]);
	while (dones < 30)
		usleep(1000);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

static void
test_overload(void **state)
{
	struct server *sv = serve((struct server_options){ .workers = 2, .queue = 1,
	                                                   .connections = 6 });
	int fds[8], busy = 0;

	(void)state;
	calls = 0;
	for (int i = 0; i < 2; i++) {
		fds[i] = raw_connect(server_port(sv));
		raw_send(fds[i], "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	while (calls < 2)
		usleep(1000);
	for (int i = 2; i < 5; i++) {
		fds[i] = raw_connect(server_port(sv));
		raw_send(fds[i], "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	for (int i = 2; i < 5; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		if (poll(&p, 1, 500) == 1)
			busy += raw_status(raw_read(fds[i], "}}")) == 503;
	}
	assert_int_equal(busy, 2);
	for (int i = 5; i < 8; i++)
		fds[i] = raw_connect(server_port(sv));
	raw_send(fds[7], "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_non_null(strstr(raw_read(fds[7], NULL), "too_many_connections"));
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	assert_int_equal(server_destroy(sv, 5000), B3IQ_OK);
}

/* Stopping lets a running handler finish, and cancels one that would never. */
static void
test_drain(void **state)
{
	struct server *sv = serve((struct server_options){ 0 });
	const int a = raw_connect(server_port(sv)), b = raw_connect(server_port(sv));
	char *got;

	(void)state;
	calls = 0;
	raw_send(a, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_send(b, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
	while (calls < 1)
		usleep(1000);
	usleep(50000);
	assert_int_equal(server_destroy(sv, 2500), B3IQ_OK);
	got = raw_read(a, NULL);
	assert_int_equal(raw_status(got), 200);
	assert_non_null(strstr(got, "Connection: close"));
	close(a);
	close(b);
}

static void
test_bad_address(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct server_options o = { .address = "localhost" };
	struct server *sv = serve((struct server_options){ 0 }), *second;

	(void)state;
	assert_int_equal(server_create(&second, &o, &err), B3IQ_E_INVALID);
	o = (struct server_options){ .port = server_port(sv) };
	assert_int_equal(server_create(&second, &o, &err), B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "node.listen.port"));
	assert_int_equal(server_destroy(sv, 100), B3IQ_OK);
	assert_int_equal(server_destroy(NULL, 100), B3IQ_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_all_bodies),
		cmocka_unit_test(test_cors),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_slow_handler),
		cmocka_unit_test(test_client_leaves),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_bad_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
