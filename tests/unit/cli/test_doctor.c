/* doctor.c: what it finds in a home that is broken in one place, and the remedy that it names. */
#include "session.h"

#include "cli/commands/doctor.c"
#include "node/node.h"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_doctor, NULL },
};

#define CONFIG(more) "{\"node\":{\"listen\":{\"port\":1}}" more "}"

/* A complete home; nobody answers at its port. */
static void
begin(struct session *s, const char *config)
{
	struct b3iq_error err = NO_ERROR;

	session_begin(s, &root);
	session_put(s, "config.json", CONFIG(""));
	if (node_init(s->home, &err))
		fail_msg("%s", err.text);
	session_put(s, "config.json", config);
}

/* The first finding of that check as "level: text", or "". */
static void
finding(const struct session *s, const char *check, char out[1024])
{
	struct json_object *doc = session_json(s), *list = NULL;

	out[0] = '\0';
	assert_true(json_object_object_get_ex(doc, "findings", &list));
	for (size_t i = 0; !out[0] && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (!strcmp(session_text(one, "check"), check))
			snprintf(out, 1024, "%s: %s -> %s", session_text(one, "level"),
			         session_text(one, "text"), session_text(one, "remedy"));
	}
	json_object_put(doc);
}

static void
finds(struct session *s, int exit, const char *check, const char *part)
{
	char text[1024];

	assert_int_equal(session_run(s, "doctor", "--json"), exit);
	finding(s, check, text);
	assert_says(text, part);
}

static void
test_complete_home(void **state)
{
	struct session s;

	(void)state;
	begin(&s, CONFIG(""));
	finds(&s, CLI_FAILED, "plugins", "WRONG: no plugin is enabled");
	finds(&s, CLI_FAILED, "home", "ok: /tmp/b3iq-session-");
	finds(&s, CLI_FAILED, "keys", "ok: ");
	finds(&s, CLI_FAILED, "identity", "ok: ");
	finds(&s, CLI_FAILED, "cli.key", "ok: ");
	finds(&s, CLI_FAILED, "state", "ok: state.db is sound");
	finds(&s, CLI_FAILED, "config", "ok: config.json is valid");
	finds(&s, CLI_FAILED, "node", "warning: no node is running -> b3iq node");
	assert_int_equal(session_run(&s, "doctor"), CLI_FAILED);
	assert_says(s.out, "no plugin is enabled");
	assert_says(s.out, "-> b3iq plugin list");
	assert_says(s.out, ", 1 wrong\n");
	session_end(&s);
}

static void
test_keys(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, CONFIG(""));
	assert_int_equal(chmod(session_path(&s, "keys/node.key", file), 0644), 0);
	finds(&s, CLI_FAILED, "keys", "keys/node.key is open to others, or not yours -> chmod 600");
	finds(&s, CLI_FAILED, "identity", "WRONG: ");
	assert_int_equal(chmod(file, 0600), 0);
	finds(&s, CLI_FAILED, "keys", "ok: ");
	session_put(&s, "keys/node.key", "no key");
	finds(&s, CLI_FAILED, "identity", "restore keys/node.key from a backup");
	assert_int_equal(unlink(file), 0);
	finds(&s, CLI_FAILED, "identity", "warning: the node has no identity yet");
	assert_int_equal(chmod(session_path(&s, "keys/cli.key", file), 0640), 0);
	finds(&s, CLI_FAILED, "keys", "keys/cli.key is open to others");
	assert_int_equal(unlink(file), 0); /* without it, only the node's API cannot be used */
	finds(&s, CLI_FAILED, "keys", "ok: 0 key and secret files");
	finds(&s, CLI_FAILED, "node", "warning: no node is running");
	session_end(&s);
}

