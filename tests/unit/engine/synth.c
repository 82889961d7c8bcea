#include "synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/numeric/random.h"

enum { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

struct tensor {
	char     name[64];
	uint64_t cols, rows;
	double   sigma, mean;
	const struct format *format;
};

struct writer {
	struct bytes *out;
	bool          failed;
	struct tensor tensors[1024];
	size_t        n_tensors, n_keys;
	const char   *architecture, *left_out;
};

static void
put(struct writer *w, const void *data, size_t len)
{
	w->failed |= bytes_add(w->out, data, len) != 0;
}

static void
put_number(struct writer *w, uint64_t value, size_t len)
{
	uint8_t little[8];

	for (size_t i = 0; i < len; i++)
		little[i] = (uint8_t)(value >> 8 * i);
	put(w, little, len);
}

static void
put_float(struct writer *w, float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	put_number(w, bits, 4);
}

static void
put_string(struct writer *w, const char *s)
{
	put_number(w, strlen(s), 8);
	put(w, s, strlen(s));
}

static void
key(struct writer *w, const char *name, uint32_t kind)
{
	put_string(w, name);
	put_number(w, kind, 4);
	w->n_keys++;
}

/* A key of the architecture: "llama.block_count". */
static void
own_key(struct writer *w, const char *name, uint32_t kind)
{
	char text[96];

	snprintf(text, sizeof text, "%s.%s", w->architecture, name);
	key(w, text, kind);
}

static void
key_u32(struct writer *w, const char *name, uint32_t value)
{
	key(w, name, U32);
	put_number(w, value, 4);
}

static void
key_string(struct writer *w, const char *name, const char *value)
{
	key(w, name, STRING);
	put_string(w, value);
}

static void
key_array(struct writer *w, const char *name, uint32_t kind, uint64_t n)
{
	key(w, name, ARRAY);
	put_number(w, kind, 4);
	put_number(w, n, 8);
}

/* A piece of one to three letters, all different. */
static void
piece(char text[16], uint32_t i)
{
	if (i < 3) {
		snprintf(text, 16, "%s", ((const char *[]){ "<unk>", "<s>", "</s>" })[i]);
	} else if (i < 259) {
		snprintf(text, 16, "<0x%02X>", i - 3);
	} else {
		uint32_t n = (i - 259) / 2;
		char letters[9];
		size_t len = 0;

		do {
			letters[len++] = (char)('a' + n % 26);
			n /= 26;
		} while (n > 0 && len < 8);
		letters[len] = 0;
		snprintf(text, 16, "%s%s", i % 2 ? "\xe2\x96\x81" : "", letters);
	}
}

static void
vocabulary(struct writer *w, const struct synth *s)
{
	char text[16];

	key_string(w, "tokenizer.ggml.model", "llama");
	key_array(w, "tokenizer.ggml.tokens", STRING, s->vocab);
	for (uint32_t i = 0; i < s->vocab; i++) {
		piece(text, i);
		put_string(w, text);
	}
	key_array(w, "tokenizer.ggml.scores", F32, s->vocab);
	for (uint32_t i = 0; i < s->vocab; i++)
		put_float(w, -(float)i);
	key_array(w, "tokenizer.ggml.token_type", I32, s->vocab);
	for (uint32_t i = 0; i < s->vocab; i++)
		put_number(w, i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1, 4);
	key_u32(w, "tokenizer.ggml.bos_token_id", 1);
	key_u32(w, "tokenizer.ggml.eos_token_id", 2);
	key_u32(w, "tokenizer.ggml.unknown_token_id", 0);
	key(w, "tokenizer.ggml.add_bos_token", BOOL);
	put_number(w, 1, 1);
	if (s->chat)
		key_string(w, "tokenizer.chat_template", s->chat);
}

static void
own_u32(struct writer *w, const char *name, uint32_t value)
{
	own_key(w, name, U32);
	put_number(w, value, 4);
}

static void
own_f32(struct writer *w, const char *name, float value)
{
	own_key(w, name, F32);
	put_float(w, value);
}

static void
metadata(struct writer *w, const struct synth *s)
{
	key_string(w, "general.architecture", w->architecture);
	key_string(w, "general.name", "synthetic");
	if (s->file_type)
		key_u32(w, "general.file_type", s->file_type);
	own_u32(w, "block_count", s->layers);
	own_u32(w, "context_length", s->context);
	own_u32(w, "embedding_length", s->width);
	own_u32(w, "feed_forward_length", s->ff);
	own_u32(w, "attention.head_count", s->heads);
	own_u32(w, "attention.head_count_kv", s->kv_heads);
	own_u32(w, "attention.key_length", s->head_dim);
	own_u32(w, "attention.value_length", s->head_dim);
	own_u32(w, "rope.dimension_count", s->rope_dim ? s->rope_dim : s->head_dim);
	own_f32(w, "attention.layer_norm_rms_epsilon", 1e-5f);
	own_f32(w, "rope.freq_base", 10000.0f);
	own_u32(w, "vocab_size", s->vocab);
	if (s->scaling) {
		own_key(w, "rope.scaling.type", STRING);
		put_string(w, s->scaling);
		own_f32(w, "rope.scaling.factor", s->factor);
		own_u32(w, "rope.scaling.original_context_length", s->context / 4);
	}
	vocabulary(w, s);
}

/* What quantisers take instead of a K format where a row is no multiple of 256. */
static const struct format *
fitting(const struct format *format, uint64_t cols)
{
	if (cols % format->block == 0)
		return format;
	return format_at(format->kind == FORMAT_Q4_K   ? FORMAT_Q5_0
	                 : format->kind == FORMAT_Q5_K ? FORMAT_Q5_1
	                                               : FORMAT_Q8_0);
}

static void
add_tensor(struct writer *w, const char *name, uint64_t cols, uint64_t rows, double sigma,
           double mean, const struct format *format)
{
	struct tensor *t = &w->tensors[w->n_tensors];

	if (w->left_out && strcmp(name, w->left_out) == 0)
		return;
	w->n_tensors++;
	snprintf(t->name, sizeof t->name, "%s", name);
	t->cols = cols;
	t->rows = rows;
	t->sigma = sigma;
	t->mean = mean;
	t->format = fitting(format, cols);
}

/* A matrix, or, where sigma is 0, a norm: values around one. */
static void
tensor(struct writer *w, const char *name, uint64_t cols, uint64_t rows, double sigma,
       const struct format *format)
{
	if (sigma > 0.0)
		add_tensor(w, name, cols, rows, sigma, 0.0, format);
	else
		add_tensor(w, name, cols, rows, 0.05, 1.0, format_at(FORMAT_F32));
}

/* What an architecture has beside llama's tensors. */
static void
plan_extras(struct writer *w, const struct synth *s, uint32_t layer)
{
	static const char *const biases[] = { "q", "k", "v" };
	const bool qwen2 = strcmp(w->architecture, "qwen2") == 0;
	const bool qwen3 = strcmp(w->architecture, "qwen3") == 0;
	char name[64];

	for (size_t i = 0; qwen2 && i < 3; i++) {
		snprintf(name, sizeof name, "blk.%u.attn_%s.bias", layer, biases[i]);
		add_tensor(w, name, (i ? s->kv_heads : s->heads) * s->head_dim, 1, 0.5, 0.0,
		           format_at(FORMAT_F32));
	}
	for (size_t i = 0; qwen3 && i < 2; i++) {
		snprintf(name, sizeof name, "blk.%u.attn_%s_norm.weight", layer, biases[i]);
		add_tensor(w, name, s->head_dim, 1, 0.3, 1.0, format_at(FORMAT_F32));
	}
}

static void
plan_layer(struct writer *w, const struct synth *s, uint32_t layer)
{
	const double in = 1.0 / sqrt(s->width), q = (double)s->heads * s->head_dim;
	const struct {
		const char *kind;
		uint64_t    cols, rows;
		double      sigma;
	} parts[] = {
		{ "attn_norm", s->width, 1, 0.0 },
		{ "attn_q", s->width, (uint64_t)q, 1.5 * in },
		{ "attn_k", s->width, s->kv_heads * s->head_dim, 1.5 * in },
		{ "attn_v", s->width, s->kv_heads * s->head_dim, in },
		{ "attn_output", (uint64_t)q, s->width, 1.0 / sqrt(q) },
		{ "ffn_norm", s->width, 1, 0.0 },
		{ "ffn_gate", s->width, s->ff, in },
		{ "ffn_up", s->width, s->ff, in },
		{ "ffn_down", s->ff, s->width, 1.0 / sqrt(s->ff) },
	};
	char name[64];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(name, sizeof name, "blk.%u.%s.weight", layer, parts[i].kind);
		tensor(w, name, parts[i].cols, parts[i].rows, parts[i].sigma,
		       format_at(s->format));
	}
	plan_extras(w, s, layer);
}

