/* SPM encoding by its rules; the real vocabularies are in test_tokenizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/spm.c"
#include "make.h"

static const char *const pieces[] = { "a", "b", "ab", "ba", "aba", "\xe2\x96\x81", "\342\226\201a", "\xc3\xb6" };

static void
encodes(const struct vocab *v, const char *text, bool prefix, const char *want)
{
	struct tokens tokens = { .len = 0 };
	char have[256] = "";
	size_t len = 0;

	assert_int_equal(spm_encode(v, text, strlen(text), prefix, &tokens), B3IQ_OK);
	for (size_t i = 0; i < tokens.len; i++) {
		struct gguf_str s = vocab_text(v, (uint32_t)tokens.ids[i]);

		len += (size_t)snprintf(have + len, sizeof(have) - len, "%s%.*s", i ? "|" : "", (int)s.len,
					s.ptr);
	}
	assert_string_equal(have, want);
	tokens_finish(&tokens);
}

static void
merges_by_score_then_from_the_left(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);
	struct vocab v;
	struct gguf *g;

	(void)state;
	make_vocabulary(&b, "llama", "default", pieces, 8, NULL, 0);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "made.gguf", NULL), B3IQ_OK);
	assert_int_equal(vocab_init(&v, g, TOKENIZER_SPM, true, NULL), B3IQ_OK);
	assert_true(v.spaces_lead);
	encodes(&v, "ab", false, "ab");
	encodes(&v, "ab", true, "\xe2\x96\x81|ab"); /* ab scores over \u2581a */
	encodes(&v, "abab", false, "ab|ab");
	encodes(&v, "aba", false, "aba");
	encodes(&v, "a a", false, "a|\xe2\x96\x81" "a");
	encodes(&v, "", true, "\xe2\x96\x81");
	encodes(&v, "\xc3\xb6", false, "\xc3\xb6");
	encodes(&v, "\xc3\xa4\n", false, "<0xC3>|<0xA4>|<0x0A>");
	encodes(&v, "\xc3", false, "<0xC3>");
	encodes(&v, "<0x41>", false, "<0x3C>|<0x30>|<0x78>|<0x34>|<0x31>|<0x3E>");
	/* With equal scores the leftmost pair goes first. */
	v.scores[258] = v.scores[259] = 0;
	encodes(&v, "bab", false, "ba|b");
	v.scores[259] = -1;
	encodes(&v, "bab", false, "b|ab");
	vocab_finish(&v);
	gguf_close(g);
	bytes_finish(&b);
}

/* Where a token has a space inside, words may join over it. */
static void
spaces_inside_tokens(void **state)
{
	static const char *const inside[] = { "a", "b", "\xe2\x96\x81", "a\xe2\x96\x81", "a\342\226\201b" };
	struct bytes b = BYTES(MAKE_MAX);
	struct vocab v;
	struct gguf *g;

	(void)state;
	make_vocabulary(&b, "llama", "default", inside, 5, NULL, 0);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "made.gguf", NULL), B3IQ_OK);
	assert_int_equal(vocab_init(&v, g, TOKENIZER_SPM, true, NULL), B3IQ_OK);
	assert_false(v.spaces_lead);
	encodes(&v, "a b", false, "a\xe2\x96\x81" "b");
	encodes(&v, "b b", false, "b|\xe2\x96\x81|b");
	vocab_finish(&v);
	gguf_close(g);
	bytes_finish(&b);
}

static void
orders_floats(void **state)
{
	static const float falling[] = { 1e30f, 2, 1, 1e-40f, 0, -1e-40f, -1, -2, -1e30f };

	(void)state;
	for (size_t i = 1; i < sizeof(falling) / sizeof(falling[0]); i++)
		assert_true(order_of(falling[i - 1]) < order_of(falling[i]));
	assert_int_equal(order_of(0.0f), order_of(-0.0f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_by_score_then_from_the_left),
		cmocka_unit_test(spaces_inside_tokens),
		cmocka_unit_test(orders_floats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
