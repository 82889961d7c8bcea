/* Hyper-parameters: what a sound file gives, the edges of each range, and what is refused. */
#include "engine/model/hyper.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "make.h"

enum { ABSENT = -1, U32 = GGUF_KIND_U32, I32 = GGUF_KIND_I32, U64 = GGUF_KIND_U64,
	F32 = GGUF_KIND_F32, STRING = GGUF_KIND_STRING };

struct field {
	const char *key;
	int         kind;
	double      number;
	const char *text;
};

#define N(array) (sizeof(array) / sizeof(*(array)))

/* All that a file has to say; the rest has defaults. */
static const struct field sound[] = {
	{ "general.architecture", STRING, 0, "llama" },
	{ "llama.block_count", U32, 2, NULL },
	{ "llama.embedding_length", U32, 96, NULL },
	{ "llama.feed_forward_length", U32, 160, NULL },
	{ "llama.context_length", U32, 1024, NULL },
	{ "llama.attention.head_count", U32, 3, NULL },
	{ "llama.vocab_size", U32, 320, NULL },
};

static void
put(struct bytes *b, const struct field *f)
{
	const float   real = (float)f->number;
	const int32_t whole = f->kind == I32 ? (int32_t)f->number : 0;

	make_key(b, f->key, (enum gguf_kind)f->kind);
	if (f->kind == STRING)
		make_string(b, f->text);
	else if (f->kind == F32)
		make_raw(b, &real, sizeof real);
	else if (f->kind == I32)
		make_raw(b, &whole, sizeof whole);
	else if (f->kind == U64)
		make_u64(b, (uint64_t)f->number);
	else
		make_u32(b, (uint32_t)f->number);
}

static const struct field *
change_of(const char *key, const struct field *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(changes[i].key, key) == 0)
			return &changes[i];
	return NULL;
}

/* Reads the sound file with some fields changed, added or left out. */
static int32_t
read_with(const struct field *changes, size_t n, struct hyper *h, struct b3iq_error *err)
{
	struct bytes body = BYTES(MAKE_MAX), b = BYTES(MAKE_MAX);
	uint64_t     n_fields = 0;
	struct gguf *g;
	int32_t      rc;

	for (size_t i = 0; i < N(sound); i++)
		if (!change_of(sound[i].key, changes, n)) {
			put(&body, &sound[i]);
			n_fields++;
		}
	for (size_t i = 0; i < n; i++)
		if (changes[i].kind != ABSENT) {
			put(&body, &changes[i]);
			n_fields++;
		}
	make_header(&b, 3, 0, n_fields);
	make_raw(&b, body.data, body.len);
	*err = (struct b3iq_error){ .size = sizeof *err };
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "file.gguf", err), B3IQ_OK);
	rc = hyper_read(h, g, err);
	gguf_close(g);
	bytes_finish(&b);
	bytes_finish(&body);
	return rc;
}

static void
what_is_left_out_has_its_default(void **state)
{
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	assert_int_equal(read_with(NULL, 0, &h, &err), B3IQ_OK);
	assert_int_equal(h.layers, 2);
	assert_int_equal(h.width, 96);
	assert_int_equal(h.ff, 160);
	assert_int_equal(h.context, 1024);
	assert_int_equal(h.vocab, 320);
	assert_int_equal(h.heads, 3);
	assert_int_equal(h.kv_heads, 3);
	assert_int_equal(h.head_dim, 32);
	assert_int_equal(h.rope_dim, 32);
	assert_true(h.eps == 1e-5f && h.rope_base == 10000.0);
	assert_int_equal(h.scaling, HYPER_SCALING_NONE);
	assert_true(h.factor == 1.0 && h.attention_factor == 1.0);
	assert_int_equal(h.trained_context, 1024);
	assert_int_equal(h.file_type, UINT32_MAX);
}

static void
what_is_said_is_read(void **state)
{
	static const struct field said[] = {
		{ "llama.attention.head_count_kv", U32, 1, NULL },
		{ "llama.attention.key_length", U32, 64, NULL },
		{ "llama.attention.value_length", I32, 64, NULL },
		{ "llama.rope.dimension_count", U32, 16, NULL },
		{ "llama.attention.layer_norm_rms_epsilon", F32, 0.5, NULL },
		{ "llama.rope.freq_base", F32, 500000, NULL },
		{ "general.file_type", U32, 7, NULL },
	};
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	assert_int_equal(read_with(said, N(said), &h, &err), B3IQ_OK);
	assert_int_equal(h.kv_heads, 1);
	assert_int_equal(h.head_dim, 64);
	assert_int_equal(h.rope_dim, 16);
	assert_true(h.eps == 0.5f && h.rope_base == 500000.0);
	assert_int_equal(h.file_type, 7);
}

