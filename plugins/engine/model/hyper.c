#include "engine/model/hyper.h"

#include <stdio.h>
#include "engine/fail.h"
#include "engine/numeric/format.h"

static const struct hyper_architecture architectures[] = {
	{ .name = "llama" },
	{ .name = "qwen2", .biases = true, .rope_halves = true },
	{ .name = "qwen3", .head_norms = true, .rope_halves = true },
};

/* The keys of a model begin with the name of its architecture. */
struct source {
	const struct gguf *g;
	const char        *architecture;
};

struct key {
	char text[96];
};

static struct key
key_of(const struct source *s, const char *name)
{
	struct key k;

	(void)snprintf(k.text, sizeof k.text, "%s.%s", s->architecture, name);
	return k;
}

/* A required or defaulted count within 1..max. */
static int32_t
count(const struct source *s, const char *name, uint32_t *out, uint32_t max,
      struct b3iq_error *err)
{
	const struct key key = key_of(s, name);
	const uint32_t preset = *out;
	int32_t rc = gguf_u32(s->g, key.text, out, err);

	if (rc == B3IQ_E_NOT_FOUND && preset != 0)
		return B3IQ_OK;
	if (rc == B3IQ_E_NOT_FOUND)
		return fail_with(err, B3IQ_E_INVALID,
		                 "%s lacks %s: it is not a complete %s model, get another copy",
		                 gguf_path(s->g), key.text, s->architecture);
	if (rc != B3IQ_OK)
		return rc;
	if (*out == 0 || *out > max)
		return fail_with(err, B3IQ_E_INVALID, "%s: %s is %u, which is not in 1..%u",
		                 gguf_path(s->g), key.text, *out, max);
	return B3IQ_OK;
}

/* A defaulted number within [min, max]; NaN is within nothing. */
static int32_t
number(const struct source *s, const char *name, double *out, double min, double max,
       struct b3iq_error *err)
{
	const struct key key = key_of(s, name);
	const int32_t rc = gguf_f64(s->g, key.text, out, err);

	if (rc == B3IQ_E_NOT_FOUND)
		return B3IQ_OK;
	if (rc != B3IQ_OK)
		return rc;
	if (!(*out >= min && *out <= max))
		return fail_with(err, B3IQ_E_INVALID, "%s: %s is %g, which is not in %g..%g",
		                 gguf_path(s->g), key.text, *out, min, max);
	return B3IQ_OK;
}

#define TRY(call)                  \
	do {                       \
		rc = (call);       \
		if (rc != B3IQ_OK) \
			return rc; \
	} while (0)

static int32_t
read_scaling(struct hyper *h, const struct source *s, struct b3iq_error *err)
{
	const struct key key = key_of(s, "rope.scaling.type");
	struct gguf_str type = { "none", 4 };
	double legacy = 1.0;
	int32_t rc;

	h->factor = 1.0;
	h->attention_factor = 1.0;
	h->trained_context = h->context;
	rc = gguf_string(s->g, key.text, &type, err);
	if (rc != B3IQ_OK && rc != B3IQ_E_NOT_FOUND)
		return rc;
	TRY(number(s, "rope.scale_linear", &legacy, 1.0, 1e6, err));
	h->factor = legacy;
	TRY(number(s, "rope.scaling.factor", &h->factor, 1.0, 1e6, err));
	TRY(number(s, "rope.scaling.attn_factor", &h->attention_factor, 1e-3, 1e3, err));
	TRY(count(s, "rope.scaling.original_context_length", &h->trained_context,
	          HYPER_MAX_CONTEXT, err));
	if (gguf_str_equal(type, "none"))
		h->scaling = legacy > 1.0 ? HYPER_SCALING_LINEAR : HYPER_SCALING_NONE;
	else if (gguf_str_equal(type, "linear"))
		h->scaling = HYPER_SCALING_LINEAR;
	else if (gguf_str_equal(type, "yarn"))
		h->scaling = HYPER_SCALING_YARN;
	else
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s scales its positions by \"%.*s\": this engine knows none, "
		                 "linear, yarn and rope_freqs.weight",
		                 gguf_path(s->g), (int)(type.len < 40 ? type.len : 40), type.ptr);
	return B3IQ_OK;
}

