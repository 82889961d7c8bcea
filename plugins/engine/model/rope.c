#include "engine/model/rope.h"

#include <stdlib.h>
#include "engine/fail.h"
#include "engine/numeric/real.h"

#define TWO_PI 0x1.921fb54442d18p+2

struct rope {
	size_t n;
	double magnitude;     /* of cosine and sine     */
	double frequencies[]; /* radians for a position */
};

/* YaRN: the pair whose wave turns `turns` times over the trained context. */
static double
pair_of(const struct hyper *h, double turns)
{
	return (double)h->rope_dim *
	       real_log64((double)h->trained_context / (turns * TWO_PI)) /
	       (2.0 * real_log64(h->rope_base));
}

/* The share of the unscaled frequency that YaRN keeps for pair i: 1 for the fast pairs, 0 for the
 * slow ones, a ramp between. */
static double
yarn_share(const struct hyper *h, size_t i)
{
	const double low_pair = pair_of(h, 32.0), high_pair = pair_of(h, 1.0);
	double low, high, width, ramp;

	low = low_pair > 0.0 ? (double)(int64_t)low_pair : 0.0;
	high = high_pair > 0.0 ? (double)(int64_t)high_pair : 0.0;
	high = high < high_pair ? high + 1.0 : high;
	high = high > (double)(h->rope_dim - 1) ? (double)(h->rope_dim - 1) : high;
	width = high - low > 0.001 ? high - low : 0.001;
	ramp = ((double)i - low) / width;
	return 1.0 - (ramp < 0.0 ? 0.0 : ramp > 1.0 ? 1.0 : ramp);
}

static double
frequency(const struct hyper *h, const float *factors, size_t i)
{
	const double exponent =
		(double)(2 * i) / (double)h->rope_dim * real_log64(h->rope_base);
	double f = exponent < 700.0 ? real_exp64(-exponent) : 0.0, share;

	if (factors)
		f = f / (double)factors[i];
	switch (h->scaling) {
	case HYPER_SCALING_LINEAR:
		return f / h->factor;
	case HYPER_SCALING_YARN:
		share = yarn_share(h, i);
		return f / h->factor * (1.0 - share) + f * share;
	case HYPER_SCALING_NONE:
		break;
	}
	return f;
}

int32_t
rope_create(struct rope **out, const struct hyper *h, const float *factors, struct b3iq_error *err)
{
	const size_t n = h->rope_dim / 2;
	struct rope *r;

	for (size_t i = 0; factors && i < n; i++)
		if (!(factors[i] >= 1e-6f && factors[i] <= 1e6f))
			return fail_with(err, B3IQ_E_INVALID,
			                 "rope_freqs.weight holds %g at %zu: get another copy",
			                 (double)factors[i], i);
	r = malloc(sizeof *r + n * sizeof *r->frequencies);
	if (!r)
		return fail_memory(err, "the rotary frequencies");
	r->n = n;
	r->magnitude = h->attention_factor;
	if (h->scaling == HYPER_SCALING_YARN)
		r->magnitude *= 1.0 + 0.1 * real_log64(h->factor);
	for (size_t i = 0; i < n; i++)
		r->frequencies[i] = frequency(h, factors, i);
	*out = r;
	return B3IQ_OK;
}

void
rope_destroy(struct rope *r)
{
	free(r);
}

void
rope_turns(const struct rope *r, uint32_t position, float *cosine, float *sine)
{
	for (size_t i = 0; i < r->n; i++) {
		double s, c;

		real_turn64((double)position * r->frequencies[i], &s, &c);
		cosine[i] = (float)(c * r->magnitude);
		sine[i] = (float)(s * r->magnitude);
	}
}
