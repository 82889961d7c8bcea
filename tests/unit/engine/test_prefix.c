#include "engine/model/cache.c" /* for its counts */
#include "engine/serve/prefix.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct hyper shape = { .layers = 1, .kv_heads = 1, .head_dim = 16 };

struct bench {
	struct cache  *cache;
	struct prefix *prefix;
};

static void
open_bench(struct bench *b, size_t entries)
{
	assert_int_equal(cache_create(&b->cache, &shape, 0, NULL), B3IQ_OK);
	assert_int_equal(prefix_create(&b->prefix, b->cache, entries, NULL), B3IQ_OK);
}

static void
close_bench(struct bench *b)
{
	prefix_destroy(b->prefix);
	assert_int_equal(b->cache->used, 0); /* nothing leaks */
	assert_int_equal(b->cache->planned, 0);
	cache_destroy(b->cache);
}

/* A finished sequence whose ids are first, first + 1 ... */
static void
keep(struct bench *b, int32_t first, size_t n)
{
	uint16_t *blocks[8] = { 0 };
	int32_t ids[1024];

	for (size_t i = 0; i < n; i++)
		ids[i] = first + (int32_t)i;
	assert_true(cache_reserve(b->cache, cache_blocks_for(n)));
	for (size_t i = 0; i < cache_blocks_for(n); i++) {
		blocks[i] = cache_take(b->cache);
		blocks[i][5] = (uint16_t)(first + (int32_t)i);
	}
	prefix_keep(b->prefix, ids, n, blocks, cache_blocks_for(n));
	for (size_t i = 0; i < 8; i++)
		assert_null(blocks[i]);
}

static size_t
look(struct bench *b, int32_t first, size_t same, size_t n, uint16_t **blocks)
{
	int32_t ids[1024];

	for (size_t i = 0; i < n; i++)
		ids[i] = i < same ? first + (int32_t)i : -7;
	assert_true(cache_reserve(b->cache, cache_blocks_for(n)));
	return prefix_find(b->prefix, ids, n, blocks);
}

static void
done(struct bench *b, size_t n, uint16_t **blocks)
{
	const size_t before = b->cache->planned;
	size_t taken = 0;

	for (size_t i = 0; i < cache_blocks_for(n); i++) {
		taken += blocks[i] != NULL;
		cache_drop(b->cache, blocks[i]);
		blocks[i] = NULL;
	}
	cache_release(b->cache, cache_blocks_for(n) - taken);
	assert_int_equal(b->cache->planned, before - (cache_blocks_for(n) - taken));
}

static void
longest_match_is_found(void **state)
{
	uint16_t *blocks[8] = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b, 4);
	keep(&b, 1000, 600);
	keep(&b, 5000, 100);
	assert_int_equal(look(&b, 1000, 550, 700, blocks), 550);
	/* Two whole blocks are shared, the third is a copy. */
	assert_int_equal(header_of(blocks[0])->owners, 2);
	assert_int_equal(header_of(blocks[2])->owners, 1);
	assert_int_equal(blocks[2][5], 1002);
	done(&b, 700, blocks);
	assert_int_equal(look(&b, 1000, 512, 700, blocks), 512);
	assert_null(blocks[2]);
	done(&b, 700, blocks);
	assert_int_equal(look(&b, 5000, 100, 100, blocks), 100);
	done(&b, 100, blocks);
	assert_int_equal(look(&b, 5000, 15, 100, blocks), 0); /* not worth it */
	done(&b, 100, blocks);
	assert_int_equal(look(&b, 9000, 100, 100, blocks), 0);
	done(&b, 100, blocks);
	close_bench(&b);
}

static void
oldest_goes_first(void **state)
{
	uint16_t *blocks[8] = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b, 2);
	keep(&b, 1000, 50);
	keep(&b, 2000, 50);
	assert_int_equal(look(&b, 1000, 50, 50, blocks), 50); /* 2000 is the older now */
	done(&b, 50, blocks);
	keep(&b, 3000, 50);
	assert_int_equal(look(&b, 2000, 50, 50, blocks), 0);
	done(&b, 50, blocks);
	assert_int_equal(look(&b, 1000, 50, 50, blocks), 50);
	done(&b, 50, blocks);
	keep(&b, 1000, 80); /* goes on where 1000 ended: takes its place */
	assert_int_equal(look(&b, 3000, 50, 50, blocks), 50);
	done(&b, 50, blocks);
	assert_true(prefix_evict(b.prefix));
	assert_true(prefix_evict(b.prefix));
	assert_false(prefix_evict(b.prefix));
	keep(&b, 1, 15); /* too short */
	assert_false(prefix_evict(b.prefix));
	close_bench(&b);
}

static void
none_is_kept_without_entries(void **state)
{
	uint16_t *blocks[8] = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b, 0);
	keep(&b, 1000, 300);
	assert_int_equal(look(&b, 1000, 300, 300, blocks), 0);
	done(&b, 300, blocks);
	close_bench(&b);
	prefix_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_match_is_found),
		cmocka_unit_test(oldest_goes_first),
		cmocka_unit_test(none_is_kept_without_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
