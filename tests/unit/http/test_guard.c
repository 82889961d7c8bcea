#include "core/http/guard.c"
#include "unit.h"

#define HEADERS(...) (struct http_pair[]){ __VA_ARGS__ }, \
	sizeof((struct http_pair[]){ __VA_ARGS__ }) / sizeof(struct http_pair)

static const char *hosts[] = { "node.example" };
static const char *origins[] = { "https://app.example" };
static const struct guard_rules rules = { hosts, 1, origins, 1 };

static int
judge(const char *version, struct http_pair *headers, size_t n)
{
	const struct http_request rq = { .method = "POST", .path = "/x", .headers = headers,
	                                 .n_headers = n };

	return guard_check(&rules, &rq, version).status;
}

static void
test_framing(void **state)
{
	(void)state;
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" })), 0);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length", "5" })), 0);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length", "5" },
	                                           { "content-length", "5" })), 400);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length", "5" },
	                                           { "Transfer-Encoding", "chunked" })), 400);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Transfer-Encoding", "gzip, chunked" })), 501);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length", "+5" })), 400);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length", "99999999999999999999" })),
	                 400);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Content-Length ", "5" })), 400);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" }, { "X", "a\rb" })), 400);
	assert_int_equal(judge("HTTP/2.0", HEADERS({ "Host", "localhost" })), 505);
}

static void
test_hosts(void **state)
{
	static const struct {
		const char *host;
		bool        fine;
	} cases[] = {
		{ "localhost", true }, { "LOCALHOST:8008", true }, { "localhost.", true },
		{ "127.0.0.1:8008", true }, { "[::1]:8008", true }, { "192.168.7.9", true },
		{ "node.example:1", true }, { "Node.Example", true },
		{ "evil.example", false }, { "localhost.evil.example", false }, { "", false },
		{ "localhost:80x", false }, { "localhost:123456", false }, { "[::1", false },
		{ "[::1]x", false }, { "127.0.0.1.evil.example", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (guard_host_allowed(&rules, cases[i].host) != cases[i].fine)
			fail_msg("host \"%s\"", cases[i].host);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "X", "y" })), 400);
	assert_int_equal(judge("HTTP/1.0", HEADERS({ "X", "y" })), 0);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "evil.example" })), 403);
	assert_int_equal(judge("HTTP/1.1", HEADERS({ "Host", "localhost" },
	                                           { "Host", "localhost" })), 400);
}

static void
test_origins(void **state)
{
	static const struct {
		const char *origin;
		int         status;
	} cases[] = {
		{ "http://localhost:8008", 0 }, { "https://app.example", 0 },
		{ "https://app.example.evil", 403 }, { "https://evil.example", 403 },
		{ "null", 403 }, { "", 403 }, { "http://localhost", 403 },
		{ "ftp://localhost:8008", 403 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (judge("HTTP/1.1", HEADERS({ "Host", "localhost:8008" },
		                              { "Origin", cases[i].origin })) != cases[i].status)
			fail_msg("origin \"%s\"", cases[i].origin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
