/* heap.h - a binary min-heap of nodes that know their place, so that any of them can be taken out.
 *
 * Ordered by key, then by tie.  Everything is O(log n) but the top, which is O(1).  A node belongs to
 * its owner and is in one heap at most; zero it first.
 */
#ifndef COORDINATOR_QUEUE_HEAP_H
#define COORDINATOR_QUEUE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key, tie;
	size_t   at; /* its place + 1; 0: in no heap */
};

struct heap { /* zero it to start */
	struct heap_node **node;
	size_t             n, cap;
};

void heap_finish(struct heap *); /* the nodes are left alone */
/* false: no memory, and the node is in no heap. */
bool heap_push(struct heap *, struct heap_node *);
/* Fine if it is in no heap. */
void heap_remove(struct heap *, struct heap_node *);
/* Another key for a node of this heap. */
void heap_rekey(struct heap *, struct heap_node *, uint64_t key);

static inline struct heap_node *
heap_top(const struct heap *h)
{
	return h->n ? h->node[0] : NULL;
}

#endif
