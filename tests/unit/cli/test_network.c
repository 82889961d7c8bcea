/* network.c: where and with which key, what is tried again, and how refusals end. */
#include "session.h"

#include "canned.h"
#include "cli/network.c"

#define JSON(status, body)                                                  \
	"HTTP/1.1 " status " X\r\nContent-Type: application/json\r\n"       \
	"Connection: close\r\n\r\n" body
#define FINE JSON("200", "{\"fine\":true}")

static struct network_call call;
static enum network_role   role;
static int                 status;
static size_t              taken; /* bytes of a stream */

static int
run(struct cli *cli)
{
	struct json_object *doc = NULL;
	struct network      n;
	int                 exit = network_open(cli, &n, role);

	if (!exit)
		exit = network_json(cli, &n, &call, &status, &doc);
	if (doc)
		cli_put(cli, "answer", json_object_get(doc));
	cli_put_text(cli, "url", n.url);
	json_object_put(doc);
	network_close(&n);
	return exit;
}

static const struct cli_option options[] = { NETWORK_OPTIONS, { .name = NULL } };
static const struct cli_command command = { .name = "net", .options = options, .run = run };
static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command, NULL },
};

static void
begin(struct session *s)
{
	static const char *const names[] = { "AITBC_URL", "CLIENT_API_KEY", "CLIENT_KEY", "AITBC_API_KEY",
		                             "ADMIN_API_KEY", "ADMIN_KEY" };

	session_begin(s, &root);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	call = (struct network_call){ .path = "/v1/x" };
	role = NETWORK_CLIENT;
}

static int
ask_net(struct session *s, struct canned *c, const char *const *answers)
{
	int exit;

	canned_begin(c, answers);
	exit = session_run(s, "net", "--json", "--url", c->url);
	canned_end(c);
	return exit;
}
#define ask(s, c, ...) ask_net(s, c, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_refusals(void **state)
{
	static const struct {
		const char *answer, *says;
		int         exit;
	} cases[] = {
		{ JSON("400", "{\"detail\":\"d\",\"error\":{\"message\":\"prompt is empty\"}}"),
		  "prompt is empty (HTTP 400)", CLI_FAILED },
		{ JSON("401", "{}"), "CLIENT_API_KEY", CLI_DENIED },
		{ JSON("402", "{\"detail\":\"not enough\"}"), "not enough", CLI_UNPAID },
		{ JSON("403", "{\"detail\":\"no\"}"), "no", CLI_DENIED },
		{ JSON("404", "{\"detail\":\"job not found\"}"), "job not found", CLI_NOT_FOUND },
		{ JSON("409", "{\"detail\":\"too late\"}"), "too late", CLI_FAILED },
		{ JSON("425", "{\"detail\":\"job not ready\"}"), "job not ready", CLI_NOT_READY },
		{ JSON("200", "["), "answer", CLI_FAILED },
		{ JSON("200", "[]"), "no object", CLI_FAILED },
	};
	struct session s;
	struct canned  c;

	(void)state;
	begin(&s);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (ask(&s, &c, cases[i].answer) != cases[i].exit)
			fail_msg("%s", cases[i].answer);
		assert_says(s.err, cases[i].says);
		assert_int_equal(c.n, 1); /* none of them will change */
	}
	session_end(&s);
}

/* What may pass is tried three times more, if it may be repeated. */
static void
test_retries(void **state)
{
	static const char busy[] = JSON("503", "{\"detail\":\"busy\"}");
	struct json_object *body = json_object_new_object();
	struct session      s;
	struct canned       c;

	(void)state;
	begin(&s);
	assert_int_equal(ask(&s, &c, busy, "", FINE), CLI_OK); /* refused, cut off, fine */
	assert_int_equal(c.n, 3);
	assert_int_equal(ask(&s, &c, busy), CLI_FAILED);
	assert_int_equal(c.n, 1 + NETWORK_RETRIES);
	assert_says(s.err, "busy (HTTP 503)");
	call = (struct network_call){ .method = "POST", .path = "/v1/x", .body = body };
	assert_int_equal(ask(&s, &c, busy, FINE), CLI_FAILED);
	assert_int_equal(c.n, 1); /* it might be done twice */
	call.once = "idem_1";
	assert_int_equal(ask(&s, &c, busy, FINE), CLI_OK);
	assert_int_equal(c.n, 2);
	for (int i = 0; i < 2; i++)
		assert_says(c.asked[i], "Idempotency-Key: idem_1");
	json_object_put(body);
	session_end(&s);
}