/* One field is changed: what comes of it, and what the sentence has to name. */
static const struct {
	struct field change;
	int32_t      rc;
	const char  *says;
} cases[] = {
	{ { "general.architecture", ABSENT, 0, NULL }, B3IQ_E_UNSUPPORTED, "architecture \"\"" },
	{ { "general.architecture", U32, 1, NULL }, B3IQ_E_UNSUPPORTED, "architecture \"\"" },
	{ { "general.architecture", STRING, 0, "llama4" }, B3IQ_E_UNSUPPORTED, "llama4" },
	{ { "general.architecture", STRING, 0, "gemma3" }, B3IQ_E_UNSUPPORTED,
	  "llama, qwen2 and qwen3" },
	{ { "general.architecture", STRING, 0, "qwen2" }, B3IQ_E_INVALID,
	  "lacks qwen2.block_count: it is not a complete qwen2 model" },
	{ { "general.architecture", STRING, 0,
	    "a name that is very much longer than what a sentence has room for" },
	  B3IQ_E_UNSUPPORTED, "a name that is very much longer than wha\"" },
	{ { "llama.expert_count", U32, 0, NULL }, B3IQ_OK, NULL },
	{ { "llama.expert_count", U32, 8, NULL }, B3IQ_E_UNSUPPORTED, "8 experts" },
	{ { "llama.expert_count", U64, 0x1p40, NULL }, B3IQ_E_INVALID, "llama.expert_count" },

	{ { "llama.block_count", ABSENT, 0, NULL }, B3IQ_E_INVALID, "llama.block_count" },
	{ { "llama.block_count", STRING, 0, "2" }, B3IQ_E_INVALID, "llama.block_count" },
	{ { "llama.block_count", I32, -2, NULL }, B3IQ_E_INVALID, "llama.block_count" },
	{ { "llama.block_count", U32, 0, NULL }, B3IQ_E_INVALID, "0, which is not in 1..1024" },
	{ { "llama.block_count", U32, HYPER_MAX_LAYERS, NULL }, B3IQ_OK, NULL },
	{ { "llama.block_count", U32, HYPER_MAX_LAYERS + 1, NULL }, B3IQ_E_INVALID, "1025" },
	{ { "llama.block_count", U64, 0x1p32 + 2, NULL }, B3IQ_E_INVALID, "llama.block_count" },
	{ { "llama.context_length", U32, HYPER_MAX_CONTEXT, NULL }, B3IQ_OK, NULL },
	{ { "llama.context_length", U32, HYPER_MAX_CONTEXT + 1, NULL }, B3IQ_E_INVALID, "context" },
	{ { "llama.feed_forward_length", U32, HYPER_MAX_FF, NULL }, B3IQ_OK, NULL },
	{ { "llama.feed_forward_length", U32, UINT32_MAX, NULL }, B3IQ_E_INVALID, "feed_forward" },
	{ { "llama.feed_forward_length", U32, 161, NULL }, B3IQ_E_UNSUPPORTED, "multiples of 32" },
	{ { "llama.vocab_size", U32, HYPER_MAX_VOCAB, NULL }, B3IQ_OK, NULL },
	{ { "llama.vocab_size", U32, HYPER_MAX_VOCAB + 1, NULL }, B3IQ_E_INVALID, "vocab_size" },
	{ { "llama.vocab_size", ABSENT, 0, NULL }, B3IQ_E_INVALID, "lacks llama.vocab_size" },

	{ { "llama.embedding_length", U32, HYPER_MAX_WIDTH + 32, NULL }, B3IQ_E_INVALID, "65568" },
	{ { "llama.embedding_length", U32, 128, NULL }, B3IQ_E_INVALID, "key_length" },
	{ { "llama.embedding_length", U32, 48, NULL }, B3IQ_E_UNSUPPORTED, "multiples of 32" },
	{ { "llama.embedding_length", U32, 3072, NULL }, B3IQ_E_UNSUPPORTED, "heads of 1024" },
	{ { "llama.attention.head_count", U32, HYPER_MAX_HEADS + 1, NULL }, B3IQ_E_INVALID,
	  "1025" },
	{ { "llama.attention.head_count_kv", U32, 2, NULL }, B3IQ_E_INVALID, "evenly" },
	{ { "llama.attention.head_count_kv", U32, 6, NULL }, B3IQ_E_INVALID, "evenly" },
	{ { "llama.attention.key_length", U32, HYPER_MAX_HEAD, NULL }, B3IQ_OK, NULL },
	{ { "llama.attention.key_length", U32, HYPER_MAX_HEAD + 32, NULL }, B3IQ_E_INVALID, "544" },
	{ { "llama.attention.value_length", U32, 64, NULL }, B3IQ_E_UNSUPPORTED, "64 values" },
	{ { "llama.rope.dimension_count", U32, 34, NULL }, B3IQ_E_INVALID, "34 rotated" },
	{ { "llama.rope.dimension_count", U32, 15, NULL }, B3IQ_E_INVALID, "15 rotated" },

	{ { "llama.attention.layer_norm_rms_epsilon", F32, 0, NULL }, B3IQ_E_INVALID, "epsilon" },
	{ { "llama.attention.layer_norm_rms_epsilon", F32, -1, NULL }, B3IQ_E_INVALID, "epsilon" },
	{ { "llama.attention.layer_norm_rms_epsilon", F32, (double)NAN, NULL }, B3IQ_E_INVALID,
	  "epsilon" },
	{ { "llama.rope.freq_base", F32, 1, NULL }, B3IQ_OK, NULL },
	{ { "llama.rope.freq_base", F32, 0.5, NULL }, B3IQ_E_INVALID, "freq_base" },
	{ { "llama.rope.freq_base", F32, (double)INFINITY, NULL }, B3IQ_E_INVALID, "freq_base" },
	{ { "llama.rope.freq_base", STRING, 0, "10000" }, B3IQ_E_INVALID, "freq_base" },
	{ { "llama.rope.scaling.type", STRING, 0, "longrope" }, B3IQ_E_UNSUPPORTED, "longrope" },
	{ { "llama.rope.scaling.type", STRING, 0, "" }, B3IQ_E_UNSUPPORTED, "\"\"" },
	{ { "llama.rope.scaling.type", U32, 1, NULL }, B3IQ_E_INVALID, "scaling.type" },
	{ { "llama.rope.scaling.factor", F32, 0.5, NULL }, B3IQ_E_INVALID, "scaling.factor" },
	{ { "llama.rope.scaling.attn_factor", F32, 0, NULL }, B3IQ_E_INVALID, "attn_factor" },
	{ { "llama.rope.scaling.original_context_length", U32, 0, NULL }, B3IQ_E_INVALID,
	  "original_context_length" },
};

