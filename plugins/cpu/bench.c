/* bench.c - engine-bench: how fast a model runs here.
 *
 *   engine-bench [-j] [-t threads] [-k kernels] [-p prompt tokens] [-n decoded tokens]
 *                [-s sequences, comma separated] [-r repetitions] MODEL.gguf
 *
 * Prefill is one prompt in chunks of 256; decode is one token a step for each of the sequences,
 * after that prompt.  The figures are medians of the repetitions: by the clock, which a busy machine
 * slows, and in processor time of all threads.  -j: one JSON object instead of the table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "cpu/kernels.h"
#include "engine/fail.h"
#include "engine/model/forward.h"
#include "engine/numeric/rounding.h"

#define CHUNK 256u
#define MAX_SEQUENCES 64u
#define MAX_REPEAT 99u

struct bench {
	const struct model *model;
	struct cache       *cache;
	struct forward     *forward;
	size_t              prompt, decode, repeat;
	bool                json;
	uint16_t          **blocks[MAX_SEQUENCES];
};

/* Seconds by the clock and of all processors. */
struct times {
	double clock, cpu;
};

static double
read_clock(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct times
now(void)
{
	return (struct times){ read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_PROCESS_CPUTIME_ID) };
}

static struct times
since(struct times start)
{
	const struct times end = now();

	return (struct times){ end.clock - start.clock, end.cpu - start.cpu };
}

static int
ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct times
median(const struct times *values, size_t n)
{
	double clock[MAX_REPEAT], cpu[MAX_REPEAT];

	for (size_t i = 0; i < n; i++) {
		clock[i] = values[i].clock;
		cpu[i] = values[i].cpu;
	}
	qsort(clock, n, sizeof *clock, ascending);
	qsort(cpu, n, sizeof *cpu, ascending);
	return (struct times){ clock[n / 2], cpu[n / 2] };
}

static struct forward_row
row(const struct bench *b, size_t sequence, size_t position, bool logits)
{
	return (struct forward_row){ .blocks = b->blocks[sequence],
		.position = (uint32_t)position,
		.token = (int32_t)((position * 7919 + sequence * 104729) % b->model->hyper.vocab),
		.logits = logits };
}

/* The prompt of a sequence. */
static struct times
prefill(struct bench *b, size_t sequence)
{
	struct forward_row rows[CHUNK];
	const struct times start = now();
	float *logits;

	for (size_t at = 0; at < b->prompt;) {
		size_t n = 0;

		for (; n < CHUNK && at < b->prompt; n++, at++)
			rows[n] = row(b, sequence, at, at + 1 == b->prompt);
		(void)forward_run(b->forward, rows, n, &logits, NULL);
	}
	return since(start);
}

/* n sequences side by side. */
static struct times
decode(struct bench *b, size_t n)
{
	struct forward_row rows[MAX_SEQUENCES];
	const struct times start = now();
	float *logits;

	for (size_t i = 0; i < b->decode; i++) {
		for (size_t s = 0; s < n; s++)
			rows[s] = row(b, s, b->prompt + i, true);
		(void)forward_run(b->forward, rows, n, &logits, NULL);
	}
	return since(start);
}

/* sequences: 0 for prefill. */
static void
report(struct bench *b, size_t sequences)
{
	const double bytes = (double)model_weight_bytes(b->model);
	const size_t tokens = sequences ? sequences * b->decode : b->prompt;
	struct times runs[MAX_REPEAT], t;

	for (size_t s = 0; s < sequences; s++)
		(void)prefill(b, s);
	for (size_t i = 0; i < b->repeat; i++)
		runs[i] = sequences ? decode(b, sequences) : prefill(b, 0);
	t = median(runs, b->repeat);
	if (b->json) {
		printf("\"%s%zu\":{\"per_second\":%.2f,\"cpu_ms\":%.4f},",
		       sequences ? "decode" : "prefill", sequences ? sequences : b->prompt,
		       (double)tokens / t.clock, t.cpu * 1e3 / (double)tokens);
		return;
	}
	printf("%s %5zu %-10s %10.1f tokens/s %9.3f ms of processor time each",
	       sequences ? "decode " : "prefill", sequences ? sequences : b->prompt,
	       sequences ? "sequences" : "tokens", (double)tokens / t.clock,
	       t.cpu * 1e3 / (double)tokens);
	if (sequences)
		printf(" %7.1f GB/s of weights", bytes * (double)b->decode / t.clock / 1e9);
	printf("\n");
}

