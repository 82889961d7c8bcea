/* Pre-tokenizers: each expression of the lists by example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/text/pretok.c"

struct joined {
	struct pretok_sink sink;
	const uint32_t    *points;
	char               out[1024];
	size_t             len;
};

static int32_t
join(struct pretok_sink *sink, size_t at, size_t end)
{
	struct joined *j = (struct joined *)(void *)sink;

	assert_true(at < end);
	if (j->len)
		j->out[j->len++] = '~';
	while (at < end)
		j->len += unicode_encode(j->points[at++], j->out + j->len);
	return 0;
}

/* Words with '~' between them. */
static void
splits(const char *name, const char *text, const char *want)
{
	uint32_t points[256];
	uint8_t classes[256];
	struct joined j = { .sink = { join }, .points = points };
	struct pretok_text t = { points, classes };
	size_t n = 0, taken;

	for (size_t i = 0; text[i]; i += taken, n++) {
		points[n] = unicode_decode(text + i, strlen(text + i), &taken);
		classes[n] = pretok_class(points[n]);
	}
	assert_int_equal(pretok_split(pretok_find(name, strlen(name)), &t, n, &j.sink), 0);
	j.out[j.len] = 0;
	assert_string_equal(j.out, want);
}

static void
gpt2_words(void **state)
{
	(void)state;
	splits("gpt-2", "", "");
	splits("gpt-2", "Hello world", "Hello~ world");
	splits("gpt-2", "I'm we'll they've don't I'M", "I~'m~ we~'ll~ they~'ve~ don~'t~ I~'~M");
	splits("gpt-2", "a  b   ", "a~ ~ b~   ");
	splits("gpt-2", "x\n\n y 12ab!? $9", "x~\n\n~ y~ 12~ab~!?~ $~9");
	splits("gpt-2", "'s", "'s");
	splits("gpt-2", "'", "'");
	splits("gpt-2", "\xc2\xa0" "a\xe3\x80\x80", "\xc2\xa0~a~\xe3\x80\x80");
	splits("gpt-2", "e\xcc\x81" "e", "e~\xcc\x81~e");
}

static void
llama3_words(void **state)
{
	(void)state;
	splits("llama-bpe", "I'M $abc 12345", "I~'M~ $~abc~ ~123~45");
	splits("llama-bpe", "a!\n\nb", "a~!\n\n~b");
	splits("llama-bpe", " \n \nx", " \n \n~x");
	splits("llama-bpe", "  x", " ~ x");
	splits("llama-bpe", "\nx \t", "\n~x~ \t");
	splits("llama-bpe", "   ", "   ");
	splits("llama-bpe", "a \n", "a~ \n");
	splits("llama-bpe", "\r\n\tx", "\r\n~\tx");
	splits("llama-bpe", "1\xc2\xb2\xd9\xa3" "4", "1\xc2\xb2\xd9\xa3~4");
}

static void
qwen2_takes_digits_one_by_one(void **state)
{
	(void)state;
	splits("qwen2", "abc123 4", "abc~1~2~3~ ~4");
	splits("qwen2", "it'Ll", "it~'Ll");
	splits("qwen2", "...?!\r\n  x", "...?!\r\n~ ~ x");
}

static void
starcoder_cuts_digits_out_first(void **state)
{
	(void)state;
	splits("starcoder", "a  12 b", "a~  ~1~2~ b");
	splits("smollm", "x1's", "x~1~'s");
}

static void
deepseek_words(void **state)
{
	(void)state;
	splits("deepseek-llm", "Hello, World", "Hello~,~ World");
	splits("deepseek-llm", "a\n\nb  ", "a~\n~\n~b~  ");
	splits("deepseek-llm", "\xe4\xb8\xad\xe6\x96\x87" "123", "\xe4\xb8\xad\xe6\x96\x87~123");
	/* A letter that the list does not name splits the word around it. */
	splits("deepseek-llm", "a\xc2\xb5" "b", "a~\xc2\xb5~b");
}

static void
default_words(void **state)
{
	(void)state;
	splits("default", "a,b $$ 12345", "a~,~b~ ~$$~ ~123~45");
	splits("default", "x=1", "x~=~1");
}

/* Letters without case end the capitals of a word, and begin its small ones. */
static void
tekken_cuts_at_capitals(void **state)
{
	(void)state;
	splits("tekken", "HelloWorld HTTPServer", "Hello~World~ HTTPServer");
	splits("tekken", "ABC d12", "ABC~ d~1~2");
	splits("tekken", "A\xe4\xb8\xad" "BC", "A\xe4\xb8\xad~BC");
	splits("tekken", "a//\n/b it's", "a~//\n/~b~ it~'s");
	splits("gpt-4o", "it's IT'S 1234", "it's~ IT'S~ ~123~4");
}

static void
names_are_whole(void **state)
{
	(void)state;
	assert_non_null(pretok_find("llama3", 6));
	assert_ptr_equal(pretok_find("llama3", 6), pretok_find("llama-bpe", 9));
	assert_null(pretok_find("llama", 5));
	assert_null(pretok_find("", 0));
	assert_null(pretok_find("gpt-2 gpt2", 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpt2_words),
		cmocka_unit_test(llama3_words),
		cmocka_unit_test(qwen2_takes_digits_one_by_one),
		cmocka_unit_test(starcoder_cuts_digits_out_first),
		cmocka_unit_test(deepseek_words),
		cmocka_unit_test(default_words),
		cmocka_unit_test(tekken_cuts_at_capitals),
		cmocka_unit_test(names_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
