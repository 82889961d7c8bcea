#include "core/http/router.c"
#include "unit.h"

static void
nothing(struct http_request *rq, struct http_response *rs)
{
	(void)rq, (void)rs;
}

static const struct http_route table[] = {
	{ "GET", "/v1/models", nothing, "a", 0 },
	{ "GET", "/v1/models/{id...}", nothing, "b", 0 },
	{ "GET", "/v1/models/special", nothing, "c", 0 },
	{ "POST", "/api/plugins/{name}/restart", nothing, "d", 0 },
	{ "GET", "/", nothing, "e", 0 },
	{ "DELETE", "/v1/models/{id...}", nothing, "f", 0 },
};

static struct http_request rq;
static char scratch[256], allow[64];

static enum router_result
find(const char *method, const char *path)
{
	rq = (struct http_request){ .method = method, .path = path };
	return router_find(table, sizeof table / sizeof *table, &rq, scratch, allow, sizeof allow);
}

static void
test_finds(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/models"), ROUTER_FOUND);
	assert_string_equal(rq.route->scope, "a");
	assert_int_equal(find("GET", "/v1/models/special"), ROUTER_FOUND);
	assert_string_equal(rq.route->scope, "c");
	assert_int_equal(find("DELETE", "/v1/models/special"), ROUTER_FOUND);
	assert_string_equal(rq.route->scope, "f");
	assert_string_equal(request_param(&rq, "id"), "special");
	assert_int_equal(find("HEAD", "/"), ROUTER_FOUND);
	assert_string_equal(rq.route->scope, "e");
}

static void
test_parameters(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/models/org%2Fm%20x/y"), ROUTER_FOUND);
	assert_string_equal(request_param(&rq, "id"), "org/m x/y");
	assert_null(request_param(&rq, "i"));
	assert_int_equal(find("POST", "/api/plugins/a%2Fb/restart"), ROUTER_FOUND);
	assert_string_equal(request_param(&rq, "name"), "a/b");
	assert_int_equal(find("GET", "/v1/models/%00"), ROUTER_NO_PATH);
	assert_int_equal(find("GET", "/v1/models/%ff"), ROUTER_NO_PATH);
	assert_int_equal(find("GET", "/v1/models/%4"), ROUTER_NO_PATH);
}

static void
test_refuses(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/models/"), ROUTER_NO_PATH);
	assert_int_equal(find("GET", "/v1"), ROUTER_NO_PATH);
	assert_int_equal(find("GET", "/v1/modelsx"), ROUTER_NO_PATH);
	assert_int_equal(find("POST", "/api/plugins//restart"), ROUTER_NO_PATH);
	assert_int_equal(find("POST", "/api/plugins/x/restart/y"), ROUTER_NO_PATH);
	assert_int_equal(find("OPTIONS", "*"), ROUTER_BAD_PATH);
	assert_int_equal(find("PUT", "/v1/models/special"), ROUTER_NO_METHOD);
	assert_string_equal(allow, "GET, HEAD, DELETE");
	assert_int_equal(find("GET", "/api/plugins/x/restart"), ROUTER_NO_METHOD);
	assert_string_equal(allow, "POST");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
