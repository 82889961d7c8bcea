/* Hostile text: encoding and decoding gives it back, and the stop matcher agrees with a plain search.
 *
 * The first byte chooses the tokenizer, the second cuts the stream for the stop matcher. */
#include <stdlib.h>
#include <string.h>
#include "../unit/engine/make.h"
#include "engine/text/pretok.h"
#include "engine/text/stop.h"
#include "engine/text/tokenizer.h"

#define MAX_TOKENIZERS 16

static const char *const pieces[] = { "\xe2\x96\x81", "h", "e", "l", "o", "he", "ll", "hell", "hello",
				      "\xe2\x96\x81hello", "\xe2\x96\x81\xe2\x96\x81",
				      "\xe2\x96\x81\xe2\x96\x81\xe2\x96\x81\xe2\x96\x81", "\xc3\xb6",
				      "aa", "aaa", "aaaa", "<", "s", "<s", "a" };
static const char *const merges[] = { "h e", "l l", "he ll", "hell o", "\xc4\xa0 hello",
				      "\xc4\xa0 \xc4\xa0", "\xc4\xa0\xc4\xa0 \xc4\xa0\xc4\xa0", "a a",
				      "aa aa", "< s", "<s >", "\xc3\x83 \xc2\xb6", "1 2", "12 3" };
static const char *const joined[] = { "he", "ll", "hell", "hello", "\xc4\xa0hello", "\xc4\xa0\xc4\xa0",
				      "\xc4\xa0\xc4\xa0\xc4\xa0\xc4\xa0", "aa", "aaaa", "<s",
				      "\xc3\x83\xc2\xb6", "12", "123" };

static struct tokenizer *tokenizers[MAX_TOKENIZERS];
static size_t n_tokenizers;

static void
add(const char *model, const char *pre)
{
	bool spm = !strcmp(model, "llama");
	struct bytes file = BYTES(MAKE_MAX);
	struct gguf *g;

	make_vocabulary(&file, model, pre, spm ? pieces : joined,
			spm ? sizeof(pieces) / sizeof(*pieces) : sizeof(joined) / sizeof(*joined), merges,
			sizeof(merges) / sizeof(*merges));
	make_check(gguf_open_memory(&g, file.data, file.len, "vocabulary", NULL));
	make_check(tokenizer_create(&tokenizers[n_tokenizers++], g, NULL));
	gguf_close(g);
	bytes_finish(&file);
}

static void
start(void)
{
	add("llama", "default");
	for (size_t i = 0; pretok_at(i) && n_tokenizers < MAX_TOKENIZERS; i++) {
		char name[32];
		size_t len = strcspn(pretok_at(i)->names, " ");

		memcpy(name, pretok_at(i)->names, len);
		name[len] = 0;
		add("gpt2", name);
	}
}

static bool
is_utf8(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		int n = unicode_scan(text + i, len - i);

		if (n <= 0)
			return false;
		i += (size_t)n;
	}
	return true;
}

/* What comes back: SPM any bytes, BPE any UTF-8. */
static void
round_trip(const struct tokenizer *t, const char *text, size_t len)
{
	struct tokens tokens = { .max = 0 };
	struct bytes back = BYTES(MAKE_MAX);
	bool spm = tokenizer_kind(t) == TOKENIZER_SPM;
	size_t skip;

	/* U+2581 in a text is a space to SPM. */
	make_check(tokenizer_encode(t, text, len, 0, &tokens, NULL));
	for (size_t i = 0; i < tokens.len; i++) {
		struct gguf_str s = tokenizer_bytes(t, tokens.ids[i]);

		if (tokenizer_type(t, tokens.ids[i]) == TOKENIZER_CONTROL)
			abort();
		make_raw(&back, s.ptr, s.len);
	}
	/* Behind a user-defined token SPM puts a space that no decoder can tell from the text's. */
	skip = spm && len ? 1 : 0;
	if ((spm || is_utf8(text, len)) && !memmem(text, len, "\xe2\x96\x81", 3) &&
	    !(spm && memmem(text, len, "<tool>", 6)) &&
	    (back.len - skip != len || (len && memcmp(back.data + skip, text, len))))
		abort();
	tokens.len = 0;
	make_check(tokenizer_encode(t, text, len, TOKENIZER_SPECIAL | TOKENIZER_ENDS, &tokens, NULL));
	tokens_finish(&tokens);
	bytes_finish(&back);
}

/* Streams text through two stop strings; what leaves is the text up to the first of them. */
static void
stream(const char *text, size_t len, size_t step)
{
	static const struct stop_string strings[] = { { "aab", 3 }, { "ab\xc3\xb6", 4 } };
	const char *first = memmem(text, len, "aab", 3), *second = memmem(text, len, "ab\xc3\xb6", 4);
	struct bytes out = BYTES(MAKE_MAX);
	struct stop stop;
	const char *part;
	size_t n, end = len;
	bool stopped = false;

	make_check(stop_init(&stop, strings, 2, NULL));
	for (size_t i = 0; i < len && !stopped; i += step) {
		make_check(stop_push(&stop, text + i, len - i < step ? len - i : step, &part, &n, &stopped));
		make_raw(&out, part, n);
	}
	make_check(stop_flush(&stop, &part, &n));
	make_raw(&out, part, n);
	if (first || second) {
		const char *a = first ? first + 3 : NULL, *b = second ? second + 4 : NULL;

		/* The one that is complete first ends the stream. */
		end = (size_t)((!b || (a && a < b) ? first : second) - text);
	}
	if (stopped != (first || second) || (out.len && !is_utf8(out.data, out.len)))
		abort();
	if (is_utf8(text, end) && (out.len != end || (end && memcmp(out.data, text, end))))
		abort();
	bytes_finish(&out);
	stop_finish(&stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!n_tokenizers)
		start();
	if (size < 2)
		return 0;
	round_trip(tokenizers[data[0] % n_tokenizers], (const char *)data + 2, size - 2);
	stream((const char *)data + 2, size - 2, data[1] % 16 + 1);
	return 0;
}
