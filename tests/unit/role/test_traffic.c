#include "core/role/traffic.c"
#include "../home.h"

static const struct http_route route = { "GET", "/v1/models/{id...}", NULL, NULL, 0 };

static void
test_text(void **state)
{
	struct http_request rq = { .route = &route };
	struct traffic *t = traffic_create();
	struct buf out;

	(void)state;
	assert_non_null(t);
	buf_init(&out, 1u << 20);
	for (int i = 0; i < 3; i++)
		traffic_add(t, &route, i ? 200 : 404, 2000);
	traffic_add(t, NULL, 499, 70000000);
	rq.arrived_us = clock_mono_us();
	traffic_count(t, &rq, 0);
	traffic_write(t, &out);
	assert_int_equal(out.rc, B3IQ_OK);
	assert_non_null(strstr(out.data, "b3iq_http_requests_total{method=\"GET\",route=\"/v1/models/{id...}\","
	                                 "status=\"2xx\"} 2\n"));
	assert_non_null(strstr(out.data, "route=\"/v1/models/{id...}\",status=\"0xx\"} 1\n"));
	assert_non_null(strstr(out.data, "{method=\"\",route=\"\",status=\"4xx\"} 1\n"));
	assert_non_null(strstr(out.data, "route=\"/v1/models/{id...}\"} 4\n"));
	assert_non_null(strstr(out.data, "process_resident_memory_bytes "));
	buf_free(&out);
	traffic_destroy(t);
	traffic_destroy(NULL);
}

/* More routes than there is room for are not counted, and break nothing. */
static void
test_full(void **state)
{
	static struct http_route routes[ROUTES + 5];
	struct traffic *t = traffic_create();

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < ROUTES + 5; i++)
		traffic_add(t, &routes[i], 200, 1);
	assert_int_equal(t->n_routes, ROUTES);
	traffic_destroy(t);
}

static void *
count_many(void *arg)
{
	for (int i = 0; i < 10000; i++)
		traffic_add(arg, &route, 200, 1);
	return NULL;
}

static void
test_threads(void **state)
{
	struct traffic *t = traffic_create();
	pthread_t threads[4];

	(void)state;
	assert_non_null(t);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, t), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(t->routes[0].status[2], 40000);
	traffic_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text), cmocka_unit_test(test_full),
		                            cmocka_unit_test(test_threads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
