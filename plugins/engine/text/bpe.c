#include "engine/text/bpe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "engine/bytes.h"
#include "engine/fail.h"
#include "engine/hash.h"
#include "engine/text/merge.h"
#include "engine/text/unicode.h"

#define KEY_MERGES "tokenizer.ggml.merges"
#define MAX_MERGES (1u << 22)
#define FREE       UINT32_MAX

/* ---- symbols: while the merges are read --------------------------------- */

/* Strings in merges that are no tokens.  Their ids follow the tokens'. */
struct extras {
	const struct vocab *vocab;
	struct bytes        text;
	struct gguf_str    *strings; /* .ptr holds the offset until text stops growing */
	uint32_t           *slots;
	uint32_t            n, max, mask;
	uint64_t            seed;
};

static int32_t
extras_init(struct extras *x, const struct vocab *v, size_t max)
{
	size_t slots = 64;

	while (slots < max * 2)
		slots *= 2;
	*x = (struct extras){ .vocab = v, .text = BYTES(VOCAB_MAX_BYTES), .max = (uint32_t)max };
	x->mask = (uint32_t)(slots - 1);
	x->seed = hash_seed();
	x->strings = malloc(max * sizeof(*x->strings));
	x->slots = malloc(slots * sizeof(*x->slots));
	if (!x->strings || !x->slots)
		return B3IQ_E_NO_MEMORY;
	memset(x->slots, 0xff, slots * sizeof(*x->slots));
	return B3IQ_OK;
}

static void
extras_finish(struct extras *x)
{
	bytes_finish(&x->text);
	free(x->strings);
	free(x->slots);
}

/* The symbol of a string, made if there is none yet. */
static int32_t
symbol_of(struct extras *x, const char *text, size_t len, uint32_t *symbol)
{
	int32_t token = vocab_find(x->vocab, text, len), rc;
	uint32_t i = (uint32_t)hash_bytes(x->seed, text, len) & x->mask;

	if (token >= 0) {
		*symbol = (uint32_t)token;
		return B3IQ_OK;
	}
	for (; x->slots[i] != FREE; i = (i + 1) & x->mask) {
		struct gguf_str *s = &x->strings[x->slots[i]];

		if (s->len == len && !memcmp(x->text.data + (uintptr_t)s->ptr, text, len)) {
			*symbol = x->vocab->n + x->slots[i];
			return B3IQ_OK;
		}
	}
	if (x->n == x->max)
		return B3IQ_E_INTERNAL;
	x->strings[x->n] = (struct gguf_str){ (const char *)(uintptr_t)x->text.len, len };
	rc = bytes_add(&x->text, text, len);
	if (rc)
		return rc;
	x->slots[i] = x->n;
	*symbol = x->vocab->n + x->n++;
	return B3IQ_OK;
}

/* ---- merges ------------------------------------------------------------- */

static struct bpe_merge *
merge_slot(const struct bpe *b, uint32_t left, uint32_t right)
{
	uint32_t i = (uint32_t)hash_u64(b->seed, (uint64_t)left << 32 | right) & b->mask;

	while (b->merges[i].left != FREE &&
	       (b->merges[i].left != left || b->merges[i].right != right))
		i = (i + 1) & b->mask;
	return &b->merges[i];
}

/* "left right", cut at the first space behind its first byte; the first of equal lines counts. */
static int32_t
add_merge(struct bpe *b, struct extras *x, struct gguf_str line, uint32_t rank,
	  struct bytes *joined)
{
	const char *space = line.len > 1 ? memchr(line.ptr + 1, ' ', line.len - 1) : NULL;
	struct bpe_merge merge = { .rank = rank }, *slot;
	size_t left, right;
	int32_t rc;

