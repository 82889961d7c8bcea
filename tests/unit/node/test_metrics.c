#include "node/metrics.c"
#include "unit.h"

static void
test_text(void **state)
{
	struct metrics *m = metrics_create();
	struct buf out;

	(void)state;
	assert_non_null(m);
	buf_init(&out, 1u << 20);
	traffic_add(metrics_traffic(m), NULL, 404, 1);
	metrics_generation(m, &(struct metrics_generation){ .rc = B3IQ_OK, .prompt_tokens = 5,
	                       .output_tokens = 7, .first_us = 500, .total_us = 3000 });
	metrics_generation(m, &(struct metrics_generation){ .rc = B3IQ_E_DIED, .total_us = 1 });
	metrics_running(m, 2);
	metrics_running(m, -1);
	assert_int_equal(metrics_is_running(m), 1);
	assert_int_equal(metrics_write(m, NULL, &out), B3IQ_OK);
	assert_non_null(strstr(out.data, "b3iq_http_requests_total{method=\"\",route=\"\",status=\"4xx\"} 1\n"));
	assert_non_null(strstr(out.data, "b3iq_generations_total{result=\"E_DIED\"} 1\n"));
	assert_non_null(strstr(out.data, "b3iq_output_tokens_total 7\n"));
	assert_non_null(strstr(out.data, "b3iq_generations_running 1\n"));
	assert_non_null(strstr(out.data, "b3iq_generation_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(out.data, "process_resident_memory_bytes "));
	buf_free(&out);
	metrics_destroy(m);
	metrics_destroy(NULL);
}

static void
test_plugins(void **state)
{
	struct metrics *m = metrics_create();
	struct plugins *set;
	struct home home;
	struct buf out;

	(void)state;
	unit_home(&home);
	set = unit_plugins(&home, NULL);
	buf_init(&out, 1u << 20);
	assert_int_equal(metrics_write(m, set, &out), B3IQ_OK);
	assert_non_null(strstr(out.data, "b3iq_instance_up{instance=\"echo\",state=\"ready\"} 1\n"));
	assert_non_null(strstr(out.data, "b3iq_instance_deaths_total{instance=\"flaky\"} 0\n"));
	buf_free(&out);
	plugins_destroy(set);
	metrics_destroy(m);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text), cmocka_unit_test(test_plugins) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
