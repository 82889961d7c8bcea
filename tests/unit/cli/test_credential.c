/* credential.c: a secret shown once, rows of the list, and what revoking says. */
#include "session.h"

#include "cli/credential.c"

#define DAY ((uint64_t)86400000)

static const struct key samples[] = {
	{ .id = "key_1", .name = "laptop", .scopes = "chat" },
	{ .id = "key_2", .name = "old", .scopes = "admin", .models = "b3iq-*", .expires_ms = 1 },
	{ .id = "key_3", .name = "lost", .scopes = "chat", .revoked_ms = 1 },
};

static struct key_spec spec; /* what the last create was told */

static int
run_create(struct cli *cli)
{
	spec = credential_spec(cli);
	credential_put(cli, &samples[0], "role");
	cli_put_text(cli, "key", "s3cret");
	credential_show(cli, "API key", &samples[0], "s3cret", "may %s %d", "chat", 7);
	return CLI_OK;
}

static int
run_list(struct cli *cli)
{
	static const char *const head[] = { "ID", "NAME", "STATE", "MINE", "MODELS", "SCOPES", NULL };
	struct credential_list   l;

	credential_list_init(&l, cli, head, "verbs", "wallets");
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct json_object *row;

		if (!credential_listed(&l, &samples[i]))
			continue;
		row = credential_row(&l, &samples[i]);
		term_cell(&l.table, "own");
		assert_int_equal(json_put_int(row, "mine", (int64_t)i), B3IQ_OK);
		assert_int_equal(credential_row_end(&l, &samples[i], row), B3IQ_OK);
	}
	credential_list_finish(&l, cli, "keys");
	return CLI_OK;
}

static int
run_revoke(struct cli *cli)
{
	struct b3iq_error err = { .text = "no such key" };
	const bool        there = strcmp(cli_word(cli, 0), "laptop") == 0;

	return credential_revoked(cli, there ? B3IQ_OK : B3IQ_E_NOT_FOUND, &err);
}

static const struct cli_option create_options[] = {
	CREDENTIAL_DAYS,
	CREDENTIAL_QUIET("key"),
	{ .name = "rate", .kind = CLI_INT, .value = "N", .help = "rate", .most = 100 },
	{ .name = "burst", .kind = CLI_INT, .value = "N", .help = "burst", .most = 100 },
	{ .name = NULL },
};

#define COMMAND(n, m, o)                                                                       \
	{ .name = #n, .summary = #n, .words = (m) ? "ID" : NULL, .least = (m), .most = (m),     \
	  .about = #n, .options = (o), .run = run_##n }

static const struct cli_command create = COMMAND(create, 0, create_options);
static const struct cli_command list = COMMAND(list, 0, credential_list_options);
static const struct cli_command revoked = COMMAND(revoke, 1, NULL);
static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &create, &list, &revoked, NULL },
};

static void
test_secret_is_alone_on_stdout(void **state)
{
	struct json_object *doc;
	struct session      s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "create"), CLI_OK);
	assert_string_equal(s.out, "s3cret\n");
	assert_string_equal(s.err, "API key laptop (key_1) may chat 7. It is shown this once:\n");
	assert_int_equal(session_run(&s, "create", "-q"), CLI_OK);
	assert_string_equal(s.out, "s3cret\n");
	assert_string_equal(s.err, "");
	assert_int_equal(session_run(&s, "create", "--json"), CLI_OK);
	doc = session_json(&s); /* nothing beside it */
	assert_string_equal(session_text(doc, "id"), "key_1");
	assert_string_equal(session_text(doc, "name"), "laptop");
	assert_string_equal(session_text(doc, "role"), "chat");
	assert_string_equal(session_text(doc, "key"), "s3cret");
	json_object_put(doc);
	assert_string_equal(s.err, "");
	session_end(&s);
}

static void
test_spec(void **state)
{
	const uint64_t before = clock_wall_ms();
	struct session s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "create"), CLI_OK);
	assert_null(spec.name);
	assert_int_equal(spec.expires_ms, 0);
	assert_int_equal(spec.rate_per_minute, 0);
	assert_int_equal(session_run(&s, "create", "--days", "36500", "--rate", "60", "--burst", "5"),
	                 CLI_OK);
	assert_int_equal(spec.rate_per_minute, 60);
	assert_int_equal(spec.burst, 5);
	assert_in_range(spec.expires_ms, before + 36500 * DAY, clock_wall_ms() + 36500 * DAY);
	assert_int_equal(session_run(&s, "create", "--days", "0"), CLI_USAGE);
	session_end(&s);
}

static void
test_list_shows_what_is_valid_or_all(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "list"), CLI_OK);
	assert_says(s.out, "laptop");
	assert_says(s.out, "own");
	assert_silent_about(s.out, "old");
	assert_silent_about(s.out, "lost");
	assert_int_equal(session_run(&s, "list", "-a"), CLI_OK);
	assert_says(s.out, "expired");
	assert_says(s.out, "revoked");
	session_end(&s);
}

static void
test_rows_for_programs(void **state)
{
	struct json_object *doc, *keys = NULL, *row;
	struct session      s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "list", "--all", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_true(json_object_object_get_ex(doc, "keys", &keys));
	assert_int_equal(json_object_array_length(keys), 3);
	row = json_object_array_get_idx(keys, 1);
	assert_string_equal(session_text(row, "id"), "key_2");
	assert_string_equal(session_text(row, "name"), "old");
	assert_string_equal(session_text(row, "state"), "expired");
	assert_string_equal(session_text(row, "verbs"), "admin");
	assert_string_equal(session_text(row, "wallets"), "b3iq-*");
	assert_int_equal(json_object_get_int(json_object_object_get(row, "mine")), 1);
	json_object_put(doc);
	session_end(&s);
}

static void
test_states(void **state)
{
	struct key k = { .expires_ms = 0 };

	(void)state;
	assert_string_equal(state_of(&k), "valid");
	k.expires_ms = 1;
	assert_string_equal(state_of(&k), "expired");
	k.expires_ms = UINT64_MAX;
	assert_string_equal(state_of(&k), "valid");
	k.revoked_ms = 1;
	assert_string_equal(state_of(&k), "revoked");
}

static void
test_revoked(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "revoke", "laptop"), CLI_OK);
	assert_string_equal(s.out, "revoked; it is refused from now on\n");
	assert_int_equal(session_run(&s, "revoke", "phone"), CLI_NOT_FOUND);
	assert_string_equal(s.out, "");
	assert_says(s.err, "no such key");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_is_alone_on_stdout),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_list_shows_what_is_valid_or_all),
		cmocka_unit_test(test_rows_for_programs),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
