#include "intent.c"
#include "unit.h"

static const uint8_t key[32] = { 1, 2, 3 };
static const struct body_sender sender = { .chain = "c", .from = ZERO_ADDRESS, .fee = "10", .nonce = 7 };

static void
test_made_and_loaded(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct intent made, loaded;
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	assert_int_equal(intent_load(&h.table, key, &loaded, &err), B3IQ_E_NOT_FOUND);
	assert_ok(intent_make(&h.table, "purse", zero_public, &sender, "{\"kind\":\"x\"}", &made, &err), err);
	assert_int_equal(h.puts, 0); /* not yet stored */
	assert_ok(intent_store(&h.table, key, &made, &err), err);
	assert_ok(intent_load(&h.table, key, &loaded, &err), err);
	assert_string_equal(loaded.wire, made.wire);
	assert_string_equal(loaded.hash, made.hash);
	assert_string_equal(loaded.fee, "10");
	assert_string_equal(loaded.from, ZERO_ADDRESS);
	assert_int_equal(loaded.nonce, 7);
	/* SHA-256("b3iq.tx/1\n{\"kind\":\"x\"}") */
	assert_string_equal(made.hash,
	                    "0xdef4c9cc763b7d6b8d75d688da771a94e828c75d4503feed23d58dc1b08d295f");
	intent_finish(&made);
	intent_finish(&loaded);
	fake_host_finish(&h);
}

/* Whatever the host fails at, nothing is left half made. */
static void
test_host_fails(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct intent i;
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	h.sign_rc = B3IQ_E_UNAVAILABLE;
	assert_int_equal(intent_make(&h.table, "purse", zero_public, &sender, "{}", &i, &err),
	                 B3IQ_E_UNAVAILABLE);
	assert_null(i.wire);
	assert_int_equal(intent_make(&h.table, "other", zero_public, &sender, "{}", &i, &err), B3IQ_E_DENIED);
	h.sign_rc = B3IQ_OK;
	assert_ok(intent_make(&h.table, "purse", zero_public, &sender, "{}", &i, &err), err);
	h.put_rc = B3IQ_E_UNAVAILABLE;
	assert_int_equal(intent_store(&h.table, key, &i, &err), B3IQ_E_UNAVAILABLE);
	intent_finish(&i);
	fake_host_finish(&h);
}

static void
test_damaged(void **state)
{
	static const char *const values[] = { "", "{", "[]", "{\"hash\":\"0x\",\"fee\":\"1\"}" };
	struct b3iq_error err = NO_ERR;
	struct intent i;
	struct fake_host h;
	char name[KEY_NAME];

	(void)state;
	fake_host_init(&h);
	key_name(key, name);
	for (size_t n = 0; n < sizeof values / sizeof *values; n++) {
		assert_int_equal(h.table.kv_put(&h, name, values[n], strlen(values[n])), B3IQ_OK);
		assert_int_equal(intent_load(&h.table, key, &i, &err), B3IQ_E_INTERNAL);
		assert_null(i.wire);
	}
	fake_host_finish(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_made_and_loaded),
		                            cmocka_unit_test(test_host_fails),
		                            cmocka_unit_test(test_damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
