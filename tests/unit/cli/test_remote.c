/* remote.c: where the node is, with which key, and what failures look like. */
#include "../check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/option.h"
#include "cli/remote.c"

static const struct cli_option options[] = { REMOTE_OPTIONS, { .name = NULL } };
static const struct cli_command command = { .name = "test", .options = options };

struct bench {
	char       home[64];
	struct cli cli;
};

static void
begin(struct bench *b, char *url)
{
	char             *argv[] = { "--url", url };
	struct b3iq_error err = NO_ERROR;

	memset(b, 0, sizeof *b);
	snprintf(b->home, sizeof b->home, "/tmp/b3iq-remote-XXXXXX");
	assert_non_null(mkdtemp(b->home));
	b->cli = (struct cli){ .command = &command, .path = "b3iq test", .home = b->home };
	assert_int_equal(option_parse(&b->cli, url ? 2 : 0, argv, &err), 0);
	unsetenv("B3IQ_URL");
	unsetenv("B3IQ_API_KEY");
}

static void
put(const struct bench *b, const char *name, const char *text)
{
	char file[PATH_SIZE];

	assert_int_equal(path_join(file, NULL, b->home, name, NULL), B3IQ_OK);
	assert_int_equal(path_write(file, text, strlen(text), 0600, NULL), B3IQ_OK);
}

static void
end(struct bench *b)
{
	static const char *const files[] = { "config.json", "keys/cli.key", "keys/trust", "keys",
		                             "secrets", "plugins", "." };
	char                     file[PATH_SIZE];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		assert_int_equal(path_join(file, NULL, b->home, files[i], NULL), B3IQ_OK);
		if (unlink(file))
			rmdir(i + 1 < sizeof files / sizeof *files ? file : b->home);
	}
	json_object_put(b->cli.result);
}

static void
test_default_address(void **state)
{
	struct bench b;
	char         url[128];

	(void)state;
	begin(&b, NULL);
	assert_int_equal(remote_configured(&b.cli, url, sizeof url, NULL), B3IQ_OK);
	assert_string_equal(url, "http://127.0.0.1:8008");
	end(&b);
}

static void
test_configured_address(void **state)
{
	static const struct {
		const char *listen, *url;
	} cases[] = {
		{ "\"port\":9000", "http://127.0.0.1:9000" },
		{ "\"address\":\"::1\"", "http://[::1]:8008" },
		{ "\"address\":\"0.0.0.0\"", "http://127.0.0.1:8008" },
		{ "\"address\":\"::\"", "http://[::1]:8008" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench      b;
		struct b3iq_error err = NO_ERROR;
		char              text[256], url[128];

		begin(&b, NULL);
		snprintf(text, sizeof text, "{\"node\":{\"allow_remote\":true,\"listen\":{%s}}}",
		         cases[i].listen);
		put(&b, "config.json", text);
		if (remote_configured(&b.cli, url, sizeof url, &err))
			fail_msg("%s: %s", text, err.text);
		assert_string_equal(url, cases[i].url);
		end(&b);
	}
}

static void
test_faulty_config_is_said(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct bench      b;
	char              url[128];

	(void)state;
	begin(&b, NULL);
	put(&b, "config.json", "{\"node\":7}");
	assert_int_equal(remote_configured(&b.cli, url, sizeof url, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "node"));
	end(&b);
}

static void
test_whose_key(void **state)
{
	static const char own[] = "b3iq_local_"
				  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct remote r;
	struct bench  b;

	(void)state;
	begin(&b, NULL); /* a home that has one: its own node gets it */
	mkdir(b.home, 0700);
	{
		struct home home;

		assert_int_equal(home_open(&home, b.home, NULL), B3IQ_OK);
		put(&b, "keys/cli.key", own);
		assert_int_equal(remote_open(&b.cli, &r), CLI_OK);
		assert_non_null(strstr(r.key_header, own));
		remote_close(&r);
		assert_int_equal(r.key_header[0], 0);

		assert_int_equal(home_lock(&home, "node", NULL), B3IQ_OK);
		home_announce(&home, "http://127.0.0.1:4711"); /* named, and the home's own */
		setenv("B3IQ_URL", "http://127.0.0.1:4711/", 1);
		assert_int_equal(remote_open(&b.cli, &r), CLI_OK);
		assert_non_null(strstr(r.key_header, own));
		remote_close(&r);
		home_close(&home);
		assert_int_equal(remote_open(&b.cli, &r), CLI_OK); /* it listens no more */
		assert_string_equal(r.key_header, "");
		remote_close(&r);
	}

	setenv("B3IQ_URL", "http://somebody.example/", 1); /* somebody else does not */
	assert_int_equal(remote_open(&b.cli, &r), CLI_OK);
	assert_string_equal(r.url, "http://somebody.example");
	assert_string_equal(r.key_header, "");
	remote_close(&r);

	setenv("B3IQ_API_KEY", "given", 1);
	assert_int_equal(remote_open(&b.cli, &r), CLI_OK);
	assert_string_equal(r.key_header, "Authorization: Bearer given");
	remote_close(&r);

	setenv("B3IQ_API_KEY", "x\r\nHost: evil", 1);
	assert_int_equal(remote_open(&b.cli, &r), CLI_DENIED);
	remote_close(&r);
	end(&b);
}

static void
test_nobody_there(void **state)
{
	struct json_object *out = NULL;
	struct remote       r;
	struct bench        b;

	(void)state;
	begin(&b, "http://127.0.0.1:1");
	assert_int_equal(remote_open(&b.cli, &r), CLI_OK);
	assert_false(remote_alive(&r));
	assert_int_equal(remote_json(&b.cli, &r, "GET", "/v1/models", NULL, &out), CLI_NO_NODE);
	assert_null(out);
	remote_close(&r);
	end(&b);
}

/* What the statuses of a node become. */
static void
test_statuses(void **state)
{
	static const struct {
		int status, exit;
	} map[] = { { 401, CLI_DENIED }, { 403, CLI_DENIED }, { 404, CLI_NOT_FOUND },
		    { 400, CLI_FAILED }, { 429, CLI_FAILED }, { 500, CLI_FAILED } };
	static const char   body[] = "{\"error\":{\"message\":\"the \x1b[2J reason\"}}";
	const struct remote r = { .url = "http://x", .key_header = "k" };
	struct bench        b;

	(void)state;
	begin(&b, NULL);
	for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
		struct client_reply reply;

		client_reply_init(&reply, 4096);
		reply.status = map[i].status;
		buf_puts(&reply.body, body);
		assert_int_equal(status_error(&b.cli, &r, &reply), map[i].exit);
		client_reply_finish(&reply);
	}
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_address),
		cmocka_unit_test(test_configured_address),
		cmocka_unit_test(test_faulty_config_is_said),
		cmocka_unit_test(test_whose_key),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