	if (!space)
		return B3IQ_OK;
	left = (size_t)(space - line.ptr);
	right = line.len - left - 1;
	joined->len = 0;
	rc = bytes_add(joined, line.ptr, left);
	if (!rc)
		rc = bytes_add(joined, space + 1, right);
	if (!rc)
		rc = symbol_of(x, line.ptr, left, &merge.left);
	if (!rc)
		rc = symbol_of(x, space + 1, right, &merge.right);
	if (!rc)
		rc = symbol_of(x, joined->data, joined->len, &merge.result);
	if (rc)
		return rc;
	slot = merge_slot(b, merge.left, merge.right);
	if (slot->left == FREE)
		*slot = merge;
	return B3IQ_OK;
}

static int32_t
add_byte_symbols(struct bpe *b, struct extras *x)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[UNICODE_MAX_UTF8];
		size_t len = unicode_encode(unicode_from_byte((uint8_t)byte), text);
		int32_t rc = symbol_of(x, text, len, &b->byte_symbols[byte]);

		if (rc)
			return rc;
	}
	return B3IQ_OK;
}

static int32_t
read_merges(struct bpe *b, const struct vocab *v, const struct gguf_array *lines)
{
	struct bytes joined = BYTES(VOCAB_MAX_BYTES);
	struct gguf_str line;
	struct extras x;
	size_t at = 0;
	uint32_t rank = 0;
	int32_t rc = extras_init(&x, v, 3 * lines->count + 256);

	if (!rc)
		rc = add_byte_symbols(b, &x);
	while (!rc && gguf_array_next(lines, &at, &line))
		rc = add_merge(b, &x, line, rank++, &joined);
	bytes_finish(&joined);
	extras_finish(&x);
	return rc;
}

int32_t
bpe_init(struct bpe *b, const struct vocab *v, const struct gguf *g, const struct pretok *pretok,
	 struct b3iq_error *err)
{
	struct gguf_array lines = { .kind = GGUF_KIND_STRING };
	size_t slots = 64;
	int32_t rc = gguf_array(g, KEY_MERGES, GGUF_KIND_STRING, &lines, err);

	*b = (struct bpe){ .pretok = pretok, .n_tokens = v->n };
	if (rc)
		return rc;
	if (lines.count > MAX_MERGES)
		return fail_with(err, B3IQ_E_INVALID, "%s: %s has %zu entries, more than any "
				 "vocabulary; get the file from its publisher", gguf_path(g),
				 KEY_MERGES, lines.count);
	while (slots < lines.count * 2)
		slots *= 2;
	b->mask = (uint32_t)(slots - 1);
	b->seed = hash_seed();
	b->merges = malloc(slots * sizeof(*b->merges));
	if (!b->merges)
		return fail_memory(err, "the merges");
	memset(b->merges, 0xff, slots * sizeof(*b->merges));
	rc = read_merges(b, v, &lines);
	if (!rc)
		return B3IQ_OK;
	bpe_finish(b);
	return rc == B3IQ_E_NO_MEMORY ? fail_memory(err, "the merges")
				      : fail_with(err, rc, "%s: %s is too long; get the file from "
						  "its publisher", gguf_path(g), KEY_MERGES);
}

void
bpe_finish(struct bpe *b)
{
	free(b->merges);
	b->merges = NULL;
}

/* ---- encoding ----------------------------------------------------------- */

struct rule {
	struct merge_rule base;
	const struct bpe *bpe;
};

static bool
find(const struct merge_rule *base, const struct merge_symbol *left,
     const struct merge_symbol *right, uint32_t *order, uint32_t *id)
{
	const struct rule *rule = (const struct rule *)(const void *)base;
	const struct bpe_merge *m = merge_slot(rule->bpe, left->id, right->id);

	if (m->left == FREE)
		return false;
	*order = m->rank;
	*id = m->result;
	return true;
}

/* One encoding: the sink of the pre-tokenizer. */
struct session {
	struct pretok_sink  sink;
	const struct bpe   *bpe;
	const struct vocab *vocab;
	const uint32_t     *points;
	struct bytes        word;     /* UTF-8 of the word               */
	struct bytes        spelling; /* the word as a vocabulary spells */
	struct merge        merge;
	struct tokens      *out;
};

