/* ticket.c: what is kept of a job, where, and for whose eyes. */
#include "session.h"

#include "cli/ticket.c"

static void
test_kept(void **state)
{
	struct json_object *ticket = json_object_new_object(), *again = NULL;
	struct cli          cli = { .path = "test" };
	struct session      s;
	struct stat         st;
	char                file[PATH_SIZE];

	(void)state;
	session_begin(&s, NULL);
	cli.home = s.home;
	json_put_string(ticket, "prompt", "what is it?");
	assert_int_equal(ticket_load(&cli, "job_1", &again), CLI_OK);
	assert_null(again);
	assert_int_equal(ticket_save(&cli, "job_1", ticket), CLI_OK);
	assert_int_equal(stat(session_path(&s, "jobs/job_1.json", file), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(session_path(&s, "jobs", file), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(ticket_load(&cli, "job_1", &again), CLI_OK);
	assert_true(json_object_equal(ticket, again));
	json_object_put(again);
	json_put_string(ticket, "receipt_id", "receipt_1");
	assert_int_equal(ticket_save(&cli, "job_1", ticket), CLI_OK);
	assert_int_equal(ticket_load(&cli, "job_1", &again), CLI_OK);
	assert_string_equal(session_text(again, "receipt_id"), "receipt_1");
	json_object_put(again);
	json_object_put(ticket);
	json_object_put(cli.result);
	session_end(&s);
}

/* Ids come from a server: none of them leads out of the folder. */
static void
test_ids(void **state)
{
	static const char *const bad[] = { "", "..", "../x", "a/b", "a.b", "a b", "\xc3\xa9" };
	struct json_object *ticket = json_object_new_object(), *again;
	struct cli          cli = { .path = "test" };
	struct session      s;
	char                longest[130];

	(void)state;
	session_begin(&s, NULL);
	cli.home = s.home;
	assert_non_null(freopen("/dev/null", "w", stderr)); /* what is wrong is said there */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(ticket_id_valid(bad[i]));
		assert_int_equal(ticket_save(&cli, bad[i], ticket), CLI_FAILED);
		assert_int_equal(ticket_load(&cli, bad[i], &again), CLI_FAILED);
	}
	memset(longest, 'a', sizeof longest);
	longest[129] = '\0';
	assert_false(ticket_id_valid(longest));
	longest[128] = '\0';
	assert_int_equal(ticket_save(&cli, longest, ticket), CLI_OK);
	json_object_put(ticket);
	json_object_put(cli.result);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
