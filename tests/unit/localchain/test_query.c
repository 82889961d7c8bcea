#include "query.c"
#include "chain.h"
#include "value.h"

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const struct fake_answer answers[] = {
	INFO,
	ACCOUNT(3, 5),
	{ .path = "/rpc/escrow/" DIGEST, .body = "{\"state\":\"open\",\"amount\":\"5\"}" },
	{ .path = "/rpc/receipts/" DIGEST, .body = "{\"block_height\":4}" },
};

static void
test_answers(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"query\":\"balance\",\"account\":\"" ZERO_ADDRESS "\"}",
		  "{\"account\":\"" ZERO_ADDRESS "\",\"asset\":\"AITBC\",\"amount\":\"90\"}" },
		{ "{\"query\":\"stake\",\"account\":\"" ZERO_ADDRESS "\"}",
		  "{\"account\":\"" ZERO_ADDRESS "\",\"amount\":\"7\"}" },
		{ "{\"query\":\"height\"}", "{\"height\":12,\"time_ms\":1795243000000}" },
		{ "{\"query\":\"fees\"}", "{\"asset\":\"AITBC\",\"unit\":\"10\"}" },
		{ "{\"query\":\"escrow\",\"id\":\"" DIGEST "\"}",
		  "{\"id\":\"" DIGEST "\",\"state\":\"open\",\"amount\":\"5\"}" },
		{ "{\"query\":\"commitment\",\"digest\":\"" DIGEST "\"}",
		  "{\"digest\":\"" DIGEST "\",\"state\":\"included\",\"height\":4}" },
	};
	struct fake *fake = fake_start(answers, sizeof answers / sizeof *answers);
	struct config config = chain_config(fake_port(fake));
	struct b3iq_error err = NO_ERR;
	struct rpc *rpc;

	(void)state;
	assert_ok(rpc_create(&config, &rpc, &err), err);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct value out = VALUE(1000);

		assert_ok(query_answer(rpc, cases[i][0], &out.writer, &err), err);
		assert_string_equal(out.data, cases[i][1]);
		value_finish(&out);
	}
	rpc_destroy(rpc);
	fake_stop(fake);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *what;
		int32_t     rc;
	} cases[] = {
		{ "", B3IQ_E_INVALID },
		{ "[]", B3IQ_E_INVALID },
		{ "{\"query\":\"weather\"}", B3IQ_E_UNSUPPORTED },
		{ "{\"query\":\"balance\"}", B3IQ_E_INVALID },
		{ "{\"query\":\"balance\",\"account\":\"../tx/1\"}", B3IQ_E_INVALID },
		{ "{\"query\":\"balance\",\"account\":\"nonsense\"}", B3IQ_E_INVALID },
		{ "{\"query\":\"escrow\",\"id\":\"77\"}", B3IQ_E_NOT_FOUND },
	};
	struct fake *fake = fake_start(answers, sizeof answers / sizeof *answers);
	struct config config = chain_config(fake_port(fake));
	struct value out = VALUE(1000);
	struct rpc *rpc;

	(void)state;
	assert_int_equal(rpc_create(&config, &rpc, NULL), B3IQ_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_error err = NO_ERR;

		assert_int_equal(query_answer(rpc, cases[i].what, &out.writer, &err), cases[i].rc);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(out.len, 0);
	rpc_destroy(rpc);
	fake_stop(fake);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