static bool
is_text_token(const struct session *s, uint32_t symbol)
{
	return symbol < s->bpe->n_tokens && s->vocab->types[symbol] != TOKENIZER_CONTROL &&
	       s->vocab->types[symbol] != TOKENIZER_UNKNOWN &&
	       s->vocab->types[symbol] != TOKENIZER_BYTE;
}

static int32_t
emit(struct session *s, const struct merge_symbol *symbol)
{
	int32_t rc = B3IQ_OK;

	if (is_text_token(s, symbol->id))
		return tokens_add(s->out, (int32_t)symbol->id);
	for (uint32_t i = 0; i < symbol->len && !rc; i++) {
		uint32_t id = s->bpe->byte_symbols[(uint8_t)s->word.data[symbol->at + i]];

		if (is_text_token(s, id))
			rc = tokens_add(s->out, (int32_t)id);
	}
	return rc;
}

static int32_t
add_point(struct session *s, uint32_t point)
{
	char utf8[UNICODE_MAX_UTF8];

	return bytes_add(&s->word, utf8, unicode_encode(point, utf8));
}

/* The token that the whole word is, -1 if none. */
static int32_t
whole_word(struct session *s, int32_t *rc)
{
	char utf8[UNICODE_MAX_UTF8];

	if (!s->bpe->pretok->whole_words || s->word.len > s->vocab->longest)
		return -1;
	s->spelling.len = 0;
	for (size_t i = 0; i < s->word.len && !*rc; i++)
		*rc = bytes_add(&s->spelling, utf8,
				unicode_encode(unicode_from_byte((uint8_t)s->word.data[i]), utf8));
	return *rc ? -1 : vocab_find_text(s->vocab, s->spelling.data, s->spelling.len);
}

static int32_t
encode_word(struct pretok_sink *sink, size_t at, size_t end)
{
	struct session *s = (struct session *)(void *)sink;
	struct rule rule = { { find }, s->bpe };
	int32_t rc = B3IQ_OK, whole;

	s->word.len = 0;
	merge_reset(&s->merge);
	while (at < end && !rc)
		rc = add_point(s, s->points[at++]);
	whole = rc ? -1 : whole_word(s, &rc);
	if (whole >= 0)
		return tokens_add(s->out, whole);
	for (uint32_t i = 0; i < s->word.len && !rc; i++)
		rc = merge_add(&s->merge, i, 1, s->bpe->byte_symbols[(uint8_t)s->word.data[i]]);
	if (!rc)
		rc = merge_run(&s->merge, &rule.base);
	for (uint32_t i = 0; !rc && i < s->merge.n; i = s->merge.symbols[i].next)
		rc = emit(s, &s->merge.symbols[i]);
	return rc;
}

int32_t
bpe_encode(const struct bpe *b, const struct vocab *v, const char *text, size_t len,
	   struct tokens *out)
{
	uint32_t *points = malloc((len + 1) * sizeof(*points));
	uint8_t *classes = malloc(len + 1);
	struct session s = {
		.sink = { encode_word }, .bpe = b, .vocab = v, .points = points, .out = out,
		.word = BYTES(4 * (size_t)TOKENIZER_MAX_TEXT), .spelling = BYTES(VOCAB_MAX_BYTES),
	};
	struct pretok_text t = { points, classes };
	int32_t rc = B3IQ_E_NO_MEMORY;
	size_t n = 0, taken;

	if (!points || !classes)
		goto out;
	for (size_t i = 0; i < len; i += taken, n++) {
		points[n] = unicode_decode(text + i, len - i, &taken);
		classes[n] = pretok_class(points[n]);
	}
	rc = pretok_split(b->pretok, &t, n, &s.sink);
out:
	merge_finish(&s.merge);
	bytes_finish(&s.word);
	bytes_finish(&s.spelling);
	free(points);
	free(classes);
	return rc;
}
