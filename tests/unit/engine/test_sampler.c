/* Against a second sampler that sorts everything and keeps whole distributions: the plain way. */
#include "engine/serve/sampler.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define VOCAB 97

struct pair {
	float   logit;
	int32_t id;
};

static int
by_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->logit != y->logit)
		return x->logit > y->logit ? -1 : 1;
	return x->id - y->id;
}

static double
kept_mass(const struct pair *p, size_t n, const float *weight)
{
	double sum = 0.0;

	for (int32_t id = 0; id < VOCAB; id++)
		for (size_t i = 0; i < n; i++)
			if (p[i].id == id)
				sum += (double)weight[id];
	return sum;
}

static int32_t
plain_pick(const float *logits, const struct sampler_params *p, const int32_t *prompt,
	   size_t n_prompt, const int32_t *output, size_t n_output)
{
	struct pair pairs[VOCAB];
	float weight[VOCAB];
	size_t n = VOCAB, keep;
	double sum, point;

	for (int32_t id = 0; id < VOCAB; id++) {
		float x = logits[id];
		int seen = 0, count = 0;

		for (size_t i = 0; i < p->n_bias; i++)
			x = p->bias[i].id == id ? x + p->bias[i].value : x;
		for (size_t i = 0; i < n_prompt; i++)
			seen |= prompt[i] == id;
		for (size_t i = 0; i < n_output; i++)
			count += output[i] == id;
		if (seen || count)
			x = x > 0.0f ? x / p->repetition : x * p->repetition;
		if (count) {
			x = x - p->frequency * (float)count;
			x = x - p->presence;
		}
		pairs[id] = (struct pair){ x, id };
	}
	qsort(pairs, VOCAB, sizeof *pairs, by_order);
	if (p->temperature == 0.0f)
		return pairs[0].id;
	for (size_t i = 0; i < VOCAB; i++)
		weight[pairs[i].id] = real_exp((pairs[i].logit - pairs[0].logit) / p->temperature);
	if (p->top_k > 0 && p->top_k < n)
		n = p->top_k;
	if (p->top_p < 1.0f) {
		const double share = (double)p->top_p * kept_mass(pairs, n, weight);

		for (keep = 0, sum = 0.0; keep < n && (keep == 0 || sum < share); keep++)
			sum += (double)weight[pairs[keep].id];
		n = keep;
	}
	for (keep = 1; p->min_p > 0.0f && keep < n && weight[pairs[keep].id] >= p->min_p; keep++)
		;
	n = p->min_p > 0.0f ? keep : n;
	point = random_unit(p->seed, n_output) * kept_mass(pairs, n, weight);
	sum = 0.0;
	for (size_t i = 0; i < n; i++) {
		sum += (double)weight[pairs[i].id];
		if (sum > point)
			return pairs[i].id;
	}
	return pairs[n - 1].id;
}

static double
between(uint64_t i, double min, double max)
{
	return min + (max - min) * random_unit(99, i);
}

static void
equals_the_plain_one(void **state)
{
	struct sampler_room *room;

	(void)state;
	assert_int_equal(sampler_room_create(&room, VOCAB, NULL), B3IQ_OK);
	for (uint64_t round = 0; round < 3000; round++) {
		const struct sampler_bias bias[2] = {
		    {(int32_t)between(round * 64, 0, 48), (float)between(round * 64 + 1, -5, 5)},
		    {(int32_t)between(round * 64 + 2, 48, 97),
		     (float)between(round * 64 + 3, -5, 5)}};
		const struct sampler_params p = {
		    .seed = round,
		    .bias = bias,
		    .n_bias = round % 3,
		    .temperature = round % 7 ? (float)between(round * 64 + 4, 0.1, 2) : 0.0f,
		    .top_k = round % 2 ? (uint32_t)between(round * 64 + 5, 1, 120) : 0,
		    .top_p = round % 3 ? (float)between(round * 64 + 6, 0, 1) : 1.0f,
		    .min_p = round % 5 ? (float)between(round * 64 + 7, 0, 0.3) : 0.0f,
		    .repetition = round % 4 ? (float)between(round * 64 + 8, 0.8, 1.5) : 1.0f,
		    .presence = round % 4 > 1 ? (float)between(round * 64 + 9, -1, 1) : 0.0f,
		    .frequency = round % 4 > 2 ? (float)between(round * 64 + 10, -1, 1) : 0.0f};
		int32_t prompt[5], output[20];
		struct sampler *s;

		assert_int_equal(sampler_check(&p, NULL), B3IQ_OK);
		assert_int_equal(sampler_create(&s, &p, VOCAB, NULL), B3IQ_OK);
		for (size_t i = 0; i < 5; i++)
			prompt[i] = (int32_t)between(round * 64 + 11 + i, 0, VOCAB);
		sampler_prompt(s, prompt, 5);
		for (size_t step = 0; step < 20; step++) {
			float logits[VOCAB];

			for (size_t i = 0; i < VOCAB; i++) /* coarse, so that ties happen */
				logits[i] =
				    (float)((int)between((round * 20 + step) * 128 + i, -9, 9)) /
				    2.0f;
			output[step] = sampler_pick(s, room, logits);
			assert_int_equal(output[step],
					 plain_pick(logits, &p, prompt, 5, output, step));
			sampler_accept(s, output[step]);
		}
		sampler_destroy(s);
	}
	sampler_room_destroy(room);
}

