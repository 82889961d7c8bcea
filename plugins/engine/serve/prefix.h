/* prefix.h - keys and values of finished sequences, for those that begin alike.
 *
 * What a row computes depends only on the tokens before it (docs/det-v1.md), so reuse changes no
 * bit: it saves the prefill.  Whole blocks are shared; the block in which two sequences part is
 * copied. Least recently used entries make room when the budget of the cache is wanted.
 *
 *   Threads   One thread at a time, that of the cache.
 *   Privacy   The number of cached tokens tells a client that its prompt's beginning was seen
 * before.
 */
#ifndef B3IQ_ENGINE_PREFIX_H
#define B3IQ_ENGINE_PREFIX_H

#include "engine/model/cache.h"

struct prefix;

/* Keeps at most max_entries sequences; 0 keeps none. */
int32_t prefix_create(struct prefix **, struct cache *, size_t max_entries, struct b3iq_error *);
void prefix_destroy(struct prefix *);

/* How many of the n ids have their keys and values here; then fills blocks[] with what covers them,
 * taking from the caller's reservation.  At most n. */
size_t prefix_find(struct prefix *, const int32_t *ids, size_t n, uint16_t **blocks);

/* Takes over the blocks of a finished sequence of n ids (each block has one owner here, who gives
 * it up); what is not kept is dropped.  blocks[] is cleared. */
void prefix_keep(struct prefix *, const int32_t *ids, size_t n, uint16_t **blocks,
                 size_t n_blocks);

/* Gives up the least recently used entry; false when there is none. */
bool prefix_evict(struct prefix *);

#endif
