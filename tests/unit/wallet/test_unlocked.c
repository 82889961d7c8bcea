/* unlocked.c: keys that may sign now, and are wiped when their time is over without anybody asking. */
#include "unit.h"

#include "wallet/unlocked.c"

static struct unlocked *u;

static int
begin(void **state)
{
	(void)state;
	return unlocked_create(&u, NULL) == B3IQ_OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	unlocked_destroy(u);
	return 0;
}

static struct ed25519_key *
key(void)
{
	struct ed25519_key *k;

	assert_int_equal(ed25519_generate(&k, NULL), B3IQ_OK);
	return k;
}

static void
test_life(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct ed25519_key *k = key();
	uint8_t pub[32], sig[64];
	uint64_t left = 7;

	(void)state;
	memcpy(pub, ed25519_public(k), 32);
	assert_int_equal(unlocked_sign(u, "a", "m", 1, sig, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "locked"));
	assert_ok(unlocked_put(u, "a", k, 0, &err), err);
	assert_true(unlocked_is(u, "a", &left));
	assert_int_equal(left, 0);
	assert_ok(unlocked_sign(u, "a", "m", 1, sig, &err), err);
	assert_int_equal(ed25519_verify(pub, "m", 1, sig), B3IQ_OK);
	assert_false(unlocked_is(u, "b", NULL));
	assert_ok(unlocked_put(u, "a", key(), 600, &err),
	          err); /* anew: another key, another time */
	assert_true(unlocked_is(u, "a", &left) && left > 1000);
	assert_int_equal(unlocked_count(u), 1);
	assert_true(unlocked_lock(u, "a"));
	assert_false(unlocked_lock(u, "a"));
	assert_int_equal(unlocked_count(u), 0);
}

static void
test_time(void **state)
{
	struct b3iq_error err = NO_ERR;
	size_t n;

	(void)state;
	assert_ok(unlocked_put(u, "keeps", key(), 0, &err), err);
	assert_ok(unlocked_put(u, "later", key(), 3600, &err), err);
	assert_ok(unlocked_put(u, "soon", key(), 1, &err), err);
	do { /* the thread does it: we look without asking it to expire anything */
		struct timespec nap = { 0, 5000000 };

		nanosleep(&nap, NULL);
		pthread_mutex_lock(&u->lock);
		n = u->n;
		pthread_mutex_unlock(&u->lock);
	} while (n == 3);
	assert_int_equal(n, 2);
	assert_false(unlocked_is(u, "soon", NULL));
	assert_true(unlocked_is(u, "keeps", NULL) && unlocked_is(u, "later", NULL));
}

static void
test_full(void **state)
{
	struct b3iq_error err = NO_ERR;
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < UNLOCKED_MAX; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		assert_ok(unlocked_put(u, name, key(), 60, &err), err);
	}
	assert_int_equal(unlocked_put(u, "more", key(), 60, &err), B3IQ_E_BUSY);
	assert_ok(unlocked_put(u, "w0", key(), 60, &err), err);
	assert_true(unlocked_lock(u, "w5"));
	assert_ok(unlocked_put(u, "more", key(), 60, &err), err);
}

static void *
hammer(void *arg)
{
	uint8_t sig[64];
	char name[16];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "w%d", i % 5);
		unlocked_put(u, name, key(), (uint64_t)(i % 3), NULL);
		unlocked_sign(u, name, "m", 1, sig, NULL);
		if (i % 7 == 0)
			unlocked_lock(u, name);
		unlocked_count(u);
	}
	return arg;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_true(unlocked_count(u) <= 5);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_time),
		TEST(test_full),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("wallet/unlocked", tests, NULL, NULL);
}
