/* coordinator.c: keys of a coordinator made, listed and revoked, for people and for programs. */
#include "session.h"

#define revoke revoke_key /* unistd.h, which coordinator.c does without, has another */
#include "cli/commands/coordinator.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_coordinator, NULL },
};

static void
test_create_shows_the_key_once(void **state)
{
	struct json_object *doc;
	struct session      s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "coordinator", "key", "create", "alice", "--wallet", "purse"),
	                 CLI_OK);
	assert_says(s.err, "API key alice (key_");
	assert_says(s.err, ") of a client. It is shown this once:");
	assert_says(s.out, "b3iq_");
	assert_int_equal(strcspn(s.out, "\n"), strlen(s.out) - 1); /* one line: the key alone */
	assert_int_equal(session_run(&s, "coordinator", "key", "create", "gpu0", "--role", "miner",
	                             "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "name"), "gpu0");
	assert_string_equal(session_text(doc, "role"), "miner");
	assert_string_equal(session_text(doc, "wallet"), "");
	json_object_put(doc);
	session_end(&s);
}

static void
test_list_and_revoke(void **state)
{
	struct json_object *doc, *keys = NULL, *key;
	struct session      s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "coordinator", "key", "create", "alice", "--wallet", "purse"),
	                 CLI_OK);
	assert_int_equal(session_run(&s, "coordinator", "key", "list"), CLI_OK);
	assert_says(s.out, "purse");
	assert_silent_about(s.out, "revoked");
	assert_int_equal(session_run(&s, "coordinator", "key", "revoke", "alice"), CLI_OK);
	assert_int_equal(session_run(&s, "coordinator", "key", "revoke", "alice"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "coordinator", "key", "list"), CLI_OK);
	assert_says(s.out, "(revoked)");
	assert_int_equal(session_run(&s, "coordinator", "key", "list", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "keys", &keys));
	assert_int_equal(json_object_array_length(keys), 1);
	key = json_object_array_get_idx(keys, 0);
	assert_string_equal(session_text(key, "role"), "client");
	assert_string_equal(session_text(key, "wallet"), "purse");
	assert_true(json_object_get_boolean(json_object_object_get(key, "revoked")));
	json_object_put(doc);
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_shows_the_key_once),
		cmocka_unit_test(test_list_and_revoke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
