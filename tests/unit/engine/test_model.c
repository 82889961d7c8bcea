#include "engine/model/model.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "synth.h"

static int32_t
try_bytes(const struct bytes *b, char text[248])
{
	struct b3iq_error err = { .size = sizeof err };
	struct model *m = NULL;
	struct gguf *g;
	int32_t rc = gguf_open_memory(&g, b->data, b->len, "file", &err);

	if (rc == B3IQ_OK) {
		rc = model_create(&m, g, &err);
		model_destroy(m);
		gguf_close(g);
	}
	memcpy(text, err.text, 248);
	return rc;
}

static int32_t
try_synth(const struct synth *s, char text[248])
{
	struct bytes b = BYTES(1u << 28);
	int32_t rc;

	assert_true(synth_write(s, &b));
	rc = try_bytes(&b, text);
	bytes_finish(&b);
	return rc;
}

static void
sound_models_open(void **state)
{
	char text[248];

	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++) {
		struct synth s = SYNTH_TINY;

		s.format = (enum format_kind)k;
		s.untied = k % 2;
		s.rope_factors = k == 2;
		assert_int_equal(try_synth(&s, text), B3IQ_OK);
		s.architecture = "qwen2";
		assert_int_equal(try_synth(&s, text), B3IQ_OK);
		s.architecture = "qwen3";
		assert_int_equal(try_synth(&s, text), B3IQ_OK);
	}
}

static void
description_is_right(void **state)
{
	struct bytes b = BYTES(1u << 28);
	struct synth s = SYNTH_TINY;
	struct model *m;
	struct gguf *g;

	(void)state;
	s.format = FORMAT_Q8_0;
	assert_true(synth_write(&s, &b));
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "file", NULL), B3IQ_OK);
	assert_int_equal(model_create(&m, g, NULL), B3IQ_OK);
	assert_string_equal(model_format(m), "Q8_0");
	assert_true(m->quantised);
	assert_ptr_equal(m->output.data, m->embedding.data);
	assert_int_equal(model_weight_bytes(m),
	                 (320 * 96 + 2 * (2 * 96 * 96 + 2 * 96 * 32 + 3 * 96 * 160)) / 32 * 34);
	model_destroy(m);
	gguf_close(g);
	bytes_finish(&b);
	model_destroy(NULL);
}

static void
what_is_not_computed_is_refused(void **state)
{
	struct synth s = SYNTH_TINY;
	char text[248];

	(void)state;
	s.extra_tensor = "blk.0.attn_q.bias";
	assert_int_equal(try_synth(&s, text), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(text, "blk.0.attn_q.bias"));
	s.extra_tensor = "blk.00.attn_q.weight"; /* an alias is another tensor */
	assert_int_equal(try_synth(&s, text), B3IQ_E_UNSUPPORTED);
	s.extra_tensor = "blk.2.attn_q.weight"; /* beyond the last layer */
	assert_int_equal(try_synth(&s, text), B3IQ_E_UNSUPPORTED);
	s.extra_tensor = NULL;
	s.scaling = "longrope";
	s.factor = 2.0f;
	assert_int_equal(try_synth(&s, text), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(text, "longrope"));
}

/* Each architecture has its tensors, all of them and no others. */
static void
tensors_are_those_of_the_architecture(void **state)
{
	static const struct {
		const char *architecture, *left_out, *extra;
	} cases[] = {
		{ "llama", "blk.1.ffn_up.weight", NULL },
		{ "llama", "output_norm.weight", NULL },
		{ "qwen2", "blk.0.attn_q.bias", NULL },
		{ "qwen2", "blk.1.attn_k.bias", NULL },
		{ "qwen2", "blk.1.attn_v.bias", NULL },
		{ "qwen3", "blk.0.attn_q_norm.weight", NULL },
		{ "qwen3", "blk.1.attn_k_norm.weight", NULL },
		{ "llama", NULL, "blk.0.attn_k.bias" },
		{ "llama", NULL, "blk.0.attn_q_norm.weight" },
		{ "qwen2", NULL, "blk.0.attn_q_norm.weight" },
		{ "qwen2", NULL, "blk.0.attn_output.bias" },
		{ "qwen3", NULL, "blk.0.attn_q.bias" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *names = cases[i].extra ? cases[i].extra : cases[i].left_out;
		struct synth s = SYNTH_TINY;
		char text[248];

		s.architecture = cases[i].architecture;
		s.left_out = cases[i].left_out;
		s.extra_tensor = cases[i].extra;
		assert_int_equal(try_synth(&s, text),
		                 cases[i].extra ? B3IQ_E_UNSUPPORTED : B3IQ_E_INVALID);
		if (!strstr(text, names))
			fail_msg("\"%s\" does not name %s", text, names);
	}
}

/* The type of a tensor stands behind its name and dimensions. */
static void
formats_that_are_not_computed_are_named(void **state)
{
	static const char name[] = "blk.0.attn_q.weight";
	static const uint32_t type = GGUF_Q2_K; /* of blocks of 256, 84 bytes: less than Q4_K's */
	struct bytes b = BYTES(1u << 28);
	struct synth s = SYNTH_TINY;
	char text[248];
	char *at;

	(void)state;
	s.width = 256;
	s.format = FORMAT_Q4_K;
	assert_true(synth_write(&s, &b));
	at = memmem(b.data, b.len, name, sizeof name - 1);
	assert_non_null(at);
	memcpy(at + sizeof name - 1 + 4 + 2 * 8, &type, sizeof type);
	assert_int_equal(try_bytes(&b, text), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(text, "blk.0.attn_q.weight is Q2_K"));
	assert_non_null(strstr(text, FORMAT_NAMES));
	bytes_finish(&b);
}

static void
check_quantisation(enum format_kind format, uint32_t width, uint32_t file_type, const char *name)
{
	struct bytes b = BYTES(1u << 28);
	struct synth s = SYNTH_TINY;
	struct model *m;
	struct gguf *g;

	s.format = format;
	s.width = width;
	s.file_type = file_type;
	assert_true(synth_write(&s, &b));
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "file", NULL), B3IQ_OK);
	assert_int_equal(model_create(&m, g, NULL), B3IQ_OK);
	assert_string_equal(model_quantisation(m), name);
	model_destroy(m);
	gguf_close(g);
	bytes_finish(&b);
}

