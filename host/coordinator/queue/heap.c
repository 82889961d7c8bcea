#include "coordinator/queue/heap.h"

#include <stdlib.h>
#include <string.h>

static bool
before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void
put(struct heap *h, size_t i, struct heap_node *node)
{
	h->node[i] = node;
	node->at = i + 1;
}

static void
rise(struct heap *h, size_t i)
{
	struct heap_node *const node = h->node[i];

	while (i > 0 && before(node, h->node[(i - 1) / 2])) {
		put(h, i, h->node[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, node);
}

static void
sink(struct heap *h, size_t i)
{
	struct heap_node *const node = h->node[i];

	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && before(h->node[child + 1], h->node[child]))
			child++;
		if (!before(h->node[child], node))
			break;
		put(h, i, h->node[child]);
	}
	put(h, i, node);
}

void
heap_finish(struct heap *h)
{
	free(h->node);
	memset(h, 0, sizeof *h);
}

bool
heap_push(struct heap *h, struct heap_node *node)
{
	if (h->n == h->cap) {
		const size_t cap = h->cap ? 2 * h->cap : 16;
		struct heap_node **more = reallocarray(h->node, cap, sizeof *more);

		if (!more)
			return false;
		h->node = more;
		h->cap = cap;
	}
	h->node[h->n] = node;
	rise(h, h->n++);
	return true;
}

void
heap_remove(struct heap *h, struct heap_node *node)
{
	const size_t i = node->at - 1;

	if (!node->at)
		return;
	node->at = 0;
	if (i == --h->n)
		return;
	put(h, i, h->node[h->n]);
	rise(h, i);
	sink(h, h->node[i]->at - 1);
}

void
heap_rekey(struct heap *h, struct heap_node *node, uint64_t key)
{
	node->key = key;
	rise(h, node->at - 1);
	sink(h, node->at - 1);
}
