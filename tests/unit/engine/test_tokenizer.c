/* Tokenizers: exact on real vocabularies (those of ../shared; skipped without them), and by rule on
 * small ones made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/text/chat.h"
#include "engine/text/tokenizer.c"
#include "make.h"

#define VOCAB SHARED_DIR "/data/vocab/ggml-vocab-"
#define IDS SOURCE_DIR "/tests/unit/engine/data/ids/"
#define SEPARATOR "\n__ggml_vocab_test__\n"

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *data;
	long len;

	if (!f)
		return NULL;
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	rewind(f);
	data = malloc((size_t)len + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)len, f), len);
	data[len] = 0;
	fclose(f);
	return data;
}

/* NULL where the vocabulary is absent. */
static struct tokenizer *
open_vocabulary(const char *name)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct tokenizer *t = NULL;
	char path[512];
	struct gguf *g;
	int32_t rc;

	snprintf(path, sizeof(path), VOCAB "%s.gguf", name);
	rc = gguf_open(&g, path, &err);
	if (rc == B3IQ_E_NOT_FOUND) {
		print_message("skipped: %s is absent\n", path);
		return NULL;
	}
	if (rc || tokenizer_create(&t, g, &err))
		fail_msg("%s", err.text);
	gguf_close(g);
	return t;
}

/* ids: decimal numbers with spaces between, to the end of the line. */
static void
expect_ids(const struct tokenizer *t, const char *text, size_t len, const char *ids)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct tokens tokens = { .len = 0 };
	size_t n = 0;
	char *end;

	if (tokenizer_encode(t, text, len, 0, &tokens, &err))
		fail_msg("%s", err.text);
	while (*ids == ' ' || (*ids >= '0' && *ids <= '9')) {
		long id = strtol(ids, &end, 10);

		if (end == ids)
			break;
		if (n >= tokens.len || tokens.ids[n] != id)
			fail_msg("\"%.*s\": id %zu is %d instead of %ld", (int)len, text, n,
				 n < tokens.len ? tokens.ids[n] : -1, id);
		ids = end;
		n++;
	}
	if (n != tokens.len)
		fail_msg("\"%.*s\": %zu ids instead of %zu", (int)len, text, tokens.len, n);
	tokens_finish(&tokens);
}

static void
published_texts(const char *name)
{
	struct tokenizer *t = open_vocabulary(name);
	char path[512], *inputs, *outputs, *text, *ids;
	size_t n = 0;

	if (!t)
		return;
	snprintf(path, sizeof(path), VOCAB "%s.gguf.inp", name);
	inputs = slurp(path);
	snprintf(path, sizeof(path), VOCAB "%s.gguf.out", name);
	outputs = slurp(path);
	assert_non_null(inputs);
	assert_non_null(outputs);
	for (text = inputs, ids = outputs; text; n++) {
		char *end = strstr(text, SEPARATOR), *line = strchr(ids, '\n');

		expect_ids(t, text, end ? (size_t)(end - text) : strlen(text), ids);
		text = end ? end + strlen(SEPARATOR) : NULL;
		ids = line ? line + 1 : ids + strlen(ids);
	}
	assert_true(n > 40);
	free(inputs);
	free(outputs);
	tokenizer_destroy(t);
}

static void
exact_on_the_published_texts(void **state)
{
	(void)state;
	published_texts("llama-spm");
	published_texts("phi-3");
	published_texts("gpt-2");
	published_texts("deepseek-llm");
	published_texts("starcoder");
}

/* Random Unicode texts with the ids that llama.cpp (v0.5.0 of node-llama-cpp 3.22) gives them.  pre: a
 * pre-tokenizer other than the vocabulary's own. */
static void
recorded_texts(const char *vocabulary, const char *pre)
{
	struct tokenizer *t = open_vocabulary(vocabulary);
	char path[512], *lines, *line, *rest, text[4096];
	size_t n = 0;

	if (!t)
		return;
	snprintf(path, sizeof(path), IDS "%s%s%s.txt", vocabulary, pre ? "-" : "", pre ? pre : "");
	lines = slurp(path);
	assert_non_null(lines);
	if (pre)
		t->bpe.pretok = pretok_find(pre, strlen(pre));
	for (line = lines; (rest = strchr(line, '\n')) != NULL; line = rest + 1, n++) {
		size_t len = 0;

		for (; *line != ' ' && *line != '\n'; line += 2) {
			char hex[3] = { line[0], line[1], 0 };

			assert_true(len < sizeof(text));
			text[len++] = (char)strtoul(hex, NULL, 16);
		}
		expect_ids(t, text, len, line);
	}
	assert_int_equal(n, 150);
	free(lines);
	tokenizer_destroy(t);
}

