#include "rpc.c"
#include "chain.h"

struct bench {
	struct fake *fake;
	struct rpc  *rpc;
};

static struct bench
begin(const struct fake_answer *answers, size_t n)
{
	struct b3iq_error err = NO_ERR;
	struct config config;
	struct bench b;

	b.fake = fake_start(answers, n);
	config = chain_config(fake_port(b.fake));
	assert_ok(rpc_create(&config, &b.rpc, &err), err);
	return b;
}

static void
end(struct bench *b)
{
	rpc_destroy(b->rpc);
	fake_stop(b->fake);
}

#define BEGIN(...)                                                                             \
	static const struct fake_answer answers[] = { __VA_ARGS__ };                           \
	struct bench b = begin(answers, sizeof answers / sizeof *answers);                     \
	struct b3iq_error err = NO_ERR

static void
test_reads(void **state)
{
	BEGIN(INFO, ACCOUNT(3, 5), { .path = "/rpc/tx/" HASH, .body = "{\"block_height\":9,\"time_ms\":77}" });
	struct rpc_found found;
	uint64_t in_blocks, next;
	char fee[80];

	(void)state;
	assert_ok(rpc_fee(b.rpc, fee, &err), err);
	assert_string_equal(fee, "10");
	assert_ok(rpc_nonce(b.rpc, ZERO_ADDRESS, &in_blocks, &next, &err), err);
	assert_int_equal(in_blocks, 3);
	assert_int_equal(next, 5);
	assert_ok(rpc_find(b.rpc, HASH, &found, &err), err);
	assert_true(found.found && found.height == 9 && found.time_ms == 77);
	assert_int_equal(fake_count(b.fake, "/rpc/info"), 1); /* the chain is checked once */
	end(&b);
}

static void
test_not_there(void **state)
{
	static const char waiting[RPC_HASH_SIZE] = "0x00";
	BEGIN(INFO, { .path = "/rpc/tx/0x00", .body = "{\"block_height\":null}" });
	struct rpc_found found = { .found = true };
	struct json_object *o;

	(void)state;
	assert_ok(rpc_find(b.rpc, HASH, &found, &err), err);
	assert_false(found.found);
	assert_ok(rpc_find(b.rpc, waiting, &found, &err), err); /* it waits */
	assert_false(found.found);
	assert_int_equal(rpc_read(b.rpc, "/escrow/11", &o, &err), B3IQ_E_NOT_FOUND);
	assert_null(o);
	end(&b);
}

static void
test_another_chain(void **state)
{
	BEGIN({ .path = "/rpc/info", .body = "{\"chain_id\":\"other\"}" }, VERDICT(0, ""));
	enum rpc_verdict verdict;

	(void)state;
	assert_int_equal(rpc_send(b.rpc, "{}", &verdict, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "\"other\""));
	assert_int_equal(fake_count(b.fake, "/"), 0); /* nothing was sent there */
	end(&b);
}

static void
send_is(const struct fake_answer *answer, int32_t rc, int verdict, const char *says)
{
	const struct fake_answer answers[] = { INFO, *answer };
	struct bench b = begin(answers, 2);
	struct b3iq_error err = NO_ERR;
	enum rpc_verdict got = RPC_TAKEN;

	assert_int_equal(rpc_send(b.rpc, "{\"body\":{}}", &got, &err), rc);
	if (rc == B3IQ_OK)
		assert_int_equal(got, verdict);
	assert_non_null(strstr(err.text, says));
	assert_non_null(strstr(fake_asked(b.fake, "/"), "\"tx\":\"eyJib2R5Ijp7fX0=\"")); /* base64 */
	end(&b);
}

static void
test_verdicts(void **state)
{
	(void)state;
	send_is(&(struct fake_answer)VERDICT(0, ""), B3IQ_OK, RPC_TAKEN, "");
	send_is(&(struct fake_answer)VERDICT(7, "duplicate"), B3IQ_OK, RPC_TAKEN, "");
	send_is(&(struct fake_answer)VERDICT(5, "nonce"), B3IQ_OK, RPC_NONCE_USED, "");
	send_is(&(struct fake_answer)VERDICT(8, "full"), B3IQ_OK, RPC_LATER, "full");
	send_is(&(struct fake_answer)VERDICT(6, "no funds"), B3IQ_OK, RPC_REFUSED, "no funds");
}

/* What may have arrived is never reported as if it had not. */
static void
test_broken_answers(void **state)
{
	static const struct fake_answer cut = { .path = "/", .body = "{\"jsonrpc\":", .claimed = 500 },
	                                reset = { .path = "/", .body = "", .reset = true },
	                                error = { .path = "/", .body = "{\"error\":{\"data\":\"on fire\"}}" },
	                                page = { .path = "/", .body = "<html>" };

	(void)state;
	send_is(&cut, B3IQ_E_UNKNOWN_OUTCOME, 0, "");
	send_is(&reset, B3IQ_E_UNKNOWN_OUTCOME, 0, "");
	send_is(&error, B3IQ_E_UNKNOWN_OUTCOME, 0, "on fire");
	send_is(&page, B3IQ_E_UNKNOWN_OUTCOME, 0, "no chain");
}

static void
test_nobody_listens(void **state)
{
	struct config config = chain_config(fake_closed_port());
	struct b3iq_error err = NO_ERR;
	enum rpc_verdict verdict;
	struct rpc *rpc;

	(void)state;
	assert_ok(rpc_create(&config, &rpc, &err), err);
	assert_int_equal(rpc_send(rpc, "{}", &verdict, &err), B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "b3iq chain"));
	rpc_destroy(rpc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),          cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_another_chain),  cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_broken_answers), cmocka_unit_test(test_nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
