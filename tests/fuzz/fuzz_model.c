/* A hostile model: what its file says is refused, or it computes.  Numbers may become anything, the
 * program may not: weights are read in every format, with NaN and infinite scales among them. */
#include <stdlib.h>
#include "cpu/kernels.h"
#include "engine/model/forward.h"
#include "engine/numeric/rounding.h"

#define TOKENS    3u
#define MAX_WORK  (1u << 22) /* products of a token: a file of many layers takes too long here */

struct machine {
	struct pool    *pool;
	struct cache   *cache;
	struct forward *forward;
	uint16_t       *blocks[1];
};

static void
step(struct machine *m, const struct model *model, const struct kernels *kernels)
{
	struct forward_row rows[TOKENS];
	float *logits = NULL;

	if (pool_create(&m->pool, 1, NULL) || cache_create(&m->cache, &model->hyper, 0, NULL) ||
	    forward_create(&m->forward, model, m->cache, kernels, m->pool, TOKENS, 1, NULL) ||
	    !cache_reserve(m->cache, 1))
		return;
	m->blocks[0] = cache_take(m->cache);
	if (!m->blocks[0])
		return;
	for (uint32_t i = 0; i < TOKENS; i++)
		rows[i] = (struct forward_row){ .blocks = m->blocks, .position = i,
			.token = (int32_t)(i * 7 % model->hyper.vocab), .logits = i == TOKENS - 1 };
	(void)forward_run(m->forward, rows, TOKENS, &logits, NULL);
}

static void
compute(const struct model *model)
{
	for (size_t k = 0; select_at(k); k++) {
		struct machine m = { .pool = NULL };

		step(&m, model, select_at(k));
		if (m.blocks[0])
			cache_drop(m.cache, m.blocks[0]);
		forward_destroy(m.forward);
		cache_destroy(m.cache);
		pool_destroy(m.pool);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t mode = rounding_pin();
	uint8_t *aligned = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
	struct gguf *g = NULL;
	struct model *model = NULL;

	if (!aligned)
		return 0;
	for (size_t i = 0; i < size; i++)
		aligned[i] = data[i];
	if (!gguf_open_memory(&g, aligned, size, "fuzz.gguf", NULL) &&
	    !model_create(&model, g, NULL)) {
		(void)model_quantisation(model);
		if (model_weight_bytes(model) < MAX_WORK && model->hyper.context >= TOKENS)
			compute(model);
	}
	model_destroy(model);
	gguf_close(g);
	free(aligned);
	rounding_restore(mode);
	return 0;
}
