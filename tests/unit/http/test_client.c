#include "core/http/client.c"
#include "core/http/server.h"
#include "unit.h"

#include <sys/eventfd.h>

static void
echo(struct http_request *rq, struct http_response *rs)
{
	buf_append(&rs->body, rq->body, rq->body_len);
	rs->type = "text/plain";
	response_set(rs, "X-B3IQ-Receipt", "rcpt_1");
	response_set(rs, "Retry-After", "7");
}

static void
stream(struct http_request *rq, struct http_response *rs)
{
	int32_t rc = stream_begin(rq, rs);

	while (rc == B3IQ_OK)
		rc = stream_write(rq, "abc", 3);
}

static void
hang(struct http_request *rq, struct http_response *rs)
{
	struct pollfd p = { .fd = request_cancel_fd(rq), .events = POLLIN };

	poll(&p, 1, 20000);
	rs->status = 500;
}

static void
refuse(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	response_error(rs, 418, "teapot", NULL, "no coffee here");
}

static const struct http_route table[] = {
	{ "POST", "/echo", echo, NULL, 1000000 }, { "GET", "/stream", stream, NULL, 0 },
	{ "GET", "/hang", hang, NULL, 0 },        { "GET", "/refuse", refuse, NULL, 0 },
};

static struct server *sv;
static struct client *client;
static struct client_reply reply;
static char url[100];

static const char *
at(const char *path)
{
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server_port(sv), path);
	return url;
}

static int
setup(void **state)
{
	const struct server_options o = { .routes = table, .n_routes = 4 };

	(void)state;
	client_reply_init(&reply, 100000);
	return server_create(&sv, &o, NULL) || client_create(&client, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	client_destroy(client);
	client_destroy(NULL);
	client_reply_finish(&reply);
	return server_destroy(sv, 5000);
}

static void
test_call(void **state)
{
	static const char *const headers[] = { "X-Request-Id: abc", NULL };
	struct b3iq_error err = NO_ERROR;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(client_call(client, &(struct client_request){
			.method = "POST", .url = at("/echo"), .headers = headers, .body = "hello",
			.body_len = 5 }, &reply, &err), B3IQ_OK);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body.data, "hello");
		assert_string_equal(reply.type, "text/plain");
		assert_string_equal(reply.receipt, "rcpt_1");
		assert_string_equal(reply.request_id, "abc");
		assert_int_equal(reply.retry_after_s, 7);
	}
}

static void
test_errors(void **state)
{
	struct b3iq_error err = NO_ERROR;
	static char big[100001];
	char text[100];

	(void)state;
	assert_int_equal(client_call(client, &(struct client_request){ .url = at("/refuse") }, &reply,
	                             &err), B3IQ_OK);
	assert_int_equal(reply.status, 418);
	client_reply_message(&reply, text, sizeof text);
	assert_string_equal(text, "no coffee here");
	assert_int_equal(client_call(client, &(struct client_request){
		.method = "POST", .url = at("/echo"), .body = big, .body_len = sizeof big },
		&reply, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "longer than 100000"));
	assert_int_equal(client_call(client, &(struct client_request){
		.url = at("/hang"), .silence_ms = 50 }, &reply, &err), B3IQ_E_TIMEOUT);
	assert_int_equal(client_call(client, &(struct client_request){
		.url = at("/hang"), .total_ms = 50 }, &reply, &err), B3IQ_E_TIMEOUT);
	assert_int_equal(client_call(client, &(struct client_request){ .url = "file:///etc/passwd" },
	                             &reply, &err), B3IQ_E_INVALID);
	assert_int_equal(client_call(client, &(struct client_request){ .url = "http://127.0.0.1:1/" },
	                             &reply, &err), B3IQ_E_UNAVAILABLE);
	reply.body.len = 0;
	reply.status = 502;
	client_reply_message(&reply, text, sizeof text);
	assert_string_equal(text, "the server answered with status 502");
}

static int32_t
three(void *ctx, const char *data, size_t n)
{
	int *left = ctx;

	(void)data, (void)n;
	return --*left ? B3IQ_OK : B3IQ_E_DENIED;
}

static void
test_stream_and_cancel(void **state)
{
	struct b3iq_error err = NO_ERROR;
	const int fd = eventfd(1, 0);
	int left = 3;

	(void)state;
	assert_int_equal(client_call(client, &(struct client_request){
		.url = at("/stream"), .on_data = three, .ctx = &left }, &reply, &err), B3IQ_E_DENIED);
	assert_int_equal(left, 0);
	assert_int_equal(client_call(client, &(struct client_request){
		.url = at("/hang"), .cancel_fd = fd }, &reply, &err), B3IQ_E_CANCELLED);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_stream_and_cancel),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
