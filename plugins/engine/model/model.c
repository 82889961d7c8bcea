#include "engine/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

#define TRY(call)                  \
	do {                       \
		rc = (call);       \
		if (rc != B3IQ_OK) \
			return rc; \
	} while (0)

/* What model_create() carries from step to step. */
struct reader {
	struct model      *model;
	const struct gguf *gguf;
	bool              *used;        /* by the index of a tensor */
	float             *next_vector;
	struct b3iq_error *err;
};

static int32_t
find(struct reader *r, const char *name, uint64_t cols, uint64_t rows,
     const struct gguf_tensor **out)
{
	const struct gguf_tensor *t = gguf_tensor(r->gguf, name);

	if (!t)
		return fail_with(r->err, B3IQ_E_INVALID,
		                 "%s lacks the tensor %s: get a complete copy", gguf_path(r->gguf),
		                 name);
	if (t->dims[0] != cols || t->dims[1] != rows || t->dims[2] != 1 || t->dims[3] != 1)
		return fail_with(r->err, B3IQ_E_INVALID,
		                 "%s: %s is %llu x %llu, the hyper-parameters say %llu x %llu",
		                 gguf_path(r->gguf), name, (unsigned long long)t->dims[0],
		                 (unsigned long long)t->dims[1], (unsigned long long)cols,
		                 (unsigned long long)rows);
	if (!format_of_gguf(t->type))
		return fail_with(r->err, B3IQ_E_UNSUPPORTED,
		                 "%s: %s is %s; this engine computes " FORMAT_NAMES,
		                 gguf_path(r->gguf), name, gguf_type_name(t->type));
	r->used[t - gguf_tensor_at(r->gguf, 0)] = true;
	*out = t;
	return B3IQ_OK;
}

static int32_t
take_matrix(struct reader *r, struct matrix *m, const char *name, uint64_t cols, uint64_t rows)
{
	const struct gguf_tensor *t;
	int32_t rc;

	TRY(find(r, name, cols, rows, &t));
	m->format = format_of_gguf(t->type);
	m->data = t->data;
	m->rows = (size_t)rows;
	m->cols = (size_t)cols;
	m->stride = format_row(m->format, m->cols);
	r->model->quantised |= m->format->quantised;
	return B3IQ_OK;
}

/* A norm or a bias: n values, decoded.  Their formats have no blocks that n could fall short of, as
 * the file was checked. */
static int32_t
take_vector(struct reader *r, const float **vector, const char *name, uint64_t n)
{
	const struct gguf_tensor *t;
	int32_t rc;

	TRY(find(r, name, n, 1, &t));
	format_of_gguf(t->type)->decode(t->data, r->next_vector, (size_t)n);
	*vector = r->next_vector;
	r->next_vector += (n + 15) / 16 * 16; /* each is aligned */
	return B3IQ_OK;
}

static int32_t
take_vectors(struct reader *r, uint32_t index)
{
	const struct hyper *h = &r->model->hyper;
	struct model_layer *l = &r->model->layers[index];
	const uint64_t q = (uint64_t)h->heads * h->head_dim;
	const uint64_t kv = (uint64_t)h->kv_heads * h->head_dim;
	const struct {
		const float **vector;
		const char   *name;
		uint64_t      n;
		bool          there;
	} vectors[] = {
		{ &l->attention_norm, "attn_norm.weight", h->width, true },
		{ &l->ff_norm, "ffn_norm.weight", h->width, true },
		{ &l->q_norm, "attn_q_norm.weight", h->head_dim, h->architecture->head_norms },
		{ &l->k_norm, "attn_k_norm.weight", h->head_dim, h->architecture->head_norms },
		{ &l->q_bias, "attn_q.bias", q, h->architecture->biases },
		{ &l->k_bias, "attn_k.bias", kv, h->architecture->biases },
		{ &l->v_bias, "attn_v.bias", kv, h->architecture->biases },
	};
	char name[64];
	int32_t rc;

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		if (!vectors[i].there)
			continue;
		snprintf(name, sizeof name, "blk.%u.%s", index, vectors[i].name);
		TRY(take_vector(r, vectors[i].vector, name, vectors[i].n));
	}
	return B3IQ_OK;
}