static int32_t
check_shape(const struct hyper *h, const struct gguf *g, struct b3iq_error *err)
{
	if (h->heads % h->kv_heads != 0)
		return fail_with(err, B3IQ_E_INVALID,
		                 "%s: %u attention heads cannot share %u key-value heads evenly",
		                 gguf_path(g), h->heads, h->kv_heads);
	if (h->width % FORMAT_BLOCK || h->ff % FORMAT_BLOCK ||
	    h->heads * h->head_dim % FORMAT_BLOCK)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s: widths %u, %u and %u x %u must be multiples of %u for det-v1",
		                 gguf_path(g), h->width, h->ff, h->heads, h->head_dim,
		                 FORMAT_BLOCK);
	if (h->architecture->head_norms && h->head_dim % 16)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s: heads of %u with a norm each: they must be multiples of 16 "
		                 "for det-v1", gguf_path(g), h->head_dim);
	if (h->rope_dim > h->head_dim || h->rope_dim % 2 || h->head_dim % 2)
		return fail_with(err, B3IQ_E_INVALID,
		                 "%s: %u rotated values do not fit a head of %u (both are even)",
		                 gguf_path(g), h->rope_dim, h->head_dim);
	return B3IQ_OK;
}

static int32_t
read_heads(struct hyper *h, const struct source *s, struct b3iq_error *err)
{
	uint32_t value_dim;
	int32_t rc;

	TRY(count(s, "attention.head_count", &h->heads, HYPER_MAX_HEADS, err));
	h->kv_heads = h->heads;
	TRY(count(s, "attention.head_count_kv", &h->kv_heads, HYPER_MAX_HEADS, err));
	h->head_dim = h->width % h->heads == 0 ? h->width / h->heads : 0;
	TRY(count(s, "attention.key_length", &h->head_dim, HYPER_MAX_HEAD, err));
	value_dim = h->head_dim;
	TRY(count(s, "attention.value_length", &value_dim, HYPER_MAX_HEAD, err));
	if (value_dim != h->head_dim || h->head_dim > HYPER_MAX_HEAD)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s: heads of %u keys and %u values; this engine needs equal ones "
		                 "of at most %u",
		                 gguf_path(s->g), h->head_dim, value_dim, HYPER_MAX_HEAD);
	h->rope_dim = h->head_dim;
	return count(s, "rope.dimension_count", &h->rope_dim, HYPER_MAX_HEAD, err);
}

static int32_t
read_architecture(struct hyper *h, const struct gguf *g, struct b3iq_error *err)
{
	struct gguf_str name = { "", 0 };

	(void)gguf_string(g, "general.architecture", &name, NULL);
	for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
		if (gguf_str_equal(name, architectures[i].name))
			h->architecture = &architectures[i];
	if (!h->architecture)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s is of architecture \"%.*s\": this engine runs "
		                 HYPER_ARCHITECTURES, gguf_path(g),
		                 (int)(name.len < 40 ? name.len : 40), name.ptr);
	return B3IQ_OK;
}

static int32_t
refuse_experts(const struct source *s, struct b3iq_error *err)
{
	const struct key key = key_of(s, "expert_count");
	uint32_t experts = 0;
	const int32_t rc = gguf_u32(s->g, key.text, &experts, err);

	if (rc != B3IQ_OK && rc != B3IQ_E_NOT_FOUND)
		return rc;
	if (experts > 0)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "%s has %u experts a layer: this engine runs dense models",
		                 gguf_path(s->g), experts);
	return B3IQ_OK;
}

int32_t
hyper_read(struct hyper *h, const struct gguf *g, struct b3iq_error *err)
{
	const struct gguf_tensor *embedding = gguf_tensor(g, "token_embd.weight");
	struct source source = { .g = g };
	const struct source *const s = &source;
	double eps = 1e-5;
	int32_t rc;

	*h = (struct hyper){ .rope_base = 10000.0, .file_type = UINT32_MAX };
	TRY(read_architecture(h, g, err));
	source.architecture = h->architecture->name;
	TRY(refuse_experts(s, err));
	(void)gguf_u32(g, "general.file_type", &h->file_type, NULL);
	TRY(count(s, "block_count", &h->layers, HYPER_MAX_LAYERS, err));
	TRY(count(s, "embedding_length", &h->width, HYPER_MAX_WIDTH, err));
	TRY(count(s, "feed_forward_length", &h->ff, HYPER_MAX_FF, err));
	TRY(count(s, "context_length", &h->context, HYPER_MAX_CONTEXT, err));
	TRY(read_heads(h, s, err));
	h->vocab = embedding && embedding->n_dims == 2 && embedding->dims[1] <= HYPER_MAX_VOCAB
	                   ? (uint32_t)embedding->dims[1]
	                   : 0;
	TRY(count(s, "vocab_size", &h->vocab, HYPER_MAX_VOCAB, err));
	TRY(number(s, "attention.layer_norm_rms_epsilon", &eps, 1e-12, 1.0, err));
	h->eps = (float)eps;
	TRY(number(s, "rope.freq_base", &h->rope_base, 1.0, 1e12, err));
	TRY(read_scaling(h, s, err));
	return check_shape(h, g, err);
}
