#include "engine/model/cache.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct hyper shape = { .layers = 2, .kv_heads = 3, .head_dim = 20 };

static void
budget_is_kept(void **state)
{
	struct b3iq_error err = { .size = sizeof err };
	struct cache *c;
	uint16_t *a, *b;
	size_t bytes;

	(void)state;
	assert_int_equal(cache_create(&c, &shape, 0, &err), B3IQ_OK);
	assert_int_equal(cache_head_dim(c), 32);
	bytes = cache_block_bytes(c);
	assert_int_equal(bytes, 2 * 3 * 2 * 32 * KERNELS_KV_BLOCK * 2);
	cache_destroy(c);
	assert_int_equal(cache_create(&c, &shape, bytes - 1, &err), B3IQ_E_NO_MEMORY);
	assert_int_equal(cache_create(&c, &shape, 3 * bytes, &err), B3IQ_OK);
	assert_int_equal(cache_max_blocks(c), 3);
	assert_false(cache_reserve(c, 4));
	assert_true(cache_reserve(c, 2));
	assert_false(cache_reserve(c, 2));
	a = cache_take(c);
	b = cache_take(c);
	assert_true(a && b && a != b);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_true(cache_reserve(c, 1));
	cache_share(c, a); /* counts like a block of its own */
	assert_false(cache_reserve(c, 1));
	cache_drop(c, a);
	assert_true(cache_reserve(c, 1));
	cache_release(c, 1);
	cache_drop(c, a);
	assert_true(cache_reserve(c, 2));
	assert_ptr_equal(cache_take(c), a); /* memory is used again */
	cache_drop(c, a);
	cache_drop(c, b);
	cache_drop(c, NULL);
	cache_destroy(c);
	cache_destroy(NULL);
}

static void
heads_do_not_overlap(void **state)
{
	struct cache *c;
	size_t last = 0;

	(void)state;
	assert_int_equal(cache_create(&c, &shape, 0, NULL), B3IQ_OK);
	for (uint32_t layer = 0; layer < 2; layer++)
		for (uint32_t head = 0; head < 3; head++) {
			assert_int_equal(cache_keys(c, layer, head), last);
			assert_int_equal(cache_values(c, layer, head),
					 last + 32 * KERNELS_KV_BLOCK);
			last += 2 * 32 * KERNELS_KV_BLOCK;
		}
	assert_int_equal(last * 2, cache_block_bytes(c));
	assert_int_equal(cache_blocks_for(0), 0);
	assert_int_equal(cache_blocks_for(1), 1);
	assert_int_equal(cache_blocks_for(KERNELS_KV_BLOCK), 1);
	assert_int_equal(cache_blocks_for(KERNELS_KV_BLOCK + 1), 2);
	cache_destroy(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(heads_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
