#include "engine/model/cache.h"

#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "engine/numeric/kernels.h"

/* Stands before the elements of a block, in a cache line of its own. */
struct header {
	struct header *next; /* while free */
	unsigned       owners;
};

#define HEADER_BYTES 64u

struct cache {
	uint32_t       kv_heads;
	size_t         head_dim; /* stored */
	size_t         block_bytes, max_blocks, used, planned;
	struct header *idle;
};

static struct header *
header_of(const uint16_t *block)
{
	return (struct header *)((uintptr_t)block - HEADER_BYTES);
}

int32_t
cache_create(struct cache **out, const struct hyper *h, uint64_t budget, struct b3iq_error *err)
{
	struct cache *c = calloc(1, sizeof *c);

	if (!c)
		return fail_memory(err, "the key-value cache");
	c->kv_heads = h->kv_heads;
	c->head_dim = (h->head_dim + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
	/* The limits of hyper.h keep this below 2^50. */
	c->block_bytes = (size_t)h->layers * h->kv_heads * 2 * c->head_dim * KERNELS_KV_BLOCK *
	                 sizeof(uint16_t);
	c->max_blocks = budget ? (size_t)(budget / c->block_bytes) : SIZE_MAX / 2 / c->block_bytes;
	if (c->max_blocks == 0) {
		const size_t need = c->block_bytes >> 20;

		free(c);
		return fail_with(err, B3IQ_E_NO_MEMORY,
		                 "the key-value budget of %llu MiB is below one block of %zu MiB: "
		                 "raise \"kv_memory_mib\"",
		                 (unsigned long long)(budget >> 20), need + 1);
	}
	*out = c;
	return B3IQ_OK;
}

void
cache_destroy(struct cache *c)
{
	if (!c)
		return;
	while (c->idle) {
		struct header *next = c->idle->next;

		free(c->idle);
		c->idle = next;
	}
	free(c);
}

size_t
cache_block_bytes(const struct cache *c)
{
	return c->block_bytes;
}

size_t
cache_max_blocks(const struct cache *c)
{
	return c->max_blocks;
}

size_t
cache_blocks_for(size_t positions)
{
	return positions / KERNELS_KV_BLOCK + (positions % KERNELS_KV_BLOCK != 0);
}

size_t
cache_head_dim(const struct cache *c)
{
	return c->head_dim;
}

size_t
cache_keys(const struct cache *c, uint32_t layer, uint32_t kv_head)
{
	return ((size_t)layer * c->kv_heads + kv_head) * 2 * c->head_dim * KERNELS_KV_BLOCK;
}

size_t
cache_values(const struct cache *c, uint32_t layer, uint32_t kv_head)
{
	return cache_keys(c, layer, kv_head) + c->head_dim * KERNELS_KV_BLOCK;
}

bool
cache_reserve(struct cache *c, size_t n)
{
	if (n > c->max_blocks - c->used - c->planned)
		return false;
	c->planned += n;
	return true;
}

void
cache_release(struct cache *c, size_t n)
{
	c->planned -= n;
}

uint16_t *
cache_take(struct cache *c)
{
	struct header *h = c->idle;

	if (h) {
		c->idle = h->next;
	} else {
		h = aligned_alloc(HEADER_BYTES, HEADER_BYTES + c->block_bytes);
		if (!h)
			return NULL;
		/* Lanes beyond the last position are computed and dropped: let them be numbers. */
		memset(h, 0, HEADER_BYTES + c->block_bytes);
	}
	h->owners = 1;
	c->used++;
	c->planned--;
	return (uint16_t *)((uintptr_t)h + HEADER_BYTES);
}

void
cache_share(struct cache *c, uint16_t *block)
{
	header_of(block)->owners++;
	c->used++;
	c->planned--;
}

void
cache_drop(struct cache *c, uint16_t *block)
{
	struct header *h;

	if (!block)
		return;
	h = header_of(block);
	c->used--;
	if (--h->owners > 0)
		return;
	h->next = c->idle;
	c->idle = h;
}
