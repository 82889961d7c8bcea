/* genesis.c: read, refused for the right reason, hashed by its canonical form, applied. */
#include "fixture.h"

#include "chain/state/genesis.c"

static struct people people;

static int
make(void **state)
{
	(void)state;
	people_make(&people);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	people_end(&people);
	return 0;
}

static void
test_canonical(void **state)
{
	struct genesis a = people_genesis(&people), b;
	struct json_object *doc;
	struct b3iq_error err = NO_ERROR;
	const char *pretty;

	(void)state;
	assert_ok(json_parse(people.genesis.data, people.genesis.len, "it", &doc, &err), err);
	pretty = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY);
	assert_ok(genesis_read(pretty, strlen(pretty), &b, &err), err);
	assert_memory_equal(a.hash, b.hash, 32);
	assert_string_equal(a.text, b.text);
	assert_int_equal(a.supply, RICH + 1000000);
	assert_true(genesis_may_propose(&a, ed25519_public(people.key[PROPOSER])));
	assert_false(genesis_may_propose(&a, ed25519_public(people.key[ALICE])));
	assert_false(a.has_faucet);
	json_object_put(doc);
	genesis_finish(&a);
	genesis_finish(&b);
}

/* The fixture's genesis with one member replaced. */
static void
refuse(const char *key, const char *value, const char *why)
{
	struct json_object *doc, *v = NULL;
	struct b3iq_error err = NO_ERROR;
	struct genesis g;
	const char *text;

	assert_ok(json_parse(people.genesis.data, people.genesis.len, "it", &doc, &err), err);
	if (value)
		assert_ok(json_parse(value, strlen(value), "it", &v, &err), err);
	json_object_object_del(doc, key);
	if (value)
		json_object_object_add(doc, key, v);
	text = json_object_to_json_string(doc);
	assert_int_equal(genesis_read(text, strlen(text), &g, &err), B3IQ_E_INVALID);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", key, err.text);
	json_object_put(doc);
}

static void
test_refused(void **state)
{
	char twice[256], text[ADDRESS_SIZE];
	struct b3iq_error err = NO_ERROR;
	struct genesis g;

	(void)state;
	refuse("time", NULL, "time");
	refuse("extra", "1", "extra");
	refuse("chain", "\"Not a chain\"", "chain");
	refuse("min_fee", "\"-1\"", "min_fee");
	refuse("min_fee", "10", "min_fee");
	refuse("slasher", "\"ait1nope\"", "slasher");
	refuse("proposers", "[]", "proposers");
	refuse("proposers", "[\"ed25519:00\"]", "proposers");
	refuse("accounts", "{\"ait1nope\":\"1\"}", "address");
	refuse("faucet", "{\"account\":\"ait1nope\",\"max\":\"1\"}", "account");
	address_write(&people.address[0], text);
	snprintf(twice, sizeof twice, "{\"%s\":\"9223372036854775807\",\"", text);
	address_write(&people.address[1], text);
	snprintf(twice + strlen(twice), sizeof twice - strlen(twice), "%s\":\"1\"}", text);
	refuse("accounts", twice, "2^63");
	assert_int_equal(genesis_read("nonsense", 8, &g, &err), B3IQ_E_INVALID);
	assert_int_equal(genesis_read("", GENESIS_MAX + 1, &g, &err), B3IQ_E_INVALID);
}

static void
test_devnet(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct state *s = state_create();
	struct header header;
	struct genesis g;
	struct buf text;

	(void)state;
	buf_init(&text, GENESIS_MAX);
	assert_ok(genesis_write_devnet("ait-devnet", START, ed25519_public(people.key[0]),
	                               ed25519_public(people.key[1]), &text, &err),
	          err);
	assert_ok(genesis_read(text.data, text.len, &g, &err), err);
	assert_string_equal(g.text, text.data); /* written canonically at once */
	assert_true(g.has_faucet);
	assert_int_equal(g.supply, DEVNET_SUPPLY);
	assert_true(address_equal(&g.faucet, &people.address[1]));
	assert_true(address_equal(&g.slasher, &people.address[0]));
	assert_ok(genesis_apply(&g, s, &header, &err), err);
	assert_true(state_supply_holds(s));
	state_commit(s);
	assert_int_equal(header.height, 0);
	assert_int_equal(header.time, START);
	assert_int_equal(trie_count(state_trie(s), TRIE_COMMITTED), 3);
	state_destroy(s);
	genesis_finish(&g);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_devnet),
	};

	return cmocka_run_group_tests(tests, make, end);
}
