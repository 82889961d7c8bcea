#include "node/worker/spool.c"

#include "node/identity.h"
#include "node/state.h"
#include "unit.h"

#define HERE "http://coordinator.example"

static struct home home;
static struct store *store;
static struct identity id;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	assert_ok(state_open(&home, &store, &err), err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(store);
	identity_close(&id);
	unit_home_end(&home);
	return 0;
}

static struct spool *
open_spool(const char *coordinator)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s;

	assert_ok(spool_create(store, id.key, coordinator, &s, &err), err);
	return s;
}

static bool
take(struct spool *s, const char *lease)
{
	struct b3iq_error err = NO_ERR;
	bool fresh;

	assert_ok(spool_begin(s, "job", lease, &fresh, &err), err);
	return fresh;
}

static int32_t
count(void *arg, const char *lease)
{
	(void)lease;
	++*(size_t *)arg;
	return B3IQ_OK;
}

static size_t
leases(struct spool *s)
{
	struct b3iq_error err = NO_ERR;
	size_t n = 0;

	assert_ok(spool_leases(s, count, &n, &err), err);
	return n;
}

/* Taken once, reported until it is dropped, in the order of taking. */
static void
test_life(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s = open_spool(HERE);
	struct spool_item item;
	bool found;

	(void)state;
	assert_true(take(s, "lease_1"));
	assert_false(take(s, "lease_1"));
	assert_true(take(s, "lease_2"));
	assert_int_equal(leases(s), 0); /* running ones are the miner's own to name */
	assert_ok(spool_next(s, 0, &item, &found, &err), err);
	assert_false(found);
	buf_wipe(&item.body);
	assert_ok(spool_end(s, "lease_2", SPOOL_FAILURE, "{\"b\":2}", 7, &err), err);
	assert_ok(spool_end(s, "lease_1", SPOOL_RESULT, "{\"a\":1}", 7, &err), err);
	assert_int_equal(spool_end(s, "lease_1", SPOOL_RESULT, "{}", 2, &err), B3IQ_E_INTERNAL);
	assert_int_equal(spool_end(s, "lease_3", SPOOL_RESULT, "{}", 2, &err), B3IQ_E_INTERNAL);
	assert_int_equal(leases(s), 2);
	assert_ok(spool_next(s, 0, &item, &found, &err), err);
	assert_true(found);
	assert_string_equal(item.lease, "lease_1");
	assert_string_equal(item.job, "job");
	assert_int_equal(item.kind, SPOOL_RESULT);
	assert_string_equal(item.body.data, "{\"a\":1}");
	buf_wipe(&item.body);
	assert_ok(spool_next(s, item.seq, &item, &found, &err), err);
	assert_string_equal(item.lease, "lease_2");
	assert_int_equal(item.kind, SPOOL_FAILURE);
	buf_wipe(&item.body);
	assert_ok(spool_drop(s, "lease_1", &err), err);
	assert_ok(spool_drop(s, "lease_1", &err), err);
	assert_ok(spool_drop(s, "lease_2", &err), err);
	assert_int_equal(leases(s), 0);
	spool_destroy(s);
	spool_destroy(NULL);
}

static int32_t
died(const char *lease, struct buf *body)
{
	return buf_puts(body, lease);
}

/* After a death: what was running is a failure; results stay; another coordinator's are untouched. */
static void
test_recovery(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s = open_spool(HERE), *other = open_spool("http://other.example");
	struct spool_item item;
	uint64_t n;
	bool found;

	(void)state;
	assert_true(take(s, "run_1"));
	assert_true(take(s, "done_1"));
	assert_true(take(s, "run_2"));
	assert_true(take(other, "run_3"));
	assert_ok(spool_end(s, "done_1", SPOOL_RESULT, "{}", 2, &err), err);
	assert_ok(spool_recover(s, died, &n, &err), err);
	assert_int_equal(n, 2);
	assert_ok(spool_recover(s, died, &n, &err), err);
	assert_int_equal(n, 0);
	assert_int_equal(leases(s), 3);
	assert_int_equal(leases(other), 0);
	assert_ok(spool_next(s, 0, &item, &found, &err), err);
	assert_true(found && item.kind == SPOOL_FAILURE);
	assert_string_equal(item.body.data, "run_1");
	buf_wipe(&item.body);
	assert_ok(spool_recover(other, died, &n, &err), err);
	assert_int_equal(n, 1);
	assert_ok(spool_drop(s, "run_1", &err), err);
	assert_ok(spool_drop(s, "run_2", &err), err);
	assert_ok(spool_drop(s, "done_1", &err), err);
	assert_ok(spool_drop(other, "run_3", &err), err);
	spool_destroy(s);
	spool_destroy(other);
}

