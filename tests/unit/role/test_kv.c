#include "core/role/kv.c"
#include "../home.h"

static const struct store_module *const modules[] = { &kv_module, NULL };

static struct store *
open_store(const struct home *home)
{
	struct b3iq_error err = NO_ERR;
	struct store *store;
	char file[PATH_SIZE];

	assert_ok(home_path(home, file, &err, "kv.db", NULL), err);
	assert_ok(store_open(file, modules, &store, &err), err);
	return store;
}

static void
test_kv(void **state)
{
	struct store *store;
	struct home home;
	struct buf out;

	(void)state;
	unit_home(&home);
	buf_init(&out, 100);
	store = open_store(&home);
	assert_int_equal(kv_get(store, "a", "k", &out.writer), B3IQ_E_NOT_FOUND);
	assert_int_equal(kv_put(store, "a", "k", "one\0two", 7), B3IQ_OK);
	assert_int_equal(kv_put(store, "b", "k", "other", 5), B3IQ_OK);
	assert_int_equal(kv_put(store, "a", "k", "new\0two", 7), B3IQ_OK);
	store_close(store);
	store = open_store(&home); /* it is durable */
	assert_int_equal(kv_get(store, "a", "k", &out.writer), B3IQ_OK);
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.data, "new\0two", 7);
	assert_int_equal(kv_put(store, "a", "k", NULL, 0), B3IQ_OK);
	assert_int_equal(kv_get(store, "a", "k", &out.writer), B3IQ_E_NOT_FOUND);
	buf_free(&out);
	store_close(store);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kv) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