/* Retry-After is honoured, unless it is longer than anybody waits at a terminal. */
static void
test_retry_after(void **state)
{
	static const char soon[] = "HTTP/1.1 429 X\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
	static const char late[] = "HTTP/1.1 429 X\r\nRetry-After: 3600\r\nConnection: close\r\n\r\n";
	struct backoff      b = { .first_ms = PAUSE_FIRST, .most_ms = PAUSE_MOST };
	struct client_reply reply = { .status = 429, .retry_after_s = 7 };
	struct session      s;
	struct canned       c;
	uint32_t            pause;

	(void)state;
	begin(&s);
	assert_int_equal(ask(&s, &c, soon, FINE), CLI_OK);
	assert_int_equal(c.n, 2);
	assert_int_equal(ask(&s, &c, late, FINE), CLI_FAILED);
	assert_int_equal(c.n, 1);
	assert_true(may_pass(&reply, B3IQ_OK, &b, &pause));
	assert_in_range(pause, 7000, 7249);
	session_end(&s);
}

static void
test_nobody(void **state)
{
	struct session s;

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "net", "--url", "http://127.0.0.1:1"), CLI_NO_NODE);
	assert_says(s.err, "no coordinator answers at http://127.0.0.1:1");
	assert_int_equal(session_run(&s, "net", "--url", "gopher://x"), CLI_FAILED);
	session_end(&s);
}

static void
test_keys(void **state)
{
	struct session s;
	struct canned  c;

	(void)state;
	begin(&s);
	ask(&s, &c, FINE);
	assert_silent_about(c.asked[0], "X-Api-Key");
	setenv("AITBC_API_KEY", "third", 1);
	ask(&s, &c, FINE);
	assert_says(c.asked[0], "X-Api-Key: third\r\n");
	setenv("CLIENT_KEY", "second", 1);
	ask(&s, &c, FINE);
	assert_says(c.asked[0], "X-Api-Key: second\r\n");
	setenv("CLIENT_API_KEY", "first", 1);
	ask(&s, &c, FINE);
	assert_says(c.asked[0], "X-Api-Key: first\r\n");
	role = NETWORK_ADMIN;
	ask(&s, &c, FINE);
	assert_silent_about(c.asked[0], "X-Api-Key");
	setenv("ADMIN_API_KEY", "chief", 1);
	ask(&s, &c, FINE);
	assert_says(c.asked[0], "X-Api-Key: chief\r\n");
	setenv("ADMIN_API_KEY", "a\r\nX-Evil: 1", 1);
	assert_int_equal(ask(&s, &c, FINE), CLI_DENIED);
	assert_int_equal(c.n, 0);
	unsetenv("ADMIN_API_KEY");
	session_end(&s);
}

/* A key of the home goes to the home's own coordinator, and to nobody else. */
static void
test_own(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct session    s;
	struct canned     c;
	struct home       home;

	(void)state;
	begin(&s);
	assert_int_equal(home_open(&home, s.home, &err), B3IQ_OK);
	session_put(&s, "keys/client.key", "own-key\n");
	ask(&s, &c, FINE);
	assert_silent_about(c.asked[0], "own-key");
	assert_int_equal(home_lock(&home, "coordinator", &err), B3IQ_OK);
	canned_begin(&c, (const char *const[]){ FINE, NULL });
	home_announce(&home, c.url);
	assert_int_equal(session_run(&s, "net", "--json"), CLI_OK);
	canned_end(&c);
	assert_says(c.asked[0], "X-Api-Key: own-key\r\n");
	home_close(&home);
	setenv("AITBC_URL", "http://127.0.0.1:1///", 1);
	assert_int_equal(session_run(&s, "net", "--json"), CLI_NO_NODE);
	assert_says(s.out, "\"url\": \"http://127.0.0.1:1\"");
	unsetenv("AITBC_URL");
	session_end(&s);
}

static int32_t
take(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	taken += n;
	return B3IQ_OK;
}

/* A stream is not begun again in the middle. */
static void
test_stream(void **state)
{
	static const char half[] = "HTTP/1.1 200 X\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf";
	struct session s;
	struct canned  c;

	(void)state;
	begin(&s);
	call.on_data = take;
	taken = 0;
	assert_int_equal(ask(&s, &c, half, FINE), CLI_NO_NODE);
	assert_int_equal(c.n, 1);
	assert_int_equal(taken, 4);
	assert_int_equal(ask(&s, &c, JSON("503", "{}"), FINE), CLI_OK);
	assert_int_equal(c.n, 2);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_retries),
		cmocka_unit_test(test_retry_after), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_keys),     cmocka_unit_test(test_own),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
