/* commands/job.c and commands/admin.c: verbs about jobs, lists, and what an administrator sees. */
#include "session.h"

#include "canned.h"
#include "cli/commands/job.c"

#define JSON(status, body)                                                  \
	"HTTP/1.1 " status " X\r\nContent-Type: application/json\r\n"       \
	"Connection: close\r\n\r\n" body
#define RUNNING JSON("200", "{\"job_id\":\"job_1\",\"status\":\"running\"}")
#define LIST                                                                                          \
	JSON("200", "{\"items\":[{\"job_id\":\"job_2\",\"state\":\"COMPLETED\",\"receipt_id\":\"receipt_2\"," \
	            "\"amount_paid\":\"0.25aitbc\",\"requested_at\":\"2025-01-29T14:50:01.123456\","       \
	            "\"completed_at\":\"2025-01-29T14:51:00Z\"},{\"job_id\":\"job_1\\u001b[2J\","         \
	            "\"state\":\"QUEUED\",\"receipt_id\":null}],\"total\":2}")

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_status, &command_result, &command_cancel,
	                                             &command_jobs, &command_receipts, &command_pay,
	                                             &command_admin, &command_receipt, NULL },
};

static int
type_words(struct session *s, struct canned *c, const char *answer, const char *const *words)
{
	const char *all[SESSION_WORDS] = { 0 };
	size_t      n = 0;
	int         exit;

	for (; words[n]; n++)
		all[n] = words[n];
	all[n++] = "--url";
	all[n] = c->url;
	canned_begin(c, (const char *const[]){ answer, NULL });
	exit = session_words(s, all);
	canned_end(c);
	return exit;
}
#define type(s, c, answer, ...) type_words(s, c, answer, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_verbs(void **state)
{
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(type(&s, &c, RUNNING, "status", "job_1"), CLI_OK);
	assert_string_equal(s.out, "Job ID: job_1\nStatus: running\n");
	assert_says(c.asked[0], "GET /v1/jobs/job_1 HTTP");
	assert_int_equal(type(&s, &c, RUNNING, "result", "job_1"), CLI_NOT_READY);
	assert_says(s.err, "b3iq result job_1 --wait");
	assert_int_equal(type(&s, &c, RUNNING, "cancel", "job_1"), CLI_OK);
	assert_says(c.asked[0], "POST /v1/jobs/job_1/cancel HTTP");
	assert_int_equal(type(&s, &c, JSON("409", "{\"detail\":\"job not cancelable\"}"), "cancel", "job_1"),
	                 CLI_FAILED);
	assert_says(s.err, "job not cancelable");
	assert_int_equal(type(&s, &c, JSON("404", "{\"detail\":\"job not found\"}"), "status", "job_9"),
	                 CLI_NOT_FOUND);
	for (const char *const *verb = (const char *const[]){ "status", "result", "cancel", "pay", NULL };
	     *verb; verb++) {
		assert_int_equal(type(&s, &c, RUNNING, *verb, "../admin"), CLI_USAGE);
		assert_int_equal(c.n, 0);
	}
	session_end(&s);
}

