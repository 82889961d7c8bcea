/* Every allocation of the room failed in turn: a document, a head or an event is whole or refused,
 * a client says why, and a server lives on. */
#include "../check.h"
#include "../torture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/http/client.h"
#include "core/http/exchange.h"
#include "core/http/server.h"
#include "core/http/sse.h"

/* ---- what a handler makes ---- */

static int32_t
document(void *arg)
{
	struct http_response rs;
	int32_t rc;

	(void)arg;
	response_init(&rs);
	rc = response_set(&rs, "X-One", "%d", 1);
	if (rc == B3IQ_OK)
		rc = response_set(&rs, "x-one", "%s", "another"); /* replaces it */
	if (rc == B3IQ_OK)
		rc = response_set(&rs, "X-Two", "2");
	if (rc == B3IQ_OK && (rs.n_headers != 2 || strcmp(rs.headers[0].value, "another") != 0))
		rc = B3IQ_E_INTERNAL;
	response_error(&rs, 404, "model_not_found", "model", "there is no %s", "such model");
	if (rc == B3IQ_OK && rs.status == 500)
		rc = B3IQ_E_NO_MEMORY;
	else if (rc == B3IQ_OK && !strstr(rs.body.data, "\"param\":\"model\",\"code\":\"model_not_"))
		rc = B3IQ_E_INTERNAL; /* a client must not miss what the error is about */
	response_finish(&rs);
	return rc;
}

static int32_t
take_event(void *ctx, const char *event, const char *data, size_t len)
{
	(void)len;
	*(int *)ctx += strcmp(event, "news") == 0 && strcmp(data, "one\ntwo") == 0;
	return B3IQ_OK;
}

/* Out and in again, in small pieces. */
static int32_t
events(void *arg)
{
	struct sse_parser parser;
	struct buf out;
	int found = 0;
	int32_t rc;

	(void)arg;
	buf_init(&out, 1000);
	sse_parser_init(&parser, 1000);
	rc = sse_comment(&out, "hello");
	if (rc == B3IQ_OK)
		rc = sse_event(&out, "news", "one\ntwo", 7);
	if (rc == B3IQ_OK)
		rc = sse_event(&out, "news", "one\ntwo", 7);
	for (size_t i = 0; i < out.len && rc == B3IQ_OK; i++)
		rc = sse_parse(&parser, out.data + i, 1, take_event, &found);
	if (rc == B3IQ_OK && found != 2)
		rc = B3IQ_E_INTERNAL;
	sse_parser_finish(&parser);
	buf_free(&out);
	return rc;
}

/* An exchange without a connection: head copied, stream queued and taken. */
static int32_t
exchange(void *arg)
{
	struct server_exchange *ex = exchange_create(NULL, "POST", "/v1/some%20thing");
	char got[16] = "";
	int32_t rc;

	(void)arg;
	if (!ex)
		return B3IQ_E_NO_MEMORY;
	rc = strcmp(ex->rq.path, "/v1/some%20thing") == 0 ? B3IQ_OK : B3IQ_E_INTERNAL;
	if (rc == B3IQ_OK)
		rc = stream_begin(&ex->rq, &ex->rs);
	if (rc == B3IQ_OK)
		rc = stream_write(&ex->rq, "hello", 5);
	if (rc == B3IQ_OK && (exchange_read(ex, 0, got, sizeof got) != 5 || strcmp(got, "hello") != 0))
		rc = B3IQ_E_INTERNAL;
	stream_end(&ex->rq, rc == B3IQ_OK);
	exchange_unref(ex);
	return rc;
}

/* ---- client and server, each against a sound peer ---- */

static void
echo(struct http_request *rq, struct http_response *rs)
{
	if (strcmp(rq->method, "PUT") != 0 ||
	    buf_append(&rs->body, rq->body, rq->body_len) != B3IQ_OK ||
	    response_set(rs, "X-B3IQ-Receipt", "rcpt_1") != B3IQ_OK)
		response_error(rs, 500, "no_memory", NULL, "no memory for the echo");
	else
		rs->type = "text/plain";
}

static const struct http_route routes[] = { { "PUT", "/echo", echo, NULL, 1000 } };
static const struct server_options options = { .routes = routes, .n_routes = 1 };

/* A server in a process of its own, where no allocation fails. */
static pid_t
serve(uint16_t *port)
{
	struct server *server;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (server_create(&server, &options, NULL) != B3IQ_OK)
			_exit(1);
		*port = server_port(server);
		if (write(fds[1], port, sizeof *port) != sizeof *port)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], port, sizeof *port), sizeof *port);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

/* arg: the URL. */
static int32_t
call(void *arg)
{
	static const char *const headers[] = { "Authorization: Bearer x", "X-Request-Id: r", NULL };
	const struct client_request rq = { .method = "PUT", .url = arg, .headers = headers,
		.body = "hello", .body_len = 5 };
	struct client_reply reply;
	struct client *client;
	int32_t rc = client_create(&client, NULL);

	client_reply_init(&reply, 1000);
	if (rc == B3IQ_OK)
		rc = client_call(client, &rq, &reply, NULL);
	/* Never another method, never half an answer. */
	if (rc == B3IQ_OK && (reply.status != 200 || strcmp(reply.body.data, "hello") != 0 ||
	                      strcmp(reply.receipt, "rcpt_1") != 0))
		rc = B3IQ_E_INTERNAL;
	client_reply_finish(&reply);
	client_destroy(client);
	return rc;
}

/* One request without any allocation of ours; the status, 0 where the connection was closed. */
static int
ask(uint16_t port)
{
	static const char request[] = "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
	                              "Content-Type: text/plain\r\nConnection: close\r\n\r\nhello";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char got[4096];
	size_t n = 0;
	ssize_t more;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
	    send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0)
		while ((more = recv(fd, got + n, sizeof got - 1 - n, 0)) > 0)
			n += (size_t)more;
	close(fd);
	got[n] = '\0';
	if (strncmp(got, "HTTP/1.1 ", 9) != 0)
		return 0;
	if (strncmp(got + 9, "200", 3) == 0 && !strstr(got, "\r\n\r\nhello"))
		return -1;
	return (int)strtol(got + 9, NULL, 10);
}

static int32_t
whole_server(void *arg)
{
	struct server *server;
	int32_t rc = server_create(&server, &options, NULL);
	int status;

	(void)arg;
	if (rc != B3IQ_OK)
		return rc;
	status = ask(server_port(server));
	if (status != 200)
		rc = status == 0 || status == 500 || status == 503 ? B3IQ_E_NO_MEMORY :
		                                                     B3IQ_E_INTERNAL;
	if (server_destroy(server, 5000) != B3IQ_OK)
		rc = B3IQ_E_INTERNAL;
	return rc;
}

/* ---- */

static void
test_document(void **state)
{
	(void)state;
	torture("document", document, NULL, 0);
}

static void
test_events(void **state)
{
	(void)state;
	torture("events", events, NULL, 0);
}

static void
test_exchange(void **state)
{
	(void)state;
	torture("exchange", exchange, NULL, 0);
}

static void
test_client(void **state)
{
	char url[64];
	uint16_t port;
	const pid_t pid = serve(&port);

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/echo", port);
	/* libcurl cannot always tell a lack of memory from a server that is not there. */
	torture("client", call, url, B3IQ_E_UNAVAILABLE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
test_server(void **state)
{
	(void)state;
	torture("server", whole_server, NULL, B3IQ_E_UNAVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
