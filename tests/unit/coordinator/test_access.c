#include "coordinator/api/access.c"

#include "unit.h"

static int32_t
ask(struct access *a, const char *name, const char *value, struct principal *p)
{
	struct http_pair header = { name, value };
	const struct http_request rq = { .headers = &header, .n_headers = 1 };
	struct b3iq_error err = NO_ERR;

	return access_check(a, &rq, p, &err);
}

static void
test_keys(void **state)
{
	const struct keyring ring = access_ring(unit_store);
	char secret[KEYRING_SECRET_SIZE], bearer[160];
	struct b3iq_error err = NO_ERR;
	struct principal p;
	struct access *a;
	struct key key;

	(void)state;
	setenv("MINER_API_KEYS", "[\"m-1\"]", 1);
	setenv("ADMIN_API_KEYS", " a-1 ,a-2", 1);
	a = access_create(unit_store, 0, "house", &err);
	assert_non_null(a);
	assert_ok(keyring_create(&ring, &(struct key_spec){ .name = "alice", .account = "purse" }, &key,
	                         secret, &err), err);
	assert_int_equal(ask(a, "X-Api-Key", secret, &p), B3IQ_OK);
	assert_string_equal(p.key, key.id);
	assert_string_equal(p.wallet, "purse");
	assert_false(p.admin);
	snprintf(bearer, sizeof bearer, "Bearer %s", secret);
	assert_int_equal(ask(a, "Authorization", bearer, &p), B3IQ_OK);
	assert_int_equal(ask(a, "X-Client-Key", secret, &p), B3IQ_OK); /* from the cache */
	assert_int_equal(ask(a, "X-Api-Key", "b3iq_net_short", &p), B3IQ_E_DENIED);
	assert_int_equal(ask(a, "X-Api-Key", "", &p), B3IQ_E_DENIED);
	assert_int_equal(ask(a, "X-Other", secret, &p), B3IQ_E_DENIED);
	assert_int_equal(ask(a, "X-Miner-Key", "m-1", &p), B3IQ_OK);
	assert_string_equal(p.scopes, "miner");
	assert_null(strstr(p.key, "m-1"));
	assert_int_equal(ask(a, "X-Admin-Key", "a-1", &p), B3IQ_OK);
	assert_true(p.admin);
	assert_int_equal(ask(a, "X-Admin-Key", "a-2", &p), B3IQ_OK);
	assert_string_equal(p.wallet, "house");
	access_destroy(a);
	unsetenv("MINER_API_KEYS");
	unsetenv("ADMIN_API_KEYS");
}

static void
test_rate(void **state)
{
	const struct principal one = { .key = "k1", .rate_per_minute = 1, .burst = 3 };
	const struct principal two = { .key = "k2", .rate_per_minute = 1, .burst = 1 };
	const struct principal none = { .key = "k3" };
	struct b3iq_error err = NO_ERR;
	struct access *a = access_create(unit_store, 0, "", &err);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(access_rate(a, &one), 0);
	assert_in_range(access_rate(a, &one), 1, 61);
	assert_int_equal(access_rate(a, &two), 0); /* a bucket of its own */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(access_rate(a, &none), 0);
	access_destroy(a);
}

/* Keys of one set, with a token that does not come back while the test runs. */
static void
test_rates_of_one_set(void **state)
{
	struct principal who[4 * WAYS];
	struct b3iq_error err = NO_ERR;
	struct access *a = access_create(unit_store, 0, "", &err);
	size_t n = 0, passed = 0;

	(void)state;
	assert_non_null(a);
	for (int i = 0; n < sizeof who / sizeof *who; i++) {
		who[n] = (struct principal){ .rate_per_minute = 1, .burst = 10 };
		snprintf(who[n].key, sizeof who[n].key, "k%d", i);
		n += set_of(a, who[n].key) == a->bucket[7];
	}
	for (int i = 0; i < 1000; i++) /* two that alternate: ten each */
		for (n = 0; n < 2; n++)
			passed += access_rate(a, &who[n]) == 0;
	assert_in_range(passed, 20, 22);
	for (passed = 0, n = 2; n < WAYS; n++) /* the others of the set have theirs */
		for (int i = 0; i < 20; i++)
			passed += access_rate(a, &who[n]) == 0;
	assert_in_range(passed, 10 * (WAYS - 2), 11 * (WAYS - 2));
	passed = 0;
	for (int i = 0; i < 100; i++) /* more than there are buckets: nobody gains by it */
		for (n = 0; n < 4 * WAYS; n++)
			passed += access_rate(a, &who[n]) == 0;
	assert_in_range(passed, 0, 4 * WAYS);
	access_destroy(a);
}

UNIT_MAIN(UNIT_STORE(test_keys), UNIT_STORE(test_rate), UNIT_STORE(test_rates_of_one_set))
