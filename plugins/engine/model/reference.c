#include "engine/model/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

/* Row buffers of the pass, n tokens each. */
struct pass {
	const struct model *model;
	size_t n;
	float *x, *normed, *q, *k, *v, *attended, *gate, *up, *out, *row;
};

/* out[t] = w x[t] for all tokens. */
static void
multiply(const struct pass *p, const struct matrix *w, const float *x, float *out)
{
	for (size_t r = 0; r < w->rows; r++) {
		w->format->decode(w->data + r * w->stride, p->row, w->cols);
		for (size_t t = 0; t < p->n; t++) {
			double sum = 0.0;

			for (size_t i = 0; i < w->cols; i++)
				sum += (double)p->row[i] * (double)x[t * w->cols + i];
			out[t * w->rows + r] = (float)sum;
		}
	}
}

static void
normalise_row(const float *x, const float *weight, size_t n, float eps, float *out)
{
	double squares = 0.0, scale;

	for (size_t i = 0; i < n; i++)
		squares += (double)x[i] * (double)x[i];
	scale = 1.0 / sqrt(squares / (double)n + (double)eps);
	for (size_t i = 0; i < n; i++)
		out[i] = (float)((double)x[i] * scale * (double)weight[i]);
}

static void
normalise(const struct pass *p, const float *weight)
{
	const size_t width = p->model->hyper.width;

	for (size_t t = 0; t < p->n; t++)
		normalise_row(p->x + t * width, weight, width, p->model->hyper.eps,
		              p->normed + t * width);
}

/* Adds a bias to the rows of x and norms their heads, where there is the one or the other. */
static void
adjust(const struct pass *p, float *x, size_t heads, const float *bias, const float *norm)
{
	const struct hyper *h = &p->model->hyper;

	for (size_t t = 0; bias && t < p->n; t++)
		for (size_t i = 0; i < heads * h->head_dim; i++)
			x[t * heads * h->head_dim + i] += bias[i];
	for (size_t i = 0; norm && i < p->n * heads; i++)
		normalise_row(x + i * h->head_dim, norm, h->head_dim, h->eps, x + i * h->head_dim);
}

/* The pairs of each head turn by position times base^(-2i/d), unscaled models; the angles of scaled
 * ones come from rope.h, as there is no second opinion on the scaling here. */
static void
turn(const struct pass *p, float *x, size_t heads)
{
	const struct hyper *h = &p->model->hyper;
	float cosine[HYPER_MAX_HEAD / 2], sine[HYPER_MAX_HEAD / 2];

	for (size_t t = 0; t < p->n; t++) {
		rope_turns(p->model->rope, (uint32_t)t, cosine, sine);
		for (size_t j = 0; j < heads; j++)
			for (size_t i = 0; i < h->rope_dim / 2; i++) {
				const bool apart = h->architecture->rope_halves;
				float *head = x + (t * heads + j) * h->head_dim;
				float *first = head + (apart ? i : 2 * i);
				float *second = apart ? head + i + h->rope_dim / 2 : first + 1;
				const float a = *first, b = *second;

				*first = a * cosine[i] - b * sine[i];
				*second = a * sine[i] + b * cosine[i];
			}
	}
}

/* One query over all positions up to its own; weight is room for n numbers. */
static void
attend(const struct pass *p, size_t t, size_t head, double *weight)
{
	const struct hyper *h = &p->model->hyper;
	const size_t kv = head / (h->heads / h->kv_heads), dim = h->head_dim;
	const float *q = p->q + (t * h->heads + head) * dim;
	float *out = p->attended + (t * h->heads + head) * dim;
	double top = -INFINITY, total = 0.0;

	for (size_t s = 0; s <= t; s++) {
		const float *k = p->k + (s * h->kv_heads + kv) * dim;

		weight[s] = 0.0;
		for (size_t i = 0; i < dim; i++)
			weight[s] += (double)q[i] * (double)k[i];
		weight[s] /= sqrt((double)dim);
		top = fmax(top, weight[s]);
	}
	for (size_t s = 0; s <= t; s++)
		total += weight[s] = exp(weight[s] - top);
	for (size_t i = 0; i < dim; i++) {
		double sum = 0.0;

		for (size_t s = 0; s <= t; s++)
			sum += weight[s] * (double)p->v[(s * h->kv_heads + kv) * dim + i];
		out[i] = (float)(sum / total);
	}
}

static void
layer(const struct pass *p, const struct model_layer *l, double *weight)
{
	const struct hyper *h = &p->model->hyper;

	normalise(p, l->attention_norm);
	multiply(p, &l->q, p->normed, p->q);
	multiply(p, &l->k, p->normed, p->k);
	multiply(p, &l->v, p->normed, p->v);
	adjust(p, p->q, h->heads, l->q_bias, l->q_norm);
	adjust(p, p->k, h->kv_heads, l->k_bias, l->k_norm);
	adjust(p, p->v, h->kv_heads, l->v_bias, NULL);
	turn(p, p->q, h->heads);
	turn(p, p->k, h->kv_heads);
	for (size_t t = 0; t < p->n; t++)
		for (size_t head = 0; head < h->heads; head++)
			attend(p, t, head, weight);
	multiply(p, &l->o, p->attended, p->out);
	for (size_t i = 0; i < p->n * h->width; i++)
		p->x[i] += p->out[i];
	normalise(p, l->ff_norm);
	multiply(p, &l->gate, p->normed, p->gate);
	multiply(p, &l->up, p->normed, p->up);
	for (size_t i = 0; i < p->n * h->ff; i++) {
		const double g = (double)p->gate[i];

		p->gate[i] = (float)(g / (1.0 + exp(-g)) * (double)p->up[i]);
	}
	multiply(p, &l->down, p->gate, p->out);
	for (size_t i = 0; i < p->n * h->width; i++)
		p->x[i] += p->out[i];
}

int32_t
reference_run(const struct model *m, const int32_t *tokens, size_t n, float *logits,
              struct b3iq_error *err)
{
	const struct hyper *h = &m->hyper;
	const size_t q = (size_t)h->heads * h->head_dim, kv = (size_t)h->kv_heads * h->head_dim;
	const size_t widest = h->width > q ? (h->width > h->ff ? h->width : h->ff)
	                                   : (q > h->ff ? q : h->ff);
	const size_t sizes[] = { h->width, h->width, q, kv, kv, q, h->ff, h->ff, h->width };
	struct pass p = { .model = m, .n = n };
	float **const buffers[] = { &p.x, &p.normed, &p.q, &p.k, &p.v, &p.attended, &p.gate, &p.up,
		&p.out };
	double *weight = calloc(n, sizeof *weight);
	bool failed = !weight;

	p.row = calloc(widest, sizeof *p.row);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		failed |= !(*buffers[i] = calloc(n * sizes[i], sizeof(float)));
	if (!failed && p.row) {
		for (size_t t = 0; t < n; t++)
			m->embedding.format->decode(m->embedding.data +
			                                    (size_t)tokens[t] * m->embedding.stride,
			                            p.x + t * h->width, h->width);
		for (uint32_t i = 0; i < h->layers; i++)
			layer(&p, &m->layers[i], weight);
		normalise(&p, m->output_norm);
		multiply(&p, &m->output, p.normed, logits);
	}
	failed |= !p.row;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		free(*buffers[i]);
	free(weight);
	free(p.row);
	return failed ? fail_memory(err, "the reference pass") : B3IQ_OK;
}
