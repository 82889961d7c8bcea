#include "live.h"
#include "../torture.h"

#include "core/plugin/file/config.c"

static struct manifest manifest; /* of the schema below */

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"key\"],\"properties\":{"
	"\"key\":{\"type\":\"string\",\"format\":\"secret\",\"minLength\":20},"
	"\"port\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535,\"default\":80},"
	"\"group\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"inner\":{\"type\":\"string\",\"format\":\"secret\"},"
	"\"depth\":{\"type\":\"integer\",\"default\":3}}}}}";

static char secrets[PATH_MAX];

static void
write_secret(const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX + 80];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", secrets, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static int
setup(void **state)
{
	if (live_setup(state) != 0)
		return -1;
	snprintf(secrets, sizeof secrets, "%s/secrets", live_dir);
	mkdir(secrets, 0700);
	return json_parse(schema, sizeof schema - 1, "schema", &manifest.config, NULL);
}

static int
teardown(void **state)
{
	json_object_put(manifest.config);
	return live_teardown(state);
}

static void
check(const char *text, const char *dir, int32_t rc, const char *result)
{
	struct b3iq_error err = NO_ERROR;
	struct buf out;
	int32_t got;

	buf_init(&out, CONFIG_MAX);
	got = config_check(&manifest, "test", text, dir, &out, &err);
	if (got != rc)
		fail_msg("%s: %d %s", text, got, err.text);
	if (rc == B3IQ_OK)
		assert_string_equal(out.data, result);
	else
		assert_null(strstr(err.text, "hunter2")); /* a secret */
	buf_free(&out);
}

static void
test_secrets_become_references(void **state)
{
	(void)state;
	check(NULL, NULL, B3IQ_E_INVALID, NULL); /* key is required */
	check("{}", secrets, B3IQ_E_INVALID, NULL);
	check("{\"key\":\"hunter2\"}", secrets, B3IQ_E_INVALID, NULL);
	check("{\"key\":{\"secret\":\"k1\"}}", NULL, B3IQ_OK,
	      "{\"key\":{\"secret\":\"k1\"},\"port\":80}");
	check("{\"key\":{\"secret\":\"../k1\"}}", NULL, B3IQ_E_INVALID, NULL);
	check("{\"key\":{\"value\":\"k1\"}}", NULL, B3IQ_E_INVALID, NULL);
	write_secret("key", "hunter2", 0600);
	check("", secrets, B3IQ_OK, "{\"key\":{\"secret\":\"key\"},\"port\":80}");
	write_secret("inner", "hunter2", 0600);
	check("{\"group\":{}}", secrets, B3IQ_OK,
	      "{\"group\":{\"inner\":{\"secret\":\"inner\"},\"depth\":3},"
	      "\"key\":{\"secret\":\"key\"},\"port\":80}");
	check("{\"group\":{\"inner\":\"hunter2\"}}", secrets, B3IQ_E_INVALID, NULL);
}

static void
test_the_rest_is_validated(void **state)
{
	(void)state;
	write_secret("key", "hunter2", 0600);
	check("{\"port\":0}", secrets, B3IQ_E_INVALID, NULL);
	check("{\"prot\":1}", secrets, B3IQ_E_INVALID, NULL);
	check("{\"group\":7}", secrets, B3IQ_E_INVALID, NULL);
	check("[]", secrets, B3IQ_E_INVALID, NULL);
	check("7", secrets, B3IQ_E_INVALID, NULL);
	check("{", secrets, B3IQ_E_INVALID, NULL);
}

static int32_t
secret(const char *name, char *value)
{
	struct b3iq_error err = NO_ERROR;
	struct buf out;
	int32_t rc;

	buf_init(&out, CONFIG_SECRET_MAX);
	rc = config_secret(secrets, name, &out.writer, &err);
	snprintf(value, 100, "%s", out.len > 0 ? out.data : "");
	buf_free(&out);
	return rc;
}

static void
test_secret_files(void **state)
{
	char value[100], from[PATH_MAX + 80], to[PATH_MAX + 80];
	char *big = calloc(1, CONFIG_SECRET_MAX + 2);

	(void)state;
	write_secret("a", "value\n", 0600);
	assert_int_equal(secret("a", value), B3IQ_OK);
	assert_string_equal(value, "value");
	write_secret("a", "two\n\n", 0400);
	assert_int_equal(secret("a", value), B3IQ_OK);
	assert_string_equal(value, "two\n");
	write_secret("empty", "", 0600);
	assert_int_equal(secret("empty", value), B3IQ_OK);
	assert_int_equal(secret("none", value), B3IQ_E_NOT_FOUND);
	assert_int_equal(secret("../secrets/a", value), B3IQ_E_NOT_FOUND);
	assert_int_equal(secret("", value), B3IQ_E_NOT_FOUND);
	write_secret("open", "hunter2", 0640);
	assert_int_equal(secret("open", value), B3IQ_E_DENIED);
	assert_string_equal(value, "");
	snprintf(from, sizeof from, "%s/link", secrets);
	snprintf(to, sizeof to, "%s/a", secrets);
	assert_int_equal(symlink(to, from), 0);
	assert_int_equal(secret("link", value), B3IQ_E_DENIED);
	snprintf(from, sizeof from, "%s/dir", secrets);
	mkdir(from, 0700);
	assert_int_equal(secret("dir", value), B3IQ_E_DENIED);
	memset(big, 'x', CONFIG_SECRET_MAX + 1);
	write_secret("big", big, 0600);
	assert_int_equal(secret("big", value), B3IQ_E_INVALID);
	free(big);
}

static int32_t
scenario(void *arg)
{
	struct b3iq_error err = NO_ERROR;
	struct buf out;
	int32_t rc;

	buf_init(&out, CONFIG_MAX);
	rc = config_check(&manifest, "test", arg, secrets, &out, &err);
	buf_free(&out);
	return rc;
}

static void
test_memory(void **state)
{
	static char text[] = "{\"group\":{\"depth\":1},\"port\":8}";

	(void)state;
	write_secret("key", "hunter2", 0600);
	torture("config", scenario, text, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_become_references),
		cmocka_unit_test(test_the_rest_is_validated),
		cmocka_unit_test(test_secret_files),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