static void
exact_on_recorded_random_texts(void **state)
{
	(void)state;
	recorded_texts("llama-spm", NULL);
	recorded_texts("phi-3", NULL);
	recorded_texts("gpt-2", NULL);
	recorded_texts("deepseek-llm", NULL);
	recorded_texts("starcoder", NULL);
	recorded_texts("gpt-2", "llama-bpe");
	recorded_texts("gpt-2", "qwen2");
	recorded_texts("gpt-2", "tekken");
	recorded_texts("gpt-2", "gpt-4o");
	recorded_texts("gpt-2", "default");
}

/* ---- small vocabularies ------------------------------------------------- */

static struct tokenizer *
made(const char *model, const char *pre, const char *const *pieces, size_t n_pieces,
     const char *const *merges, size_t n_merges)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	struct tokenizer *t = NULL;
	struct gguf *g;

	make_vocabulary(&b, model, pre, pieces, n_pieces, merges, n_merges);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "made.gguf", &err), B3IQ_OK);
	if (tokenizer_create(&t, g, &err))
		fail_msg("%s", err.text);
	gguf_close(g);
	bytes_finish(&b);
	return t;
}

static const char *const spm_pieces[] = { "\xe2\x96\x81", "h", "e", "l", "o", "he", "ll", "hello",
					  "\xe2\x96\x81hello", "hell", "<s", "<" , "s" };
static const char *const bpe_pieces[] = { "he", "ll", "hell", "hello", "\xc4\xa0hello", "<s" };
static const char *const bpe_merges[] = { "h e", "l l", "he ll", "hell o", "\xc4\xa0 hello", "< s",
					  "<s >" };

static struct tokenizer *
made_spm(void)
{
	return made("llama", "default", spm_pieces, sizeof(spm_pieces) / sizeof(*spm_pieces), NULL, 0);
}

static struct tokenizer *
made_bpe(const char *pre)
{
	return made("gpt2", pre, bpe_pieces, sizeof(bpe_pieces) / sizeof(*bpe_pieces), bpe_merges,
		    sizeof(bpe_merges) / sizeof(*bpe_merges));
}

/* The ids as text: spellings with '|' between them. */
static const char *
spelled(const struct tokenizer *t, const struct tokens *tokens)
{
	static char out[4096];
	size_t len = 0;

	for (size_t i = 0; i < tokens->len; i++) {
		struct gguf_str s = tokenizer_text(t, tokens->ids[i]);

		if (i)
			out[len++] = '|';
		memcpy(out + len, s.ptr, s.len);
		len += s.len;
	}
	out[len] = 0;
	return out;
}

static const char *
encoded(const struct tokenizer *t, const char *text, uint32_t flags)
{
	struct tokens tokens = { .len = 0 };
	const char *out;

	assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &tokens, NULL), B3IQ_OK);
	out = spelled(t, &tokens);
	tokens_finish(&tokens);
	return out;
}

static void
special_tokens_in_text_are_text(void **state)
{
	struct tokenizer *spm = made_spm(), *bpe = made_bpe("gpt-2");

	(void)state;
	assert_string_equal(encoded(spm, "<s>", 0), "\xe2\x96\x81|<s|<0x3E>");
	assert_string_equal(encoded(spm, "<s>", TOKENIZER_SPECIAL), "<s>");
	assert_string_equal(encoded(spm, "h<tool>h", 0),
			    "\xe2\x96\x81|h|<tool>|\xe2\x96\x81|h");
	assert_string_equal(encoded(bpe, "<s>", 0), "<|s|>");
	assert_string_equal(encoded(bpe, "a<s>b</s>", TOKENIZER_SPECIAL), "a|<s>|b|</s>");
	assert_string_equal(encoded(bpe, "<s>", TOKENIZER_SPECIAL | TOKENIZER_ENDS), "<s>");
	assert_string_equal(encoded(bpe, "x<tool>y", 0), "x|<tool>|y");
	assert_string_equal(encoded(bpe, " hello", 0), "\xc4\xa0hello");
	/* A control token that text could be merged into. */
	bpe->vocab.types[tokenizer_find(bpe, "\xc4\xa0hello", 7)] = TOKENIZER_CONTROL;
	assert_string_equal(encoded(bpe, " hello", 0), "\xc4\xa0|h|e|l|l|o");
	tokenizer_destroy(spm);
	tokenizer_destroy(bpe);
}

