/* random.c: ids of the wanted form, and bytes that differ. */
#include "../check.h"

#include "core/base/random.c"

static void
test_bytes_differ(void **state)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	random_bytes(a, 0);
}

static void
test_id(void **state)
{
	char id[40];

	(void)state;
	assert_true(random_id(id, 5 + 32 + 1, "rcpt_", 16));
	assert_int_equal(strlen(id), 37);
	assert_int_equal(strncmp(id, "rcpt_", 5), 0);
	assert_int_equal(strspn(id + 5, "0123456789abcdef"), 32);
	assert_false(random_id(id, 5 + 32, "rcpt_", 16));
	assert_false(random_id(id, 3, "", 16));
	assert_false(random_id(id, sizeof(id), "", 33));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_differ),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
