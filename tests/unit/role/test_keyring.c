#include "core/role/keyring.c"

#include "../home.h"
#include "core/base/path.h"

static const struct store_module *const modules[] = { &keyring_module, NULL };
static struct home home;
static struct store *store;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	(void)state;
	unit_home(&home);
	assert_ok(home_path(&home, file, &err, "ring.db", NULL), err);
	assert_ok(store_open(file, modules, &store, &err), err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(store);
	unit_home_end(&home);
	return 0;
}

static int
count_one(void *arg, const struct key *key)
{
	int *n = arg;

	assert_string_equal(key->scopes, "client");
	++*n;
	return B3IQ_OK;
}

/* A ring of another role: its prefix, its scopes, an account, no audit. */
static void
test_other_role(void **state)
{
	const struct keyring ring = { .store = store, .prefix = "b3iq_net_", .scopes = "client",
	                              .all_scopes = "client miner admin" };
	const struct keyring other = { .store = store, .prefix = "b3iq_local_",
	                               .scopes = "chat", .all_scopes = "chat" };
	struct b3iq_error err = NO_ERR;
	char secret[KEYRING_SECRET_SIZE];
	struct key key, found;
	int n = 0;

	(void)state;
	assert_ok(keyring_create(&ring,
	                         &(struct key_spec){ .name = "a", .account = "alice" }, &key,
	                         secret, &err),
	          err);
	assert_int_equal(strlen(secret), 9 + 64);
	assert_ok(keyring_check(&ring, secret, clock_wall_ms(), &found, &err), err);
	assert_string_equal(found.account, "alice");
	assert_string_equal(found.scopes, "client");
	assert_int_equal(keyring_check(&other, secret, 1, &found, &err), B3IQ_DECLINED);
	secret[20] = secret[20] == 'a' ? 'b' : 'a';
	assert_int_equal(keyring_check(&ring, secret, 1, &found, &err), B3IQ_E_DENIED);
	assert_int_equal(keyring_create(&ring,
	                                &(struct key_spec){ .name = "b", .scopes = "chat" }, &key,
	                                secret, &err),
	                 B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "client miner admin"));
	assert_ok(keyring_list(&ring, count_one, &n, &err), err);
	assert_int_equal(n, 1);
	assert_ok(keyring_revoke(&ring, "a", &err), err);
	assert_int_equal(keyring_revoke(&ring, "a", &err), B3IQ_E_NOT_FOUND);
}

static void
test_words_and_globs(void **state)
{
	(void)state;
	assert_true(keyring_scope_allows("client miner", "miner"));
	assert_false(keyring_scope_allows("client miners", "miner"));
	assert_true(keyring_scope_allows("admin", "client"));
	assert_true(keyring_model_allowed("b a*c", "abbbc"));
	assert_false(keyring_model_allowed("a*b*c", "aXbYbZ"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_other_role, setup, teardown),
		cmocka_unit_test(test_words_and_globs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
