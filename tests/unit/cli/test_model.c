/* model.c: names, sizes, places, and the node's model objects. */
#include "../check.h"

#include "cli/option.h"
#include "cli/commands/model.c"

static void
named(char **argv, int argc, const char *expected)
{
	struct cli        cli = { .command = &model_add, .path = "b3iq model add" };
	struct b3iq_error err = NO_ERROR;
	char              name[256];

	assert_int_equal(option_parse(&cli, argc, argv, &err), B3IQ_OK);
	assert_int_equal(name_of(&cli, name), expected ? CLI_OK : CLI_USAGE);
	if (expected)
		assert_string_equal(name, expected);
	json_object_put(cli.result);
}

static void
test_names(void **state)
{
	(void)state;
	named((char *[]){ "/a/b/Tiny.Q8_0.gguf" }, 1, "Tiny.Q8_0");
	named((char *[]){ "x.gguf" }, 1, "x");
	named((char *[]){ "x.bin", "--name", "y" }, 3, "y");
	named((char *[]){ "x.bin", "--name", "y.gguf" }, 3, "y");
	named((char *[]){ "x.bin" }, 1, NULL);
	named((char *[]){ ".gguf" }, 1, NULL);
	named((char *[]){ "x.gguf", "--name", "../y" }, 3, NULL);
	named((char *[]){ "x.gguf", "--name", ".hidden" }, 3, NULL);
	named((char *[]){ "x.gguf", "--name", "" }, 3, NULL);
}

static void
test_sizes(void **state)
{
	char text[24];

	(void)state;
	size_text(0, text);
	assert_string_equal(text, "-");
	size_text(1536, text);
	assert_string_equal(text, "1.5 KiB");
	size_text(5ll << 20, text);
	assert_string_equal(text, "5.0 MiB");
	size_text(INT64_MAX, text);
	assert_string_equal(text, "8589934592.0 GiB");
}

static void
test_flat(void **state)
{
	struct json_object *m = json_tokener_parse("{\"id\":\"a\",\"b3iq\":{\"context\":5}}");
	struct json_object *bare = json_tokener_parse("{\"id\":\"b\"}"), *one = flat(m), *two = flat(bare);

	(void)state;
	assert_string_equal(text_of(one, "id"), "a");
	assert_int_equal(int_of(one, "context"), 5);
	assert_string_equal(text_of(two, "id"), "b");
	assert_string_equal(text_of(two, "root"), "");
	json_object_put(one);
	json_object_put(two);
	json_object_put(m);
	json_object_put(bare);
}

static void
test_place(void **state)
{
	char              dir[] = "/tmp/b3iq-model-XXXXXX", from[64], to[64], other[64];
	struct b3iq_error err = NO_ERROR;
	struct stat       a, b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(from, sizeof from, "%s/from", dir);
	snprintf(to, sizeof to, "%s/to.gguf", dir);
	snprintf(other, sizeof other, "%s/other.gguf", dir);
	assert_int_equal(path_write(from, "weights", 7, 0644, &err), B3IQ_OK);
	assert_int_equal(place(from, dir, to, false, &err), B3IQ_OK);
	assert_int_equal(stat(from, &a) || stat(to, &b), 0);
	assert_true(a.st_ino == b.st_ino); /* one file system: no copy */
	assert_int_equal(place(from, dir, to, false, &err), B3IQ_E_INVALID);
	assert_int_equal(place(from, dir, other, true, &err), B3IQ_OK);
	assert_int_equal(lstat(other, &b), 0);
	assert_true(S_ISLNK(b.st_mode));
	unlink(other);
	assert_int_equal(copy(from, dir, other, &err), B3IQ_OK);
	assert_int_equal(stat(other, &b), 0);
	assert_true(a.st_ino != b.st_ino && b.st_size == 7);
	assert_int_equal(copy("/nonexistent", dir, other, &err), B3IQ_E_UNAVAILABLE);
	unlink(from);
	unlink(to);
	unlink(other);
	assert_int_equal(rmdir(dir), 0); /* nothing else was left there */
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_sizes),
		                            cmocka_unit_test(test_flat), cmocka_unit_test(test_place) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
