#include "engine/serve/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "engine/numeric/random.h"
#include "engine/numeric/real.h"

#define SEEN_PROMPT 0x80000000u /* in struct sampler.seen; the rest counts the output */

struct sampler {
	struct sampler_params params;
	struct sampler_bias  *bias;
	uint32_t              vocab;
	uint64_t              n_output;
	uint32_t             *seen; /* for each id; NULL when no penalty is on */
};

/* A heap gives the ids in order, as many as are asked for; those are kept in `sorted`. */
struct sampler_room {
	float   *logit;  /* after bias and penalties            */
	float   *weight; /* e^((logit - greatest) / temperature) */
	int32_t *heap, *sorted;
	size_t   n_heap, n_sorted, vocab;
};

static int32_t
in_range(double x, double min, double max, const char *name, struct b3iq_error *err)
{
	if (x >= min && x <= max)
		return B3IQ_OK;
	return fail_with(err, B3IQ_E_INVALID, "%s is %g, which is not in %g..%g", name, x, min,
			 max);
}

int32_t
sampler_check(const struct sampler_params *p, struct b3iq_error *err)
{
	const struct {
		double      value, min, max;
		const char *name;
	} ranges[] = {
		{ (double)p->temperature, 0.0, 100.0, "temperature" },
		{ (double)p->top_p, 0.0, 1.0, "top_p" },
		{ (double)p->min_p, 0.0, 1.0, "min_p" },
		{ (double)p->repetition, 0.01, 100.0, "repetition_penalty" },
		{ (double)p->presence, -100.0, 100.0, "presence_penalty" },
		{ (double)p->frequency, -100.0, 100.0, "frequency_penalty" },
	};
	int32_t rc = B3IQ_OK;

	for (size_t i = 0; rc == B3IQ_OK && i < sizeof ranges / sizeof *ranges; i++)
		rc = in_range(ranges[i].value, ranges[i].min, ranges[i].max, ranges[i].name, err);
	for (size_t i = 0; rc == B3IQ_OK && i < p->n_bias; i++)
		rc = in_range((double)p->bias[i].value, -1000.0, 1000.0, "logit_bias", err);
	return rc;
}

static bool
penalises(const struct sampler_params *p)
{
	return p->repetition != 1.0f || p->presence != 0.0f || p->frequency != 0.0f;
}

int32_t
sampler_create(struct sampler **out, const struct sampler_params *p, uint32_t vocab,
               struct b3iq_error *err)
{
	struct sampler *s = calloc(1, sizeof *s);

	if (!s)
		return fail_memory(err, "the sampler");
	s->params = *p;
	s->vocab = vocab;
	s->bias = p->n_bias ? malloc(p->n_bias * sizeof *s->bias) : NULL;
	s->seen = penalises(p) ? calloc(vocab, sizeof *s->seen) : NULL;
	if ((p->n_bias && !s->bias) || (penalises(p) && !s->seen)) {
		sampler_destroy(s);
		return fail_memory(err, "the sampler");
	}
	if (p->n_bias)
		memcpy(s->bias, p->bias, p->n_bias * sizeof *s->bias);
	s->params.bias = s->bias;
	*out = s;
	return B3IQ_OK;
}

void
sampler_destroy(struct sampler *s)
{
	if (!s)
		return;
	free(s->bias);
	free(s->seen);
	free(s);
}

int32_t
sampler_room_create(struct sampler_room **out, uint32_t vocab, struct b3iq_error *err)
{
	struct sampler_room *r = calloc(1, sizeof *r);

	if (!r)
		return fail_memory(err, "the sampler");
	r->vocab = vocab;
	r->logit = malloc(vocab * sizeof *r->logit);
	r->weight = malloc(vocab * sizeof *r->weight);
	r->heap = malloc(vocab * sizeof *r->heap);
	r->sorted = malloc(vocab * sizeof *r->sorted);
	if (!r->logit || !r->weight || !r->heap || !r->sorted) {
		sampler_room_destroy(r);
		return fail_memory(err, "the sampler");
	}
	*out = r;
	return B3IQ_OK;
}

void
sampler_room_destroy(struct sampler_room *r)
{
	if (!r)
		return;
	free(r->logit);
	free(r->weight);
	free(r->heap);
	free(r->sorted);
	free(r);
}

void
sampler_prompt(struct sampler *s, const int32_t *ids, size_t n)
{
	for (size_t i = 0; s->seen && i < n; i++)
		s->seen[ids[i]] |= SEEN_PROMPT;
}

void
sampler_accept(struct sampler *s, int32_t id)
{
	s->n_output++;
	if (s->seen)
		s->seen[id]++;
}

/* Copies the logits with bias and penalties; false when one is not finite. */
static bool
prepare(const struct sampler *s, struct sampler_room *r, const float *logits)
{
	const struct sampler_params *p = &s->params;

	for (uint32_t i = 0; i < s->vocab; i++) {
		if (!isfinite(logits[i]))
			return false;
		r->logit[i] = logits[i];
	}
	for (size_t i = 0; i < p->n_bias; i++)
		r->logit[p->bias[i].id] += p->bias[i].value;
	for (uint32_t i = 0; s->seen && i < s->vocab; i++) {
		const uint32_t count = s->seen[i] & ~SEEN_PROMPT;
		float x = r->logit[i];

		if (s->seen[i] == 0)
			continue;
		x = x > 0.0f ? x / p->repetition : x * p->repetition;
		if (count > 0) {
			x -= p->frequency * (float)count;
			x -= p->presence;
		}
		r->logit[i] = x;
	}
	return true;
}

