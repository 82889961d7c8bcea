#include "core/role/prometheus.c"
#include "../home.h"

static void
test_histogram(void **state)
{
	struct histogram h = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 16);
	histogram_observe(&h, 1000);     /* the bound belongs to its bucket */
	histogram_observe(&h, 1001);
	histogram_observe(&h, 70000000); /* above all bounds */
	prometheus_histogram(&out, "t", "a=\"b\",", &h);
	assert_non_null(strstr(out.data, "t_bucket{a=\"b\",le=\"0.001\"} 1\n"));
	assert_non_null(strstr(out.data, "t_bucket{a=\"b\",le=\"0.005\"} 2\n"));
	assert_non_null(strstr(out.data, "t_bucket{a=\"b\",le=\"60\"} 2\n"));
	assert_non_null(strstr(out.data, "t_bucket{a=\"b\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(out.data, "t_sum{a=\"b\"} 70.002001\n"));
	assert_non_null(strstr(out.data, "t_count{a=\"b\"} 3\n"));
	buf_clear(&out);
	prometheus_histogram(&out, "t", "", &h);
	assert_non_null(strstr(out.data, "t_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(out.data, "t_count{} 3\n"));
	buf_free(&out);
}

static void
test_single(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 16);
	prometheus_single(&out, "n", "counter", "what it is", 18446744073709551615u);
	assert_string_equal(out.data, "# HELP n what it is\n# TYPE n counter\nn 18446744073709551615\n");
	buf_clear(&out);
	prometheus_process(&out, 1500);
	assert_non_null(strstr(out.data, "process_start_time_seconds 1.500\n"));
	assert_non_null(strstr(out.data, "process_resident_memory_bytes "));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_histogram),
		                            cmocka_unit_test(test_single) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