static void
plan(struct writer *w, const struct synth *s)
{
	const struct format *f = format_at(s->format);

	tensor(w, "token_embd.weight", s->width, s->vocab, 1.0, f);
	for (uint32_t i = 0; i < s->layers; i++)
		plan_layer(w, s, i);
	tensor(w, "output_norm.weight", s->width, 1, 0.0, f);
	if (s->untied)
		tensor(w, "output.weight", s->width, s->vocab, 2.0 / sqrt(s->width), f);
	if (s->rope_factors)
		tensor(w, "rope_freqs.weight", (s->rope_dim ? s->rope_dim : s->head_dim) / 2, 1,
		       0.0, f);
	if (s->extra_tensor)
		tensor(w, s->extra_tensor, 32, 1, 0.0, f);
}

static uint64_t
tensor_bytes(const struct tensor *t)
{
	return t->rows * format_row(t->format, t->cols);
}

/* Values of about normal distribution, from exact operations only. */
static void
put_tensor(struct writer *w, const struct tensor *t, uint64_t seed, uint64_t stream)
{
	const size_t bytes = format_row(t->format, t->cols);
	float *row = calloc(t->cols, sizeof *row);
	uint8_t *packed = calloc(1, bytes);
	uint64_t at = stream << 40;

	w->failed |= !row || !packed;
	for (uint64_t r = 0; !w->failed && r < t->rows; r++) {
		for (uint64_t i = 0; i < t->cols; i++) {
			double sum = -2.0;

			for (int k = 0; k < 4; k++)
				sum += random_unit(seed, at++);
			sum *= 1.7320508075688772;
			row[i] = (float)(t->mean + t->sigma * sum);
		}
		t->format->encode(row, packed, t->cols);
		put(w, packed, bytes);
	}
	free(row);
	free(packed);
}

