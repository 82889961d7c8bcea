#include "coordinator/jobs/job.c"

#include "unit.h"

static void
test_names(void **state)
{
	enum job_phase p;

	(void)state;
	assert_string_equal(job_state(JOB_FUNDING), "QUEUED");
	assert_string_equal(job_status(JOB_LEASED), "running");
	assert_string_equal(job_state(JOB_CANCELLED), "CANCELED");
	assert_string_equal(job_pay_name(JOB_PAY_UNPAID), "failed");
	assert_true(job_phase_read("canceled", &p) && p == JOB_CANCELLED);
	assert_true(job_phase_read("pending", &p) && p == JOB_QUEUED);
	assert_true(job_phase_read("COMPLETED", &p) && p == JOB_COMPLETED);
	assert_false(job_phase_read("odd", &p));
	assert_false(job_phase_read("", &p));
}

static void
test_ids_are_in_order_of_time(void **state)
{
	char a[JOB_ID_SIZE], b[JOB_ID_SIZE], c[JOB_ID_SIZE];

	(void)state;
	job_new_id(1000, a);
	job_new_id(1001, b);
	job_new_id(1001, c);
	assert_int_equal(strlen(a), JOB_ID_SIZE - 1);
	assert_true(strcmp(a, b) < 0);
	assert_string_not_equal(b, c);
}

UNIT_MAIN(cmocka_unit_test(test_names), cmocka_unit_test(test_ids_are_in_order_of_time))
