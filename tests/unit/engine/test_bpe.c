/* Byte-level BPE by its rules; the real vocabularies are in test_tokenizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/bpe.c"
#include "make.h"

struct world {
	struct bytes b;
	struct gguf *g;
	struct vocab vocab;
	struct bpe   bpe;
};

static void
start(struct world *w, const char *pre, const char *const *pieces, size_t n_pieces,
      const char *const *merges, size_t n_merges)
{
	w->b = BYTES(MAKE_MAX);
	make_vocabulary(&w->b, "gpt2", pre, pieces, n_pieces, merges, n_merges);
	assert_int_equal(gguf_open_memory(&w->g, w->b.data, w->b.len, "made.gguf", NULL), B3IQ_OK);
	assert_int_equal(vocab_init(&w->vocab, w->g, TOKENIZER_BPE, false, NULL), B3IQ_OK);
	assert_int_equal(bpe_init(&w->bpe, &w->vocab, w->g, pretok_find(pre, strlen(pre)), NULL), B3IQ_OK);
}

static void
end(struct world *w)
{
	bpe_finish(&w->bpe);
	vocab_finish(&w->vocab);
	gguf_close(w->g);
	bytes_finish(&w->b);
}

static void
encodes(const struct world *w, const char *text, const char *want)
{
	struct tokens tokens = { .len = 0 };
	char have[256] = "";
	size_t len = 0;

	assert_int_equal(bpe_encode(&w->bpe, &w->vocab, text, strlen(text), &tokens), B3IQ_OK);
	for (size_t i = 0; i < tokens.len; i++) {
		struct gguf_str s = vocab_text(&w->vocab, (uint32_t)tokens.ids[i]);

		len += (size_t)snprintf(have + len, sizeof(have) - len, "%s%.*s", i ? "|" : "", (int)s.len,
					s.ptr);
	}
	assert_string_equal(have, want);
	tokens_finish(&tokens);
}

static void
merges_by_rank(void **state)
{
	static const char *const pieces[] = { "bc", "ab", "abc", "aa" };
	static const char *const merges[] = { "b c", "a b", "ab c", "a bc", "a a", "b c" };
	struct world w;

	(void)state;
	start(&w, "gpt-2", pieces, 4, merges, 6);
	encodes(&w, "abc", "abc"); /* bc first, then a bc */
	encodes(&w, "ab", "ab");
	encodes(&w, "aaa", "aa|a");
	encodes(&w, "a\n", "a|\xc4\x8a");
	encodes(&w, "\xc3\xb6", "\xc3\x83|\xc2\xb6");
	encodes(&w, "\xff", "\xc3\xaf|\xc2\xbf|\xc2\xbd"); /* U+FFFD */
	end(&w);
}

/* A merge through a string that is no token goes on; at the end what is none falls back to bytes. */
static void
merges_through_strings_that_are_no_tokens(void **state)
{
	static const char *const pieces[] = { "xyz" };
	static const char *const merges[] = { "x y", "xy z", "nospace", "p q", "" };
	struct world w;

	(void)state;
	start(&w, "gpt-2", pieces, 1, merges, 5);
	encodes(&w, "xyz", "xyz");
	encodes(&w, "xy", "x|y");
	encodes(&w, "pq", "p|q");
	end(&w);
}

static void
whole_words_need_no_merges(void **state)
{
	static const char *const pieces[] = { "word", "\xc4\xa0word" };
	struct world w;

	(void)state;
	start(&w, "llama-bpe", pieces, 2, NULL, 0);
	encodes(&w, "word word", "word|\xc4\xa0word");
	encodes(&w, "words", "w|o|r|d|s");
	end(&w);
	start(&w, "gpt-2", pieces, 2, NULL, 0);
	encodes(&w, "word", "w|o|r|d");
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_by_rank),
		cmocka_unit_test(merges_through_strings_that_are_no_tokens),
		cmocka_unit_test(whole_words_need_no_merges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
