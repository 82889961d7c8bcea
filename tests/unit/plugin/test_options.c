#include "../check.h"
#include "../torture.h"

#include "core/plugin/instance/options.c"

static const char *const dirs[] = { "/a", "/b", NULL };
static const char *const other_dirs[] = { "/a", NULL };

static struct instance_options
some(void)
{
	return (struct instance_options){ .name = "x", .plugin = "p", .dirs = dirs, .config = "{}",
	                                  .state_dir = "/s", .signers = other_dirs };
}

static void
test_copies_and_fills_in(void **state)
{
	char name[] = "x";
	struct instance_options from = some();
	struct b3iq_error err = NO_ERROR;
	struct options o;

	(void)state;
	from.name = name;
	assert_int_equal(options_copy(&o, &from, &err), B3IQ_OK);
	name[0] = 'y';
	assert_string_equal(o.o.name, "x");
	assert_string_equal(o.o.dirs[1], "/b");
	assert_null(o.o.dirs[2]);
	assert_true(o.o.dirs[0] != dirs[0]);
	assert_int_equal(o.o.width, INSTANCE_WIDTH);
	assert_int_equal(o.o.start_ms, 120000);
	assert_int_equal(o.o.stall_ms, 120000);
	assert_int_equal(o.o.call_ms, 600000);
	assert_int_equal(o.o.cancel_ms, 5000);
	assert_int_equal(o.o.ping_ms, 5000);
	assert_int_equal(o.o.patience_ms, 10000);
	assert_int_equal(o.o.backoff_ms, 1000);
	assert_int_equal(o.o.drain_ms, 5000);
	assert_int_equal(o.o.bye_ms, 5000);
	options_free(&o);
	options_free(&o);
	from.bye_ms = 7;
	assert_int_equal(options_copy(&o, &from, &err), B3IQ_OK);
	assert_int_equal(o.o.bye_ms, 7);
	options_free(&o);
	from.width = 1u << 30;
	from.name = "x";
	assert_int_equal(options_copy(&o, &from, &err), B3IQ_OK);
	assert_int_equal(o.o.width, INSTANCE_CALLS);
	options_free(&o);
}

static void
test_refuses(void **state)
{
	const char *many[100];
	struct instance_options from;
	struct options o;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		many[i] = i < 99 ? "/d" : NULL;
	for (int n = 0; n < 6; n++) {
		struct b3iq_error err = NO_ERROR;

		from = some();
		if (n == 0)
			from.name = NULL;
		if (n == 1)
			from.name = "Bad Name";
		if (n == 2)
			from.plugin = NULL;
		if (n == 3)
			from.state_dir = "relative";
		if (n == 4)
			from.state_dir = NULL;
		if (n == 5)
			from.dirs = many;
		assert_int_equal(options_copy(&o, &from, &err), B3IQ_E_INVALID);
		assert_true(err.text[0] != '\0');
		options_free(&o);
	}
}

static void
assert_differs(const struct instance_options *with, const char *member)
{
	const struct instance_options without = some();
	struct options a, b;

	assert_int_equal(options_copy(&a, &without, NULL), B3IQ_OK);
	assert_int_equal(options_copy(&b, with, NULL), B3IQ_OK);
	if (options_equal(&a, &b) || options_equal(&b, &a))
		fail_msg("another %s is not seen", member);
	options_free(&a);
	options_free(&b);
}

#define DIFFERS(member, value)                         \
	do {                                           \
		struct instance_options with = some(); \
		with.member = (value);                 \
		assert_differs(&with, #member);        \
	} while (0)

/* One member at a time: one that is not compared would be changed without a restart. */
static void
test_equal(void **state)
{
	const struct hostapi_services services = { .ctx = NULL };
	const struct instance_options from = some();
	struct options a, b;

	(void)state;
	options_copy(&a, &from, NULL);
	options_copy(&b, &from, NULL);
	assert_true(options_equal(&a, &b));
	options_free(&b);
	options_free(&a);
	DIFFERS(name, "y");
	DIFFERS(plugin, "q");
	DIFFERS(path, "/p.so");
	DIFFERS(sha256, "0");
	DIFFERS(keys_dir, "/k");
	DIFFERS(config, "{\"a\":1}");
	DIFFERS(config, NULL);
	DIFFERS(state_dir, "/t");
	DIFFERS(secrets_dir, "/x");
	DIFFERS(dirs, other_dirs);
	DIFFERS(signers, NULL);
	DIFFERS(signers, dirs);
	DIFFERS(services, &services);
	DIFFERS(run_inline, true);
	DIFFERS(width, 5);
	DIFFERS(start_ms, 5);
	DIFFERS(stall_ms, 5);
	DIFFERS(call_ms, 5);
	DIFFERS(cancel_ms, 5);
	DIFFERS(ping_ms, 5);
	DIFFERS(patience_ms, 5);
	DIFFERS(backoff_ms, 5);
	DIFFERS(drain_ms, 5);
	DIFFERS(bye_ms, 5);
}

static int32_t
scenario(void *arg)
{
	struct options o;
	const int32_t rc = options_copy(&o, arg, NULL);

	options_free(&o);
	return rc;
}

static void
test_memory(void **state)
{
	struct instance_options from = some();

	(void)state;
	torture("options", scenario, &from, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies_and_fills_in), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_equal), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
