/* good-inference.h - a faultless little backend, for others to spoil: see README.md.
 *
 * The answer is a word for each token, drawn from (seed, position). */
#ifndef EVIL_GOOD_INFERENCE_H
#define EVIL_GOOD_INFERENCE_H

#include "good.h"

static int32_t
good_create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct good *g = calloc(1, sizeof *g);

	(void)config;
	if (!g)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	g->host = host;
	*self = g;
	return B3IQ_OK;
}

static int32_t
good_probe(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	int32_t rc = out->write(out, "[]", 2);

	(void)self;
	return rc ? fail(err, rc, "the host did not take the list") : rc;
}

static int32_t
good_models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"good\",\"context\":4096}]";
	int32_t           rc = out->write(out, doc, sizeof doc - 1);

	(void)self;
	return rc ? fail(err, rc, "the host did not take the list") : rc;
}

static const char *const words[] = { "alpha ", "bravo ", "charlie ", "delta ", "echo ", "fox " };

static int32_t
good_id(uint64_t seed, uint32_t i)
{
	uint64_t x = (seed + i + 1) * 0x9e3779b97f4a7c15u;

	return (int32_t)((x ^ x >> 29) % 6);
}

/* One good step. */
static int32_t
good_step(const struct b3iq_gen_request *rq, struct b3iq_sink *sink, struct b3iq_usage *use,
          uint32_t i)
{
	const int32_t     id = good_id(rq->seed, i);
	struct b3iq_chunk k = { .size = sizeof k, .n_ids = 1, .ids = &id, .text = words[id],
		                .text_len = strlen(words[id]) };
	int32_t           rc;

	if (rq->flags & B3IQ_GEN_PROBES) {
		k.probe = &id;
		k.probe_len = sizeof id;
	}
	rc = sink->emit(sink, &k);
	use->output_tokens += rc == B3IQ_OK;
	return rc;
}

static void
good_usage(struct b3iq_usage *use)
{
	use->determinism = B3IQ_DET_SAME_FINGERPRINT;
	use->prompt_tokens = 3;
	use->stop = B3IQ_STOP_LENGTH;
	memcpy(use->fingerprint, "good", 5);
}

static int32_t
good_generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
              struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	(void)self;
	if (strcmp(rq->model, "good") != 0)
		return fail(err, B3IQ_E_NOT_FOUND, "there is only the model \"good\"");
	if (rq->flags & ~(B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES) ||
	    memmem(rq->body, rq->body_len, "\"stop\":", 7))
		return fail(err, B3IQ_E_UNSUPPORTED, "no logprobs, no stop");
	good_usage(use);
	for (uint32_t i = 0; i < (rq->max_tokens ? rq->max_tokens : 100) && rc == B3IQ_OK; i++)
		rc = good_step(rq, sink, use, i);
	return rc ? fail(err, rc, "the host asked to stop") : rc;
}

static struct b3iq_inference iface = {
	.size = sizeof iface,
	.probe = good_probe,
	.models = good_models,
	.generate = good_generate,
};

#define GOOD_KIND    B3IQ_INFERENCE
#define GOOD_THREADS B3IQ_THREADS_PARALLEL
#include "good-entry.h"

#endif
