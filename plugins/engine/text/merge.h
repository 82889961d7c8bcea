/* merge.h - the loop that both kinds of tokenizer share: symbols are joined, best pair first.
 *
 * A word starts as a chain of symbols.  Each pair of neighbours may have an order (smaller joins
 * first; the leftmost of equals first); joining makes new neighbours.  A binary heap keeps this at
 * O(n log n) for any text.  Zero-initialise; merge_finish(); reusable with merge_reset().
 */
#ifndef B3IQ_ENGINE_MERGE_H
#define B3IQ_ENGINE_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERGE_NONE UINT32_MAX

struct merge_symbol {
	uint32_t at, len;    /* its bytes in the text; len 0: joined to the left */
	uint32_t prev, next; /* indices, MERGE_NONE at the ends                  */
	uint32_t id;         /* the caller's name for it                         */
};

struct merge_pair {
	uint64_t order; /* the caller's order << 32 | index of the left symbol */
	uint32_t right, len, id;
};

struct merge {
	struct merge_symbol *symbols;
	size_t               n, cap;
	struct merge_pair   *heap;
	size_t               n_pairs, cap_pairs;
};

/* Whether two neighbours join; if so in which order, and the id of what they become. */
struct merge_rule {
	bool (*find)(const struct merge_rule *, const struct merge_symbol *left,
		     const struct merge_symbol *right, uint32_t *order, uint32_t *id);
};

void merge_finish(struct merge *);
void merge_reset(struct merge *);

/* Appends a symbol of len > 0 bytes to the chain.  B3IQ_E_NO_MEMORY. */
int32_t merge_add(struct merge *, uint32_t at, uint32_t len, uint32_t id);

/* Joins until no pair has an order; the chain from symbol 0 along next is the result. */
int32_t merge_run(struct merge *, const struct merge_rule *);

#endif