static void
mixtures_have_their_name(void **state)
{
	(void)state;
	check_quantisation(FORMAT_Q4_K, 256, 15, "Q4_K_M");
	check_quantisation(FORMAT_Q4_K, 256, 14, "Q4_K_S");
	check_quantisation(FORMAT_Q5_K, 256, 17, "Q5_K_M");
	check_quantisation(FORMAT_Q6_K, 256, 18, "Q6_K");
	check_quantisation(FORMAT_Q4_K, 256, 0, "Q4_K"); /* not said */
	check_quantisation(FORMAT_Q4_0, 96, 7, "Q4_0");  /* what is said is not there */
	check_quantisation(FORMAT_Q4_K, 96, 15, "Q5_0"); /* rows too short for it */
	check_quantisation(FORMAT_F16, 96, 99, "F16");
}

static void
contradictions_are_refused(void **state)
{
	const struct synth good = SYNTH_TINY;
	struct synth s;
	char text[248];

	(void)state;
	s = good, s.heads = 4, s.kv_heads = 3;
	assert_int_equal(try_synth(&s, text), B3IQ_E_INVALID);
	s = good, s.width = 80;
	assert_int_equal(try_synth(&s, text), B3IQ_E_UNSUPPORTED);
	s = good, s.rope_dim = 34;
	assert_int_equal(try_synth(&s, text), B3IQ_E_INVALID);
	s = good, s.head_dim = 31;
	assert_int_not_equal(try_synth(&s, text), B3IQ_OK);
	s = good, s.scaling = "linear", s.factor = 0.0f;
	assert_int_equal(try_synth(&s, text), B3IQ_E_INVALID);
}

/* Overwrites the 32-bit value of a key wherever it stands. */
static void
patch(struct bytes *b, const char *key, uint32_t value)
{
	const size_t n = strlen(key);

	for (size_t i = 0; i + n + 8 <= b->len; i++)
		if (memcmp(b->data + i, key, n) == 0) {
			memcpy(b->data + i + n + 4, &value, sizeof value);
			return;
		}
	fail_msg("no key %s", key);
}

static void
hostile_numbers_are_refused(void **state)
{
	static const char *const keys[] = { "llama.block_count", "llama.context_length",
		"llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
		"llama.attention.head_count_kv", "llama.attention.key_length",
		"llama.rope.dimension_count", "llama.vocab_size" };
	static const uint32_t values[] = { 0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff };
	char text[248];

	(void)state;
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
		for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
			const struct synth s = SYNTH_TINY;
			struct bytes b = BYTES(1u << 28);

			/* These are sound: a short context, the heads that there are. */
			if ((k == 1 && values[v] - 1 < 3) || (k == 4 && values[v] == 3) ||
			    (k == 5 && values[v] == 1))
				continue;
			assert_true(synth_write(&s, &b));
			patch(&b, keys[k], values[v]);
			if (try_bytes(&b, text) == B3IQ_OK)
				fail_msg("%s = %u is accepted", keys[k], values[v]);
			assert_true(text[0]);
			bytes_finish(&b);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_models_open),
		cmocka_unit_test(description_is_right),
		cmocka_unit_test(what_is_not_computed_is_refused),
		cmocka_unit_test(tensors_are_those_of_the_architecture),
		cmocka_unit_test(formats_that_are_not_computed_are_named),
		cmocka_unit_test(mixtures_have_their_name),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(hostile_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
