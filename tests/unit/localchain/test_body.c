#include "body.c"
#include "unit.h"

#define ID "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PROOF "0101010101010101010101010101010101010101010101010101010101010101" \
              "0101010101010101010101010101010101010101010101010101010101010101"

static const struct body_sender sender = { .chain = "ait-devnet", .from = ZERO_ADDRESS,
	                                   .fee = "10", .nonce = 7 };

static struct b3iq_ledger_op
operation(uint32_t op, const char *to, const char *amount, const char *more)
{
	struct b3iq_ledger_op o = { .size = sizeof o, .op = op, .signer = "purse", .to = to,
		                    .amount = amount, .extra = more };

	for (uint8_t i = 0; i < 32; i++)
		o.digest[i] = i;
	return o;
}

#define FROM "\"fee\":\"10\",\"from\":\"" ZERO_ADDRESS "\""
#define CHAIN "\"chain\":\"ait-devnet\""

/* Each kind, byte by byte as the chain's own code writes it. */
static void
test_kinds(void **state)
{
	const struct {
		struct b3iq_ledger_op op;
		const char           *body;
	} cases[] = {
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "5", "{\"memo\":\"caf\xc3\xa9 \\\"x\\\"/\"}"),
		  "{\"amount\":\"5\"," CHAIN "," FROM ",\"kind\":\"transfer\",\"memo\":\"caf\xc3\xa9 \\\"x\\\"/\","
		  "\"nonce\":7,\"to\":\"" ZERO_ADDRESS "\"}" },
		{ operation(B3IQ_OP_ESCROW_OPEN, ZERO_ADDRESS, "5", "{\"deadline_ms\":1795243000000}"),
		  "{\"amount\":\"5\",\"arbiter\":\"" ZERO_ADDRESS "\"," CHAIN
		  ",\"deadline\":1795243000000," FROM
		  ",\"id\":\"" ID "\",\"kind\":\"escrow_open\",\"nonce\":7}" },
		{ operation(B3IQ_OP_ESCROW_RELEASE, ZERO_ADDRESS, "5",
		            "{\"receipt\":\"" ID "\",\"cut\":\"1\"}"),
		  "{\"amount\":\"5\"," CHAIN ",\"cut\":\"1\",\"digest\":\"" ID "\"," FROM ",\"id\":\"" ID
		  "\",\"kind\":\"escrow_release\",\"nonce\":7,\"to\":\"" ZERO_ADDRESS "\"}" },
		{ operation(B3IQ_OP_ESCROW_REFUND, NULL, NULL, NULL),
		  "{" CHAIN "," FROM ",\"id\":\"" ID "\",\"kind\":\"escrow_refund\",\"nonce\":7}" },
		{ operation(B3IQ_OP_STAKE, NULL, "5", "{}"),
		  "{\"amount\":\"5\"," CHAIN "," FROM ",\"kind\":\"stake\",\"nonce\":7}" },
		{ operation(B3IQ_OP_UNSTAKE, NULL, "5", "{}"),
		  "{\"amount\":\"5\"," CHAIN "," FROM ",\"kind\":\"unstake\",\"nonce\":7}" },
		{ operation(B3IQ_OP_REGISTER, "ed25519:" ID, NULL,
		            "{\"proof\":\"" PROOF "\",\"label\":\"l\"}"),
		  "{" CHAIN "," FROM ",\"kind\":\"register_node\",\"label\":\"l\",\"node\":\"ed25519:" ID
		  "\",\"nonce\":7,\"proof\":\"" PROOF "\"}" },
		{ operation(B3IQ_OP_REGISTER, NULL, NULL, "{\"name\":\"n\"}"),
		  "{" CHAIN "," FROM ",\"kind\":\"register_model\",\"name\":\"n\",\"nonce\":7,\"root\":\"" ID "\"}" },
		{ operation(B3IQ_OP_COMMIT, NULL, NULL, "{\"count\":3,\"label\":\"l\"}"),
		  "{" CHAIN ",\"count\":3," FROM ",\"kind\":\"commit\",\"label\":\"l\",\"nonce\":7,"
		  "\"root\":\"" ID "\"}" },
		{ operation(B3IQ_OP_COMMIT, NULL, NULL, NULL),
		  "{" CHAIN ",\"count\":1," FROM ",\"kind\":\"commit\",\"nonce\":7,\"root\":\"" ID "\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_error err = NO_ERR;
		char *body;

		assert_ok(body_make(&cases[i].op, &sender, &body, &err), err);
		assert_string_equal(body, cases[i].body);
		assert_ok(body_check(&cases[i].op, &err), err);
		free(body);
	}
}

