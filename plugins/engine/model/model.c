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
	size_t             n_used;    /* tensors taken; each is taken once */
	float             *next_norm;
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
		                 "%s: %s is %s; this engine computes F32, F16, BF16, Q8_0 and Q4_0",
		                 gguf_path(r->gguf), name, gguf_type_name(t->type));
	r->n_used++;
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

static int32_t
take_norm(struct reader *r, const float **norm, const char *name, uint64_t n)
{
	const struct gguf_tensor *t;
	int32_t rc;

	TRY(find(r, name, n, 1, &t));
	format_of_gguf(t->type)->decode(t->data, r->next_norm, (size_t)n);
	*norm = r->next_norm;
	r->next_norm += n;
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

	snprintf(name, sizeof name, "blk.%u.attn_norm.weight", index);
	TRY(take_norm(r, &l->attention_norm, name, h->width));
	snprintf(name, sizeof name, "blk.%u.ffn_norm.weight", index);
	TRY(take_norm(r, &l->ff_norm, name, h->width));
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
	static const char *const known[] = { "attn_norm", "ffn_norm", "attn_q", "attn_k", "attn_v",
		"attn_output", "ffn_gate", "ffn_up", "ffn_down" };

	if (r->n_used == gguf_n_tensors(r->gguf))
		return B3IQ_OK;
	for (size_t i = 0; i < gguf_n_tensors(r->gguf); i++) {
		const struct gguf_str name = gguf_tensor_at(r->gguf, i)->name;
		char text[256], kind[64] = "", expected[80];
		unsigned layer = 0;
		bool used = false;

		snprintf(text, sizeof text, "%.*s", (int)(name.len < 255 ? name.len : 255),
			 name.ptr);
		if (sscanf(text, "blk.%u.%63[^.]", &layer, kind) == 2)
			snprintf(expected, sizeof expected, "blk.%u.%s.weight", layer, kind);
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			used |= layer < r->model->hyper.layers && strcmp(kind, known[k]) == 0 &&
			        strcmp(text, expected) == 0;
		used |= strcmp(text, "token_embd.weight") == 0 ||
			strcmp(text, "output_norm.weight") == 0 ||
			strcmp(text, "output.weight") == 0 ||
			strcmp(text, "rope_freqs.weight") == 0;
		if (!used)
			return fail_with(r->err, B3IQ_E_UNSUPPORTED,
			                 "%s has the tensor %.80s, which this engine does not "
			                 "compute: its answers would be another model's",
			                 gguf_path(r->gguf), text);
	}
	return B3IQ_OK;
}

static int32_t
take_all(struct reader *r)
{
	struct model *m = r->model;
	const struct hyper *h = &m->hyper;
	const size_t n_norms = ((size_t)h->layers * 2 + 1) * h->width;
	int32_t rc;

	m->layers = calloc(h->layers, sizeof *m->layers);
	m->norms = aligned_alloc(KERNELS_ALIGN, (n_norms * sizeof *m->norms + 63) / 64 * 64);
	if (!m->layers || !m->norms)
		return fail_memory(r->err, "the layers of the model");
	r->next_norm = m->norms;
	TRY(take_matrix(r, &m->embedding, "token_embd.weight", h->width, h->vocab));
	TRY(take_norm(r, &m->output_norm, "output_norm.weight", h->width));
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
	rc = hyper_read(&m->hyper, g, err);
	if (rc == B3IQ_OK)
		rc = take_all(&r);
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
	free(m->norms);
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
