/* Special tokens in text: longest first, then leftmost; what is found is no text any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/special.c"
#include "make.h"

static const char *const names[] = { "<|user|>", "<|assistant|>", "<|placeholder1|>", "<|x|>", "<|xx|>" };

struct world {
	struct bytes   b;
	struct gguf   *g;
	struct vocab   vocab;
	struct special special;
};

/* An SPM vocabulary with "<|user|>" ... as control tokens. */
static void
start(struct world *w)
{
	w->b = BYTES(MAKE_MAX);
	make_vocabulary(&w->b, "llama", "default", names, 5, NULL, 0);
	assert_int_equal(gguf_open_memory(&w->g, w->b.data, w->b.len, "made.gguf", NULL), B3IQ_OK);
	assert_int_equal(vocab_init(&w->vocab, w->g, TOKENIZER_SPM, true, NULL), B3IQ_OK);
	for (uint32_t i = 256; i < 261; i++)
		w->vocab.types[i] = TOKENIZER_CONTROL;
	assert_int_equal(special_init(&w->special, &w->vocab, NULL), B3IQ_OK);
}

static void
end(struct world *w)
{
	special_finish(&w->special);
	vocab_finish(&w->vocab);
	gguf_close(w->g);
	bytes_finish(&w->b);
}

/* Pieces with '~' between them, tokens in '{}'. */
static void
splits(const struct world *w, const char *text, bool control, const char *want)
{
	struct special_pieces p;
	char have[512] = "";
	size_t len = 0;

	assert_int_equal(special_split(&w->special, &w->vocab, text, strlen(text), control, &p), B3IQ_OK);
	for (size_t i = 0; i < p.n; i++)
		len += (size_t)snprintf(have + len, sizeof(have) - len, "%s%s%.*s%s", i ? "~" : "",
					p.list[i].id >= 0 ? "{" : "", (int)p.list[i].len,
					text + p.list[i].at, p.list[i].id >= 0 ? "}" : "");
	assert_string_equal(have, want);
	special_pieces_finish(&p);
}

static void
finds_what_is_allowed(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.vocab.strip_right = false;
	splits(&w, "", true, "");
	splits(&w, "plain", true, "plain");
	splits(&w, "a<s>b", false, "a<s>b");
	splits(&w, "a<s>b<tool>c", false, "a<s>b~{<tool>}~c");
	splits(&w, "a<s>b<tool>c", true, "a~{<s>}~b~{<tool>}~c");
	splits(&w, "<s></s><s", true, "{<s>}~{</s>}~<s");
	splits(&w, "<|xx|><|x|>", true, "{<|xx|>}~{<|x|>}");
	splits(&w, "<<s>>", true, "<~{<s>}~>");
	end(&w);
}

static void
phi3_swallows_white_space(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	assert_true(w.vocab.strip_right);
	splits(&w, "<|user|>\n hi <|x|> \n", true, "{<|user|>}~hi ~{<|x|>}");
	splits(&w, "<s> hi", true, "{<s>}~ hi");
	splits(&w, "<|user|>\n<|assistant|>\n", true, "{<|user|>}~{<|assistant|>}");
	end(&w);
}

/* Against the plain way: one spelling after the other, longest first. */
static void
equals_the_plain_way(void **state)
{
	static const char *const bits[] = { "<", "|", "x", "<|x|>", "<|xx|>", "<s>", "</s>", "s>", " ", "<tool>" };
	struct world w;
	uint32_t seed = 7;

	(void)state;
	start(&w);
	w.vocab.strip_right = false;
	for (int round = 0; round < 3000; round++) {
		char text[256] = "", taken[256];
		struct special_pieces p;
		size_t n_tokens = 0, want = 0;

		for (int i = 0; i < 12; i++) {
			seed = seed * 1664525u + 1013904223u;
			memcpy(text + strlen(text), bits[seed >> 24 & 7], strlen(bits[seed >> 24 & 7]) + 1);
		}
		memset(taken, 0, sizeof(taken));
		for (size_t len = 20; len > 0; len--)
			for (size_t at = 0; at + len <= strlen(text); at++) {
				int32_t id = vocab_find(&w.vocab, text + at, len);

				if (id < 256 || memchr(taken + at, 1, len))
					continue;
				memset(taken + at, 1, len);
				want++;
			}
		assert_int_equal(special_split(&w.special, &w.vocab, text, strlen(text), true, &p), 0);
		for (size_t i = 0; i < p.n; i++) {
			n_tokens += p.list[i].id >= 0;
			for (uint32_t k = 0; k < p.list[i].len; k++)
				assert_int_equal(taken[p.list[i].at + k], p.list[i].id >= 0);
		}
		assert_int_equal(n_tokens, want);
		special_pieces_finish(&p);
	}
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_allowed),
		cmocka_unit_test(phi3_swallows_white_space),
		cmocka_unit_test(equals_the_plain_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
