#include "live.h"

#include "core/plugin/file/needs.c"

static struct needs
check_one(const char *library, const char *path, const char *dir)
{
	static struct manifest m;
	struct needs out;

	m.n_needs = 1;
	m.needs[0] = (struct manifest_need){ .library = library, .path = path, .why = "the reason" };
	needs_check(&m, dir, &out);
	return out;
}

static void
test_libraries(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct needs n = check_one("libc.so.6", NULL, NULL);

	(void)state;
	assert_true(n.n == 1 && n.missing == 0 && n.item[0].met);
	assert_non_null(strstr(n.item[0].reason, "libc.so.6"));
	assert_int_equal(needs_result(&n, "test", &err), B3IQ_OK);
	n = check_one("libno-such-thing.so.7", NULL, NULL);
	assert_int_equal(n.missing, 1);
	assert_int_equal(needs_result(&n, "test", &err), B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "libno-such-thing.so.7"));
	assert_non_null(strstr(err.text, "the reason"));
}

static void
test_beside_the_plugin(void **state)
{
	char dir[PATH_MAX], *slash;

	(void)state;
	snprintf(dir, sizeof dir, "%s", ECHO);
	slash = strrchr(dir, '/');
	*slash = '\0';
	assert_int_equal(check_one("echo.so", NULL, dir).missing, 0);
	assert_int_equal(check_one("echo.so", NULL, NULL).missing, 1);
	assert_int_equal(check_one("echo.so", NULL, "relative").missing, 1);
}

static void
test_paths(void **state)
{
	struct needs n;

	(void)state;
	assert_int_equal(check_one(NULL, "/dev/null", NULL).missing, 0);
	n = check_one(NULL, "/dev/no-such-device", NULL);
	assert_int_equal(n.missing, 1);
	assert_non_null(strstr(n.item[0].reason, "does not exist"));
}

/* A cache whose offsets and counts lie. */
static void
test_hostile_cache(void **state)
{
	struct cache_header h = { .count = 2 };
	struct cache_entry e[2] = { { .soname = 0, .path = 0 }, { .soname = 96, .path = 104 } };
	char found[PATH_SIZE];
	struct buf b;

	(void)state;
	memcpy(h.magic, cache_magic, sizeof h.magic);
	buf_init(&b, 4096);
	buf_append(&b, &h, sizeof h);
	buf_append(&b, e, sizeof e);
	buf_append(&b, "libx.so\0", 8);
	buf_puts(&b, ECHO); /* without its NUL */
	assert_false(find_in_cache(&b, "libx.so", found));
	buf_append(&b, "", 1);
	assert_true(find_in_cache(&b, "libx.so", found));
	assert_false(find_in_cache(&b, "liby.so", found));
	for (size_t n = 0; n < b.len; n++) {
		struct buf cut = b;

		cut.len = n;
		assert_false(find_in_cache(&cut, "libx.so", found));
	}
	b.data[20] = b.data[21] = b.data[22] = b.data[23] = (char)0xff; /* count */
	assert_false(find_in_cache(&b, "libx.so", found));
	b.data[0] = 'x';
	assert_false(find_in_cache(&b, "libx.so", found));
	buf_free(&b);
}

static void
test_json(void **state)
{
	const struct needs n = check_one("libc.so.6", NULL, NULL);
	struct json_object *list = needs_json(&n), *item, *value;

	(void)state;
	assert_int_equal(json_object_array_length(list), 1);
	item = json_object_array_get_idx(list, 0);
	assert_true(json_object_object_get_ex(item, "met", &value) && json_object_get_boolean(value));
	assert_true(json_object_object_get_ex(item, "library", NULL));
	assert_true(json_object_object_get_ex(item, "reason", NULL));
	json_object_put(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libraries), cmocka_unit_test(test_beside_the_plugin),
		cmocka_unit_test(test_paths),     cmocka_unit_test(test_hostile_cache),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