static void
test_what_is_missing(void **state)
{
	const struct {
		struct b3iq_ledger_op op;
		int32_t               rc;
		const char           *says;
	} cases[] = {
		{ operation(B3IQ_OP_DISPUTE, NULL, "5", NULL), B3IQ_E_UNSUPPORTED, "disputes" },
		{ operation(77, NULL, "5", NULL), B3IQ_E_UNSUPPORTED, "" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, NULL, NULL), B3IQ_E_INVALID, "amount" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "0", NULL), B3IQ_E_INVALID, "amount" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "05", NULL), B3IQ_E_INVALID, "amount" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "-5", NULL), B3IQ_E_INVALID, "amount" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "9223372036854775808", NULL), B3IQ_E_INVALID,
		  "amount" },
		{ operation(B3IQ_OP_TRANSFER, "ait1short", "5", NULL), B3IQ_E_INVALID, "to" },
		{ operation(B3IQ_OP_TRANSFER, NULL, "5", NULL), B3IQ_E_INVALID, "to" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "5", "[]"), B3IQ_E_INVALID, "extra" },
		{ operation(B3IQ_OP_TRANSFER, ZERO_ADDRESS, "5", "{\"memo\":\"\"}"), B3IQ_E_INVALID, "memo" },
		{ operation(B3IQ_OP_ESCROW_OPEN, ZERO_ADDRESS, "5", "{}"), B3IQ_E_INVALID, "deadline_ms" },
		{ operation(B3IQ_OP_ESCROW_OPEN, ZERO_ADDRESS, "5", "{\"deadline_ms\":-1}"), B3IQ_E_INVALID,
		  "deadline_ms" },
		{ operation(B3IQ_OP_ESCROW_RELEASE, ZERO_ADDRESS, "5", "{}"), B3IQ_E_INVALID, "receipt" },
		{ operation(B3IQ_OP_ESCROW_RELEASE, ZERO_ADDRESS, "5",
		            "{\"receipt\":\"" ID "\",\"cut\":1.5}"), B3IQ_E_INVALID, "cut" },
		{ operation(B3IQ_OP_REGISTER, "ed25519:" ID, NULL, "{}"), B3IQ_E_INVALID, "proof" },
		{ operation(B3IQ_OP_COMMIT, NULL, NULL, "{\"count\":\"3\"}"), B3IQ_E_INVALID, "count" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_error err = NO_ERR;

		assert_int_equal(body_check(&cases[i].op, &err), cases[i].rc);
		assert_non_null(strstr(err.text, cases[i].says));
	}
}

static void
test_seal(void **state)
{
	struct b3iq_error err = NO_ERR;
	static char long_body[BODY_MAX];
	const uint8_t signature[64] = { 0xab };
	char *wire;

	(void)state;
	assert_ok(body_seal("{}", zero_public, signature, &wire, &err), err);
	assert_int_equal(strncmp(wire, "{\"body\":{},\"key\":\"ed25519:3b6a27bc", 34), 0);
	assert_non_null(strstr(wire, "\"signature\":\"ab0000"));
	free(wire);
	memset(long_body, 'x', sizeof long_body - 1);
	assert_int_equal(body_seal(long_body, zero_public, signature, &wire, &err), B3IQ_E_INVALID);
	assert_null(wire);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kinds),
		                            cmocka_unit_test(test_what_is_missing),
		                            cmocka_unit_test(test_seal) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
