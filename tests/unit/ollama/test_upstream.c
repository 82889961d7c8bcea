#include "upstream.c"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "bench.h"
#include "fake_http.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct config config;

static void
point_at(int port, const char *more)
{
	const struct b3iq_host host = bench_host("s3cret");
	struct b3iq_error      err = { .size = sizeof err };

	config_finish(&config);
	assert_int_equal(config_read(&config, &host, bench_config(port, more), &err), B3IQ_OK);
}

static int32_t
ask(const char *path, struct json_object **out, struct b3iq_error *err)
{
	*err = (struct b3iq_error){ .size = sizeof *err };
	return upstream_json(&config,
	                     (struct upstream_call){ .path = path, .stop = UPSTREAM_NO_STOP,
	                                             .first_ms = config.first_ms },
	                     out, err);
}

/* GET path fails with that code, and says so without the url. */
static void
fails(const char *path, int32_t code, const char *names)
{
	struct json_object *doc;
	struct b3iq_error   err;

	assert_int_equal(ask(path, &doc, &err), code);
	assert_null(doc);
	if (!strstr(err.text, names))
		fail_msg("%s: \"%s\" does not say \"%s\"", path, err.text, names);
	assert_null(strstr(err.text, "127.0.0.1"));
}

static void
asks_and_reads(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/base/api/x", .body = "{\"a\":1}\n", .piece = 1 }
	};
	struct fake        *f = fake_start(answers, COUNT(answers));
	struct json_object *doc, *body = json_tokener_parse("{\"q\":\"a/b\"}");
	struct b3iq_error   err = { .size = sizeof err };
	char                more[128];

	(void)state;
	snprintf(more, sizeof more,
	         ",\"url\":\"http://u:pw@127.0.0.1:%d/base/\",\"token\":{\"secret\":\"token\"}",
	         fake_port(f));
	point_at(1, more);
	assert_int_equal(upstream_json(&config,
	                               (struct upstream_call){ .path = "/api/x", .body = body,
	                                                       .stop = UPSTREAM_NO_STOP,
	                                                       .first_ms = 5000 },
	                               &doc, &err), B3IQ_OK);
	assert_int_equal(doc_count(doc, "a"), 1);
	assert_non_null(strstr(fake_asked(f, "/base/api/x"), "POST "));
	assert_non_null(strstr(fake_asked(f, "/base/api/x"), "Authorization: Bearer s3cret\r\n"));
	assert_non_null(strstr(fake_asked(f, "/base/api/x"), "\r\n\r\n{\"q\":\"a/b\"}"));
	json_object_put(doc);
	json_object_put(body);
	fake_stop(f);
}

static void
speaks_over_a_unix_socket(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api/x", .body = "{\"a\":1}" } };
	char                path[64], more[128];
	struct fake        *f;
	struct json_object *doc;
	struct b3iq_error   err;

	(void)state;
	snprintf(path, sizeof path, "/tmp/b3iq-test-%d.sock", (int)getpid());
	f = fake_start_unix(path, answers, COUNT(answers));
	snprintf(more, sizeof more, ",\"socket\":\"%s\"", path);
	point_at(1, more);
	assert_int_equal(ask("/api/x", &doc, &err), B3IQ_OK);
	json_object_put(doc);
	fake_stop(f);
}

