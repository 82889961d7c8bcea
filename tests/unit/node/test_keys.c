#include "node/keys.c"
#include "node/state.h"
#include "unit.h"

static struct home home;
static struct store *store;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_home(&home);
	assert_ok(state_open(&home, &store, &err), err);
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

static void
test_life(void **state)
{
	const struct key_spec spec = { .name = "app", .scopes = "chat models.read",
	                               .models = "mini* cpu/?", .rate_per_minute = 60 };
	struct b3iq_error err = NO_ERR;
	char secret[KEYS_SECRET_SIZE];
	struct key key, found;

	(void)state;
	assert_ok(keys_create(store, &spec, &key, secret, &err), err);
	assert_int_equal(strlen(secret), 75);
	assert_int_equal(strncmp(secret, "b3iq_local_", 11), 0);
	assert_ok(keys_check(store, secret, clock_wall_ms(), &found, &err), err);
	assert_string_equal(found.id, key.id);
	assert_string_equal(found.models, "mini* cpu/?");
	assert_int_equal(found.burst, 60);
	assert_int_equal(keys_create(store, &spec, &key, secret, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "app"));
	assert_ok(keys_create(store, &(struct key_spec){ .name = "other" }, &key, secret, &err), err);
	assert_ok(keys_revoke(store, "other", &err), err);
	assert_int_equal(keys_check(store, secret, clock_wall_ms(), &found, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "revoked"));
	assert_int_equal(keys_revoke(store, "other", &err), B3IQ_E_NOT_FOUND);
	/* the name is free again */
	assert_ok(keys_create(store, &(struct key_spec){ .name = "other" }, &key, secret, &err), err);
	assert_ok(keys_revoke(store, key.id, &err), err);
}

static void
test_wrong_credentials(void **state)
{
	struct b3iq_error err = NO_ERR;
	char secret[KEYS_SECRET_SIZE];
	struct key key;

	(void)state;
	assert_int_equal(keys_check(store, "sk-other", 1, &key, &err), B3IQ_DECLINED);
	assert_int_equal(keys_check(store, "", 1, &key, &err), B3IQ_DECLINED);
	assert_int_equal(keys_check(store, "b3iq_local_short", 1, &key, &err), B3IQ_E_DENIED);
	assert_ok(keys_create(store, &(struct key_spec){ .name = "soon",
		.expires_ms = clock_wall_ms() + 100000 }, &key, secret, &err), err);
	assert_ok(keys_check(store, secret, clock_wall_ms(), &key, &err), err);
	assert_int_equal(keys_check(store, secret, clock_wall_ms() + 100000, &key, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "expired"));
	secret[20] ^= 1;
	assert_int_equal(keys_check(store, secret, 1, &key, &err), B3IQ_E_DENIED);
}

static void
test_bad_specs(void **state)
{
	static const struct key_spec specs[] = {
		{ .name = NULL }, { .name = "" }, { .name = "a\nb" }, { .name = "\xff" },
		{ .name = "x", .scopes = "chat root" }, { .name = "x", .scopes = " " },
		{ .name = "x", .expires_ms = 1 },
	};
	struct b3iq_error err = NO_ERR;
	char secret[KEYS_SECRET_SIZE];
	struct key key;

	(void)state;
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
		assert_int_equal(keys_create(store, &specs[i], &key, secret, &err), B3IQ_E_INVALID);
}

static int32_t
find_secret(void *arg, const struct key *key)
{
	(void)arg;
	assert_null(strstr(key->name, "b3iq_local_"));
	return B3IQ_OK;
}

static void
test_never_stored_plain(void **state)
{
	struct b3iq_error err = NO_ERR;
	char secret[KEYS_SECRET_SIZE], file[PATH_SIZE], command[3 * PATH_SIZE];
	struct key key;

	(void)state;
	assert_ok(keys_create(store, &(struct key_spec){ .name = "hidden" }, &key, secret, &err), err);
	assert_ok(keys_list(store, find_secret, NULL, &err), err);
	assert_ok(home_path(&home, file, &err, "state.db", NULL), err);
	snprintf(command, sizeof command, "cat '%s' '%s-wal' 2>/dev/null | grep -qaF %s", file, file,
	         secret + 11);
	assert_int_not_equal(system(command), 0);
}

static void
test_scopes_and_globs(void **state)
{
	(void)state;
	assert_true(keyring_scope_allows("chat receipts", "chat"));
	assert_false(keyring_scope_allows("chatter receipts", "chat"));
	assert_false(keyring_scope_allows("", "chat"));
	assert_true(keyring_scope_allows("x admin", "anything"));
	assert_true(keyring_model_allowed("", "any"));
	assert_true(keyring_model_allowed("  ", "any"));
	assert_true(keyring_model_allowed("b a*c", "abbbc"));
	assert_true(keyring_model_allowed("a*b*c", "aXbYbZc"));
	assert_false(keyring_model_allowed("a*b*c", "aXbYbZ"));
	assert_true(keyring_model_allowed("*", ""));
	assert_true(keyring_model_allowed("m??i", "mini"));
	assert_false(keyring_model_allowed("m?i", "mini"));
	assert_false(keyring_model_allowed("mini", "mini2"));
}

static void
test_cli_key(void **state)
{
	struct b3iq_error err = NO_ERR;
	char one[KEYS_SECRET_SIZE], two[KEYS_SECRET_SIZE], file[PATH_SIZE];
	struct key key;

	(void)state;
	assert_int_equal(keys_cli_read(&home, one, &err), B3IQ_E_NOT_FOUND);
	assert_ok(keys_cli_make(store, &home, &err), err);
	assert_ok(keys_cli_read(&home, one, &err), err);
	assert_ok(keys_check(store, one, clock_wall_ms(), &key, &err), err);
	assert_true(keyring_scope_allows(key.scopes, "admin"));
	assert_ok(keys_cli_make(store, &home, &err), err);
	assert_ok(keys_cli_read(&home, two, &err), err);
	assert_string_equal(one, two);
	assert_ok(home_path(&home, file, &err, "keys", "cli.key", NULL), err);
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(keys_cli_read(&home, two, &err), B3IQ_E_DENIED);
	assert_int_equal(unlink(file), 0);
	assert_ok(keys_cli_make(store, &home, &err), err);
	assert_int_equal(keys_check(store, one, clock_wall_ms(), &key, &err), B3IQ_E_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),          cmocka_unit_test(test_wrong_credentials),
		cmocka_unit_test(test_bad_specs),     cmocka_unit_test(test_never_stored_plain),
		cmocka_unit_test(test_scopes_and_globs), cmocka_unit_test(test_cli_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