static void
ends_and_bos_once(void **state)
{
	struct tokenizer *t = made_spm();

	(void)state;
	assert_string_equal(encoded(t, "", 0), "");
	assert_string_equal(encoded(t, "", TOKENIZER_ENDS), "<s>");
	assert_string_equal(encoded(t, "hello", TOKENIZER_ENDS), "<s>|\xe2\x96\x81hello");
	assert_string_equal(encoded(t, "<s>hello", TOKENIZER_ENDS | TOKENIZER_SPECIAL),
			    "<s>|\xe2\x96\x81hello");
	assert_string_equal(encoded(t, "<s><s>", TOKENIZER_ENDS | TOKENIZER_SPECIAL), "<s>|<s>");
	assert_true(tokenizer_add_bos(t));
	assert_true(tokenizer_is_end(t, tokenizer_eos(t)));
	assert_false(tokenizer_is_end(t, tokenizer_bos(t)));
	assert_false(tokenizer_is_end(t, -1));
	assert_true(tokenizer_space_prefix(t));
	tokenizer_destroy(t);
}

static void
parts_keep_control_and_text_apart(void **state)
{
	static const struct tokenizer_part parts[] = {
		{ "<s>", 3, true }, { "hel", 3, false }, { "lo", 2, false }, { "[X]", 3, true },
		{ "<s>", 3, false }, { "</s>", 4, true },
	};
	struct tokenizer *t = made_bpe("gpt-2");
	struct tokens tokens = { .len = 0 };

	(void)state;
	assert_int_equal(tokenizer_encode_parts(t, parts, 6, TOKENIZER_ENDS, &tokens, NULL), B3IQ_OK);
	/* One BOS; text joined over parts; what is no token of the vocabulary is text too. */
	assert_string_equal(spelled(t, &tokens), "<s>|hello|[|X|]|<|s|>|</s>");
	tokens_finish(&tokens);
	tokenizer_destroy(t);
}

