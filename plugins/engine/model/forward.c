#include "engine/model/forward.h"

#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

#define GROUP_QUERIES                                                                              \
	24u /* queries of an attention item: enough to share the keys, few to spread */
#define MAX_OUTPUTS   3u
#define MIN_ROWS      16u              /* of an item of a product; a multiple of all groups */
#define ITEM_BYTES    ((size_t)512 << 10) /* of its weights, where many tokens pass over them  */

/* What one worker needs for itself. */
struct scratch {
	void                 *panel; /* KERNELS_SCRATCH of the widest matrix */
	struct kernels_query *queries;
};

/* Rows of one sequence whose attention is one item for each key-value head. */
struct group {
	size_t first, n;
};

struct forward {
	const struct model   *model;
	struct packed         packed; /* its matrices, as the kernels want them */
	const struct cache   *cache;
	const struct kernels *kernels;
	struct pool          *pool;
	size_t                max_rows, max_logits;
	size_t                head_dim; /* as stored */
	size_t                q_cols, kv_cols, group_rows;

	/* max_rows rows each */
	float  *x;           /* residual stream: width                    */
	float  *normed;      /* input of matrices: max(width, q_cols)     */
	float  *q, *k, *v;   /* as the matrices give them                 */
	float  *turned;      /* queries, rotated and scaled: heads x head_dim stored */
	float  *attended;    /* the same shape                            */
	float  *gate, *up;   /* ff                                        */
	float  *sum;         /* width: what is added to x                 */
	float  *cosine, *sine;
	int8_t *level;       /* quantised rows of the current operand     */
	float  *scale;
	int32_t *level_sum;
	float  *logits;      /* max_logits rows                           */
	struct scratch *scratch;
	struct group   *groups;

	/* The step at hand. */
	const struct forward_row *rows;
	size_t                    n_rows, n_groups;
	const struct model_layer *layer;
	uint32_t                  layer_index;
};

/* ---- buffers ---- */

