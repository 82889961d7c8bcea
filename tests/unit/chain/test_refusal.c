/* refusal.c: every code has its own word and a status that says who can mend it. */
#include "../check.h"

#include "chain/state/refusal.c"

static void
test_table(void **state)
{
	const int n = (int)(sizeof table / sizeof *table);

	(void)state;
	assert_int_equal(n, REFUSED_INTERNAL + 1);
	for (int i = 0; i < n; i++) {
		assert_true(strlen(refusal_word((enum refusal)i)) > 1);
		assert_true(refusal_status((enum refusal)i) >= 200 &&
		            refusal_status((enum refusal)i) < 600);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(refusal_word((enum refusal)i),
			                        refusal_word((enum refusal)k));
	}
	assert_int_equal(refusal_status(REFUSED_NOT), 200);
	assert_int_equal(refusal_status(REFUSED_FUNDS), 402);
	assert_int_equal(refusal_status(REFUSED_FULL), 503);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
