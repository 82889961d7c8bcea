#include "config.c"

#include "bench.h"

static int32_t
read_with(struct config *c, const char *more, const char *secret, struct b3iq_error *err)
{
	const struct b3iq_host host = bench_host(secret);

	*err = (struct b3iq_error){ .size = sizeof *err };
	return config_read(c, &host, bench_config(1, more), err);
}

static void
refused(const char *more, const char *secret, const char *names)
{
	struct b3iq_error err;
	struct config     c;

	assert_int_equal(read_with(&c, more, secret, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, names));
	assert_null(strstr(err.text, "hunter2"));
	config_finish(&c);
}

static void
reads_all_fields(void **state)
{
	struct b3iq_error err;
	struct config     c;

	(void)state;
	assert_int_equal(
		read_with(&c,
	                  ",\"url\":\"https://x.example/ollama//\",\"socket\":\"/run/o.sock\","
	                  "\"token\":{\"secret\":\"token\"},\"keep_alive\":\"-1\"",
	                  "hunter2", &err),
		B3IQ_OK);
	assert_string_equal(c.url, "https://x.example/ollama");
	assert_string_equal(c.socket, "/run/o.sock");
	assert_string_equal(c.token, "hunter2");
	assert_int_equal(c.context, 8192);
	assert_int_equal(c.connect_ms, 2000);
	assert_int_equal(c.first_ms, 5000);
	config_finish(&c);
	assert_int_equal(c.token[0], 0);
}

static void
refuses_what_cannot_work(void **state)
{
	(void)state;
	refused(",\"url\":\"ftp://x/\"", NULL, "ftp");
	refused(",\"url\":\"not a url\"", NULL, "url");
	refused(",\"url\":\"http://u:hunter2@x/?q=1\"", NULL, "url");
	refused(",\"url\":7", NULL, "url");
	refused(",\"url\":\"http://x\\u0000y\"", NULL, "NUL");
	refused(",\"context\":0", NULL, "context");
	refused(",\"idle_timeout_ms\":\"1\"", NULL, "idle_timeout_ms");
	refused(",\"allow\":[1]", NULL, "allow[0]");
	refused(",\"allow\":\"x\"", NULL, "allow");
	refused(",\"token\":\"hunter2\"", NULL, "token");
	refused(",\"token\":{\"secret\":\"token\"}", "hunter2\r\nX: y", "token");
}

static void
says_that_the_secret_is_missing(void **state)
{
	struct b3iq_error err;
	struct config     c;
	char              long_token[CONFIG_TOKEN_MAX + 2];

	(void)state;
	assert_int_equal(read_with(&c, ",\"token\":{\"secret\":\"token\"}", NULL, &err),
	                 B3IQ_E_NOT_FOUND);
	config_finish(&c);
	memset(long_token, 'x', sizeof long_token - 1);
	long_token[sizeof long_token - 1] = '\0';
	assert_int_equal(read_with(&c, ",\"token\":{\"secret\":\"token\"}", long_token, &err),
	                 B3IQ_E_INVALID);
	config_finish(&c);
}

static void
is_no_object(void **state)
{
	const struct b3iq_host host = bench_host(NULL);
	struct b3iq_error      err = { .size = sizeof err };
	struct config          c;

	(void)state;
	assert_int_equal(config_read(&c, &host, "[]", &err), B3IQ_E_INVALID);
	config_finish(&c);
	assert_int_equal(config_read(&c, &host, "{", &err), B3IQ_E_INVALID);
	config_finish(&c);
	assert_int_equal(config_read(&c, &host, "{}", &err), B3IQ_E_INVALID);
	config_finish(&c);
}

static void
allows_by_name_and_pattern(void **state)
{
	struct b3iq_error err;
	struct config     c;

	(void)state;
	assert_int_equal(read_with(&c, "", NULL, &err), B3IQ_OK);
	assert_true(config_allows(&c, "anything"));
	config_finish(&c);
	assert_int_equal(
		read_with(&c, ",\"allow\":[\"llama3\",\"qwen2.5:*\",\"phi:latest\"]", NULL, &err),
		B3IQ_OK);
	assert_true(config_allows(&c, "llama3"));
	assert_true(config_allows(&c, "llama3:latest"));
	assert_true(config_allows(&c, "phi"));
	assert_true(config_allows(&c, "qwen2.5:7b"));
	assert_false(config_allows(&c, "llama3:70b"));
	assert_false(config_allows(&c, "qwen2:7b"));
	config_finish(&c);
}

static void
keep_alive_is_text_or_number(void **state)
{
	struct config       c = { .keep_alive = "10m" };
	struct json_object *value = config_keep_alive(&c);

	(void)state;
	assert_string_equal(json_object_to_json_string(value), "\"10m\"");
	json_object_put(value);
	memcpy(c.keep_alive, "-1", 3);
	value = config_keep_alive(&c);
	assert_string_equal(json_object_to_json_string(value), "-1");
	json_object_put(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_fields),
		cmocka_unit_test(refuses_what_cannot_work),
		cmocka_unit_test(says_that_the_secret_is_missing),
		cmocka_unit_test(is_no_object),
		cmocka_unit_test(allows_by_name_and_pattern),
		cmocka_unit_test(keep_alive_is_text_or_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