static void
each_field_has_its_bounds(void **state)
{
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct field *f = &cases[i].change;
		const int32_t rc = read_with(f, 1, &h, &err);

		if (rc != cases[i].rc)
			fail_msg("%s = %g: result %d, %s", f->key, f->number, rc, err.text);
		if (rc != B3IQ_OK && !strstr(err.text, cases[i].says))
			fail_msg("%s = %g: \"%s\" does not say \"%s\"", f->key, f->number, err.text,
			         cases[i].says);
		if (rc != B3IQ_OK)
			assert_non_null(strstr(err.text, "file.gguf"));
	}
}

/* All numbers at their most together: no product runs over. */
static void
the_largest_model_is_read(void **state)
{
	static const struct field most[] = {
		{ "llama.block_count", U32, HYPER_MAX_LAYERS, NULL },
		{ "llama.embedding_length", U32, HYPER_MAX_WIDTH, NULL },
		{ "llama.attention.head_count", U32, HYPER_MAX_HEADS, NULL },
		{ "llama.attention.key_length", U32, HYPER_MAX_HEAD, NULL },
	};
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	assert_int_equal(read_with(most, N(most), &h, &err), B3IQ_OK);
	assert_int_equal(h.heads * h.head_dim, HYPER_MAX_HEADS * HYPER_MAX_HEAD);
}