static bool
before(const struct sampler_room *r, int32_t a, int32_t b)
{
	return r->logit[a] > r->logit[b] || (r->logit[a] == r->logit[b] && a < b);
}

static void
sift(struct sampler_room *r, size_t at)
{
	const int32_t id = r->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= r->n_heap)
			break;
		if (child + 1 < r->n_heap && before(r, r->heap[child + 1], r->heap[child]))
			child++;
		if (!before(r, r->heap[child], id))
			break;
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = id;
}

static void
heap_start(struct sampler_room *r)
{
	r->n_heap = r->vocab;
	r->n_sorted = 0;
	for (size_t i = 0; i < r->vocab; i++)
		r->heap[i] = (int32_t)i;
	for (size_t i = r->vocab / 2; i-- > 0;)
		sift(r, i);
}

/* The i-th id of the order. */
static int32_t
nth(struct sampler_room *r, size_t i)
{
	while (r->n_sorted <= i) {
		r->sorted[r->n_sorted++] = r->heap[0];
		r->heap[0] = r->heap[--r->n_heap];
		if (r->n_heap > 0)
			sift(r, 0);
	}
	return r->sorted[i];
}

/* The weight of the first n ids of the order, added in ascending order of the ids. */
static double
mass(struct sampler_room *r, size_t n)
{
	double sum = 0.0;
	int32_t last;

	if (n == r->vocab) {
		for (size_t i = 0; i < r->vocab; i++)
			sum += (double)r->weight[i];
		return sum;
	}
	last = nth(r, n - 1);
	for (int32_t i = 0; (size_t)i < r->vocab; i++)
		if (!before(r, last, i))
			sum += (double)r->weight[i];
	return sum;
}

/* How many ids the filters leave, at least one. */
static size_t
filter(const struct sampler_params *p, struct sampler_room *r)
{
	size_t n = p->top_k > 0 && p->top_k < r->vocab ? p->top_k : r->vocab;

	if (p->top_p < 1.0f) {
		const double share = (double)p->top_p * mass(r, n);
		double sum = 0.0;
		size_t i = 0;

		do {
			sum += (double)r->weight[nth(r, i++)];
		} while (i < n && sum < share);
		n = i;
	}
	if (p->min_p > 0.0f) {
		size_t i = 1;

		while (i < n && r->weight[nth(r, i)] >= p->min_p)
			i++;
		n = i;
	}
	return n;
}

static int32_t
greatest(const struct sampler_room *r)
{
	int32_t best = 0;

	for (int32_t i = 1; (size_t)i < r->vocab; i++)
		if (r->logit[i] > r->logit[best])
			best = i;
	return best;
}

int32_t
sampler_pick(const struct sampler *s, struct sampler_room *r, const float *logits)
{
	double point, sum = 0.0;
	int32_t best;
	size_t n;

	if (!prepare(s, r, logits))
		return -1;
	best = greatest(r);
	if (s->params.temperature == 0.0f)
		return best;
	for (size_t i = 0; i < r->vocab; i++)
		r->weight[i] = real_exp((r->logit[i] - r->logit[best]) / s->params.temperature);
	heap_start(r);
	n = filter(&s->params, r);
	point = random_unit(s->params.seed, s->n_output) * mass(r, n);
	for (size_t i = 0; i < n; i++) {
		sum += (double)r->weight[nth(r, i)];
		if (sum > point)
			return nth(r, i);
	}
	return nth(r, n - 1);
}

void
sampler_logprobs(const float *logits, uint32_t vocab, int32_t id, size_t n_top,
                 struct sampler_logprob *out)
{
	float most = logits[0];
	double sum = 0.0, total;
	size_t n = 0;

	for (uint32_t i = 1; i < vocab; i++)
		most = logits[i] > most ? logits[i] : most;
	for (uint32_t i = 0; i < vocab; i++)
		sum += (double)real_exp(logits[i] - most);
	total = (double)most + real_log64(sum);
	/* The best so far stand sorted in out[1..n]; logprob holds the logit meanwhile. */
	for (uint32_t i = 0; i < vocab && n_top > 0; i++) {
		size_t at;

		if (n == n_top && !(logits[i] > out[n].logprob))
			continue;
		n += n < n_top;
		for (at = n; at > 1 && logits[i] > out[at - 1].logprob; at--)
			out[at] = out[at - 1];
		out[at] = (struct sampler_logprob){ .id = (int32_t)i, .logprob = logits[i] };
	}
	out[0] = (struct sampler_logprob){ .id = id, .logprob = logits[id] };
	for (size_t i = 0; i <= n; i++) {
		const double x = (double)out[i].logprob - total;

		out[i].logprob = (float)(x < 0.0 ? x : 0.0);
	}
	for (size_t i = n + 1; i <= n_top; i++)
		out[i] = (struct sampler_logprob){ .id = -1, .logprob = 0.0f };
}
