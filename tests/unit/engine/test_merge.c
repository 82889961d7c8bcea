/* The merge loop against the plain, quadratic way of doing the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/merge.c"

#define N 40

/* Pairs whose ids differ by less than 3 join, in the order of a little hash. */
static bool
toy(const struct merge_rule *rule, const struct merge_symbol *left, const struct merge_symbol *right,
    uint32_t *order, uint32_t *id)
{
	(void)rule;
	if ((left->id > right->id ? left->id - right->id : right->id - left->id) > 2)
		return false;
	*order = (left->id * 7 + right->id * 13) % 5;
	*id = (left->id + right->id) % 9;
	return true;
}

static size_t
plainly(uint32_t *ids, uint32_t *lens, size_t n)
{
	for (;;) {
		uint32_t best = UINT32_MAX, best_id = 0, order, id;
		size_t at = 0;

		for (size_t i = 0; i + 1 < n; i++) {
			struct merge_symbol l = { .id = ids[i] }, r = { .id = ids[i + 1] };

			if (toy(NULL, &l, &r, &order, &id) && order < best) {
				best = order;
				best_id = id;
				at = i;
			}
		}
		if (best == UINT32_MAX)
			return n;
		ids[at] = best_id;
		lens[at] += lens[at + 1];
		memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof(*ids));
		memmove(lens + at + 1, lens + at + 2, (n - at - 2) * sizeof(*lens));
		n--;
	}
}

static void
equals_the_plain_way(void **state)
{
	struct merge_rule rule = { toy };
	struct merge m = { .n = 0 };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t ids[N], lens[N];
		size_t n = 1 + (size_t)round % N, left, i = 0;

		merge_reset(&m);
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525u + 1013904223u;
			ids[k] = seed >> 28;
			lens[k] = 1;
			assert_int_equal(merge_add(&m, (uint32_t)k, 1, ids[k]), 0);
		}
		assert_int_equal(merge_run(&m, &rule), 0);
		left = plainly(ids, lens, n);
		for (uint32_t at = 0; at != MERGE_NONE; at = m.symbols[at].next, i++) {
			assert_true(i < left);
			assert_int_equal(m.symbols[at].id, ids[i]);
			assert_int_equal(m.symbols[at].len, lens[i]);
		}
		assert_int_equal(i, left);
	}
	merge_finish(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(equals_the_plain_way) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