static void *
room(size_t elements, size_t size, bool *failed)
{
	void *p = aligned_alloc(KERNELS_ALIGN, (elements * size + KERNELS_ALIGN) / 64 * 64);

	if (!p)
		*failed = true;
	else
		memset(p, 0, (elements * size + KERNELS_ALIGN) / 64 * 64);
	return p;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool
allocate(struct forward *f)
{
	const struct hyper *h = &f->model->hyper;
	const size_t n = f->max_rows, widest = larger(larger(h->width, f->q_cols), h->ff);
	const size_t heads = (size_t)h->heads * f->head_dim, per_head = h->heads / h->kv_heads;
	bool failed = false;

	f->x = room(n * h->width, sizeof *f->x, &failed);
	f->normed = room(n * larger(h->width, f->q_cols), sizeof *f->normed, &failed);
	f->q = room(n * f->q_cols, sizeof *f->q, &failed);
	f->k = room(n * f->kv_cols, sizeof *f->k, &failed);
	f->v = room(n * f->kv_cols, sizeof *f->v, &failed);
	f->turned = room(n * heads, sizeof *f->turned, &failed);
	f->attended = room(n * heads, sizeof *f->attended, &failed);
	f->gate = room(n * h->ff, sizeof *f->gate, &failed);
	f->up = room(n * h->ff, sizeof *f->up, &failed);
	f->sum = room(n * h->width, sizeof *f->sum, &failed);
	f->cosine = room(n * h->rope_dim, sizeof *f->cosine, &failed);
	f->sine = room(n * h->rope_dim, sizeof *f->sine, &failed);
	f->level = room(n * widest, sizeof *f->level, &failed);
	f->scale = room(n * widest / FORMAT_BLOCK, sizeof *f->scale, &failed);
	f->level_sum = room(n * widest / FORMAT_BLOCK, sizeof *f->level_sum, &failed);
	f->logits = room(f->max_logits * h->vocab, sizeof *f->logits, &failed);
	f->groups = room(n, sizeof *f->groups, &failed);
	f->scratch = room(pool_threads(f->pool), sizeof *f->scratch, &failed);
	for (unsigned i = 0; !failed && i < pool_threads(f->pool); i++) {
		f->scratch[i].panel = room(KERNELS_SCRATCH(widest), 1, &failed);
		f->scratch[i].queries = room(larger(GROUP_QUERIES, per_head),
		                             sizeof *f->scratch[i].queries, &failed);
	}
	return !failed;
}

int32_t
forward_create(struct forward **out, const struct model *model, const struct cache *cache,
               const struct kernels *kernels, struct pool *pool, size_t max_rows,
               size_t max_logits, struct b3iq_error *err)
{
	const struct hyper *h = &model->hyper;
	struct forward *f = calloc(1, sizeof *f);
	int32_t rc;

	if (!f)
		return fail_memory(err, "the buffers of a step");
	f->model = model;
	f->cache = cache;
	f->kernels = kernels;
	f->pool = pool;
	f->max_rows = max_rows;
	f->max_logits = max_logits;
	f->head_dim = cache_head_dim(cache);
	f->q_cols = (size_t)h->heads * h->head_dim;
	f->kv_cols = (size_t)h->kv_heads * h->head_dim;
	f->group_rows = larger(1, GROUP_QUERIES / (h->heads / h->kv_heads));
	if (!allocate(f)) {
		forward_destroy(f);
		return fail_memory(err, "the buffers of a step (lower \"prefill_chunk\")");
	}
	rc = packed_init(&f->packed, model, kernels, pool, err);
	if (rc != B3IQ_OK) {
		forward_destroy(f);
		return rc;
	}
	*out = f;
	return B3IQ_OK;
}

void
forward_destroy(struct forward *f)
{
	if (!f)
		return;
	for (unsigned i = 0; f->scratch && i < pool_threads(f->pool); i++) {
		free(f->scratch[i].panel);
		free(f->scratch[i].queries);
	}
	free(f->x), free(f->normed), free(f->q), free(f->k), free(f->v);
	free(f->turned), free(f->attended), free(f->gate), free(f->up), free(f->sum);
	free(f->cosine), free(f->sine), free(f->level), free(f->scale), free(f->logits);
	free(f->level_sum), free(f->groups), free(f->scratch);
	packed_finish(&f->packed);
	free(f);
}

/* ---- matrices ---- */

/* Matrices that share an operand, split by output rows into items. */
struct product {
	struct forward *f;
	struct operand  operand;
	struct {
		const struct matrix *w;
		float               *out;
		size_t               items;
	} parts[MAX_OUTPUTS];
	size_t n_parts, chunk; /* rows an item */
	float *add_to;         /* what a single part's result is added to, or NULL */
};

static void
product_item(void *ctx, size_t item, unsigned worker)
{
	const struct product *p = ctx;
	const struct forward *f = p->f;
	size_t part = 0, first, last;

	while (item >= p->parts[part].items)
		item -= p->parts[part++].items;
	first = item * p->chunk;
	last =
	    first + p->chunk < p->parts[part].w->rows ? first + p->chunk : p->parts[part].w->rows;
	f->kernels->matmul(p->parts[part].w, first, last, &p->operand, p->parts[part].out,
	                   p->parts[part].w->rows, f->scratch[worker].panel);
	for (size_t t = 0; p->add_to && t < p->operand.n; t++) {
		const size_t at = t * p->parts[part].w->rows + first;

		f->kernels->add(p->add_to + at, p->parts[part].out + at, last - first);
	}
}

static void
product_run(struct product *p)
{
	const size_t threads = pool_threads(p->f->pool), group = p->f->kernels->group;
	size_t rows = 0, items = 0, chunk;

	for (size_t i = 0; i < p->n_parts; i++)
		rows += p->parts[i].w->rows;
	/* Some eight items a thread even out what the machine takes from one; whole groups each, and
	 * for many tokens no more than stays in a cache. */
	chunk = threads == 1 ? rows : rows / (threads * 8);
	if (p->operand.n > 1 && chunk * p->parts[0].w->stride > ITEM_BYTES)
		chunk = ITEM_BYTES / p->parts[0].w->stride;
	p->chunk = larger((chunk + group - 1) / group * group, MIN_ROWS);
	for (size_t i = 0; i < p->n_parts; i++) {
		p->parts[i].items = (p->parts[i].w->rows + p->chunk - 1) / p->chunk;
		items += p->parts[i].items;
	}
	pool_run(p->f->pool, product_item, p, items);
}

/* ---- the stages of a layer: each is a loop over rows or items ---- */

static void
quantise_row(struct forward *f, const float *x, size_t cols, size_t row)
{
	if (f->model->quantised)
		f->kernels->quantise(x, cols, f->level + row * cols,
		                     f->scale + row * cols / FORMAT_BLOCK,
		                     f->level_sum + row * cols / FORMAT_BLOCK);
}

static struct operand
operand_of(const struct forward *f, const float *x, size_t cols, size_t n)
{
	return (struct operand){ .n = n, .cols = cols, .real = x, .level = f->level,
	                         .scale = f->scale, .sum = f->level_sum };
}

static void
embed_row(void *ctx, size_t row, unsigned worker)
{
	struct forward *f = ctx;
	const struct matrix *e = &f->model->embedding;
	float *cosine = f->cosine + row * f->model->hyper.rope_dim;

	(void)worker;
	e->format->decode(e->data + (size_t)f->rows[row].token * e->stride, f->x + row * e->cols,
	                  e->cols);
	rope_turns(f->model->rope, f->rows[row].position, cosine,
	           f->sine + row * f->model->hyper.rope_dim);
}

static void
attention_norm_row(void *ctx, size_t row, unsigned worker)
{
	struct forward *f = ctx;
	const struct hyper *h = &f->model->hyper;
	float *out = f->normed + row * h->width;

	(void)worker;
	f->kernels->rmsnorm(f->x + row * h->width, f->layer->attention_norm, h->width, h->eps, out);
	quantise_row(f, out, h->width, row);
}

/* Writes one position of a head: the keys lie in tiles, so that scores run over positions. */
static void
store(struct forward *f, const struct forward_row *row, uint32_t head, const float *key,
      const float *value)
{
	const size_t at = row->position % KERNELS_KV_BLOCK, dim = f->model->hyper.head_dim;
	uint16_t *block = row->blocks[row->position / KERNELS_KV_BLOCK];
	uint16_t *keys = block + cache_keys(f->cache, f->layer_index, head);
	uint16_t *values = block + cache_values(f->cache, f->layer_index, head);
	uint16_t half[KERNELS_HEAD_MAX] = { 0 };

	f->kernels->to_half(key, half, dim);
	keys += at / KERNELS_KV_TILE * KERNELS_KV_TILE * f->head_dim + at % KERNELS_KV_TILE;
	for (size_t d = 0; d < f->head_dim; d++)
		keys[d * KERNELS_KV_TILE] = half[d];
	f->kernels->to_half(value, half, dim);
	memcpy(values + at * f->head_dim, half, f->head_dim * sizeof *half);
}

/* Turns a head; pairs that lie half a head apart are laid side by side for it. */
static void
turn(const struct forward *f, float *head, const float *cosine, const float *sine)
{
	const size_t half = f->model->hyper.rope_dim / 2;
	_Alignas(KERNELS_ALIGN) float pairs[HYPER_MAX_HEAD];

	if (!f->model->hyper.architecture->rope_halves) {
		f->kernels->rope(head, half, cosine, sine);
		return;
	}
	for (size_t i = 0; i < half; i++) {
		pairs[2 * i] = head[i];
		pairs[2 * i + 1] = head[i + half];
	}
	f->kernels->rope(pairs, half, cosine, sine);
	for (size_t i = 0; i < half; i++) {
		head[i] = pairs[2 * i];
		head[i + half] = pairs[2 * i + 1];
	}
}

/* What an architecture does to queries, keys and values between their matrices and the turn. */
static void
bias_and_norm(const struct forward *f, float *q, float *k, float *v)
{
	const struct hyper *h = &f->model->hyper;
	const struct model_layer *l = f->layer;

	if (h->architecture->biases) {
		f->kernels->add(q, l->q_bias, f->q_cols);
		f->kernels->add(k, l->k_bias, f->kv_cols);
		f->kernels->add(v, l->v_bias, f->kv_cols);
	}
	if (!h->architecture->head_norms)
		return;
	for (size_t i = 0; i < h->heads; i++)
		f->kernels->rmsnorm(q + i * h->head_dim, l->q_norm, h->head_dim, h->eps,
		                    q + i * h->head_dim);
	for (size_t i = 0; i < h->kv_heads; i++)
		f->kernels->rmsnorm(k + i * h->head_dim, l->k_norm, h->head_dim, h->eps,
		                    k + i * h->head_dim);
}

static void
turn_row(void *ctx, size_t index, unsigned worker)
{
	struct forward *f = ctx;
	const struct hyper *h = &f->model->hyper;
	float *q = f->q + index * f->q_cols;
	float *k = f->k + index * f->kv_cols, *v = f->v + index * f->kv_cols;
	const float *cosine = f->cosine + index * h->rope_dim,
		    *sine = f->sine + index * h->rope_dim;
	const float scale = 1.0f / __builtin_sqrtf((float)h->head_dim);

	(void)worker;
	bias_and_norm(f, q, k, v);
	for (size_t i = 0; i < h->heads; i++) {
		float *out = f->turned + (index * h->heads + i) * f->head_dim;

		memcpy(out, q + i * h->head_dim, h->head_dim * sizeof *out);
		turn(f, out, cosine, sine);
		for (size_t d = 0; d < h->head_dim; d++)
			out[d] *= scale;
	}
	for (uint32_t i = 0; i < h->kv_heads; i++) {
		turn(f, k + i * h->head_dim, cosine, sine);
		store(f, &f->rows[index], i, k + i * h->head_dim, v + i * h->head_dim);
	}
}

static void
attention_item(void *ctx, size_t item, unsigned worker)
{
	struct forward *f = ctx;
	const struct hyper *h = &f->model->hyper;
	const struct group *g = &f->groups[item / h->kv_heads];
	const uint32_t kv_head = (uint32_t)(item % h->kv_heads), per_head = h->heads / h->kv_heads;
	struct kernels_query *queries = f->scratch[worker].queries;
	const struct kernels_attention a = {
		.queries = queries,
		.n_queries = g->n * per_head,
		.head_dim = f->head_dim,
		.blocks = (const uint16_t *const *)f->rows[g->first].blocks,
		.keys = cache_keys(f->cache, f->layer_index, kv_head),
		.values = cache_values(f->cache, f->layer_index, kv_head),
	};

	for (size_t i = 0; i < a.n_queries; i++) {
		const size_t row = g->first + i / per_head;
		const size_t at =
		    (row * h->heads + kv_head * per_head + i % per_head) * f->head_dim;

		queries[i].q = f->turned + at;
		queries[i].out = f->attended + at;
		queries[i].position = f->rows[row].position;
	}
	f->kernels->attend(&a);
}

/* Heads without their padding, quantised. */
static void
attended_row(void *ctx, size_t row, unsigned worker)
{
	struct forward *f = ctx;
	const struct hyper *h = &f->model->hyper;
	float *out = f->normed + row * f->q_cols;

	(void)worker;
	for (size_t i = 0; i < h->heads; i++)
		memcpy(out + i * h->head_dim, f->attended + (row * h->heads + i) * f->head_dim,
		       h->head_dim * sizeof *out);
	quantise_row(f, out, f->q_cols, row);
}

static void
ff_norm_row(void *ctx, size_t row, unsigned worker)
{
	struct forward *f = ctx;
	const struct hyper *h = &f->model->hyper;
	float *out = f->normed + row * h->width;

	(void)worker;
	f->kernels->rmsnorm(f->x + row * h->width, f->layer->ff_norm, h->width, h->eps, out);
	quantise_row(f, out, h->width, row);
}

static void
gate_row(void *ctx, size_t row, unsigned worker)
{
	struct forward *f = ctx;
	const size_t ff = f->model->hyper.ff;

	(void)worker;
	f->kernels->silu_mul(f->gate + row * ff, f->up + row * ff, ff);
	quantise_row(f, f->gate + row * ff, ff, row);
}

static void
layer_run(struct forward *f)
{
	const struct hyper *h = &f->model->hyper;
	const struct model_layer *l = f->layer;
	struct product in = { .f = f, .n_parts = 3,
		.operand = operand_of(f, f->normed, h->width, f->n_rows),
		.parts = { { &l->q, f->q, 0 }, { &l->k, f->k, 0 }, { &l->v, f->v, 0 } } };
	struct product out = { .f = f, .n_parts = 1, .add_to = f->x,
		.operand = operand_of(f, f->normed, f->q_cols, f->n_rows),
		.parts = { { &l->o, f->sum, 0 } } };
	struct product wide = { .f = f, .n_parts = 2,
		.operand = operand_of(f, f->normed, h->width, f->n_rows),
		.parts = { { &l->gate, f->gate, 0 }, { &l->up, f->up, 0 } } };
	struct product down = { .f = f, .n_parts = 1, .add_to = f->x,
		.operand = operand_of(f, f->gate, h->ff, f->n_rows),
		.parts = { { &l->down, f->sum, 0 } } };

	pool_run(f->pool, attention_norm_row, f, f->n_rows);
	product_run(&in);
	pool_run(f->pool, turn_row, f, f->n_rows);
	pool_run(f->pool, attention_item, f, f->n_groups * h->kv_heads);
	pool_run(f->pool, attended_row, f, f->n_rows);
	product_run(&out);
	pool_run(f->pool, ff_norm_row, f, f->n_rows);
	product_run(&wide);
	pool_run(f->pool, gate_row, f, f->n_rows);
	product_run(&down);
}

/* The rows that want logits, normed and side by side, times the output matrix. */
static void
logits_run(struct forward *f, size_t n)
{
	const struct hyper *h = &f->model->hyper;
	struct product p = { .f = f, .n_parts = 1,
		.operand = operand_of(f, f->normed, h->width, n),
		.parts = { { &f->packed.output, f->logits, 0 } } };
	size_t at = 0;

	for (size_t i = 0; i < f->n_rows; i++) {
		float *out = f->normed + at * h->width;

		if (!f->rows[i].logits)
			continue;
		f->kernels->rmsnorm(f->x + i * h->width, f->model->output_norm, h->width, h->eps,
		                    out);
		quantise_row(f, out, h->width, at++);
	}
	product_run(&p);
}

/* Cuts the rows into groups of one sequence each. */
static void
group_rows(struct forward *f)
{
	f->n_groups = 0;
	for (size_t i = 0; i < f->n_rows; i++) {
		struct group *g = f->n_groups ? &f->groups[f->n_groups - 1] : NULL;

		if (g && g->n < f->group_rows && f->rows[i].blocks == f->rows[g->first].blocks)
			g->n++;
		else
			f->groups[f->n_groups++] = (struct group){ .first = i, .n = 1 };
	}
}

static int32_t
check(const struct forward *f, const struct forward_row *rows, size_t n, size_t *n_logits,
      struct b3iq_error *err)
{
	const struct hyper *h = &f->model->hyper;

	*n_logits = 0;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].token < 0 || (uint32_t)rows[i].token >= h->vocab)
			return fail_with(err, B3IQ_E_INVALID,
			                 "token %d is not in the vocabulary of %u", rows[i].token,
			                 h->vocab);
		if (rows[i].position >= h->context)
			return fail_with(err, B3IQ_E_INVALID,
			                 "position %u is beyond the context of %u",
			                 rows[i].position, h->context);
		*n_logits += rows[i].logits;
	}
	if (n > f->max_rows || *n_logits > f->max_logits)
		return fail_with(err, B3IQ_E_INVALID,
		                 "a step of %zu rows with %zu logits: at most %zu with %zu", n,
		                 *n_logits, f->max_rows, f->max_logits);
	return B3IQ_OK;
}

int32_t
forward_run(struct forward *f, const struct forward_row *rows, size_t n, float **logits,
            struct b3iq_error *err)
{
	size_t n_logits;
	const int32_t rc = check(f, rows, n, &n_logits, err);

	if (rc != B3IQ_OK || n == 0)
		return rc;
	f->rows = rows;
	f->n_rows = n;
	group_rows(f);
	pool_run(f->pool, embed_row, f, n);
	for (uint32_t i = 0; i < f->model->hyper.layers; i++) {
		f->layer = &f->packed.layers[i];
		f->layer_index = i;
		layer_run(f);
	}
	if (n_logits)
		logits_run(f, n_logits);
	*logits = f->logits;
	return B3IQ_OK;
}
