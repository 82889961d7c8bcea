#include "engine/text/special.h"

#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

static bool
is_special(uint8_t type, bool control)
{
	return type == TOKENIZER_USER ||
	       (control && (type == TOKENIZER_CONTROL || type == TOKENIZER_UNKNOWN));
}

int32_t
special_init(struct special *s, const struct vocab *v, struct b3iq_error *err)
{
	struct special_length *by_len = calloc(VOCAB_MAX_SPECIAL + 1, sizeof(*by_len));

	*s = (struct special){ .n = 0 };
	if (!by_len)
		return fail_memory(err, "the special tokens");
	for (uint32_t i = 0; i < v->n; i++) {
		struct gguf_str text = vocab_text(v, i);
		uint8_t first;

		if (!is_special(v->types[i], true) || !text.len || text.len > VOCAB_MAX_SPECIAL)
			continue;
		first = (uint8_t)text.ptr[0];
		by_len[text.len].len = (uint32_t)text.len;
		by_len[text.len].user |= v->types[i] == TOKENIZER_USER;
		by_len[text.len].firsts[first / 8] |= (uint8_t)(1u << first % 8);
	}
	s->lengths = calloc(VOCAB_MAX_SPECIAL + 1, sizeof(*s->lengths));
	for (uint32_t len = VOCAB_MAX_SPECIAL; s->lengths && len > 0; len--)
		if (by_len[len].len)
			s->lengths[s->n++] = by_len[len];
	free(by_len);
	return s->lengths ? B3IQ_OK : fail_memory(err, "the special tokens");
}

void
special_finish(struct special *s)
{
	free(s->lengths);
	*s = (struct special){ .n = 0 };
}

void
special_pieces_finish(struct special_pieces *p)
{
	free(p->list);
	*p = (struct special_pieces){ .n = 0 };
}

static int32_t
add_piece(struct special_pieces *p, uint32_t at, uint32_t end, int32_t id)
{
	struct special_piece *bigger;

	if (at == end)
		return B3IQ_OK;
	if (p->n == p->cap) {
		bigger = realloc(p->list, (p->cap ? p->cap * 2 : 16) * sizeof(*bigger));
		if (!bigger)
			return B3IQ_E_NO_MEMORY;
		p->list = bigger;
		p->cap = p->cap ? p->cap * 2 : 16;
	}
	p->list[p->n++] = (struct special_piece){ at, end - at, id };
	return B3IQ_OK;
}

/* The token of this length that stands at text, or -1. */
static int32_t
match(const struct vocab *v, const struct special_length *l, const char *text, bool control)
{
	uint8_t first = (uint8_t)*text;
	int32_t id;

	if (!(l->firsts[first / 8] & 1u << first % 8))
		return -1;
	id = vocab_find(v, text, l->len);
	return id >= 0 && is_special(v->types[id], control) ? id : -1;
}

/* Phi-3's control tokens swallow the white space behind them, but for three. */
size_t
special_strip(const struct vocab *v, int32_t id, const char *text, size_t at, size_t end)
{
	struct gguf_str s = vocab_text(v, (uint32_t)id);

	if (!v->strip_right || gguf_str_equal(s, "<unk>") || gguf_str_equal(s, "<s>") ||
	    gguf_str_equal(s, "<|endoftext|>"))
		return at;
	while (at < end && strchr(" \t\n\v\f\r", text[at]) && text[at])
		at++;
	return at;
}

/* Copies a piece of text to `to`, cut at the tokens of one length. */
static int32_t
cut(const struct vocab *v, const struct special_length *l, const char *text,
    struct special_piece piece, bool control, struct special_pieces *to)
{
	uint32_t at = piece.at, start = piece.at, end = piece.at + piece.len;
	int32_t rc = B3IQ_OK;

	while (!rc && at < end && end - at >= l->len) {
		int32_t id = match(v, l, text + at, control);

		if (id < 0) {
			at++;
			continue;
		}
		rc = add_piece(to, start, at, -1);
		if (!rc)
			rc = add_piece(to, at, at + l->len, id);
		at = start = (uint32_t)special_strip(v, id, text, at + l->len, end);
	}
	return rc ? rc : add_piece(to, start, end, -1);
}

int32_t
special_split(const struct special *s, const struct vocab *v, const char *text, size_t len,
	      bool control, struct special_pieces *out)
{
	struct special_pieces from = { .n = 0 }, to = { .n = 0 }, swap;
	int32_t rc = add_piece(&from, 0, (uint32_t)len, -1);

	for (size_t i = 0; i < s->n && !rc; i++) {
		if (!control && !s->lengths[i].user)
			continue;
		to.n = 0;
		for (size_t p = 0; p < from.n && !rc; p++) {
			struct special_piece *piece = &from.list[p];

			rc = piece->id < 0
				     ? cut(v, &s->lengths[i], text, *piece, control, &to)
				     : add_piece(&to, piece->at, piece->at + piece->len, piece->id);
		}
		swap = from;
		from = to;
		to = swap;
	}
	special_pieces_finish(&to);
	*out = from;
	if (rc)
		special_pieces_finish(out);
	return rc;
}