static int32_t
take_layer(struct reader *r, uint32_t index)
{
	const struct hyper *h = &r->model->hyper;
	struct model_layer *l = &r->model->layers[index];
	const uint64_t q = (uint64_t)h->heads * h->head_dim;
	const uint64_t kv = (uint64_t)h->kv_heads * h->head_dim;
	const struct {
		struct matrix *matrix;
		const char    *name;
		uint64_t       cols, rows;
	} matrices[] = {
		{ &l->q, "attn_q", h->width, q },     { &l->k, "attn_k", h->width, kv },
		{ &l->v, "attn_v", h->width, kv },    { &l->o, "attn_output", q, h->width },
		{ &l->gate, "ffn_gate", h->width, h->ff }, { &l->up, "ffn_up", h->width, h->ff },
		{ &l->down, "ffn_down", h->ff, h->width },
	};
	char name[64];
	int32_t rc;

	TRY(take_vectors(r, index));
	for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
		snprintf(name, sizeof name, "blk.%u.%s.weight", index, matrices[i].name);
		TRY(take_matrix(r, matrices[i].matrix, name, matrices[i].cols, matrices[i].rows));
	}
	return B3IQ_OK;
}

static int32_t
take_rope(struct reader *r)
{
	struct model *m = r->model;
	const uint64_t n = m->hyper.rope_dim / 2;
	const struct gguf_tensor *t;
	float factors[HYPER_MAX_HEAD / 2];
	int32_t rc;

	if (!gguf_tensor(r->gguf, "rope_freqs.weight"))
		return rope_create(&m->rope, &m->hyper, NULL, r->err);
	TRY(find(r, "rope_freqs.weight", n, 1, &t));
	format_of_gguf(t->type)->decode(t->data, factors, (size_t)n);
	return rope_create(&m->rope, &m->hyper, factors, r->err);
}

/* Names one tensor that nothing took. */
static int32_t
refuse_rest(const struct reader *r)
{
	for (size_t i = 0; i < gguf_n_tensors(r->gguf); i++) {
		const struct gguf_str name = gguf_tensor_at(r->gguf, i)->name;

		if (!r->used[i])
			return fail_with(r->err, B3IQ_E_UNSUPPORTED,
			                 "%s has the tensor %.*s, which this engine does not "
			                 "compute in a %s model: its answers would be another "
			                 "model's",
			                 gguf_path(r->gguf), (int)(name.len < 80 ? name.len : 80),
			                 name.ptr, r->model->hyper.architecture->name);
	}
	return B3IQ_OK;
}

/* Room for the vectors of all layers and the last norm, each rounded up to a cache line. */
static size_t
vectors_size(const struct hyper *h)
{
	const size_t heads = (size_t)h->heads + 2 * (size_t)h->kv_heads;
	const size_t layer = 2 * (size_t)h->width + 2 * (size_t)h->head_dim + heads * h->head_dim;

	return (h->layers * (layer + 7 * 16) + h->width + 16) * sizeof(float);
}

static int32_t
take_all(struct reader *r)
{
	struct model *m = r->model;
	const struct hyper *h = &m->hyper;
	int32_t rc;

	m->layers = calloc(h->layers, sizeof *m->layers);
	m->vectors = aligned_alloc(KERNELS_ALIGN, vectors_size(h) / 64 * 64 + 64);
	if (!m->layers || !m->vectors)
		return fail_memory(r->err, "the layers of the model");
	r->next_vector = m->vectors;
	TRY(take_matrix(r, &m->embedding, "token_embd.weight", h->width, h->vocab));
	TRY(take_vector(r, &m->output_norm, "output_norm.weight", h->width));
	m->output = m->embedding;
	if (gguf_tensor(r->gguf, "output.weight"))
		TRY(take_matrix(r, &m->output, "output.weight", h->width, h->vocab));
	for (uint32_t i = 0; i < h->layers; i++)
		TRY(take_layer(r, i));
	TRY(take_rope(r));
	return refuse_rest(r);
}

