#include "node/audit.c"
#include "node/state.h"
#include "unit.h"

static struct home home;
static struct store *store;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_home(&home);
	assert_ok(state_open(&home, &store, &err), err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(store);
	unit_home_end(&home);
	return 0;
}

static int32_t
collect(void *arg, const struct audit_event *e)
{
	buf_printf(arg, "%llu:%s:%s:%s ", (unsigned long long)e->seq, e->kind, e->subject, e->detail);
	return B3IQ_OK;
}

static int32_t
tamper(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return strcmp(arg, "delete") == 0
	               ? store_run(tx, err, "DELETE FROM audit_event WHERE seq = 2", "")
	               : store_run(tx, err, "UPDATE audit_event SET subject = 'x' WHERE seq = 3", "");
}

static void
test_chain(void **state)
{
	struct b3iq_error err = NO_ERR;
	uint64_t count;
	struct buf seen;

	(void)state;
	assert_ok(audit_verify(store, &count, &err), err);
	assert_int_equal(count, 0);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof name, "s%d", i);
		assert_ok(audit_write(store, "thing.done", name, "\"quoted\" \xc3\xa9", &err), err);
	}
	assert_ok(audit_verify(store, &count, &err), err);
	assert_int_equal(count, 4);
	buf_init(&seen, 1000);
	assert_ok(audit_list(store, 0, 2, collect, &seen, &err), err);
	assert_string_equal(seen.data, "4:thing.done:s3:\"quoted\" \xc3\xa9 3:thing.done:s2:\"quoted\" \xc3\xa9 ");
	buf_clear(&seen);
	assert_ok(audit_list(store, 2, 9, collect, &seen, &err), err);
	assert_string_equal(seen.data, "1:thing.done:s0:\"quoted\" \xc3\xa9 ");
	buf_free(&seen);
}

static void
test_tampering_shows(void **state)
{
	struct b3iq_error err = NO_ERR;
	uint64_t count;

	(void)state;
	assert_ok(store_write(store, tamper, "change", &err), err);
	assert_int_equal(audit_verify(store, &count, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "event 3"));
	assert_ok(store_write(store, tamper, "delete", &err), err);
	assert_int_equal(audit_verify(store, &count, &err), B3IQ_E_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_tampering_shows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
