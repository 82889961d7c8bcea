/* wallet.c, wallet_keys.c, wallet_money.c, wallet_sign.c, wallet_token.c: the verbs as they are typed, without a
 * daemon or a chain.  With both they run in tests/flow/wallet. */
#include "purse.h"

#include "cli/commands/commands.h"
#include "core/base/json.h"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_wallet, NULL },
};

static struct session s;
static char pass[PATH_SIZE], wrong[PATH_SIZE];
static struct keystore_entry alice;
static char address[ADDRESS_SIZE];

static int
begin(void **state)
{
	(void)state;
	purse_begin(&s, &root);
	purse_wallet(&s, "alice", &alice);
	address_write(&alice.address, address);
	session_path(&s, "pass", pass);
	session_path(&s, "wrong", wrong);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	session_end(&s);
	return 0;
}

static void
test_create(void **state)
{
	(void)state;
	assert_int_equal(session_run(&s, "wallet", "create", "bob", "--password-file", pass),
	                 CLI_OK);
	assert_says(s.out, "ait1");
	assert_says(s.err, "backup");
	assert_int_equal(session_run(&s, "wallet", "create", "bob", "--password-file", pass),
	                 CLI_FAILED);
	assert_says(s.err, "already");
	session_type(&s, "short\n");
	assert_int_equal(session_run(&s, "wallet", "create", "carol"), CLI_FAILED);
	assert_says(s.err, "8 to 1024");
	assert_int_equal(session_run(&s, "wallet", "create"), CLI_USAGE);
	assert_int_equal(session_run(&s, "wallet", "no-such-verb"), CLI_USAGE);
}

static void
test_looking(void **state)
{
	struct json_object *doc, *wallets;

	(void)state;
	assert_int_equal(session_run(&s, "wallet", "address", "alice"), CLI_OK);
	assert_memory_equal(s.out, address, ADDRESS_SIZE - 1);
	assert_int_equal(session_run(&s, "wallet", "show", "alice", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "address"), address);
	json_object_put(doc);
	assert_int_equal(session_run(&s, "wallet", "show", "nobody"), CLI_NOT_FOUND);
	session_put(&s, "wallets/broken.json", "{}");
	assert_int_equal(session_run(&s, "wallet", "list"), CLI_OK);
	assert_says(s.out, "damaged");
	assert_int_equal(session_run(&s, "wallet", "list", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "wallets", &wallets));
	assert_int_equal(json_object_array_length(wallets), 2);
	json_object_put(doc);
}

static void
test_export_and_import(void **state)
{
	char file[PATH_SIZE], seed[128];

	(void)state;
	assert_int_equal(
		session_run(&s, "wallet", "export", "alice", "--raw", "--password-file", wrong),
		CLI_DENIED);
	assert_string_equal(s.out, "");
	assert_int_equal(
		session_run(&s, "wallet", "export", "alice", "--raw", "--password-file", pass),
		CLI_OK);
	assert_int_equal(strlen(s.out), 65);
	assert_says(s.err, "whoever has it");
	snprintf(seed, sizeof seed, "%.100s", s.out);
	session_type(&s, seed);
	assert_int_equal(session_run(&s, "wallet", "import", "twin", "-", "--password-file", pass),
	                 CLI_OK);
	assert_says(s.out, address);
	session_path(&s, "backup.json", file);
	assert_int_equal(session_run(&s, "wallet", "export", "alice", "-o", file), CLI_OK);
	assert_int_equal(session_run(&s, "wallet", "export", "alice", "-o", file), CLI_FAILED);
	assert_int_equal(
		session_run(&s, "wallet", "import", "third", file, "--password-file", wrong),
		CLI_DENIED);
	assert_int_equal(session_run(&s, "wallet", "import", "third", file, "--password-file", pass,
	                             "--new-password-file", wrong),
	                 CLI_OK);
	assert_int_equal(
		session_run(&s, "wallet", "export", "third", "--pem", "--password-file", wrong),
		CLI_OK);
	assert_says(s.out, "BEGIN PRIVATE KEY");
	assert_int_equal(
		session_run(&s, "wallet", "import", "x", "/nowhere", "--password-file", pass),
		CLI_NOT_FOUND);
}

static void
test_password_and_delete(void **state)
{
	(void)state;
	assert_int_equal(session_run(&s, "wallet", "password", "alice", "--password-file", wrong,
	                             "--new-password-file", pass),
	                 CLI_DENIED);
	assert_int_equal(session_run(&s, "wallet", "password", "alice", "--password-file", pass,
	                             "--new-password-file", wrong),
	                 CLI_OK);
	assert_int_equal(
		session_run(&s, "wallet", "export", "alice", "--raw", "--password-file", wrong),
		CLI_OK);
	assert_int_equal(session_run(&s, "wallet", "delete", "alice"), CLI_FAILED);
	assert_says(s.err, "--yes");
	assert_int_equal(session_run(&s, "wallet", "delete", "alice", "--yes"), CLI_OK);
	assert_int_equal(session_run(&s, "wallet", "delete", "alice", "--yes"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "wallet", "delete", "../alice", "--yes"), CLI_FAILED);
}