/* A rendered prompt gives the ids that llama.cpp gives its text, as long as nobody wrote control tokens. */
static void
prompts_encode_as_their_text(void **state)
{
	static const struct {
		const char      *vocabulary;
		enum chat_format format;
	} cases[] = { { "phi-3", CHAT_PHI3 }, { "llama-spm", CHAT_LLAMA2 }, { "llama-spm", CHAT_ZEPHYR },
		      { "llama-spm", CHAT_MISTRAL3 }, { "starcoder", CHAT_CHATML } };
	static const struct chat_message messages[] = {
		{ CHAT_SYSTEM, "Be terse.", 9 }, { CHAT_USER, " Hi  there\n", 11 },
		{ CHAT_ASSISTANT, "Hello!", 6 }, { CHAT_USER, "Why?", 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tokenizer *t = open_vocabulary(cases[i].vocabulary);
		struct chat_prompt prompt = { .n_parts = 0 };
		struct tokens parts = { .len = 0 }, whole = { .len = 0 };

		if (!t)
			return;
		assert_int_equal(chat_render(cases[i].format, messages, 4, CHAT_GENERATE, &prompt, NULL), 0);
		assert_int_equal(chat_encode(t, &prompt, &parts, NULL), 0);
		assert_int_equal(tokenizer_encode(t, prompt.text.data, prompt.text.len,
						  TOKENIZER_SPECIAL | TOKENIZER_ENDS, &whole, NULL), 0);
		assert_int_equal(parts.len, whole.len);
		assert_memory_equal(parts.ids, whole.ids, parts.len * sizeof(*parts.ids));
		tokens_finish(&parts);
		tokens_finish(&whole);
		chat_finish(&prompt);
		tokenizer_destroy(t);
	}
}

static void
tokens_stand_for_bytes(void **state)
{
	struct tokenizer *spm = made_spm(), *bpe = made_bpe("gpt-2");
	int32_t id = tokenizer_find(spm, "\xe2\x96\x81hello", 8);

	(void)state;
	assert_true(gguf_str_equal(tokenizer_bytes(spm, id), " hello"));
	assert_true(gguf_str_equal(tokenizer_bytes(spm, 10), "\n"));
	assert_true(gguf_str_equal(tokenizer_bytes(spm, tokenizer_bos(spm)), ""));
	assert_true(gguf_str_equal(tokenizer_text(spm, tokenizer_bos(spm)), "<s>"));
	assert_int_equal(tokenizer_bytes(spm, -1).len, 0);
	assert_int_equal(tokenizer_bytes(spm, INT32_MAX).len, 0);
	assert_int_equal(tokenizer_bytes(bpe, 0).len, 1);
	for (int32_t b = 0; b < 256; b++) {
		assert_int_equal(tokenizer_bytes(bpe, b).len, 1);
		assert_int_equal((uint8_t)*tokenizer_bytes(bpe, b).ptr, b);
	}
	assert_true(gguf_str_equal(tokenizer_bytes(bpe, tokenizer_find(bpe, "\xc4\xa0hello", 7)),
				   " hello"));
	assert_int_equal(tokenizer_kind(bpe), TOKENIZER_BPE);
	assert_int_equal(tokenizer_size(spm), 256 + 13 + 3);
	assert_int_equal(tokenizer_type(spm, tokenizer_bos(spm)), TOKENIZER_CONTROL);
	tokenizer_destroy(spm);
	tokenizer_destroy(bpe);
}

/* 256 KiB of one character, and of other hostile repetitions, must not hang (quadratic would be minutes); the
 * time limit of the test is the judge. */
static void
hostile_repetitions_are_not_quadratic(void **state)
{
	static const char *const units[] = { "a", " ", "\n", "<s", "l", "'", "1", "\xe3\x80\x82", "\xff",
					     " \n", "hello " };
	struct tokenizer *t[] = { made_spm(), made_bpe("gpt-2"), made_bpe("llama-bpe"),
				  made_bpe("deepseek-llm"), made_bpe("default"), made_bpe("starcoder") };
	size_t size = 1 << 18;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (size_t u = 0; u < sizeof(units) / sizeof(*units); u++) {
		for (size_t i = 0; i < size; i++)
			text[i] = units[u][i % strlen(units[u])];
		for (size_t k = 0; k < sizeof(t) / sizeof(*t); k++) {
			struct tokens tokens = { .len = 0 };

			assert_int_equal(tokenizer_encode(t[k], text, size, 0, &tokens, NULL), B3IQ_OK);
			assert_true(tokens.len > 0);
			tokens_finish(&tokens);
		}
	}
	for (size_t k = 0; k < sizeof(t) / sizeof(*t); k++)
		tokenizer_destroy(t[k]);
	free(text);
}

static void
limits(void **state)
{
	struct tokenizer *t = made_bpe("gpt-2");
	struct b3iq_error err = { .size = sizeof(err) };
	struct tokens tokens = { .max = 3 };

	(void)state;
	assert_int_equal(tokenizer_encode(t, "1 2 3", 5, 0, &tokens, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "3 tokens"));
	assert_int_equal(tokenizer_encode(t, "1", (size_t)TOKENIZER_MAX_TEXT + 1, 0, &tokens, &err),
			 B3IQ_E_INVALID);
	tokens_finish(&tokens);
	tokenizer_destroy(t);
	tokenizer_destroy(NULL);
}

static void
refuses(const char *model, const char *pre, int32_t code, const char *says)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	struct tokenizer *t;
	struct gguf *g;

	make_vocabulary(&b, model, pre, NULL, 0, NULL, 0);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "made.gguf", &err), B3IQ_OK);
	assert_int_equal(tokenizer_create(&t, g, &err), code);
	if (!strstr(err.text, says))
		fail_msg("%s", err.text);
	assert_null(t);
	gguf_close(g);
	bytes_finish(&b);
}

static void
unknown_kinds_are_named(void **state)
{
	(void)state;
	refuses("bert", "default", B3IQ_E_UNSUPPORTED, "\"bert\"");
	refuses("gpt2", "viking", B3IQ_E_UNSUPPORTED, "\"viking\"");
	refuses("gpt2", "viking", B3IQ_E_UNSUPPORTED, "llama-bpe");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_on_the_published_texts),
		cmocka_unit_test(exact_on_recorded_random_texts),
		cmocka_unit_test(special_tokens_in_text_are_text),
		cmocka_unit_test(ends_and_bos_once),
		cmocka_unit_test(parts_keep_control_and_text_apart),
		cmocka_unit_test(prompts_encode_as_their_text),
		cmocka_unit_test(tokens_stand_for_bytes),
		cmocka_unit_test(hostile_repetitions_are_not_quadratic),
		cmocka_unit_test(limits),
		cmocka_unit_test(unknown_kinds_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