static void
every_fault_has_its_code(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/400", .status = "400 Bad Request", .body = "{\"error\":\"hunter2\"}" },
		{ .path = "/400ctx",
		  .status = "400 Bad Request",
		  .body = "{\"error\":\"the prompt is too long: exceeds the context length\"}" },
		{ .path = "/400tools",
		  .status = "400 Bad Request",
		  .body = "{\"error\":\"registry.ollama.ai/library/m does not support tools\"}" },
		{ .path = "/401", .status = "401 Unauthorized", .body = "" },
		{ .path = "/404",
		  .status = "404 Not Found",
		  .body = "{\"error\":\"model 'm' not found\"}" },
		{ .path = "/413", .status = "413 Payload Too Large", .body = "" },
		{ .path = "/429", .status = "429 Too Many Requests", .body = "" },
		{ .path = "/500", .status = "500 Internal Server Error", .body = "<html>" },
		{ .path = "/500mem",
		  .status = "500 Internal Server Error",
		  .body = "{\"error\":\"model requires more system memory (9.9 GiB) than is "
		          "available\"}" },
		{ .path = "/503",
		  .status = "503 Service Unavailable",
		  .headers = "Retry-After: 7\r\n",
		  .body = "{\"error\":\"server busy, please try again\"}" },
		{ .path = "/504", .status = "504 Gateway Timeout", .body = "" },
		{ .path = "/302",
		  .status = "302 Found",
		  .body = "",
		  .headers = "Location: http://127.0.0.1:1/stolen\r\n" },
		{ .path = "/html", .body = "<html>hello</html>" },
		{ .path = "/list", .body = "[]" },
		{ .path = "/short", .body = "{\"a\":", .claimed = 100 },
		{ .path = "/reset", .body = "{\"a\":", .claimed = 100, .reset = true },
		{ .path = "/odd", .status = "bogus", .body = "" },
	};
	struct fake *f = fake_start(answers, COUNT(answers));

	(void)state;
	point_at(fake_port(f), "");
	fails("/400", B3IQ_E_INVALID, "HTTP 400");
	fails("/400ctx", B3IQ_E_INVALID, "context_length_exceeded");
	fails("/400tools", B3IQ_E_UNSUPPORTED, "tools");
	fails("/401", B3IQ_E_DENIED, "token");
	fails("/404", B3IQ_E_NOT_FOUND, "pull");
	fails("/413", B3IQ_E_INVALID, "413");
	fails("/429", B3IQ_E_BUSY, "429");
	fails("/500", B3IQ_E_UNAVAILABLE, "500");
	fails("/500mem", B3IQ_E_NO_MEMORY, "memory");
	fails("/503", B3IQ_E_BUSY, "queue");
	fails("/504", B3IQ_E_TIMEOUT, "504");
	fails("/302", B3IQ_E_UNAVAILABLE, "redirects");
	fails("/html", B3IQ_E_UNAVAILABLE, "not Ollama");
	fails("/list", B3IQ_E_UNAVAILABLE, "not Ollama");
	fails("/short", B3IQ_E_UNAVAILABLE, "broke");
	fails("/reset", B3IQ_E_UNAVAILABLE, "broke");
	fails("/odd", B3IQ_E_UNAVAILABLE, "");
	assert_int_equal(fake_count(f, "/stolen"), 0);
	fake_stop(f);
}

static void
what_ollama_says_is_not_passed_on(void **state)
{
	struct b3iq_error err = { .size = sizeof err };

	(void)state;
	upstream_error(400, "template: hunter2: no such thing", 0, &err);
	assert_null(strstr(err.text, "hunter2"));
	upstream_error(503, NULL, 7000, &err);
	assert_int_equal(err.retry_ms, 7000);
	upstream_error(429, "server busy", 0, &err);
	assert_int_equal(err.retry_ms, BUSY_RETRY_MS);
}

static void
nobody_there(void **state)
{
	(void)state;
	point_at(fake_closed_port(), "");
	fails("/api/x", B3IQ_E_UNAVAILABLE, "ollama serve");
	point_at(1, ",\"url\":\"http://no-such-host.invalid\"");
	fails("/api/x", B3IQ_E_UNAVAILABLE, "name");
	point_at(1, ",\"socket\":\"/nonexistent/ollama.sock\"");
	fails("/api/x", B3IQ_E_UNAVAILABLE, "ollama serve");
}

static void
no_plain_server_behind_https(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api/x", .body = "{}" } };
	struct fake *f = fake_start(answers, COUNT(answers));
	char         more[64];

	(void)state;
	snprintf(more, sizeof more,
	         ",\"url\":\"https://127.0.0.1:%d\",\"first_token_timeout_ms\":300", fake_port(f));
	point_at(1, more);
	{
		struct json_object *doc;
		struct b3iq_error   err;
		const int32_t       rc = ask("/api/x", &doc, &err);

		assert_true(rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_TIMEOUT);
	}
	assert_int_equal(fake_count(f, "/api/x"), 0);
	fake_stop(f);
}