static int32_t
age(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, "UPDATE spool SET time_ms = ? WHERE lease = 'old'", "i",
	                 *(int64_t *)arg);
}

static void
test_too_old(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s = open_spool(HERE);
	int64_t then = (int64_t)(clock_wall_ms() - SPOOL_KEEP_MS - 1000);
	uint64_t n;

	(void)state;
	assert_true(take(s, "old") && take(s, "young"));
	assert_ok(spool_end(s, "old", SPOOL_RESULT, "{}", 2, &err), err);
	assert_ok(spool_end(s, "young", SPOOL_RESULT, "{}", 2, &err), err);
	assert_ok(store_write(store, age, &then, &err), err);
	assert_ok(spool_recover(s, died, &n, &err), err);
	assert_int_equal(leases(s), 1);
	assert_ok(spool_drop(s, "young", &err), err);
	spool_destroy(s);
}

/* What lies on the disk shows nothing, and opens for this identity alone. */
static void
test_sealed(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s = open_spool(HERE), *thief;
	struct ed25519_key *key;
	struct spool_item item;
	char file[PATH_SIZE];
	struct buf raw;
	bool found;

	(void)state;
	assert_true(take(s, "secret"));
	assert_ok(spool_end(s, "secret", SPOOL_RESULT, "a canary sings", 14, &err), err);
	assert_ok(ed25519_generate(&key, &err), err);
	assert_ok(spool_create(store, key, HERE, &thief, &err), err);
	assert_int_equal(spool_next(thief, 0, &item, &found, &err), B3IQ_E_DENIED);
	assert_true(found);
	assert_string_equal(item.lease, "secret");
	assert_int_equal(item.body.len, 0);
	buf_wipe(&item.body);
	spool_destroy(thief);
	ed25519_free(key);
	for (int i = 0; i < 2; i++) {
		assert_ok(home_path(&home, file, &err, i ? "state.db-wal" : "state.db", NULL), err);
		buf_init(&raw, 64u << 20);
		if (path_exists(file))
			assert_ok(path_read(file, &raw, &err), err);
		assert_null(raw.len ? memmem(raw.data, raw.len, "canary", 6) : NULL);
		buf_free(&raw);
	}
	assert_ok(spool_drop(s, "secret", &err), err);
	spool_destroy(s);
}

static void
test_ids(void **state)
{
	char longest[SPOOL_ID_SIZE + 1];
	struct b3iq_error err = NO_ERR;
	struct spool *s = open_spool(HERE);
	bool fresh;

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[SPOOL_ID_SIZE] = '\0';
	assert_false(spool_id_valid(longest));
	longest[SPOOL_ID_SIZE - 1] = '\0';
	assert_true(spool_id_valid(longest));
	assert_true(spool_id_valid("job_0-9.A"));
	for (const char *const *bad = (const char *const[]){ "", ".", "..", "a/b", "a b", "a?b", "%41",
	                                                     "\xc3\xa9", NULL }; *bad; bad++) {
		assert_false(spool_id_valid(*bad));
		assert_int_equal(spool_begin(s, "job", *bad, &fresh, &err), B3IQ_E_INVALID);
		assert_int_equal(spool_begin(s, *bad, "lease", &fresh, &err), B3IQ_E_INVALID);
	}
	spool_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),    cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_too_old), cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
