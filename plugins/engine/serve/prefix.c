#include "engine/serve/prefix.h"

#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "engine/numeric/kernels.h"

#define WORTHWHILE 16u /* shorter sequences are not kept */

struct entry {
	int32_t   *ids; /* NULL: the slot is free */
	size_t     n, n_blocks;
	uint16_t **blocks;
	uint64_t   used; /* clock of the last use */
};

struct prefix {
	struct cache *cache;
	uint64_t      clock;
	size_t        max_entries;
	struct entry  entries[];
};

int32_t
prefix_create(struct prefix **out, struct cache *cache, size_t max_entries, struct b3iq_error *err)
{
	struct prefix *p = calloc(1, sizeof *p + max_entries * sizeof *p->entries);

	if (!p)
		return fail_memory(err, "the prefix cache");
	p->cache = cache;
	p->max_entries = max_entries;
	*out = p;
	return B3IQ_OK;
}

static void
forget(struct prefix *p, struct entry *e)
{
	for (size_t i = 0; i < e->n_blocks; i++)
		cache_drop(p->cache, e->blocks[i]);
	free(e->blocks);
	free(e->ids);
	*e = (struct entry){ 0 };
}

void
prefix_destroy(struct prefix *p)
{
	if (!p)
		return;
	while (prefix_evict(p))
		;
	free(p);
}

bool
prefix_evict(struct prefix *p)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < p->max_entries; i++)
		if (p->entries[i].ids && (!oldest || p->entries[i].used < oldest->used))
			oldest = &p->entries[i];
	if (oldest)
		forget(p, oldest);
	return oldest != NULL;
}

static size_t
common(const struct entry *e, const int32_t *ids, size_t n)
{
	size_t i = 0;

	while (i < n && i < e->n && ids[i] == e->ids[i])
		i++;
	return i;
}

size_t
prefix_find(struct prefix *p, const int32_t *ids, size_t n, uint16_t **blocks)
{
	struct entry *best = NULL;
	size_t most = WORTHWHILE - 1, whole;
	uint16_t *copy;

	for (size_t i = 0; i < p->max_entries; i++) {
		const size_t alike = p->entries[i].ids ? common(&p->entries[i], ids, n) : 0;

		if (alike > most) {
			most = alike;
			best = &p->entries[i];
		}
	}
	if (!best)
		return 0;
	best->used = ++p->clock;
	whole = most / KERNELS_KV_BLOCK;
	for (size_t i = 0; i < whole; i++) {
		cache_share(p->cache, best->blocks[i]);
		blocks[i] = best->blocks[i];
	}
	if (most % KERNELS_KV_BLOCK == 0)
		return most;
	copy = cache_take(p->cache);
	if (!copy)
		return whole * KERNELS_KV_BLOCK;
	memcpy(copy, best->blocks[whole], cache_block_bytes(p->cache));
	blocks[whole] = copy;
	return most;
}

/* A slot for a new entry: one that the new ids continue, a free one, the oldest. */
static struct entry *
slot_for(struct prefix *p, const int32_t *ids, size_t n)
{
	struct entry *best = NULL;

	for (size_t i = 0; i < p->max_entries; i++) {
		struct entry *e = &p->entries[i];

		if (e->ids && e->n <= n && common(e, ids, n) == e->n)
			return e;
		if (!best || (best->ids && (!e->ids || e->used < best->used)))
			best = e;
	}
	return best;
}

void
prefix_keep(struct prefix *p, const int32_t *ids, size_t n, uint16_t **blocks, size_t n_blocks)
{
	const size_t needed = cache_blocks_for(n);
	struct entry *e = n >= WORTHWHILE ? slot_for(p, ids, n) : NULL;
	struct entry new = { 0 };

	if (e) {
		new.ids = malloc(n * sizeof *new.ids);
		new.blocks = malloc(needed * sizeof(*new.blocks));
	}
	if (new.ids && new.blocks) {
		forget(p, e);
		memcpy(new.ids, ids, n * sizeof *ids);
		memcpy(new.blocks, blocks, needed * sizeof(*blocks));
		memset(blocks, 0, needed * sizeof(*blocks));
		new.n = n;
		new.n_blocks = needed;
		new.used = ++p->clock;
		*e = new;
	} else {
		free(new.ids);
		free(new.blocks);
	}
	for (size_t i = 0; i < n_blocks; i++) {
		cache_drop(p->cache, blocks[i]);
		blocks[i] = NULL;
	}
}
