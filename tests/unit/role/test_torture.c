/* Every allocation of the room failed in turn: home, keys, what plugins keep, counters. */
#include "../home.h"
#include "../torture.h"

#include "core/http/router.h"
#include "core/role/keyring.h"
#include "core/role/kv.h"
#include "core/role/traffic.h"

/* Durability is not at stake here, and thousands of runs would wait for the disk. */
__attribute__((visibility("default"))) int
fsync(int fd)
{
	(void)fd;
	return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static char dir[] = BUILD_DIR "/role-torture-XXXXXX";

static int32_t
count(void *arg, const struct key *key)
{
	(void)key;
	++*(int *)arg;
	return B3IQ_OK;
}

static int32_t
use_keys(struct store *store, struct b3iq_error *err)
{
	const struct keyring ring = { .store = store, .prefix = "unit_", .scopes = "a", .all_scopes = "a b" };
	const struct key_spec spec = { .name = "one" };
	char secret[KEYRING_SECRET_SIZE];
	struct key key;
	int n = 0;
	int32_t rc = keyring_create(&ring, &spec, &key, secret, err);

	if (rc == B3IQ_OK)
		rc = keyring_check(&ring, secret, 1, &key, err);
	if (rc == B3IQ_OK)
		rc = keyring_list(&ring, count, &n, err);
	if (rc == B3IQ_OK)
		rc = keyring_revoke(&ring, "one", err);
	return rc;
}

static int32_t
keep(struct store *store)
{
	struct buf out;
	int32_t rc = kv_put(store, "plugin", "key", "value", 5);

	buf_init(&out, 64);
	if (rc == B3IQ_OK)
		rc = kv_get(store, "plugin", "key", &out.writer);
	if (rc == B3IQ_OK)
		assert_int_equal(out.len, 5);
	buf_free(&out);
	return rc;
}

static int32_t
kept(void *arg)
{
	const struct store_module *const modules[] = { &keyring_module, &kv_module, NULL };
	struct b3iq_error err = NO_ERR;
	struct store *store = NULL;
	char file[PATH_SIZE];
	struct home home;
	int32_t rc = home_open(&home, dir, &err);

	(void)arg;
	if (rc != B3IQ_OK)
		return rc;
	for (const char *const *name = (const char *const[]){ "t.db", "t.db-wal", "t.db-shm", NULL }; *name; name++)
		if (home_path(&home, file, &err, *name, NULL) == B3IQ_OK)
			unlink(file);
	rc = home_path(&home, file, &err, "t.db", NULL);
	if (rc == B3IQ_OK)
		rc = store_open(file, modules, &store, &err);
	if (rc == B3IQ_OK)
		rc = use_keys(store, &err);
	if (rc == B3IQ_OK)
		rc = keep(store);
	store_close(store);
	home_close(&home);
	return rc;
}

static int32_t
counted(void *arg)
{
	static const struct http_route route = { "GET", "/x", NULL, NULL, 0 };
	struct traffic *t = traffic_create();
	struct buf out;
	int32_t rc;

	(void)arg;
	if (!t)
		return B3IQ_E_NO_MEMORY;
	buf_init(&out, 1u << 20);
	traffic_add(t, &route, 200, 1);
	traffic_write(t, &out);
	rc = out.rc;
	buf_free(&out);
	traffic_destroy(t);
	return rc;
}

static void
test_all(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	torture("kept", kept, NULL, 0);
	torture("counted", counted, NULL, 0);
	unit_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
