#include "coordinator/api/routes.c"

#include "core/base/schema.h"
#include "unit.h"

/* Every route stands in the document, with its method and scope, and nothing else does. */
static void
test_document(void **state)
{
	size_t n, len, documented = 0;
	const struct http_route *routes = routes_table(1000, &n);
	const char *text = schema_text("coordinator.yaml", &len);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++) {
		char path[128], method[16], scope[64];
		const char *at, *verb, *next;

		snprintf(path, sizeof path, "\n  %s:\n", routes[i].pattern);
		snprintf(method, sizeof method, "\n    %c%c%c", routes[i].method[0] | 0x20,
		         routes[i].method[1] | 0x20, routes[i].method[2] | 0x20);
		at = strstr(text, path);
		assert_non_null(at);
		next = strstr(at + strlen(path), "\n  /");
		verb = strstr(at, method);
		assert_true(verb && (!next || verb < next));
		snprintf(scope, sizeof scope, "x-b3iq-scope: %s", routes[i].scope ? routes[i].scope : "");
		if (routes[i].scope)
			assert_true(strstr(verb, scope) - verb < 500);
	}
	for (const char *at = strstr(text, "\npaths:"); (at = strstr(at, "\n      description:")) != NULL; at++)
		documented++;
	assert_int_equal(documented, n);
}

static void
test_bodies(void **state)
{
	size_t n;
	const struct http_route *routes = routes_table(1000, &n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (strcmp(routes[i].method, "POST") == 0 || strcmp(routes[i].method, "PUT") == 0)
			assert_int_equal(routes[i].body_max, 1000);
		else
			assert_int_equal(routes[i].body_max, 0);
}

UNIT_MAIN(cmocka_unit_test(test_document), cmocka_unit_test(test_bodies))