static void
test_cli_key(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, CONFIG(""));
	assert_int_equal(chmod(session_path(&s, "keys/cli.key", file), 0640), 0);
	finds(&s, CLI_FAILED, "cli.key", "WRONG: others may read ");
	finds(&s, CLI_FAILED, "cli.key", "-> mend its owner and mode");
	assert_int_equal(chmod(file, 0600), 0);
	session_put(&s, "keys/cli.key", "no key");
	finds(&s, CLI_FAILED, "cli.key", "cli.key holds no API key");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0); /* what nobody can read, root included */
	finds(&s, CLI_FAILED, "cli.key", "WRONG: ");
	assert_int_equal(rmdir(file), 0);
	finds(&s, CLI_FAILED, "cli.key", "WRONG: keys/cli.key is gone");
	finds(&s, CLI_FAILED, "cli.key", "-> restart b3iq node");
	assert_int_equal(unlink(session_path(&s, "keys/node.key", file)), 0);
	finds(&s, CLI_FAILED, "cli.key", "warning: this command line has no key yet -> b3iq node");
	session_end(&s);
}

static void
test_secrets(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, CONFIG(""));
	assert_int_equal(mkdir(session_path(&s, "secrets/gpu0", file), 0700), 0);
	session_put(&s, "secrets/gpu0/token", "x");
	finds(&s, CLI_FAILED, "keys", "ok: ");
	assert_int_equal(chmod(session_path(&s, "secrets/gpu0/token", file), 0604), 0);
	finds(&s, CLI_FAILED, "keys", "secrets/gpu0/token is open to others");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/dev/null", file), 0); /* a link leads to what may be anybody's */
	finds(&s, CLI_FAILED, "keys", "secrets/gpu0/token is open to others");
	session_end(&s);
}

static void
test_config(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, "{\"node\":");
	finds(&s, CLI_FAILED, "config", "WRONG: ");
	finds(&s, CLI_FAILED, "config", "config.json");
	session_put(&s, "config.json", "{\"node\":{\"listen\":{\"port\":70000}}}");
	finds(&s, CLI_FAILED, "config", "port");
	assert_int_equal(unlink(session_path(&s, "config.json", file)), 0);
	assert_int_equal(setenv("B3IQ_URL", "http://127.0.0.1:1", 1), 0);
	session_run(&s, "doctor", "--json");
	assert_says(s.out, "there is no config.json yet");
	session_end(&s);
}

static void
test_plugins(void **state)
{
	struct session s;

	(void)state;
	begin(&s, CONFIG(",\"plugin_dirs\":[\"/nonexistent/plugins\"],\"plugins\":{\"gpu0\":"
	                 "{\"plugin\":\"gone\",\"enabled\":true}}"));
	finds(&s, CLI_FAILED, "plugins", "warning: the plugin folder /nonexistent/plugins does not");
	finds(&s, CLI_FAILED, "plugin", "WRONG: gpu0: ");
	finds(&s, CLI_FAILED, "plugin", "-> b3iq plugin info gpu0");
	session_end(&s);
}

static void
test_state(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, CONFIG(""));
	unlink(session_path(&s, "state.db-wal", file));
	unlink(session_path(&s, "state.db-shm", file));
	session_put(&s, "state.db", "this is no database, however long it may be read");
	finds(&s, CLI_FAILED, "state", "WRONG: ");
	finds(&s, CLI_FAILED, "state", "restore it from a backup");
	assert_int_equal(unlink(session_path(&s, "state.db", file)), 0);
	finds(&s, CLI_FAILED, "state", "warning: there is no state.db yet");
	session_end(&s);
}

static void
test_home(void **state)
{
	struct session s;
	char           file[PATH_SIZE];

	(void)state;
	begin(&s, CONFIG(""));
	assert_int_equal(chmod(s.home, 0777), 0);
	finds(&s, CLI_FAILED, "home", "WRONG: ");
	assert_silent_about(s.out, "\"config\""); /* nothing in it is looked at */
	assert_int_equal(chmod(s.home, 0700), 0);
	session_path(&s, "none", file);
	assert_int_equal(session_run(&s, "doctor", "--json", "--home", file), CLI_OK);
	assert_says(s.out, "there is no home");
	assert_false(path_exists(file)); /* it changes nothing */
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete_home), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_cli_key),       cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_config),        cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_state),         cmocka_unit_test(test_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
