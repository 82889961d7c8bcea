#include "core/role/endpoint.c"
#include "../home.h"

static void
test_loopback(void **state)
{
	static const char *const own[] = { "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1" };
	static const char *const others[] = { "0.0.0.0", "128.0.0.1", "10.127.0.1", "::", "fe80::1",
		                              "localhost", "127.0.0.1.example", "127.1", "" };

	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		assert_true(endpoint_is_loopback(own[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(endpoint_is_loopback(others[i]));
}

static void
test_url(void **state)
{
	char url[32];

	(void)state;
	endpoint_url("127.0.0.1", 65535, url, sizeof url);
	assert_string_equal(url, "http://127.0.0.1:65535");
	endpoint_url("::1", 80, url, sizeof url);
	assert_string_equal(url, "http://[::1]:80");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_loopback),
		                            cmocka_unit_test(test_url) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