static void
test_signing(void **state)
{
	char order[PATH_SIZE], text[PATH_SIZE];

	(void)state;
	session_put(&s, "order", "b3iq.order/1\n{\"v\":1}");
	session_put(&s, "text", "anything");
	session_path(&s, "order", order);
	session_path(&s, "text", text);
	assert_int_equal(session_run(&s, "wallet", "sign", "alice", order, "--password-file", pass),
	                 CLI_OK);
	assert_int_equal(strlen(s.out), 129);
	assert_int_equal(
		session_run(&s, "wallet", "sign", "alice", order, "--password-file", wrong),
		CLI_DENIED);
	assert_int_equal(session_run(&s, "wallet", "sign", "alice", text, "--password-file", pass),
	                 CLI_FAILED);
	assert_int_equal(session_run(&s, "wallet", "sign", "alice", "-", "--password-file", pass),
	                 CLI_FAILED);
	assert_says(s.err, "nothing to sign");
	assert_int_equal(session_run(&s, "wallet", "unlock", "alice", "--password-file", pass),
	                 CLI_NO_NODE);
	assert_int_equal(session_run(&s, "wallet", "lock", "alice"), CLI_NO_NODE);
}

static void
test_payments_without_a_chain(void **state)
{
	(void)state;
	assert_int_equal(session_run(&s, "wallet", "send", "alice", "ait1x", "1"), CLI_USAGE);
	assert_int_equal(session_run(&s, "wallet", "send", "alice", address, "1.1234567"),
	                 CLI_USAGE);
	assert_int_equal(session_run(&s, "wallet", "send", "alice", address, "1", "--fee", "x"),
	                 CLI_USAGE);
	assert_int_equal(
		session_run(&s, "wallet", "send", "alice", address, "1", "--chain-url", "x"),
		CLI_FAILED);
	assert_int_equal(session_run(&s, "wallet", "send", "alice", address, "1", "--chain-url",
	                             "http://127.0.0.1:1", "--password-file", pass),
	                 CLI_FAILED);
	assert_says(s.err, "chain is away");
	assert_int_equal(
		session_run(&s, "wallet", "balance", "alice", "--chain-url", "http://127.0.0.1:1"),
		CLI_FAILED);
	assert_int_equal(
		session_run(&s, "wallet", "history", "alice", "--chain-url", "http://127.0.0.1:1"),
		CLI_FAILED);
	assert_int_equal(session_run(&s, "wallet", "stake", "alice", "0", "--chain-url",
	                             "http://127.0.0.1:1", "--password-file", pass),
	                 CLI_FAILED);
}

static void
test_tokens(void **state)
{
	struct json_object *doc, *tokens;
	char                secret[128];

	(void)state;
	assert_int_equal(session_run(&s, "wallet", "token", "create", "shop"), CLI_USAGE);
	assert_says(s.err, "--per-tx");
	assert_int_equal(session_run(&s, "wallet", "token", "create", "shop", "--per-tx", "1",
	                             "--per-day", "x"),
	                 CLI_USAGE);
	assert_int_equal(session_run(&s, "wallet", "token", "create", "shop", "--per-tx", "0.5",
	                             "--per-day", "none", "--wallets", "al*", "--verbs", "sign"),
	                 CLI_OK);
	assert_memory_equal(s.out, "b3iq_wallet_", 12);
	assert_says(s.err, "0.5 AITBC, a day: no cap");
	snprintf(secret, sizeof secret, "%.100s", s.out);
	secret[strcspn(secret, "\n")] = '\0';
	assert_int_equal(session_run(&s, "wallet", "token", "create", "bad", "--per-tx", "1",
	                             "--per-day", "1", "--verbs", "steal"),
	                 CLI_FAILED);
	assert_int_equal(session_run(&s, "wallet", "token", "list"), CLI_OK);
	assert_says(s.out, "shop");
	assert_silent_about(s.out, secret);
	assert_int_equal(session_run(&s, "wallet", "token", "revoke", "shop"), CLI_OK);
	assert_int_equal(session_run(&s, "wallet", "token", "revoke", "shop"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "wallet", "token", "list"), CLI_OK);
	assert_silent_about(s.out, "shop");
	assert_int_equal(session_run(&s, "wallet", "token", "list", "--all", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "tokens", &tokens));
	assert_string_equal(session_text(json_object_array_get_idx(tokens, 0), "state"), "revoked");
	assert_string_equal(session_text(json_object_array_get_idx(tokens, 0), "per_day"), "none");
	json_object_put(doc);
}

static void
test_daemon_that_cannot_start(void **state)
{
	(void)state;
	assert_int_equal(session_run(&s, "wallet", "--log-level", "loud"), CLI_USAGE);
	assert_int_equal(session_run(&s, "wallet", "--address", "0.0.0.0", "--port", "0"),
	                 CLI_FAILED);
	assert_says(s.err, "loopback");
	assert_int_equal(session_run(&s, "wallet", "--unlock", "alice", "--port", "0"), CLI_FAILED);
	assert_says(s.err, "password file");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_looking),
		TEST(test_export_and_import),
		TEST(test_password_and_delete),
		TEST(test_signing),
		TEST(test_payments_without_a_chain),
		TEST(test_tokens),
		TEST(test_daemon_that_cannot_start),
	};

	return cmocka_run_group_tests_name("cli/wallet", tests, NULL, NULL);
}
