#include "coordinator/jobs/submission.c"

#include "unit.h"

static const struct submission_rules rules = { .prompt_bytes = 100, .ttl_s = 900, .ttl_most_s = 1000,
	                                       .paid = true, .rate_time = 20000, .rate_tokens = 100,
	                                       .escrow = 2000000, .model = "default" };

static int32_t
read_it(const char *body, struct submission *s, struct b3iq_error *err)
{
	return submission_read(body, strlen(body), &rules, s, err);
}

static void
test_both_bodies(void **state)
{
	static const char *const bodies[] = {
		"{\"type\":\"inference\",\"prompt\":\"hi\",\"model\":\"llama3.2:latest\","
		"\"client_key\":\"secret\",\"timestamp\":\"2025-01-29T14:50:00Z\"}",
		"{\"payload\":{\"type\":\"inference\",\"prompt\":\"hi\",\"model\":\"llama3.2:latest\"}}",
	};
	struct b3iq_error err = NO_ERR;
	struct submission s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_ok(read_it(bodies[i], &s, &err), err);
		assert_string_equal(s.request.data,
		                    "{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"}]}");
		assert_string_equal(s.job.model, "llama3.2:latest");
		assert_null(strstr(s.payload.data, "secret"));
		assert_int_equal(s.ttl_s, 900);
		assert_int_equal(s.job.escrow, 2000000);
		assert_int_equal(s.job.mode, JOB_MODE_TIME);
		assert_int_equal(s.job.pay, JOB_PAY_PENDING);
		assert_non_null(strstr(s.params.data, "\"max_tokens\":500"));
		assert_non_null(strstr(s.params.data, "\"temperature_e6\":700000"));
		submission_free(&s);
	}
}

static void
test_forms(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct submission s;

	(void)state;
	assert_ok(read_it("{\"prompt\":\"hi\",\"raw\":true,\"seed\":7,\"stop\":[\"x\"],"
	                  "\"options\":{\"num_predict\":9,\"repeat_penalty\":1.1}}", &s, &err), err);
	assert_string_equal(s.request.data, "{\"prompt\":\"hi\",\"stop\":[\"x\"]}");
	assert_string_equal(s.seed, "7");
	assert_int_equal(s.job.max_tokens, 9);
	assert_non_null(strstr(s.params.data, "\"repetition_penalty_e6\":1100000"));
	submission_free(&s);
	assert_ok(read_it("{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\","
	                  "\"content\":\"b\"}],\"model\":\"m\",\"payment_amount\":0}", &s, &err), err);
	assert_int_equal(s.job.mode, JOB_MODE_FREE);
	assert_int_equal(s.job.pay, JOB_PAY_FREE);
	submission_free(&s);
	assert_ok(read_it("{\"prompt\":\"hi\",\"constraints\":{\"max_price\":\"0.5\",\"gpu\":\"x\"},"
	                  "\"payment_mode\":\"tokens\",\"payment_rate\":\"0.001\"}", &s, &err), err);
	assert_int_equal(s.job.escrow, 500000);
	assert_int_equal(s.job.rate, 1000);
	assert_string_equal(s.job.terms, "{\"gpu\":\"x\"}");
	submission_free(&s);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *body, *code, *field;
	} bad[] = {
		{ "", "invalid_json", "" },
		{ "7", "invalid_type", "" },
		{ "{}", "invalid_type", "prompt" },
		{ "{\"prompt\":\"\"}", "invalid_prompt", "prompt" },
		{ "{\"prompt\":\" \\t\"}", "invalid_prompt", "prompt" },
		{ "{\"prompt\":\"a\\u0000b\"}", "invalid_prompt", "prompt" },
		{ "{\"prompt\":\"x\",\"type\":\"odd\"}", "unknown_type", "type" },
		{ "{\"prompt\":\"x\",\"model\":\"a\\\"b\"}", "invalid_value", "model" },
		{ "{\"prompt\":\"x\",\"ttl_seconds\":0}", "invalid_value", "ttl_seconds" },
		{ "{\"prompt\":\"x\",\"ttl_seconds\":1001}", "invalid_value", "ttl_seconds" },
		{ "{\"prompt\":\"x\",\"seed\":-1}", "invalid_value", "seed" },
		{ "{\"prompt\":\"x\",\"max_tokens\":1.5}", "invalid_type", "max_tokens" },
		{ "{\"prompt\":\"x\",\"stop\":\"y\"}", "invalid_value", "messages" },
		{ "{\"prompt\":\"x\",\"payment_mode\":\"y\"}", "invalid_value", "payment_mode" },
		{ "{\"prompt\":\"x\",\"stream\":1}", "invalid_value", "stream" },
		{ "{\"messages\":[]}", "invalid_prompt", "messages" },
		{ "{\"messages\":{}}", "invalid_type", "messages" },
	};
	char longer[300];
	struct submission s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct b3iq_error err = NO_ERR;

		assert_int_equal(read_it(bad[i].body, &s, &err), B3IQ_E_INVALID);
		assert_string_equal(s.code, bad[i].code);
		assert_string_equal(s.field, bad[i].field);
		assert_true(err.text[0]);
		submission_free(&s);
	}
	snprintf(longer, sizeof longer, "{\"prompt\":\"%0101d\"}", 1);
	assert_int_equal(read_it(longer, &s, NULL), B3IQ_E_INVALID);
	submission_free(&s);
}

UNIT_MAIN(cmocka_unit_test(test_both_bodies), cmocka_unit_test(test_forms),
          cmocka_unit_test(test_refused))
