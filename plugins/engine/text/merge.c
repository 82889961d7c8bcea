#include "engine/text/merge.h"

#include <stdlib.h>
#include "plugin.h"

void
merge_finish(struct merge *m)
{
	free(m->symbols);
	free(m->heap);
	*m = (struct merge){ .n = 0 };
}

void
merge_reset(struct merge *m)
{
	m->n = 0;
	m->n_pairs = 0;
}

/* Doubles an array; the sizes are bounded by TOKENIZER_MAX_TEXT. */
static int32_t
grow(void **array, size_t *cap, size_t element)
{
	size_t wanted = *cap ? *cap * 2 : 64;
	void *bigger = realloc(*array, wanted * element);

	if (!bigger)
		return B3IQ_E_NO_MEMORY;
	*array = bigger;
	*cap = wanted;
	return B3IQ_OK;
}

int32_t
merge_add(struct merge *m, uint32_t at, uint32_t len, uint32_t id)
{
	uint32_t index = (uint32_t)m->n;
	void *symbols = m->symbols;

	if (m->n == m->cap) {
		if (grow(&symbols, &m->cap, sizeof(*m->symbols)))
			return B3IQ_E_NO_MEMORY;
		m->symbols = symbols;
	}
	m->symbols[m->n++] =
		(struct merge_symbol){ at, len, index ? index - 1 : MERGE_NONE, MERGE_NONE, id };
	if (index)
		m->symbols[index - 1].next = index;
	return B3IQ_OK;
}

static int32_t
push(struct merge *m, struct merge_pair pair)
{
	void *heap = m->heap;
	size_t at = m->n_pairs;

	if (m->n_pairs == m->cap_pairs) {
		if (grow(&heap, &m->cap_pairs, sizeof(*m->heap)))
			return B3IQ_E_NO_MEMORY;
		m->heap = heap;
	}
	m->n_pairs++;
	for (; at && m->heap[(at - 1) / 2].order > pair.order; at = (at - 1) / 2)
		m->heap[at] = m->heap[(at - 1) / 2];
	m->heap[at] = pair;
	return B3IQ_OK;
}

static struct merge_pair
pop(struct merge *m)
{
	struct merge_pair top = m->heap[0], last = m->heap[--m->n_pairs];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < m->n_pairs; at = child) {
		if (child + 1 < m->n_pairs && m->heap[child + 1].order < m->heap[child].order)
			child++;
		if (last.order <= m->heap[child].order)
			break;
		m->heap[at] = m->heap[child];
	}
	m->heap[at] = last;
	return top;
}

static int32_t
consider(struct merge *m, const struct merge_rule *rule, uint32_t left, uint32_t right)
{
	uint32_t order, id;

	if (left == MERGE_NONE || right == MERGE_NONE ||
	    !rule->find(rule, &m->symbols[left], &m->symbols[right], &order, &id))
		return B3IQ_OK;
	return push(m, (struct merge_pair){ (uint64_t)order << 32 | left, right,
					    m->symbols[left].len + m->symbols[right].len, id });
}

int32_t
merge_run(struct merge *m, const struct merge_rule *rule)
{
	int32_t rc = B3IQ_OK;

	for (uint32_t i = 1; i < m->n && !rc; i++)
		rc = consider(m, rule, i - 1, i);
	while (m->n_pairs && !rc) {
		struct merge_pair pair = pop(m);
		uint32_t at = (uint32_t)pair.order;
		struct merge_symbol *left = &m->symbols[at], *right = &m->symbols[pair.right];

		/* A pair is stale when either side has grown or gone since. */
		if (!left->len || !right->len || left->len + right->len != pair.len)
			continue;
		left->len = pair.len;
		left->id = pair.id;
		left->next = right->next;
		right->len = 0;
		if (left->next != MERGE_NONE)
			m->symbols[left->next].prev = at;
		rc = consider(m, rule, left->prev, at);
		if (!rc)
			rc = consider(m, rule, at, left->next);
	}
	return rc;
}