static void
slowness_has_limits(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/mute", .mute = true },
		{ .path = "/stuck", .body = "{\"a\":", .hang = true }
	};
	struct fake *f = fake_start(answers, COUNT(answers));

	(void)state;
	point_at(fake_port(f), ",\"first_token_timeout_ms\":150,\"idle_timeout_ms\":60000");
	fails("/mute", B3IQ_E_TIMEOUT, "begin");
	point_at(fake_port(f), ",\"first_token_timeout_ms\":60000,\"idle_timeout_ms\":150");
	fails("/stuck", B3IQ_E_TIMEOUT, "nothing");
	fake_stop(f);
}

/* ---- stopping ----------------------------------------------------------- */

static int32_t
discard(void *ctx, const char *data, size_t len, struct b3iq_error *err)
{
	(void)ctx, (void)data, (void)len, (void)err;
	return B3IQ_OK;
}

static int32_t
refuse(void *ctx, const char *data, size_t len, struct b3iq_error *err)
{
	(void)ctx, (void)data, (void)len;
	return fail_with(err, B3IQ_E_BUSY, "enough");
}

static void *
cancel_soon(void *fd)
{
	usleep(50000);
	assert_int_equal(eventfd_write(*(int *)fd, 1), 0);
	return NULL;
}

static void
cancel_ends_a_silent_call(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/mute", .mute = true } };
	struct fake      *f = fake_start(answers, COUNT(answers));
	int               fd = eventfd(0, EFD_CLOEXEC);
	struct b3iq_error err = { .size = sizeof err };
	struct upstream_call call = { .path = "/mute", .first_ms = 60000, .stop.cancel_fd = fd,
		                      .on_data = discard };
	pthread_t         thread;
	uint64_t          start;

	(void)state;
	point_at(fake_port(f), "");
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &fd), 0);
	start = now_ms();
	assert_int_equal(upstream_stream(&config, &call, &err), B3IQ_E_CANCELLED);
	/* The limit is 50 + 250 ms; what is asserted leaves room for a busy machine and is still
	 * far below every time limit of the call. */
	assert_true(now_ms() - start < 5000);
	pthread_join(thread, NULL);

	call.stop.deadline_ms = now_ms(); /* the host pokes on the deadline as well */
	assert_int_equal(upstream_stream(&config, &call, &err), B3IQ_E_TIMEOUT);
	call.stop = (struct upstream_stop){ now_ms() + 100, -1 };
	assert_int_equal(upstream_stream(&config, &call, &err), B3IQ_E_TIMEOUT);
	assert_non_null(strstr(err.text, "deadline"));
	close(fd);
	fake_stop(f);
}

static void
what_the_reader_returns_comes_back(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/x", .body = "data", .hang = true }
	};
	struct fake               *f = fake_start(answers, COUNT(answers));
	struct b3iq_error          err = { .size = sizeof err };
	const struct upstream_call call = { .path = "/x", .first_ms = 60000, .on_data = refuse,
		                            .stop = UPSTREAM_NO_STOP };

	(void)state;
	point_at(fake_port(f), "");
	assert_int_equal(upstream_stream(&config, &call, &err), B3IQ_E_BUSY);
	assert_string_equal(err.text, "enough");
	fake_stop(f);
}

static int
teardown(void **state)
{
	(void)state;
	config_finish(&config);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_reads),
		cmocka_unit_test(speaks_over_a_unix_socket),
		cmocka_unit_test(every_fault_has_its_code),
		cmocka_unit_test(what_ollama_says_is_not_passed_on),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(no_plain_server_behind_https),
		cmocka_unit_test(slowness_has_limits),
		cmocka_unit_test(cancel_ends_a_silent_call),
		cmocka_unit_test(what_the_reader_returns_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
