/* chain.c: asking a chain that runs in this process, verifying its file, proving offline. */
#include "session.h"

#include "cli/commands/chain.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_chain, NULL },
};

/* A chain in the session's home. */
static struct chain *
begin(struct session *s)
{
	struct chain_options o = { .port = 0, .comet_port = -2, .quiet = true };
	struct b3iq_error    err = NO_ERROR;
	struct chain        *c;

	unsetenv("B3IQ_CHAIN_URL");
	session_begin(s, &root);
	o.home = s->home;
	if (chain_start(&o, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void
end(struct session *s, struct chain *c)
{
	struct b3iq_error err = NO_ERROR;

	assert_int_equal(chain_stop(c, &err), B3IQ_OK);
	session_end(s);
}

static void
test_reads(void **state)
{
	struct session      s;
	struct chain       *c = begin(&s);
	struct json_object *doc;

	(void)state;
	assert_int_equal(session_run(&s, "chain", "head"), CLI_OK);
	assert_says(s.out, "supply_aitbc       1000000000");
	assert_int_equal(session_run(&s, "chain", "head", "--json"), CLI_OK);
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "chain_id"), "ait-devnet");
	json_object_put(doc);
	assert_int_equal(session_run(&s, "chain", "block", "0"), CLI_OK);
	assert_says(s.out, "height             0");
	assert_int_equal(session_run(&s, "chain", "block", "7"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "chain", "block", "../x"), CLI_USAGE);
	assert_int_equal(session_run(&s, "chain", "tx", "0x00"), CLI_FAILED);
	assert_int_equal(session_run(&s, "chain", "entry", "supply"), CLI_OK);
	assert_says(s.out, "1000000000000000");
	assert_int_equal(session_run(&s, "chain", "genesis"), CLI_OK);
	assert_says(s.out, "{\"accounts\":{\"ait1");
	end(&s, c);
}

static void
test_verify_and_prove(void **state)
{
	struct session s;
	struct chain  *c = begin(&s);
	char           file[PATH_SIZE], key[ED25519_NAME_SIZE], hash[80];
	const char    *at;

	(void)state;
	assert_int_equal(session_run(&s, "chain", "verify"), CLI_OK); /* beside the running chain */
	assert_says(s.out, "every block was executed again");
	assert_int_equal(session_run(&s, "chain", "verify", "--file", "/nowhere/chain.db"),
	                 CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "chain", "head"), CLI_OK);
	at = strstr(s.out, "hash               ");
	assert_non_null(at);
	snprintf(hash, sizeof hash, "%.66s", at + 19);
	assert_int_equal(session_run(&s, "chain", "entry", "supply", "--prove"), CLI_OK);
	session_path(&s, "proof.json", file);
	assert_int_equal(path_write(file, s.out, strlen(s.out), 0600, NULL), B3IQ_OK);
	assert_int_equal(session_run(&s, "chain", "proof", file, "--block", hash), CLI_OK);
	assert_says(s.out, "supply is {\"amount\":\"1000000000000000\"}");
	assert_int_equal(session_run(&s, "chain", "proof", file), CLI_USAGE); /* nothing pinned */
	hash[5] = hash[5] == '0' ? '1' : '0';
	assert_int_equal(session_run(&s, "chain", "proof", file, "--block", hash), CLI_UNVERIFIED);
	ed25519_name((const uint8_t[32]){ 5 }, key);
	assert_int_equal(session_run(&s, "chain", "proof", file, "--proposer", key), CLI_UNVERIFIED);
	assert_int_equal(session_run(&s, "chain", "proof", file, "--proposer", "x"), CLI_USAGE);
	assert_int_equal(session_run(&s, "chain", "proof", file, "--block", "x"), CLI_USAGE);
	end(&s, c);
}

static void
test_nobody(void **state)
{
	struct session s;

	(void)state;
	unsetenv("B3IQ_CHAIN_URL");
	session_begin(&s, &root);
	assert_int_equal(session_run(&s, "chain", "head", "--url", "http://127.0.0.1:1"), CLI_NO_NODE);
	assert_says(s.err, "b3iq chain");
	assert_int_equal(session_run(&s, "chain", "send-raw", "/nowhere"), CLI_NOT_FOUND);
	assert_int_equal(session_run(&s, "chain", "--address", "0.0.0.0", "--port", "0", "--no-comet"),
	                 CLI_FAILED);
	assert_says(s.err, "--allow-remote");
	session_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_verify_and_prove),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
