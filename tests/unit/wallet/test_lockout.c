/* lockout.c: guesses get slower, and closing the file forgets none of them. */
#include "unit.h"

#include "wallet/lockout.c"

static struct home home;
static struct store *store;

static int
begin(void **state)
{
	(void)state;
	unit_home(&home);
	unit_store(&home, &store);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	store_close(store);
	unit_home_end(&home);
	return 0;
}

static void
test_pauses(void **state)
{
	static const uint64_t want[] = { 0, 0, 0, 0, 1000, 2000, 4000, 8000 };
	int64_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(pause_after(i), want[i]);
	assert_int_equal(pause_after(15), 2048000);
	assert_int_equal(pause_after(16), LOCKOUT_MOST_MS);
	assert_int_equal(pause_after(64), LOCKOUT_MOST_MS);
}

static void
test_guessing(void **state)
{
	struct b3iq_error err = NO_ERR;
	uint64_t now = 1000000;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_ok(lockout_enter(store, "w", now, &err), err);
	assert_int_equal(lockout_enter(store, "w", now + 999, &err), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 1);
	assert_non_null(strstr(err.text, "locked out"));
	assert_ok(lockout_enter(store, "other", now, &err), err); /* each wallet for itself */
	now += 1000;
	assert_ok(lockout_enter(store, "w", now, &err), err); /* the fifth: 2 s */
	store_close(store);
	unit_store(&home, &store); /* a restart changes nothing */
	assert_int_equal(lockout_enter(store, "w", now + 1999, &err), B3IQ_E_BUSY);
	/* a refused try costs nothing more */
	assert_ok(lockout_enter(store, "w", now + 2000, &err), err);
	assert_ok(lockout_clear(store, "w", &err), err);
	assert_ok(lockout_enter(store, "w", now + 2000, &err), err);
}

static void
test_clock_set_back(void **state)
{
	struct b3iq_error err = NO_ERR;
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_ok(lockout_enter(store, "w", 9000000 + 10000 * (uint64_t)i, &err), err);
	assert_int_equal(lockout_enter(store, "w", 5, &err), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 2000); /* its pause, not the years between */
}

static void
test_most(void **state)
{
	struct b3iq_error err = NO_ERR;
	uint64_t now = 0;
	int i;

	(void)state;
	for (i = 0; i < 80; i++, now += LOCKOUT_MOST_MS)
		assert_ok(lockout_enter(store, "w", now, &err), err);
	assert_int_equal(lockout_enter(store, "w", now - 1, &err), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_pauses),
		TEST(test_guessing),
		TEST(test_clock_set_back),
		TEST(test_most),
	};

	return cmocka_run_group_tests_name("wallet/lockout", tests, NULL, NULL);
}