static int32_t
give_blocks(struct bench *b, size_t sequences)
{
	const size_t n = cache_blocks_for(b->prompt + b->decode);

	if (!cache_reserve(b->cache, n * sequences))
		return B3IQ_E_NO_MEMORY;
	for (size_t s = 0; s < sequences; s++) {
		b->blocks[s] = calloc(n, sizeof(*b->blocks[s]));
		for (size_t i = 0; b->blocks[s] && i < n; i++)
			b->blocks[s][i] = cache_take(b->cache);
		if (!b->blocks[s] || !b->blocks[s][n - 1])
			return B3IQ_E_NO_MEMORY;
	}
	return B3IQ_OK;
}

static int
run(const char *path, const char *kernel_name, unsigned threads, const char *sequences,
    struct bench *b)
{
	struct b3iq_error err = { .size = sizeof err };
	const struct kernels *kernels;
	struct gguf *file;
	struct model *model;
	struct pool *pool;
	struct rusage usage;
	size_t most = 1;
	const struct times start = now();
	struct times ready;

	for (const char *s = sequences; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		most = strtoul(s, NULL, 10) > most ? strtoul(s, NULL, 10) : most;
	if (most > MAX_SEQUENCES || b->repeat == 0 || b->repeat > MAX_REPEAT)
		return 2;
	if (select_kernels(kernel_name, &kernels, &err) != B3IQ_OK ||
	    gguf_open(&file, path, &err) != B3IQ_OK ||
	    model_create(&model, file, &err) != B3IQ_OK ||
	    pool_create(&pool, threads, &err) != B3IQ_OK ||
	    cache_create(&b->cache, &model->hyper, 0, &err) != B3IQ_OK ||
	    forward_create(&b->forward, model, b->cache, kernels, pool, CHUNK, MAX_SEQUENCES,
			   &err) != B3IQ_OK ||
	    give_blocks(b, most) != B3IQ_OK) {
		fprintf(stderr, "engine-bench: %s\n", err.text);
		return 1;
	}
	b->model = model;
	if (b->prompt + b->decode > model->hyper.context) {
		fprintf(stderr, "engine-bench: the context is %u\n", model->hyper.context);
		return 1;
	}
	(void)rounding_pin();
	ready = since(start);
	printf(b->json ? "{\"model\":\"%s\",\"format\":\"%s\",\"weights_mb\":%.1f,"
	                 "\"kernels\":\"%s\",\"threads\":%u,\"ready_ms\":%.0f,"
	               : "%s: %s, %.1f MB of weights, %s kernels, %u threads, ready in %.0f ms\n",
	       path, model_format(model), (double)model_weight_bytes(model) / 1e6, kernels->name,
	       pool_threads(pool), ready.clock * 1e3);
	(void)prefill(b, 0); /* brings everything into the caches */
	report(b, 0);
	for (const char *s = sequences; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		report(b, strtoul(s, NULL, 10));
	(void)getrusage(RUSAGE_SELF, &usage);
	printf(b->json ? "\"peak_mb\":%.0f}\n" : "peak memory %.0f MB\n",
	       (double)usage.ru_maxrss / 1024.0);
	return 0;
}

int
main(int argc, char **argv)
{
	struct bench b = { .prompt = 512, .decode = 64, .repeat = 3 };
	const char *kernels = "auto", *sequences = "1,8";
	unsigned threads = 0;
	int option;

	while ((option = getopt(argc, argv, "jt:k:p:n:s:r:")) != -1) {
		switch (option) {
		case 'j':
			b.json = true;
			break;
		case 't':
			threads = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'k':
			kernels = optarg;
			break;
		case 'p':
			b.prompt = strtoul(optarg, NULL, 10);
			break;
		case 'n':
			b.decode = strtoul(optarg, NULL, 10);
			break;
		case 's':
			sequences = optarg;
			break;
		case 'r':
			b.repeat = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: engine-bench [-j] [-t threads] [-k kernels] [-p prompt] "
		                "[-n decode] [-s sequences,...] [-r repeat] MODEL.gguf\n");
		return 2;
	}
	return run(argv[optind], kernels, threads, sequences, &b);
}
