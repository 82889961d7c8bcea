/* key.c: keys of a home made, listed and revoked, for people and for programs. */
#include "session.h"

#define revoke revoke_key /* unistd.h, which key.c does without, has another */
#include "cli/commands/key.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_key, NULL },
};

/* A home whose config names no plugin, so that none is looked for. */
static void
begin(struct session *s)
{
	session_begin(s, &root);
	session_put(s, "config.json", "{}");
}

static struct json_object *
keys_of(const struct session *s, struct json_object **doc)
{
	struct json_object *keys = NULL;

	*doc = session_json(s);
	assert_true(json_object_object_get_ex(*doc, "keys", &keys));
	return keys;
}

/* The key of that name, or NULL. */
static struct json_object *
named(struct json_object *keys, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(keys); i++)
		if (!strcmp(session_text(json_object_array_get_idx(keys, i), "name"), name))
			return json_object_array_get_idx(keys, i);
	return NULL;
}

static void
test_create_shows_the_key_once(void **state)
{
	struct json_object *doc;
	struct session      s;
	char                secret[KEYS_SECRET_SIZE + 2];

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "key", "create", "laptop"), CLI_OK);
	assert_says(s.err, "API key laptop (key_");
	assert_int_equal(strcspn(s.out, "\n"), strlen(s.out) - 1); /* one line: the key alone */
	snprintf(secret, sizeof secret, "%s", s.out);
	assert_int_equal(session_run(&s, "key", "create", "-q", "phone"), CLI_OK);
	assert_string_equal(s.err, "");
	assert_string_not_equal(s.out, secret);
	assert_int_equal(session_run(&s, "key", "create", "ci", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "name"), "ci");
	assert_memory_equal(session_text(doc, "id"), "key_", 4);
	assert_int_equal(strlen(session_text(doc, "key")), strlen(secret) - 1);
	assert_string_equal(s.err, "");
	json_object_put(doc);
	assert_int_equal(session_run(&s, "key", "list", "--all", "--json"), CLI_OK);
	secret[strlen(secret) - 1] = '\0';
	assert_silent_about(s.out, secret);
	session_end(&s);
}

static void
test_list_says_what_a_key_may(void **state)
{
	struct json_object *doc, *key;
	struct session      s;

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "key", "create", "ci", "--scopes", "chat", "--models",
	                             "b3iq-*", "--days", "30", "--rate", "60", "--burst", "5"),
	                 CLI_OK);
	assert_int_equal(session_run(&s, "key", "list", "--json"), CLI_OK);
	key = named(keys_of(&s, &doc), "ci");
	assert_non_null(key);
	assert_string_equal(session_text(key, "state"), "valid");
	assert_string_equal(session_text(key, "scopes"), "chat");
	assert_string_equal(session_text(key, "models"), "b3iq-*");
	assert_int_equal(atoll(session_text(key, "rate_per_minute")), 60);
	assert_int_equal(atoll(session_text(key, "burst")), 5);
	assert_in_range(atoll(session_text(key, "expires_ms")) -
	                        atoll(session_text(key, "created_ms")),
	                29ll * 86400000, 30ll * 86400000);
	json_object_put(doc);
	assert_int_equal(session_run(&s, "key", "list"), CLI_OK);
	assert_says(s.out, "EXPIRES");
	assert_says(s.out, "b3iq-*");
	session_end(&s);
}

static void
test_revoke(void **state)
{
	struct json_object *doc;
	struct session      s;
	char                id[64];

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "key", "create", "laptop", "--json"), CLI_OK);
	doc = session_json(&s);
	snprintf(id, sizeof id, "%s", session_text(doc, "id"));
	json_object_put(doc);
	assert_int_equal(session_run(&s, "key", "create", "phone"), CLI_OK);
	assert_int_equal(session_run(&s, "key", "revoke", id), CLI_OK);
	assert_string_equal(s.out, "revoked; it is refused from now on\n");
	assert_int_equal(session_run(&s, "key", "revoke", "phone", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "revoked"), "phone");
	json_object_put(doc);
	assert_int_equal(session_run(&s, "key", "list"), CLI_OK);
	assert_silent_about(s.out, "laptop");
	assert_silent_about(s.out, "phone");
	assert_int_equal(session_run(&s, "key", "list", "-a", "--json"), CLI_OK);
	assert_string_equal(session_text(named(keys_of(&s, &doc), "laptop"), "state"), "revoked");
	json_object_put(doc);
	session_end(&s);
}

static void
test_refusals(void **state)
{
	struct json_object *doc, *error = NULL;
	struct session      s;
	char                file[PATH_SIZE];

	(void)state;
	begin(&s);
	assert_int_equal(session_run(&s, "key", "revoke", "nobody", "--json"), CLI_NOT_FOUND);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "error", &error));
	assert_string_equal(session_text(error, "code"), "not_found");
	json_object_put(doc);
	assert_int_equal(session_run(&s, "key", "create"), CLI_USAGE);
	assert_int_equal(session_run(&s, "key", "create", "x", "--days", "0"), CLI_USAGE);
	assert_int_equal(session_run(&s, "key", "create", "x", "--rate", "1000001"), CLI_USAGE);
	assert_int_equal(session_run(&s, "key", "create", "x", "--scopes", "everything"), CLI_FAILED);
	assert_string_equal(s.out, "");
	assert_says(s.err, "everything");
	assert_int_equal(session_run(&s, "key", "list", "--all"), CLI_OK);
	assert_silent_about(s.out, " x ");
	session_put(&s, "state.db", "this is no database, however long it may be read");
	assert_int_equal(unlink(session_path(&s, "state.db-wal", file)) && errno != ENOENT, 0);
	assert_int_equal(session_run(&s, "key", "list"), CLI_FAILED);
	assert_says(s.err, "state.db");
	session_end(&s);
}

/* A home that others may write to is no home. */
static void
test_open_home(void **state)
{
	struct session s;

	(void)state;
	begin(&s);
	assert_int_equal(chmod(s.home, 0777), 0);
	assert_int_equal(session_run(&s, "key", "create", "x"), CLI_DENIED);
	assert_string_equal(s.out, "");
	session_end(&s);
}

static void
test_days(void **state)
{
	char text[25];

	(void)state;
	day(0, text);
	assert_string_equal(text, "never");
	day(1763683200000, text);
	assert_string_equal(text, "2025-11-21");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_shows_the_key_once),
		cmocka_unit_test(test_list_says_what_a_key_may),
		cmocka_unit_test(test_revoke),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_open_home),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