static void
pad(struct writer *w)
{
	static const uint8_t zeros[32];

	put(w, zeros, (32 - w->out->len % 32) % 32);
}

bool
synth_write(const struct synth *s, struct bytes *out)
{
	struct bytes body = BYTES(1u << 28);
	struct writer w = { .out = &body,
		.architecture = s->architecture ? s->architecture : "llama",
		.left_out = s->left_out };
	uint64_t offset = 0;

	metadata(&w, s);
	plan(&w, s);
	w.out = out;
	put(&w, "GGUF", 4);
	put_number(&w, 3, 4);
	put_number(&w, w.n_tensors, 8);
	put_number(&w, w.n_keys, 8);
	put(&w, body.data, body.len);
	for (size_t i = 0; i < w.n_tensors; i++) {
		const struct tensor *t = &w.tensors[i];

		put_string(&w, t->name);
		put_number(&w, t->rows > 1 ? 2 : 1, 4);
		put_number(&w, t->cols, 8);
		if (t->rows > 1)
			put_number(&w, t->rows, 8);
		put_number(&w, t->format->gguf, 4);
		put_number(&w, offset, 8);
		offset += (tensor_bytes(t) + 31) / 32 * 32;
	}
	pad(&w);
	for (size_t i = 0; i < w.n_tensors; i++) {
		put_tensor(&w, &w.tensors[i], s->seed, i);
		pad(&w);
	}
	bytes_finish(&body);
	return !w.failed;
}