static void
scalings_are_told_apart(void **state)
{
	static const struct field yarn[] = {
		{ "llama.rope.scaling.type", STRING, 0, "yarn" },
		{ "llama.rope.scaling.factor", F32, 4, NULL },
		{ "llama.rope.scaling.attn_factor", F32, 2, NULL },
		{ "llama.rope.scaling.original_context_length", U32, 256, NULL },
	};
	static const struct field linear[] = {
		{ "llama.rope.scaling.type", STRING, 0, "linear" },
		{ "llama.rope.scaling.factor", F32, 8, NULL },
	};
	static const struct field legacy[] = { { "llama.rope.scale_linear", F32, 2, NULL } };
	static const struct field both[] = {
		{ "llama.rope.scale_linear", F32, 2, NULL },
		{ "llama.rope.scaling.type", STRING, 0, "linear" },
		{ "llama.rope.scaling.factor", F32, 8, NULL },
	};
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	assert_int_equal(read_with(yarn, N(yarn), &h, &err), B3IQ_OK);
	assert_int_equal(h.scaling, HYPER_SCALING_YARN);
	assert_true(h.factor == 4.0 && h.attention_factor == 2.0);
	assert_int_equal(h.trained_context, 256);
	assert_int_equal(read_with(linear, N(linear), &h, &err), B3IQ_OK);
	assert_int_equal(h.scaling, HYPER_SCALING_LINEAR);
	assert_true(h.factor == 8.0);
	assert_int_equal(read_with(legacy, N(legacy), &h, &err), B3IQ_OK);
	assert_int_equal(h.scaling, HYPER_SCALING_LINEAR);
	assert_true(h.factor == 2.0);
	assert_int_equal(read_with(both, N(both), &h, &err), B3IQ_OK);
	assert_true(h.factor == 8.0); /* the newer key wins */
}

/* The least that a file of an architecture says, with so many heads of 96 values together, or of
 * `head` values each where it is given. */
static int32_t
read_architecture_file(const char *name, uint32_t heads, uint32_t head, struct hyper *h,
                       struct b3iq_error *err)
{
	struct bytes b = BYTES(MAKE_MAX);
	struct gguf *g;
	char         key[96];
	int32_t      rc;

	make_header(&b, 3, 0, N(sound) + (head > 0));
	make_kv_string(&b, "general.architecture", name);
	for (size_t i = 1; i < N(sound); i++) {
		(void)snprintf(key, sizeof key, "%s%s", name, sound[i].key + strlen("llama"));
		make_kv_u32(&b, key, strstr(key, "head_count") ? heads : (uint32_t)sound[i].number);
	}
	(void)snprintf(key, sizeof key, "%s.attention.key_length", name);
	if (head)
		make_kv_u32(&b, key, head);
	*err = (struct b3iq_error){ .size = sizeof *err };
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "file.gguf", err), B3IQ_OK);
	rc = hyper_read(h, g, err);
	gguf_close(g);
	bytes_finish(&b);
	return rc;
}

static void
architectures_are_told_apart(void **state)
{
	struct b3iq_error err;
	struct hyper      h;

	(void)state;
	assert_int_equal(read_architecture_file("llama", 3, 0, &h, &err), B3IQ_OK);
	assert_false(h.architecture->biases || h.architecture->head_norms ||
	             h.architecture->rope_halves);
	assert_int_equal(read_architecture_file("qwen2", 3, 0, &h, &err), B3IQ_OK);
	assert_string_equal(h.architecture->name, "qwen2");
	assert_true(h.architecture->biases && h.architecture->rope_halves);
	assert_false(h.architecture->head_norms);
	assert_int_equal(read_architecture_file("qwen3", 3, 128, &h, &err), B3IQ_OK);
	assert_true(h.architecture->head_norms && h.architecture->rope_halves);
	assert_false(h.architecture->biases);
	assert_int_equal(h.head_dim, 128); /* wider together than the model */
	assert_int_equal(h.rope_dim, 128);
	assert_int_equal(read_architecture_file("qwen2", 4, 0, &h, &err), B3IQ_OK);
	assert_int_equal(h.head_dim, 24);
	assert_int_equal(read_architecture_file("qwen3", 4, 0, &h, &err), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "heads of 24"));
}

/* A file that does not say how many tokens there are has as many as it has embeddings. */
static void
vocabulary_is_counted_by_its_embeddings(void **state)
{
	static const float weights[5 * 32];
	struct bytes       b = BYTES(MAKE_MAX);
	struct gguf       *g;
	struct hyper       h;

	(void)state;
	make_header(&b, 3, 1, N(sound) - 1);
	for (size_t i = 0; i < N(sound) - 1; i++) /* the vocabulary comes last */
		put(&b, &sound[i]);
	make_tensor(&b, "token_embd.weight", GGUF_F32, 32, 5, 0);
	make_align(&b, 32);
	make_raw(&b, weights, sizeof weights);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "file.gguf", NULL), B3IQ_OK);
	assert_int_equal(hyper_read(&h, g, NULL), B3IQ_OK);
	assert_int_equal(h.vocab, 5);
	gguf_close(g);
	bytes_finish(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(what_is_said_is_read),
		cmocka_unit_test(each_field_has_its_bounds),
		cmocka_unit_test(the_largest_model_is_read),
		cmocka_unit_test(scalings_are_told_apart),
		cmocka_unit_test(architectures_are_told_apart),
		cmocka_unit_test(vocabulary_is_counted_by_its_embeddings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