int32_t
model_create(struct model **out, const struct gguf *g, struct b3iq_error *err)
{
	struct model *m = calloc(1, sizeof *m);
	struct reader r = { .model = m, .gguf = g, .err = err };
	int32_t rc;

	if (!m)
		return fail_memory(err, "the model");
	m->file = g;
	rc = hyper_read(&m->hyper, g, err);
	if (rc == B3IQ_OK) {
		r.used = calloc(gguf_n_tensors(g) + 1, sizeof *r.used);
		rc = r.used ? take_all(&r) : fail_memory(err, "the list of tensors");
		free(r.used);
	}
	if (rc != B3IQ_OK) {
		model_destroy(m);
		return rc;
	}
	*out = m;
	return B3IQ_OK;
}

void
model_destroy(struct model *m)
{
	if (!m)
		return;
	rope_destroy(m->rope);
	free(m->layers);
	free(m->vectors);
	free(m);
}

/* Bytes of the matrices by format, the tied one once; returns their sum. */
static uint64_t
bytes_by_format(const struct model *m, uint64_t bytes[FORMAT_N])
{
	uint64_t all = 0;

	memset(bytes, 0, FORMAT_N * sizeof *bytes);
	bytes[m->embedding.format->kind] += m->embedding.rows * m->embedding.stride;
	if (m->output.data != m->embedding.data)
		bytes[m->output.format->kind] += m->output.rows * m->output.stride;
	for (uint32_t i = 0; i < m->hyper.layers; i++) {
		const struct model_layer *l = &m->layers[i];
		const struct matrix *const w[] = { &l->q, &l->k, &l->v, &l->o, &l->gate, &l->up,
			&l->down };

		for (size_t k = 0; k < sizeof w / sizeof *w; k++)
			bytes[w[k]->format->kind] += w[k]->rows * w[k]->stride;
	}
	for (size_t k = 0; k < FORMAT_N; k++)
		all += bytes[k];
	return all;
}

uint64_t
model_weight_bytes(const struct model *m)
{
	uint64_t bytes[FORMAT_N];

	return bytes_by_format(m, bytes);
}

const char *
model_format(const struct model *m)
{
	uint64_t bytes[FORMAT_N];
	size_t most = 0;

	(void)bytes_by_format(m, bytes);
	for (size_t k = 1; k < FORMAT_N; k++)
		most = bytes[k] > bytes[most] ? k : most;
	return format_at((enum format_kind)most)->name;
}

/* Values of general.file_type, and the format that gives the mixture its name. */
static const struct {
	uint32_t         file_type;
	const char      *name;
	enum format_kind format;
} mixtures[] = {
	{ 0, "F32", FORMAT_F32 },        { 1, "F16", FORMAT_F16 },
	{ 2, "Q4_0", FORMAT_Q4_0 },      { 3, "Q4_1", FORMAT_Q4_1 },
	{ 7, "Q8_0", FORMAT_Q8_0 },      { 8, "Q5_0", FORMAT_Q5_0 },
	{ 9, "Q5_1", FORMAT_Q5_1 },      { 14, "Q4_K_S", FORMAT_Q4_K },
	{ 15, "Q4_K_M", FORMAT_Q4_K },   { 16, "Q5_K_S", FORMAT_Q5_K },
	{ 17, "Q5_K_M", FORMAT_Q5_K },   { 18, "Q6_K", FORMAT_Q6_K },
	{ 32, "BF16", FORMAT_BF16 },
};

const char *
model_quantisation(const struct model *m)
{
	uint64_t bytes[FORMAT_N];

	(void)bytes_by_format(m, bytes);
	for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
		if (mixtures[i].file_type == m->hyper.file_type && bytes[mixtures[i].format])
			return mixtures[i].name;
	return model_format(m);
}
