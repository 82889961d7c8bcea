/* jobs.c: views of both dialects, times, results and tables. */
#include "session.h"

#include "cli/jobs.c"

static struct json_object *
view(const char *text)
{
	struct json_object *doc = json_tokener_parse(text);

	assert_non_null(doc);
	return doc;
}

static void
test_status(void **state)
{
	static const struct {
		const char *view, *status;
		bool        ended;
	} cases[] = {
		{ "{\"status\":\"pending\",\"state\":\"QUEUED\"}", "pending", false },
		{ "{\"state\":\"QUEUED\"}", "pending", false },   { "{\"state\":\"RUNNING\"}", "running", false },
		{ "{\"state\":\"COMPLETED\"}", "completed", true }, { "{\"state\":\"FAILED\"}", "failed", true },
		{ "{\"state\":\"CANCELED\"}", "cancelled", true }, { "{\"state\":\"EXPIRED\"}", "expired", true },
		{ "{\"state\":\"LOST\"}", "unknown", false },      { "{}", "unknown", false },
		{ "{\"status\":7}", "unknown", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *v = view(cases[i].view);

		assert_string_equal(jobs_status(v), cases[i].status);
		assert_int_equal(jobs_ended(v), cases[i].ended);
		json_object_put(v);
	}
}

/* AITBC's times have microseconds and no Z; the seed's have a Z and no fraction. */
static void
test_times(void **state)
{
	static const struct {
		const char *view;
		int64_t     ms;
	} cases[] = {
		{ "{\"submitted_at\":\"2025-01-29T14:50:01Z\",\"completed_at\":\"2025-01-29T14:50:18Z\"}", 17000 },
		{ "{\"requested_at\":\"2025-01-29T14:50:01.900001\",\"finished_at\":\"2025-01-29T14:50:03.1\"}", 1200 },
		{ "{\"submitted_at\":\"2025-01-31T23:59:59.5Z\",\"completed_at\":\"2025-02-01T00:00:00Z\"}", 500 },
		{ "{\"submitted_at\":\"2025-01-29T14:50:01Z\",\"completed_at\":null}", -1 },
		{ "{\"submitted_at\":\"2025-01-29T14:50:01Z\",\"completed_at\":\"2024-01-29T14:50:01Z\"}", -1 },
		{ "{\"submitted_at\":\"soon\",\"completed_at\":\"later\"}", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *v = view(cases[i].view);

		assert_int_equal(took_ms(v), cases[i].ms);
		json_object_put(v);
	}
}

static void
test_output(void **state)
{
	struct json_object *v;

	(void)state;
	v = view("{\"result\":\"text\"}");
	assert_string_equal(json_object_get_string(output_of(v)), "text");
	json_object_put(v);
	v = view("{\"result\":{\"output\":\"deep\"}}");
	assert_string_equal(json_object_get_string(output_of(v)), "deep");
	json_object_put(v);
	v = view("{\"result\":{\"output\":7}}");
	assert_null(output_of(v));
	json_object_put(v);
	v = view("{}");
	assert_null(output_of(v));
	json_object_put(v);
	assert_null(output_of(NULL));
}

/* ---- tables -------------------------------------------------------------- */

static const struct jobs_column columns[] = {
	{ .head = "JOB", .key = "job_id" },
	{ .head = "STATUS", .read = jobs_status },
	{ .head = "TIME", .key = "at", .other = "since", .most = 4 },
	{ .head = NULL },
};

static const char *answer; /* what run_table() shows */

static int
run_table(struct cli *cli)
{
	struct json_object *doc = view(answer);
	const int           exit = jobs_table(cli, doc, columns, "jobs");

	json_object_put(doc);
	return exit;
}

static const struct cli_command table = {
	.name = "table", .summary = "a table", .about = "Shows it.", .run = run_table,
};
static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &table, NULL },
};

static void
test_table(void **state)
{
	struct json_object *doc, *jobs = NULL;
	struct session      s;

	(void)state;
	session_begin(&s, &root);
	answer = "{\"items\":[{\"job_id\":7,\"state\":\"QUEUED\",\"at\":\"2025-01\",\"since\":\"1999\"},"
	         "{\"job_id\":null,\"status\":\"failed\",\"at\":\"\",\"since\":\"2024-12\"}]}";
	assert_int_equal(session_run(&s, "table"), CLI_OK);
	assert_string_equal(s.out, "JOB  STATUS   TIME\n7    pending  2025\n     failed   2024\n");
	assert_int_equal(session_run(&s, "table", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "jobs", &jobs));
	assert_int_equal(json_object_array_length(jobs), 2);
	assert_string_equal(session_text(json_object_array_get_idx(jobs, 1), "since"), "2024-12");
	json_object_put(doc);
	session_end(&s);
}

static void
test_table_of_no_items(void **state)
{
	static const char *const answers[] = { "{}", "{\"items\":null}", "{\"items\":{}}" };
	struct session           s;

	(void)state;
	session_begin(&s, &root);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		answer = answers[i];
		assert_int_equal(session_run(&s, "table"), CLI_FAILED);
		assert_says(s.err, "no items");
		assert_string_equal(s.out, "");
	}
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_of_no_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
