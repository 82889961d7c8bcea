/* token.c: who may do what with which wallet, and what a token may spend at most. */
#include "unit.h"

#include "wallet/token.c"

static struct home home;
static struct store *store;

static int
begin(void **state)
{
	(void)state;
	unit_home(&home);
	unit_store(&home, &store);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	store_close(store);
	unit_home_end(&home);
	return 0;
}

static void
test_life(void **state)
{
	const struct key_spec spec = { .name = "coordinator", .models = "escrow pay-*" };
	char secret[TOKEN_SECRET_SIZE];
	struct b3iq_error err = NO_ERR;
	struct token made, t;

	(void)state;
	assert_ok(token_create(store, &spec, 5, 70, &made, secret, &err), err);
	assert_int_equal(strlen(secret), TOKEN_SECRET_SIZE - 1);
	assert_int_equal(strncmp(secret, TOKEN_PREFIX, 12), 0);
	assert_ok(token_check(store, secret, 1, &t, &err), err);
	assert_int_equal(t.per_tx, 5);
	assert_int_equal(t.per_day, 70);
	assert_true(token_may(&t, "sign", "escrow") && token_may(&t, "send", "pay-1"));
	assert_false(token_may(&t, "sign", "alice"));
	assert_false(token_may(&t, "unlock", "escrow"));
	assert_false(token_may(&t, "admin", NULL));
	secret[30] = secret[30] == 'a' ? 'b' : 'a';
	assert_int_equal(token_check(store, secret, 1, &t, &err), B3IQ_E_DENIED);
	assert_int_equal(token_check(store, "b3iq_local_00", 1, &t, &err), B3IQ_DECLINED);
	secret[30] = secret[30] == 'a' ? 'b' : 'a';
	assert_int_equal(token_create(store, &spec, 5, 7, &t, secret, &err),
	                 B3IQ_E_INVALID); /* the name */
	assert_ok(token_revoke(store, "coordinator", &err), err);
	assert_int_equal(token_revoke(store, "coordinator", &err), B3IQ_E_NOT_FOUND);
}

static void
test_revoked_and_expired(void **state)
{
	const uint64_t end_ms = clock_wall_ms() + 86400000;
	const struct key_spec spec = { .name = "a", .expires_ms = end_ms };
	char secret[TOKEN_SECRET_SIZE];
	struct b3iq_error err = NO_ERR;
	struct token t;

	(void)state;
	assert_ok(token_create(store, &spec, 1, 1, &t, secret, &err), err);
	assert_ok(token_check(store, secret, end_ms - 1, &t, &err), err);
	assert_int_equal(token_check(store, secret, end_ms, &t, &err), B3IQ_E_DENIED);
	assert_ok(token_revoke(store, "a", &err), err);
	assert_int_equal(token_check(store, secret, end_ms - 1, &t, &err), B3IQ_E_DENIED);
}

static int32_t
forget_caps(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	(void)arg;
	return store_run(tx, err, "DELETE FROM token_cap", "");
}

/* A crash between the token and its caps leaves one that may spend nothing. */
static void
test_without_caps(void **state)
{
	const struct key_spec spec = { .name = "a" };
	char secret[TOKEN_SECRET_SIZE];
	struct b3iq_error err = NO_ERR;
	struct token t;

	(void)state;
	assert_int_equal(token_create(store, &spec, AMOUNT_MAX + 1, 1, &t, secret, &err),
	                 B3IQ_E_INVALID);
	assert_ok(token_create(store, &spec, TOKEN_NO_CAP, TOKEN_NO_CAP, &t, secret, &err), err);
	assert_ok(store_write(store, forget_caps, NULL, &err), err);
	assert_ok(token_check(store, secret, 1, &t, &err), err);
	assert_int_equal(t.per_tx, 0);
	assert_int_equal(t.per_day, 0);
}

static int32_t
count(void *arg, const struct token *t)
{
	unsigned *n = arg;

	assert_int_equal(t->per_tx, 3);
	++*n;
	return B3IQ_OK;
}

static void
test_list(void **state)
{
	char secret[TOKEN_SECRET_SIZE], name[8];
	struct b3iq_error err = NO_ERR;
	struct token t;
	unsigned n = 0, i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_ok(token_create(store, &(struct key_spec){ .name = name }, 3, 3, &t, secret,
		                       &err),
		          err);
	}
	assert_ok(token_list(store, count, &n, &err), err);
	assert_int_equal(n, 20);
}

static void
test_own(void **state)
{
	char one[TOKEN_SECRET_SIZE], two[TOKEN_SECRET_SIZE], file[PATH_SIZE];
	struct b3iq_error err = NO_ERR;
	struct token t;

	(void)state;
	assert_int_equal(token_own_read(&home, one, &err), B3IQ_E_NOT_FOUND);
	assert_ok(token_own_make(store, &home, &err), err);
	assert_ok(token_own_read(&home, one, &err), err);
	assert_ok(token_own_make(store, &home, &err), err);
	assert_ok(token_own_read(&home, two, &err), err);
	assert_string_equal(one, two);
	assert_ok(token_check(store, one, 1, &t, &err), err);
	assert_true(token_may(&t, "admin", "anything"));
	assert_ok(home_path(&home, file, &err, "keys", "wallet.key", NULL), err);
	assert_int_equal(chmod(file, 0604), 0);
	assert_int_equal(token_own_read(&home, two, &err), B3IQ_E_DENIED);
	assert_ok(path_write(file, "nonsense", 8, 0600, &err), err);
	assert_int_equal(token_own_read(&home, two, &err), B3IQ_E_INVALID);
	assert_ok(token_own_make(store, &home, &err),
	          err); /* lost: a new one, the old is worthless */
	assert_ok(token_own_read(&home, two, &err), err);
	assert_int_equal(token_check(store, one, 1, &t, &err), B3IQ_E_DENIED);
	assert_ok(token_check(store, two, 1, &t, &err), err);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_life), TEST(test_revoked_and_expired), TEST(test_without_caps),
		TEST(test_list), TEST(test_own),
	};

	return cmocka_run_group_tests_name("wallet/token", tests, NULL, NULL);
}
