#include "cpu/config.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static int32_t
parse(const char *json, struct config *c, struct b3iq_error *err)
{
	*err = (struct b3iq_error){ .size = sizeof *err };
	memset(c, 0xa5, sizeof *c);
	return config_parse(c, json, err);
}

static void
nothing_said_is_the_default(void **state)
{
	struct b3iq_error err;
	struct config     c;

	(void)state;
	assert_int_equal(parse("{}", &c, &err), B3IQ_OK);
	assert_string_equal(c.models_dir, "");
	assert_string_equal(c.builtin_model, "");
	assert_ptr_equal(c.scheduler.kernels, select_at(0));
	assert_int_equal(c.scheduler.threads, 0);
	assert_int_equal(c.scheduler.context, 0);
	assert_int_equal(c.scheduler.max_sequences, 16);
	assert_int_equal(c.scheduler.max_queue, 256);
	assert_int_equal(c.scheduler.chunk, 256);
	assert_int_equal(c.scheduler.prefixes, PREFIXES);
	assert_true(c.scheduler.kv_bytes > 1u << 20);
}

static void
everything_is_read(void **state)
{
	struct b3iq_error err;
	struct config     c;

	(void)state;
	assert_int_equal(parse("{\"models_dir\":\"/models\",\"builtin_model\":\"/m.gguf\",\"context\":"
	                       "4194304,\"threads\":256,\"kernels\":\"scalar\",\"max_batch\":1,"
	                       "\"max_queue\":0,\"prefill_chunk\":4096,\"kv_memory_mib\":16777216,"
	                       "\"prefix_cache\":false}", &c, &err), B3IQ_OK);
	assert_string_equal(c.models_dir, "/models");
	assert_string_equal(c.builtin_model, "/m.gguf");
	assert_ptr_equal(c.scheduler.kernels, &scalar_kernels);
	assert_int_equal(c.scheduler.threads, 256);
	assert_int_equal(c.scheduler.context, 4194304);
	assert_int_equal(c.scheduler.max_sequences, 1);
	assert_int_equal(c.scheduler.max_queue, 0);
	assert_int_equal(c.scheduler.chunk, 4096);
	assert_int_equal(c.scheduler.prefixes, 0);
	assert_true(c.scheduler.kv_bytes == (uint64_t)16777216 << 20);
}

static void
what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{ "", "object" }, { "{", "object" }, { "null", "object" }, { "[]", "object" },
		{ "{\"thread\":1}", "\"thread\"" }, { "{\"Threads\":1}", "\"Threads\"" },
		{ "{\"threads\":257}", "threads" }, { "{\"threads\":-1}", "threads" },
		{ "{\"threads\":1.0}", "threads" }, { "{\"threads\":true}", "threads" },
		{ "{\"threads\":null}", "threads" }, { "{\"context\":4194305}", "context" },
		{ "{\"context\":99999999999999999999}", "context" },
		{ "{\"max_batch\":0}", "max_batch" }, { "{\"max_batch\":257}", "max_batch" },
		{ "{\"max_queue\":65537}", "max_queue" }, { "{\"prefill_chunk\":255}", "prefill_chunk" },
		{ "{\"prefill_chunk\":4097}", "prefill_chunk" },
		{ "{\"kv_memory_mib\":16777217}", "kv_memory_mib" },
		{ "{\"kernels\":\"mmx\"}", "mmx" }, { "{\"kernels\":7}", "kernels" },
		{ "{\"kernels\":\"a name that is longer than any\"}", "kernels" },
		{ "{\"models_dir\":7}", "models_dir" }, { "{\"models_dir\":\"/a\\u0000b\"}", "models_dir" },
		{ "{\"builtin_model\":[\"a\"]}", "builtin_model" },
		{ "{\"prefix_cache\":\"false\"}", "prefix_cache" },
		{ "{\"prefix_cache\":0}", "prefix_cache" },
	};
	struct b3iq_error err;
	struct config     c;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (parse(cases[i].json, &c, &err) == B3IQ_OK)
			fail_msg("%s is accepted", cases[i].json);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: \"%s\"", cases[i].json, err.text);
	}
}

/* The longest path that fits, and one byte more. */
static void
long_paths_fit_or_are_refused(void **state)
{
	struct b3iq_error err;
	struct config     c;
	char              json[4200], path[4098];

	(void)state;
	memset(path, 'x', sizeof path);
	path[0] = '/';
	snprintf(json, sizeof json, "{\"models_dir\":\"%.4096s\"}", path);
	assert_int_equal(parse(json, &c, &err), B3IQ_OK);
	assert_int_equal(strlen(c.models_dir), 4096);
	snprintf(json, sizeof json, "{\"models_dir\":\"%.4097s\"}", path);
	assert_int_equal(parse(json, &c, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "models_dir"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_is_the_default),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(long_paths_fit_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
