#include "engine/text/spm.h"

#include <string.h>
#include "engine/bytes.h"
#include "engine/text/merge.h"
#include "engine/text/unicode.h"

#define SPACE "\xe2\x96\x81" /* U+2581 */

struct rule {
	struct merge_rule    base;
	const struct vocab  *vocab;
	const char          *text;
};

/* Scores fall as this rises: the order of IEEE-754 floats, turned into that of integers. */
static uint32_t
order_of(float score)
{
	uint32_t bits;

	score += 0.0f; /* -0 and 0 are equals */
	memcpy(&bits, &score, sizeof(bits));
	return bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
}

static bool
find(const struct merge_rule *base, const struct merge_symbol *left,
     const struct merge_symbol *right, uint32_t *order, uint32_t *id)
{
	const struct rule *rule = (const struct rule *)(const void *)base;
	uint32_t len = left->len + right->len;
	int32_t token;

	if (len > rule->vocab->longest)
		return false;
	token = vocab_find_text(rule->vocab, rule->text + left->at, len);
	if (token < 0)
		return false;
	*order = order_of(rule->vocab->scores[token]);
	*id = (uint32_t)token;
	return true;
}

static int32_t
escape(struct bytes *out, const char *text, size_t len, bool prefix)
{
	int32_t rc = bytes_reserve(out, len);

	if (!rc && prefix)
		rc = bytes_text(out, SPACE);
	while (len && !rc) {
		const char *space = memchr(text, ' ', len);
		size_t n = space ? (size_t)(space - text) : len;

		rc = bytes_add(out, text, n);
		if (!rc && space)
			rc = bytes_text(out, SPACE);
		text += n + (space != NULL);
		len -= n + (space != NULL);
	}
	return rc;
}

/* Where the word that starts at `at` ends.  Where spaces only lead tokens, no merge crosses from a
 * word into the space of the next, so words are encoded one by one: same ids, smaller heaps. */
static size_t
word_end(const struct vocab *v, const struct bytes *text, size_t at)
{
	const char *space;

	if (!v->spaces_lead)
		return text->len;
	while (text->len - at >= 3 && !memcmp(text->data + at, SPACE, 3))
		at += 3;
	space = at < text->len ? memmem(text->data + at, text->len - at, SPACE, 3) : NULL;
	return space ? (size_t)(space - text->data) : text->len;
}

/* One symbol a character; what is no UTF-8 goes byte by byte and ends in byte tokens. */
static int32_t
add_characters(struct merge *m, const struct bytes *text, size_t at, size_t end)
{
	int32_t rc = B3IQ_OK;

	while (at < end && !rc) {
		int n = unicode_scan(text->data + at, end - at);

		n = n > 0 ? n : 1;
		rc = merge_add(m, (uint32_t)at, (uint32_t)n, MERGE_NONE);
		at += (size_t)n;
	}
	return rc;
}

static int32_t
emit(const struct vocab *v, const char *text, const struct merge_symbol *symbol, struct tokens *out)
{
	int32_t rc = B3IQ_OK, id = (int32_t)symbol->id;

	if (symbol->id == MERGE_NONE)
		id = vocab_find_text(v, text + symbol->at, symbol->len);
	if (id >= 0)
		return tokens_add(out, id);
	for (uint32_t i = 0; i < symbol->len && !rc; i++) {
		id = v->byte_ids[(uint8_t)text[symbol->at + i]];
		if (id >= 0)
			rc = tokens_add(out, id);
	}
	return rc;
}

static int32_t
encode_word(const struct rule *rule, struct merge *m, const struct bytes *text, size_t at,
	    size_t end, struct tokens *out)
{
	int32_t rc;

	merge_reset(m);
	rc = add_characters(m, text, at, end);
	if (!rc)
		rc = merge_run(m, &rule->base);
	for (uint32_t i = 0; !rc && i < m->n; i = m->symbols[i].next)
		rc = emit(rule->vocab, text->data, &m->symbols[i], out);
	return rc;
}

int32_t
spm_encode(const struct vocab *v, const char *text, size_t len, bool prefix, struct tokens *out)
{
	struct bytes escaped = BYTES(3 * (size_t)TOKENIZER_MAX_TEXT + 3);
	struct merge merge = { .n = 0 };
	struct rule rule = { { find }, v, NULL };
	int32_t rc = escape(&escaped, text, len, prefix);

	rule.text = escaped.data;
	for (size_t at = 0, end; at < escaped.len && !rc; at = end) {
		end = word_end(v, &escaped, at);
		rc = encode_word(&rule, &merge, &escaped, at, end, out);
	}
	merge_finish(&merge);
	bytes_finish(&escaped);
	return rc;
}