/* What is drawn has the distribution that the logits say. */
static void
draws_follow_the_distribution(void **state)
{
	const float logits[4] = { 0.0f, 1.0f, 2.0f, -1.0f };
	const struct sampler_params p = { .seed = 5, .temperature = 1.0f, .top_p = 1.0f,
		.repetition = 1.0f };
	struct sampler_room *room;
	unsigned count[4] = { 0 };
	struct sampler *s;
	double chi = 0.0, total = 0.0;

	(void)state;
	assert_int_equal(sampler_room_create(&room, 4, NULL), B3IQ_OK);
	assert_int_equal(sampler_create(&s, &p, 4, NULL), B3IQ_OK);
	for (int i = 0; i < 100000; i++) {
		const int32_t id = sampler_pick(s, room, logits);

		count[id]++;
		sampler_accept(s, id);
	}
	for (int i = 0; i < 4; i++)
		total += exp((double)logits[i]);
	for (int i = 0; i < 4; i++) {
		const double want = 100000.0 * exp((double)logits[i]) / total;

		chi += ((double)count[i] - want) * ((double)count[i] - want) / want;
	}
	assert_true(chi < 16.3); /* 3 degrees of freedom, 0.1 % */
	sampler_destroy(s);
	sampler_room_destroy(room);
}

static void
logprobs_are_right(void **state)
{
	struct sampler_logprob out[1 + SAMPLER_MAX_TOP];
	float logits[VOCAB];
	double total = 0.0;

	(void)state;
	for (size_t i = 0; i < VOCAB; i++) {
		logits[i] = (float)((int)between(i, -20, 20)) / 4.0f;
		total += exp((double)logits[i]);
	}
	sampler_logprobs(logits, VOCAB, 42, 20, out);
	assert_int_equal(out[0].id, 42);
	for (size_t i = 0; i <= 20; i++)
		assert_true(fabs((double)out[i].logprob -
		                 ((double)logits[out[i].id] - log(total))) < 1e-5);
	for (size_t i = 2; i <= 20; i++)
		assert_true(
		    logits[out[i - 1].id] > logits[out[i].id] ||
		    (logits[out[i - 1].id] == logits[out[i].id] && out[i - 1].id < out[i].id));
	for (int32_t id = 0; id < VOCAB; id++)
		assert_true(logits[id] <= logits[out[1].id]);
	sampler_logprobs((float[]){ 1.0f, 1.0f }, 2, 0, 5, out);
	assert_int_equal(out[2].id, 1);
	assert_int_equal(out[3].id, -1);
}

static void
refuses_what_is_out_of_range(void **state)
{
	const struct sampler_params good = {.temperature = 1.0f, .top_p = 1.0f, .repetition = 1.0f};
	struct sampler_params p;
	struct sampler_room *room;
	struct sampler *s;

	(void)state;
	p = good, p.temperature = -1.0f;
	assert_int_equal(sampler_check(&p, NULL), B3IQ_E_INVALID);
	p = good, p.temperature = NAN;
	assert_int_equal(sampler_check(&p, NULL), B3IQ_E_INVALID);
	p = good, p.top_p = 1.5f;
	assert_int_equal(sampler_check(&p, NULL), B3IQ_E_INVALID);
	p = good, p.min_p = -0.1f;
	assert_int_equal(sampler_check(&p, NULL), B3IQ_E_INVALID);
	p = good, p.repetition = 0.0f;
	assert_int_equal(sampler_check(&p, NULL), B3IQ_E_INVALID);
	assert_int_equal(sampler_check(&good, NULL), B3IQ_OK);
	assert_int_equal(sampler_room_create(&room, 3, NULL), B3IQ_OK);
	assert_int_equal(sampler_create(&s, &good, 3, NULL), B3IQ_OK);
	assert_int_equal(sampler_pick(s, room, (float[]){ 1.0f, NAN, 2.0f }), -1);
	assert_int_equal(sampler_pick(s, room, (float[]){ 1.0f, INFINITY, 2.0f }), -1);
	sampler_destroy(s);
	sampler_room_destroy(room);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_plain_one),
		cmocka_unit_test(draws_follow_the_distribution),
		cmocka_unit_test(logprobs_are_right),
		cmocka_unit_test(refuses_what_is_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
