#include "live.h"

#include "core/plugin/file/catalog.c"

#include <fcntl.h>
#include <sys/sendfile.h>

static char dir[PATH_MAX];

static void
copy(const char *from, const char *name, mode_t mode)
{
	char to[PATH_MAX + 80];
	struct stat st;
	int in = open(from, O_RDONLY), out;

	snprintf(to, sizeof to, "%s/%s", dir, name);
	unlink(to);
	out = open(to, O_WRONLY | O_CREAT, 0755);
	assert_true(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	while (st.st_size > 0)
		st.st_size -= sendfile(out, in, NULL, (size_t)st.st_size);
	fchmod(out, mode);
	close(in);
	close(out);
}

static int
setup(void **state)
{
	if (live_setup(state) != 0)
		return -1;
	snprintf(dir, sizeof dir, "%s/plugins", live_dir);
	return mkdir(dir, 0755);
}

static void
test_names_and_items(void **state)
{
	const char *const dirs[] = { dir, "/no/such/directory", dir, NULL };
	struct b3iq_error err = NO_ERROR;
	struct json_object *names, *doc, *value;
	struct catalog_item item;

	(void)state;
	copy(ECHO, "echo.so", 0755);
	copy(AUTH, "auth.so", 0755);
	copy(ECHO, "open.so", 0777);
	copy("/etc/passwd", "text.so", 0644);
	copy("/etc/passwd", "notes.txt", 0644);
	copy("/etc/passwd", "Bad Name.so", 0644);
	names = catalog_names(dirs, &err);
	assert_string_equal(json_object_to_json_string_ext(names, JSON_C_TO_STRING_PLAIN),
	                    "[\"auth\",\"echo\",\"open\",\"text\"]");
	json_object_put(names);

	assert_int_equal(catalog_open(dirs, "auth", &item), B3IQ_OK);
	assert_int_equal(item.manifest.kind, B3IQ_AUTH);
	assert_int_equal(item.needs.n, 2);
	doc = catalog_json(&item);
	assert_true(json_object_object_get_ex(doc, "sha256", NULL));
	assert_true(json_object_object_get_ex(doc, "manifest", NULL));
	assert_true(json_object_object_get_ex(doc, "needs", &value));
	assert_int_equal(json_object_array_length(value), 2);
	assert_false(json_object_object_get_ex(doc, "error", NULL));
	json_object_put(doc);
	catalog_close(&item);

	assert_int_equal(catalog_open(dirs, "open", &item), B3IQ_E_DENIED);
	doc = catalog_json(&item);
	assert_true(json_object_object_get_ex(doc, "error", &value));
	assert_non_null(strstr(json_object_get_string(value), "chmod"));
	json_object_put(doc);
	catalog_close(&item);

	assert_int_equal(catalog_open(dirs, "text", &item), B3IQ_E_INVALID);
	assert_true(item.file.sha256[0] != '\0');
	catalog_close(&item);
	assert_int_equal(catalog_open(dirs, "none", &item), B3IQ_E_NOT_FOUND);
	catalog_close(&item);
}

static void
test_a_path_anywhere(void **state)
{
	struct catalog_item item;

	(void)state;
	assert_int_equal(catalog_open_path(FLAKY, &item), B3IQ_OK);
	assert_string_equal(item.name, "flaky");
	catalog_close(&item);
	assert_int_equal(catalog_open_path("/no/such.so", &item), B3IQ_E_NOT_FOUND);
	catalog_close(&item);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_items),
		cmocka_unit_test(test_a_path_anywhere),
	};

	return cmocka_run_group_tests(tests, setup, live_teardown);
}
