/* Vocabularies: lookup, bytes, ends, and files that do not fit together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/vocab.c"
#include "make.h"

#define MODEL "tokenizer.ggml."

static struct gguf *
opened(struct bytes *b)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct gguf *g;

	if (gguf_open_memory(&g, b->data, b->len, "made.gguf", &err))
		fail_msg("%s", err.text);
	return g;
}

static void
finds_by_spelling(void **state)
{
	static const char *const pieces[] = { "ab", "", "ab", "\xe2\x96\x81<x>", "<|im_end|>", "<|file_sep|>",
					      "<PRE>" };
	struct bytes b = BYTES(MAKE_MAX);
	struct vocab v;
	struct gguf *g;

	(void)state;
	make_vocabulary(&b, "llama", "default", pieces, 7, NULL, 0);
	g = opened(&b);
	assert_int_equal(vocab_init(&v, g, TOKENIZER_SPM, true, NULL), B3IQ_OK);
	assert_int_equal(v.n, 256 + 7 + 3);
	assert_int_equal(vocab_find(&v, "ab", 2), 256); /* the first of two */
	assert_int_equal(vocab_find(&v, "", 0), -1);
	assert_int_equal(vocab_find(&v, "a", 1), -1);
	assert_int_equal(vocab_find(&v, "<s>", 3), 263);
	assert_int_equal(vocab_find_text(&v, "<s>", 3), -1);
	assert_int_equal(vocab_find(&v, "<0x41>", 6), 0x41);
	assert_int_equal(vocab_find_text(&v, "<0x41>", 6), -1);
	assert_true(gguf_str_equal(vocab_bytes(&v, 0x41), "A"));
	assert_true(gguf_str_equal(vocab_bytes(&v, 259), " <x>"));
	assert_true(gguf_str_equal(vocab_bytes(&v, 265), "<tool>"));
	assert_int_equal(vocab_bytes(&v, 263).len, 0);
	/* Plain by type, control by name. */
	assert_int_equal(v.types[260], TOKENIZER_CONTROL);
	assert_int_equal(v.ends[260], 1);
	assert_int_equal(v.ends[261], 1);
	assert_int_equal(v.types[262], TOKENIZER_CONTROL);
	assert_int_equal(v.ends[262], 0);
	assert_int_equal(v.byte_ids['A'], 'A');
	assert_false(v.strip_right);
	vocab_finish(&v);
	gguf_close(g);
	bytes_finish(&b);
}

static void
byte_spellings(void **state)
{
	(void)state;
	assert_int_equal(byte_of((struct gguf_str){ "<0x0A>", 6 }), 10);
	assert_int_equal(byte_of((struct gguf_str){ "<0xFF>", 6 }), 255);
	assert_int_equal(byte_of((struct gguf_str){ "<0xff>", 6 }), -1);
	assert_int_equal(byte_of((struct gguf_str){ "<0x0A", 5 }), -1);
	assert_int_equal(byte_of((struct gguf_str){ "<0x0\0>", 6 }), -1);
}

/* SPM files whose parts do not fit together. */
static void
broken_files(void **state)
{
	struct b3iq_error err = { .size = sizeof(err) };
	float bad = NAN;

	(void)state;
	for (int k = 0; k < 6; k++) {
		struct bytes b = BYTES(MAKE_MAX);
		struct vocab v;
		struct gguf *g;

		make_header(&b, 3, 0, k == 0 ? 1 : 3);
		make_array(&b, MODEL "tokens", k == 1 ? GGUF_KIND_U32 : GGUF_KIND_STRING, k == 2 ? 0 : 1);
		if (k == 1)
			make_u32(&b, 0);
		else if (k != 2)
			make_string(&b, "x");
		if (k != 0) {
			make_array(&b, MODEL "token_type", GGUF_KIND_I32, k == 3 ? 0 : 1);
			if (k != 3)
				make_u32(&b, 99);
			make_array(&b, MODEL "scores", GGUF_KIND_F32, k == 4 ? 0 : 1);
			if (k != 4)
				make_raw(&b, &bad, sizeof(bad));
		}
		g = opened(&b);
		assert_int_not_equal(vocab_init(&v, g, TOKENIZER_SPM, false, &err), B3IQ_OK);
		assert_true(strlen(err.text) > 20);
		assert_null(v.text);
		gguf_close(g);
		bytes_finish(&b);
	}
	assert_non_null(strstr(err.text, "not a number"));
}

static void
a_bos_must_be_named(void **state)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	struct vocab v;
	struct gguf *g;

	(void)state;
	make_header(&b, 3, 0, 2);
	make_array(&b, MODEL "tokens", GGUF_KIND_STRING, 1);
	make_string(&b, "x");
	make_kv_u32(&b, MODEL "bos_token_id", UINT32_MAX);
	g = opened(&b);
	assert_int_equal(vocab_init(&v, g, TOKENIZER_BPE, true, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "BOS"));
	assert_int_equal(vocab_init(&v, g, TOKENIZER_BPE, false, &err), B3IQ_OK);
	assert_int_equal(v.bos, -1);
	vocab_finish(&v);
	gguf_close(g);
	bytes_finish(&b);
}

static void
special_spellings_have_a_limit(void **state)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	char text[VOCAB_MAX_SPECIAL + 2];
	struct vocab v;
	struct gguf *g;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[VOCAB_MAX_SPECIAL + 1] = 0;
	make_header(&b, 3, 0, 2);
	make_array(&b, MODEL "tokens", GGUF_KIND_STRING, 1);
	make_string(&b, text);
	make_array(&b, MODEL "token_type", GGUF_KIND_I32, 1);
	make_u32(&b, TOKENIZER_CONTROL);
	g = opened(&b);
	assert_int_equal(vocab_init(&v, g, TOKENIZER_BPE, false, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "longer than"));
	gguf_close(g);
	bytes_finish(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_spelling),
		cmocka_unit_test(byte_spellings),
		cmocka_unit_test(broken_files),
		cmocka_unit_test(a_bos_must_be_named),
		cmocka_unit_test(special_spellings_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
