#include "../check.h"
#include "../torture.h"

#include "core/plugin/file/manifest.c"

#define REST                                                                                  \
	"\"version\":\"1.2.3\",\"license\":\"MIT\",\"summary\":\"s\""
#define CONFIG "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}"

static int32_t
parse(const char *text, struct b3iq_error *err)
{
	struct manifest m;
	const int32_t rc = manifest_parse(text, strlen(text), "test.so", &m, err);

	manifest_free(&m);
	return rc;
}

static void
test_all_fields(void **state)
{
	static const char text[] =
		"{\"id\":\"org.b3iq.x\",\"kind\":\"ledger\",\"abi\":\"1.7\"," REST "," CONFIG ","
		"\"name\":\"X\",\"isolation\":\"inline\",\"env\":[\"CUDA_VISIBLE_DEVICES\",\"Y\"],"
		"\"keys\":[\"ed25519\"],\"egress\":[\"config:url\",\"h:1\"],"
		"\"needs\":[{\"library\":\"libx.so.1\",\"why\":\"w\"},{\"path\":\"/dev/x\",\"why\":\"v\"}]}";
	struct b3iq_error err = NO_ERROR;
	struct manifest m;

	(void)state;
	assert_int_equal(manifest_parse(text, sizeof text - 1, "test.so", &m, &err), B3IQ_OK);
	assert_string_equal(m.id, "org.b3iq.x");
	assert_string_equal(m.name, "X");
	assert_string_equal(m.version, "1.2.3");
	assert_int_equal(m.kind, B3IQ_LEDGER);
	assert_int_equal(m.abi, 1u << 16 | 7);
	assert_true(m.may_inline);
	assert_int_equal(m.n_env, 2);
	assert_string_equal(m.env[1], "Y");
	assert_int_equal(m.n_keys, 1);
	assert_int_equal(m.n_egress, 2);
	assert_int_equal(m.n_needs, 2);
	assert_string_equal(m.needs[0].library, "libx.so.1");
	assert_null(m.needs[0].path);
	assert_string_equal(m.needs[1].path, "/dev/x");
	manifest_free(&m);
	manifest_free(&m);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *text;
		int32_t rc;
	} cases[] = {
		{ "", B3IQ_E_INVALID },
		{ "{", B3IQ_E_INVALID },
		{ "[]", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\"," REST "}", B3IQ_E_INVALID },
		{ "{\"id\":\"x\",\"kind\":\"auth\",\"abi\":\"1.0\"," REST "," CONFIG "}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"toy\",\"abi\":\"1.0\"," REST "," CONFIG "}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1\"," REST "," CONFIG "}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"2.0\"," REST "," CONFIG "}",
		  B3IQ_E_UNSUPPORTED },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"0.9\"," REST "," CONFIG "}",
		  B3IQ_E_UNSUPPORTED },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\",\"wat\":1," REST "," CONFIG "}",
		  B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\",\"env\":[\"LD_PRELOAD\"]," REST
		  "," CONFIG "}", B3IQ_E_DENIED },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\",\"needs\":[{\"why\":\"w\"}]," REST
		  "," CONFIG "}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\",\"needs\":[{\"why\":\"w\","
		  "\"path\":\"/a\",\"library\":\"b\"}]," REST "," CONFIG "}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\"," REST
		  ",\"config\":{\"type\":\"object\",\"properties\":{}}}", B3IQ_E_INVALID },
		{ "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\"," REST
		  ",\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":"
		  "{\"a\":{\"oneOf\":[]}}}}", B3IQ_E_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct b3iq_error err = NO_ERROR;
		const int32_t rc = parse(cases[i].text, &err);

		if (rc != cases[i].rc)
			fail_msg("case %zu: %d (%s)", i, rc, err.text);
		assert_non_null(strstr(err.text, "test.so"));
	}
}

static void
test_names_and_kinds(void **state)
{
	char name[MANIFEST_NAME + 2];

	(void)state;
	assert_true(manifest_name("a"));
	assert_true(manifest_name("0a.b_c-d"));
	assert_false(manifest_name(""));
	assert_false(manifest_name(".a"));
	assert_false(manifest_name("-a"));
	assert_false(manifest_name("A"));
	assert_false(manifest_name("a/b"));
	assert_false(manifest_name("a b"));
	memset(name, 'a', sizeof name);
	name[MANIFEST_NAME + 1] = '\0';
	assert_false(manifest_name(name));
	name[MANIFEST_NAME] = '\0';
	assert_true(manifest_name(name));
	for (uint32_t k = B3IQ_INFERENCE; k <= B3IQ_AUTH; k++)
		assert_int_equal(manifest_kind(manifest_kind_name(k)), k);
	assert_int_equal(manifest_kind("other"), 0);
	assert_string_equal(manifest_kind_name(0), "unknown");
	assert_string_equal(manifest_kind_name(4), "unknown");
}

static int32_t
scenario(void *arg)
{
	struct b3iq_error err = NO_ERROR;

	return parse(arg, &err);
}

static void
test_memory(void **state)
{
	static char text[] = "{\"id\":\"org.x\",\"kind\":\"auth\",\"abi\":\"1.0\","
	                     "\"needs\":[{\"why\":\"w\",\"path\":\"/a\"}]," REST "," CONFIG "}";

	(void)state;
	torture("manifest", scenario, text, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_names_and_kinds), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
