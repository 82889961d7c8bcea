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
	struct gguf    *file;
	struct model   *model;
	struct pool    *pool;
	struct cache   *cache;
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

	b->blocks = calloc(blocks, sizeof(*b->blocks));
	if (!b->blocks || gguf_open(&b->file, path, &err) != B3IQ_OK ||
	    model_create(&b->model, b->file, &err) != B3IQ_OK ||
	    pool_create(&b->pool, 0, &err) != B3IQ_OK ||
	    cache_create(&b->cache, &b->model->hyper, 0, &err) != B3IQ_OK ||
	    forward_create(&b->forward, b->model, b->cache, select_at(0), b->pool, positions, positions,
	                   &err) != B3IQ_OK ||
	    !cache_reserve(b->cache, blocks)) {
		fprintf(stderr, "engine-logits: %s\n", err.text);
		exit(1);
	}
	for (size_t i = 0; i < blocks; i++)
		b->blocks[i] = cache_take(b->cache);
}

static void
close_bench(struct bench *b)
{
	forward_destroy(b->forward);
	cache_destroy(b->cache);
	pool_destroy(b->pool);
	model_destroy(b->model);
	gguf_close(b->file);
	free(b->blocks);
}

/* The logits of all ids as bytes, or `more` greedy ids as text; the exit status. */
static int
answer(struct bench *b, int32_t *ids, size_t n, size_t more)
{
	const uint32_t vocab = b->model->hyper.vocab;
	const float *logits = step(b, ids, 0, n);

	if (more == 0)
		return fwrite(logits, sizeof *logits, n * vocab, stdout) == n * vocab ? 0 : 1;
	logits += (n - 1) * vocab;
	for (size_t i = 0; i < more; i++) {
		ids[n] = greatest(logits, vocab);
		printf("%d ", ids[n]);
		logits = step(b, ids, n++, 1);
	}
	printf("\n");
	return 0;
}

int
main(int argc, char **argv)
{
	static int32_t ids[MAX_TOKENS];
	const size_t more = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct bench b;
	size_t n = 0;
	int status;

	while (argc > 1 && n + more < MAX_TOKENS && scanf("%d", &ids[n]) == 1)
		n++;
	if (n == 0) {
		fprintf(stderr, "usage: engine-logits MODEL.gguf [N] < ids\n");
		return 2;
	}
	open_bench(&b, argv[1], n + more);
	(void)rounding_pin();
	status = answer(&b, ids, n, more);
	close_bench(&b);
	return status;
}
