/* cache.h - the memory of keys and values: blocks of KERNELS_KV_BLOCK positions under one budget.
 *
 * A block holds its positions for all layers.  A sequence owns a list of blocks that are planned
 * before it starts, so that it never dies of memory half-way; sequences that begin alike may share
 * blocks, which are counted.
 *
 *   Layout    layer by layer, key-value head by head: the keys of the head, then its values, as
 *             kernels.h says, binary16; head_dim is rounded up to KERNELS_LANES with zeros.
 *   Threads   One thread at a time.
 */
#ifndef B3IQ_ENGINE_CACHE_H
#define B3IQ_ENGINE_CACHE_H

#include "engine/model/hyper.h"

struct cache;

/* At most budget bytes are ever held; 0: no bound but the machine's. */
int32_t cache_create(struct cache **, const struct hyper *, uint64_t budget, struct b3iq_error *);
void cache_destroy(struct cache *);

/* Bytes of the elements of a block. */
size_t cache_block_bytes(const struct cache *);
size_t cache_max_blocks(const struct cache *);
/* Blocks for so many positions. */
size_t cache_blocks_for(size_t positions);
/* head_dim as it is stored. */
size_t cache_head_dim(const struct cache *);
/* Offsets, in elements of a block, of a head's keys and values. */
size_t cache_keys(const struct cache *, uint32_t layer, uint32_t kv_head);
size_t cache_values(const struct cache *, uint32_t layer, uint32_t kv_head);

/* Plans n blocks for a sequence: false when the budget does not hold them now. */
bool cache_reserve(struct cache *, size_t n);
/* Gives back what was planned and not taken. */
void cache_release(struct cache *, size_t n);

/* A block with one owner, out of the plan; NULL when the machine has no memory (the plan stays). */
uint16_t *cache_take(struct cache *);
/* One more owner, out of the plan too: a shared block counts for each of its owners, so that a plan
 * made for the whole sequence is always enough. */
void cache_share(struct cache *, uint16_t *block);
void cache_drop(struct cache *, uint16_t *block); /* NULL is fine */

#endif
