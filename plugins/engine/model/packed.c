#include "engine/model/packed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "engine/fail.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define PART      ((size_t)8 << 20) /* bytes of the file between two times that pages are let go */

/* A run of groups of one matrix: what the threads share at a time. */
struct part {
	const struct kernels *kernels;
	const struct matrix  *matrix;
	size_t                first, group_size; /* group number; bytes of a group */
	uint8_t              *out;
};

static void
pack_item(void *ctx, size_t item, unsigned worker)
{
	const struct part *p = ctx;

	(void)worker;
	p->kernels->pack(p->matrix, p->first + item, p->out + item * p->group_size);
}

static size_t
groups_of(const struct kernels *k, const struct matrix *m)
{
	return (m->rows + k->group - 1) / k->group;
}

static size_t
bytes_of(const struct kernels *k, const struct matrix *m)
{
	return groups_of(k, m) * k->packed_size(m->format, m->cols);
}

/* Packs m to *at, which it moves on. */
static void
pack_matrix(const struct model *model, const struct kernels *k, struct pool *pool,
            struct matrix *m, uint8_t **at)
{
	const size_t size = k->packed_size(m->format, m->cols), n = groups_of(k, m);
	const size_t group_bytes = k->group * m->stride;
	const size_t step = PART > group_bytes ? PART / group_bytes : 1;

	if (size == 0)
		return;
	m->packed = *at;
	for (size_t g = 0; g < n; g += step) {
		struct part p = { k, m, g, size, *at };
		const size_t here = n - g < step ? n - g : step;
		const size_t end = (g + here) * k->group < m->rows ? (g + here) * k->group : m->rows;

		pool_run(pool, pack_item, &p, here);
		gguf_forget(model->file, m->data + g * group_bytes,
		            end * m->stride - g * group_bytes);
		*at += here * size;
	}
}

#define LAYER_MATRICES(l)                                                              \
	{                                                                              \
		&(l)->q, &(l)->k, &(l)->v, &(l)->o, &(l)->gate, &(l)->up, &(l)->down \
	}

/* Memory in huge pages where it is large: a decode walks through all of it. */
static uint8_t *
room(size_t bytes)
{
	const size_t align = bytes < 2 * HUGE_PAGE ? KERNELS_ALIGN : HUGE_PAGE;
	uint8_t *p = aligned_alloc(align, (bytes + align - 1) / align * align);

	if (p && align == HUGE_PAGE)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

int32_t
packed_init(struct packed *p, const struct model *model, const struct kernels *k,
            struct pool *pool, struct b3iq_error *err)
{
	const size_t n = model->hyper.layers;
	uint8_t *at;

	p->layers = calloc(n, sizeof *p->layers);
	if (!p->layers)
		return fail_memory(err, "the layers of the model");
	memcpy(p->layers, model->layers, n * sizeof *p->layers);
	p->output = model->output;
	p->bytes = bytes_of(k, &p->output);
	for (size_t i = 0; i < n; i++) {
		struct matrix *const all[] = LAYER_MATRICES(&p->layers[i]);

		for (size_t j = 0; j < sizeof all / sizeof *all; j++)
			p->bytes += bytes_of(k, all[j]);
	}
	if (p->bytes == 0)
		return B3IQ_OK;
	p->memory = at = room(p->bytes);
	if (!p->memory)
		return fail_memory(err, "the weights of the model");
	for (size_t i = 0; i < n; i++) {
		struct matrix *const all[] = LAYER_MATRICES(&p->layers[i]);

		for (size_t j = 0; j < sizeof all / sizeof *all; j++)
			pack_matrix(model, k, pool, all[j], &at);
	}
	pack_matrix(model, k, pool, &p->output, &at);
	return B3IQ_OK;
}

void
packed_finish(struct packed *p)
{
	free(p->layers);
	free(p->memory);
	*p = (struct packed){ 0 };
}