static void
test_lists(void **state)
{
	struct json_object *doc;
	struct session      s;
	struct canned       c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(type(&s, &c, LIST, "jobs", "--limit", "5", "--offset", "1", "--status", "a&b=c",
	                      "--type", "inference"), CLI_OK);
	assert_says(c.asked[0], "GET /v1/jobs?limit=5&offset=1&status=a%26b%3Dc&job_type=inference HTTP");
	assert_says(s.out, "job_2");
	assert_says(s.out, "completed");
	assert_says(s.out, "2025-01-29T14:50:01 ");
	assert_says(s.out, "pending");
	assert_null(strchr(s.out, '\x1b'));
	assert_int_equal(type(&s, &c, LIST, "jobs", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_int_equal(json_object_array_length(json_object_object_get(doc, "jobs")), 2);
	json_object_put(doc);
	assert_int_equal(type(&s, &c, LIST, "receipts", "-n", "3"), CLI_OK);
	assert_says(c.asked[0], "GET /v1/jobs?status=completed&limit=3 HTTP");
	assert_says(s.out, "0.25aitbc");
	assert_int_equal(type(&s, &c, LIST, "receipts", "--job-id", "job_2"), CLI_OK);
	assert_says(c.asked[0], "GET /v1/jobs/job_2/receipts HTTP");
	assert_int_equal(type(&s, &c, LIST, "receipts", "--job-id", "a/b"), CLI_USAGE);
	assert_int_equal(type(&s, &c, JSON("200", "{\"items\":7}"), "jobs"), CLI_FAILED);
	session_end(&s);
}

static void
test_pay(void **state)
{
	static const char payment[] = JSON("200", "{\"payment_id\":\"pay_1\",\"job_id\":\"job_1\",\"amount\":0.25,"
	                                          "\"currency\":\"AITBC\",\"status\":\"escrowed\","
	                                          "\"transaction_hash\":\"0xabc\",\"refund_transaction_hash\":null}");
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(type(&s, &c, payment, "pay", "job_1"), CLI_OK);
	assert_says(c.asked[0], "GET /v1/jobs/job_1/payment HTTP");
	assert_string_equal(s.out, "Payment ID: pay_1\nJob ID: job_1\nAmount: 0.25\nCurrency: AITBC\n"
	                           "Status: escrowed\nTransaction: 0xabc\n");
	assert_int_equal(type(&s, &c, payment, "pay", "job_1", "0.25"), CLI_OK);
	assert_says(c.asked[0], "POST /v1/payments HTTP");
	assert_says(c.asked[0], "{\"job_id\":\"job_1\",\"amount\":\"0.25\",\"currency\":\"AITBC\"}");
	assert_says(c.asked[0], "Idempotency-Key: pay-job_1");
	session_end(&s);
}

static void
test_admin(void **state)
{
	static const char miners[] = JSON("200", "{\"items\":[{\"miner_id\":\"heron\",\"status\":\"ONLINE\","
	                                         "\"inflight\":2,\"concurrency\":3,\"region\":\"north\"}]}");
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	setenv("ADMIN_API_KEY", "chief", 1);
	assert_int_equal(type(&s, &c, JSON("200", "{\"total_jobs\":7,\"phases\":{\"queued\":1}}"), "admin",
	                      "stats"), CLI_OK);
	assert_says(c.asked[0], "GET /v1/admin/stats HTTP");
	assert_says(c.asked[0], "X-Api-Key: chief");
	assert_string_equal(s.out, "total_jobs: 7\n");
	assert_int_equal(type(&s, &c, miners, "admin", "miners"), CLI_OK);
	assert_says(s.out, "heron");
	assert_says(s.out, "north");
	assert_int_equal(type(&s, &c, LIST, "admin", "jobs"), CLI_OK);
	assert_null(strchr(s.out, '\x1b'));
	assert_int_equal(type(&s, &c, JSON("200", "{\"cancelled\":3}"), "admin", "cancel-running"), CLI_OK);
	assert_says(c.asked[0], "POST /v1/admin/cancel-running HTTP");
	assert_int_equal(type(&s, &c, JSON("200", "{}"), "admin", "status"), CLI_OK);
	assert_int_equal(type(&s, &c, JSON("403", "{\"detail\":\"of another role\"}"), "admin", "stats"),
	                 CLI_DENIED);
	assert_int_equal(type(&s, &c, JSON("200", "{}"), "admin", "miners"), CLI_FAILED);
	unsetenv("ADMIN_API_KEY");
	session_end(&s);
}

/* A job's receipt is looked up in the home, by either id, and needs a coordinator that is known. */
static void
test_verify(void **state)
{
	static const char key[] = "ed25519:fecfd8dd675d378b29b018904ec36981e19e2183dc42bf22dd65c2981a24b931";
	struct json_object *doc;
	struct session      s;
	char                dir[PATH_SIZE];

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "receipt", "verify", "job_1"), CLI_NOT_FOUND);
	assert_says(s.err, "b3iq result fetches it");
	assert_int_equal(path_make_dir(session_path(&s, "jobs", dir), 0700, NULL), B3IQ_OK);
	session_put(&s, "jobs/job_1.json", "{\"job_id\":\"job_1\",\"prompt\":\"x\"}");
	assert_int_equal(session_run(&s, "receipt", "verify", "receipt_1"), CLI_NOT_FOUND);
	session_put(&s, "jobs/job_1.json", "{\"job_id\":\"job_1\",\"prompt\":\"x\",\"receipt_id\":\"receipt_1\"}");
	session_put(&s, "jobs/receipt_1.json",
	            "{\"result\":\"r\",\"receipt\":{\"job_id\":\"job_1\",\"verdict\":{\"body\":{}}}}");
	for (const char *const *id = (const char *const[]){ "job_1", "receipt_1", NULL }; *id; id++) {
		assert_int_equal(session_run(&s, "receipt", "verify", *id), CLI_USAGE);
		assert_says(s.err, "whose verdict is it?");
		assert_int_equal(session_run(&s, "receipt", "verify", *id, "--coordinator", key, "--json"),
		                 CLI_UNVERIFIED);
		doc = session_json(&s);
		assert_false(json_object_get_boolean(json_object_object_get(doc, "valid")));
		json_object_put(doc);
	}
	session_put(&s, "keys/coordinator.pub", key);
	assert_int_equal(session_run(&s, "receipt", "verify", "job_1"), CLI_UNVERIFIED);
	assert_says(s.out, "not signed by a pinned coordinator");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_pay),   cmocka_unit_test(test_admin),
		cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
