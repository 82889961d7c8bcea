/* engine-logits: what this engine computes for given tokens, for comparison with another engine.
 *
 *   engine-logits MODEL.gguf < ids           the logits after each token: n x vocab binary32, to
 * stdout engine-logits MODEL.gguf N < ids         N greedy tokens after them, as a line of ids
 */
#include <stdio.h>
#include <stdlib.h>
#include "cpu/kernels.h"
#include "engine/model/forward.h"
#include "engine/numeric/rounding.h"

#define MAX_TOKENS 4096u

struct bench {
	struct model   *model;
	struct forward *forward;
	uint16_t      **blocks;
};

static float *
step(struct bench *b, const int32_t *ids, size_t first, size_t n)
{
	static struct forward_row rows[MAX_TOKENS];
	struct b3iq_error err = { .size = sizeof err };
	float *logits = NULL;

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct forward_row){.blocks = b->blocks,
					       .position = (uint32_t)(first + i),
					       .token = ids[first + i],
					       .logits = true};
	if (forward_run(b->forward, rows, n, &logits, &err) != B3IQ_OK) {
		fprintf(stderr, "engine-logits: %s\n", err.text);
		exit(1);
	}
	return logits;
}

static int32_t
greatest(const float *logits, uint32_t vocab)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < vocab; i++)
		if (logits[i] > logits[best])
			best = i;
	return (int32_t)best;
}

static void
open_bench(struct bench *b, const char *path, size_t positions)
{
	struct b3iq_error err = { .size = sizeof err };
	const size_t blocks = cache_blocks_for(positions);
	struct gguf *file;
	struct cache *cache;
	struct pool *pool;

	b->blocks = calloc(blocks, sizeof(*b->blocks));
	if (!b->blocks || gguf_open(&file, path, &err) != B3IQ_OK ||
	    model_create(&b->model, file, &err) != B3IQ_OK ||
	    pool_create(&pool, 0, &err) != B3IQ_OK ||
	    cache_create(&cache, &b->model->hyper, 0, &err) != B3IQ_OK ||
	    forward_create(&b->forward, b->model, cache, select_at(0), pool, positions, positions,
	                   &err) != B3IQ_OK ||
	    !cache_reserve(cache, blocks)) {
		fprintf(stderr, "engine-logits: %s\n", err.text);
		exit(1);
	}
	for (size_t i = 0; i < blocks; i++)
		b->blocks[i] = cache_take(cache);
}

int
main(int argc, char **argv)
{
	static int32_t ids[MAX_TOKENS];
	const size_t more = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct bench b;
	size_t n = 0;
	float *logits;

	while (argc > 1 && n + more < MAX_TOKENS && scanf("%d", &ids[n]) == 1)
		n++;
	if (n == 0) {
		fprintf(stderr, "usage: engine-logits MODEL.gguf [N] < ids\n");
		return 2;
	}
	open_bench(&b, argv[1], n + more);
	(void)rounding_pin();
	logits = step(&b, ids, 0, n);
	if (more == 0)
		return fwrite(logits, sizeof *logits, n * b.model->hyper.vocab, stdout) ==
		                       n * b.model->hyper.vocab
		               ? 0
		               : 1;
	logits += (n - 1) * b.model->hyper.vocab;
	for (size_t i = 0; i < more; i++) {
		ids[n] = greatest(logits, b.model->hyper.vocab);
		printf("%d ", ids[n]);
		logits = step(&b, ids, n++, 1);
	}
	printf("\n");
	return 0;
}
