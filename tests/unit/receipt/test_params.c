/* params.c: what is stated is what runs, to the bit, and there is one text for it. */
#include "../check.h"

#include "core/base/json.h"
#include "core/receipt/params.c"

static void
test_text(void **state)
{
	struct b3iq_gen_request req = { .size = sizeof(req), .flags = 3, .max_tokens = 7, .top_k = 40,
		                        .temperature = 0.7F, .top_p = 0.95F, .frequency_penalty = -2,
		                        .repetition_penalty = 1.1F };
	struct json_object *o;
	struct buf b, again;

	(void)state;
	buf_init(&b, 1000);
	buf_init(&again, 1000);
	assert_int_equal(params_write(&req, &b, NULL), B3IQ_OK);
	assert_string_equal(b.data, "{\"flags\":3,\"frequency_penalty_e6\":-2000000,\"max_tokens\":7,"
	                            "\"min_p_e6\":0,\"presence_penalty_e6\":0,"
	                            "\"repetition_penalty_e6\":1100000,\"temperature_e6\":700000,"
	                            "\"top_k\":40,\"top_logprobs\":0,\"top_p_e6\":950000}");
	assert_int_equal(json_parse(b.data, b.len, "params", &o, NULL), B3IQ_OK);
	assert_int_equal(json_canonical(o, &again, NULL), B3IQ_OK);
	assert_string_equal(b.data, again.data);
	json_object_put(o);
	buf_free(&b);
	buf_free(&again);
}

/* Settling any float and reading back its text gives the same float. */
static void
test_round_trip(void **state)
{
	struct b3iq_gen_request req, back;
	struct json_object *o;
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < 20000; i++) {
		memset(&req, 0, sizeof(req));
		memset(&back, 0, sizeof(back));
		req.temperature = (float)i * 0.00012345F;
		req.presence_penalty = (float)-i / 7777.0F;
		req.top_p = 1.0F / (float)(i + 1);
		req.max_tokens = UINT32_MAX - (uint32_t)i;
		assert_int_equal(params_settle(&req, NULL), B3IQ_OK);
		buf_clear(&b);
		assert_int_equal(params_write(&req, &b, NULL), B3IQ_OK);
		assert_int_equal(json_parse(b.data, b.len, "params", &o, NULL), B3IQ_OK);
		assert_int_equal(params_read(o, &back, NULL), B3IQ_OK);
		json_object_put(o);
		assert_memory_equal(&req.temperature, &back.temperature, sizeof(float));
		assert_memory_equal(&req.presence_penalty, &back.presence_penalty, sizeof(float));
		assert_memory_equal(&req.top_p, &back.top_p, sizeof(float));
		assert_int_equal(req.max_tokens, back.max_tokens);
	}
	buf_free(&b);
}

static void
test_refusals(void **state)
{
	static const char *const wrong[] = {
		"{}", "[]", "5",
		"{\"flags\":3,\"frequency_penalty_e6\":0,\"max_tokens\":7,\"min_p_e6\":0,"
		"\"presence_penalty_e6\":0,\"repetition_penalty_e6\":0,\"temperature_e6\":700000,"
		"\"top_k\":40,\"top_logprobs\":0,\"topp_e6\":950000}",
		"{\"flags\":-1,\"frequency_penalty_e6\":0,\"max_tokens\":7,\"min_p_e6\":0,"
		"\"presence_penalty_e6\":0,\"repetition_penalty_e6\":0,\"temperature_e6\":700000,"
		"\"top_k\":40,\"top_logprobs\":0,\"top_p_e6\":950000}",
		"{\"flags\":1,\"frequency_penalty_e6\":0,\"max_tokens\":7,\"min_p_e6\":0,"
		"\"presence_penalty_e6\":0,\"repetition_penalty_e6\":0,\"temperature_e6\":1000000001,"
		"\"top_k\":40,\"top_logprobs\":0,\"top_p_e6\":950000}",
	};
	struct b3iq_gen_request req = { .size = sizeof(req), .temperature = NAN };
	struct b3iq_error err = NO_ERROR;
	struct json_object *o;
	size_t i;

	(void)state;
	assert_int_equal(params_settle(&req, &err), B3IQ_E_INVALID);
	assert_int_equal(strncmp(err.text, "temperature must", 16), 0);
	req.temperature = INFINITY;
	assert_int_equal(params_settle(&req, &err), B3IQ_E_INVALID);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(json_parse(wrong[i], strlen(wrong[i]), "params", &o, NULL), B3IQ_OK);
		assert_int_equal(params_read(o, &req, &err), B3IQ_E_INVALID);
		json_object_put(o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
