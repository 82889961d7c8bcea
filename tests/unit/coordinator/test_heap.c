#include "coordinator/queue/heap.c"

#include <stdio.h>

#include "unit.h"

#define N 500

static void
check_shape(const struct heap *h)
{
	for (size_t i = 0; i < h->n; i++) {
		assert_int_equal(h->node[i]->at, i + 1);
		if (i)
			assert_false(before(h->node[i], h->node[(i - 1) / 2]));
	}
}

/* Random pushes, removals from anywhere and new keys; then all come out in order. */
static void
test_order(void **state)
{
	static struct heap_node node[N];
	struct heap h = { .n = 0 };
	uint64_t seed = 88172645463325252u, last = 0, tie = 0;
	size_t left = 0;

	(void)state;
	memset(node, 0, sizeof node);
	for (int round = 0; round < 20000; round++) {
		struct heap_node *n;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		n = &node[seed % N];
		if (!n->at) {
			n->key = (seed >> 20) % 50;
			n->tie = (uint64_t)round;
			assert_true(heap_push(&h, n));
		} else if (seed & 1024) {
			heap_remove(&h, n);
			assert_int_equal(n->at, 0);
		} else {
			heap_rekey(&h, n, (seed >> 30) % 50);
		}
		if (round % 500 == 0)
			check_shape(&h);
	}
	for (struct heap_node *n; (n = heap_top(&h)) != NULL; left++) {
		assert_true(n->key > last || (n->key == last && n->tie >= tie));
		last = n->key;
		tie = n->tie;
		heap_remove(&h, n);
	}
	assert_true(left > 0);
	heap_remove(&h, &node[0]); /* not in it: nothing happens */
	heap_finish(&h);
}

UNIT_MAIN(cmocka_unit_test(test_order))
