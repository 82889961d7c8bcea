#include "engine/text/tokenizer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "engine/bytes.h"
#include "engine/fail.h"
#include "engine/text/bpe.h"
#include "engine/text/special.h"
#include "engine/text/spm.h"

#define KEY_MODEL "tokenizer.ggml.model"
#define KEY_PRE   "tokenizer.ggml.pre"

struct tokenizer {
	struct vocab   vocab;
	struct special special;
	struct bpe     bpe; /* TOKENIZER_BPE only */
};

/* ---- lists of ids ------------------------------------------------------- */

void
tokens_finish(struct tokens *t)
{
	free(t->ids);
	*t = (struct tokens){ .max = t->max };
}

int32_t
tokens_add(struct tokens *t, int32_t id)
{
	size_t max = t->max ? t->max : TOKENIZER_MAX_TEXT;
	size_t cap = t->cap ? t->cap * 2 : 64;
	int32_t *ids;

	if (t->len >= max)
		return B3IQ_E_INVALID;
	if (t->len == t->cap) {
		ids = realloc(t->ids, cap * sizeof(*ids));
		if (!ids)
			return B3IQ_E_NO_MEMORY;
		t->ids = ids;
		t->cap = cap;
	}
	t->ids[t->len++] = id;
	return B3IQ_OK;
}

/* ---- create ------------------------------------------------------------- */

static int32_t
unknown_pretok(const struct gguf *g, struct gguf_str name, struct b3iq_error *err)
{
	char known[120] = "";
	size_t len = 0;

	for (size_t i = 0; pretok_at(i); i++) {
		const char *names = pretok_at(i)->names;
		size_t n = strcspn(names, " ");

		if (len + n + 2 > sizeof(known))
			break;
		known[len++] = ' ';
		memcpy(known + len, names, n);
		len += n;
	}
	known[len] = 0;
	return fail_with(err, B3IQ_E_UNSUPPORTED,
			 "%s: pre-tokenizer \"%.*s\" (%s) is not known; known "
			 "families:%s",
			 gguf_path(g), (int)(name.len > 40 ? 40 : name.len), name.ptr, KEY_PRE,
			 known);
}

static int32_t
create_bpe(struct tokenizer *t, const struct gguf *g, struct b3iq_error *err)
{
	struct gguf_str name = { "default", 7 };
	const struct pretok *pretok;
	int32_t rc = gguf_string(g, KEY_PRE, &name, err);

	if (rc && rc != B3IQ_E_NOT_FOUND)
		return rc;
	pretok = pretok_find(name.ptr, name.len);
	if (!pretok)
		return unknown_pretok(g, name, err);
	rc = vocab_init(&t->vocab, g, TOKENIZER_BPE, pretok->add_bos, err);
	return rc ? rc : bpe_init(&t->bpe, &t->vocab, g, pretok, err);
}

int32_t
tokenizer_create(struct tokenizer **out, const struct gguf *g, struct b3iq_error *err)
{
	struct tokenizer *t = calloc(1, sizeof(*t));
	struct gguf_str model = { NULL, 0 };
	int32_t rc;

	*out = NULL;
	if (!t)
		return fail_memory(err, "the tokenizer");
	rc = gguf_string(g, KEY_MODEL, &model, err);
	if (!rc && gguf_str_equal(model, "llama"))
		rc = vocab_init(&t->vocab, g, TOKENIZER_SPM, true, err);
	else if (!rc && gguf_str_equal(model, "gpt2"))
		rc = create_bpe(t, g, err);
	else if (!rc)
		rc = fail_with(err, B3IQ_E_UNSUPPORTED,
			       "%s: tokenizer \"%.*s\" (%s) is not known; use a "
			       "model with a llama (SPM) or gpt2 (BPE) tokenizer",
			       gguf_path(g), (int)(model.len > 40 ? 40 : model.len), model.ptr,
			       KEY_MODEL);
	if (!rc)
		rc = special_init(&t->special, &t->vocab, err);
	if (rc) {
		tokenizer_destroy(t);
		return rc;
	}
	*out = t;
	return B3IQ_OK;
}

void
tokenizer_destroy(struct tokenizer *t)
{
	if (!t)
		return;
	special_finish(&t->special);
	bpe_finish(&t->bpe);
	vocab_finish(&t->vocab);
	free(t);
}

/* ---- encode ------------------------------------------------------------- */

/* A prompt in the making. */
struct session {
	const struct tokenizer *t;
	struct tokens          *out;
	bool                    after_special; /* or at the start: SPM puts its space here */
	bool                    wrote_bos;     /* and nothing else yet                       */
};

static int32_t
begin(struct session *s, uint32_t flags)
{
	s->after_special = true;
	s->wrote_bos = flags & TOKENIZER_ENDS && s->t->vocab.add_bos;
	return s->wrote_bos ? tokens_add(s->out, s->t->vocab.bos) : B3IQ_OK;
}

static int32_t
end(struct session *s, uint32_t flags)
{
	return flags & TOKENIZER_ENDS && s->t->vocab.add_eos ? tokens_add(s->out, s->t->vocab.eos)
							     : B3IQ_OK;
}

/* A special token; a BOS behind the BOS that begin() wrote is the same one. */
static int32_t
add_special(struct session *s, int32_t id)
{
	bool again = s->wrote_bos && id == s->t->vocab.bos;

	s->after_special = true;
	s->wrote_bos = false;
	return again ? B3IQ_OK : tokens_add(s->out, id);
}

static int32_t
add_text(struct session *s, const char *text, size_t len)
{
	const struct tokenizer *t = s->t;
	bool prefix = t->vocab.space_prefix && s->after_special;

	s->after_special = s->wrote_bos = false;
	return t->vocab.kind == TOKENIZER_SPM ? spm_encode(&t->vocab, text, len, prefix, s->out)
					      : bpe_encode(&t->bpe, &t->vocab, text, len, s->out);
}

static int32_t
add_pieces(struct session *s, uint32_t flags, const char *text, size_t len)
{
	struct special_pieces pieces;
	bool control = (flags & TOKENIZER_SPECIAL) != 0;
	int32_t rc = special_split(&s->t->special, &s->t->vocab, text, len, control, &pieces);

	if (rc)
		return rc;
	for (size_t i = 0; i < pieces.n && !rc; i++) {
		struct special_piece *p = &pieces.list[i];

		rc = p->id >= 0 ? add_special(s, p->id)
				: add_text(s, text + p->at, p->len);
	}
	special_pieces_finish(&pieces);
	return rc;
}

static int32_t
result(int32_t rc, const struct tokens *out, struct b3iq_error *err)
{
	if (rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "the tokens of a text");
	if (rc)
		return fail_with(err, rc, "the text is longer than %zu tokens; shorten it",
				 out->max ? out->max : (size_t)TOKENIZER_MAX_TEXT);
	return B3IQ_OK;
}

static int32_t
too_long(size_t len, struct b3iq_error *err)
{
	return fail_with(err, B3IQ_E_INVALID,
			 "the text has %zu bytes where %u are read; shorten it", len,
			 TOKENIZER_MAX_TEXT);
}

int32_t
tokenizer_encode(const struct tokenizer *t, const char *text, size_t len, uint32_t flags,
		 struct tokens *out, struct b3iq_error *err)
{
	struct session s = { .t = t, .out = out };
	int32_t rc;

	if (len > TOKENIZER_MAX_TEXT)
		return too_long(len, err);
	rc = begin(&s, flags);
	if (!rc)
		rc = add_pieces(&s, flags, text, len);
	if (!rc)
		rc = end(&s, flags);
	return result(rc, out, err);
}

/* The token that a control part is, -1 where the vocabulary has none of that spelling. */
static int32_t
control_token(const struct vocab *v, const struct tokenizer_part *part)
{
	int32_t id = part->control ? vocab_find(v, part->text, part->len) : -1;

	if (id < 0 || (v->types[id] != TOKENIZER_CONTROL && v->types[id] != TOKENIZER_USER &&
		       v->types[id] != TOKENIZER_UNKNOWN))
		return -1;
	return id;
}

static int32_t
flush(struct session *s, struct bytes *text)
{
	int32_t rc = add_pieces(s, 0, text->data, text->len);

	text->len = 0;
	return rc;
}

int32_t
tokenizer_encode_parts(const struct tokenizer *t, const struct tokenizer_part *parts, size_t n,
		       uint32_t flags, struct tokens *out, struct b3iq_error *err)
{
	struct session s = { .t = t, .out = out };
	struct bytes text = BYTES(TOKENIZER_MAX_TEXT);
	int32_t rc = begin(&s, flags), last = -1;

	for (size_t i = 0; i < n && !rc; i++) {
		int32_t id = control_token(&t->vocab, &parts[i]);

		if (id < 0) {
			const struct tokenizer_part *p = &parts[i];
			size_t skip = 0;

			if (last >= 0 && !text.len)
				skip = special_strip(&t->vocab, last, p->text, 0, p->len);
			rc = bytes_add(&text, p->text + skip, p->len - skip);
			continue;
		}
		rc = flush(&s, &text);
		if (!rc)
			rc = add_special(&s, id);
		last = id;
	}
	if (!rc)
		rc = flush(&s, &text);
	if (!rc)
		rc = end(&s, flags);
	bytes_finish(&text);
	return result(rc, out, err);
}

/* ---- what the tokens are ------------------------------------------------ */

static bool
in_range(const struct tokenizer *t, int32_t id)
{
	return id >= 0 && (uint32_t)id < t->vocab.n;
}

struct gguf_str
tokenizer_bytes(const struct tokenizer *t, int32_t id)
{
	return in_range(t, id) ? vocab_bytes(&t->vocab, (uint32_t)id) : (struct gguf_str){ "", 0 };
}

struct gguf_str
tokenizer_text(const struct tokenizer *t, int32_t id)
{
	return in_range(t, id) ? vocab_text(&t->vocab, (uint32_t)id) : (struct gguf_str){ "", 0 };
}

enum tokenizer_type
tokenizer_type(const struct tokenizer *t, int32_t id)
{
	return in_range(t, id) ? (enum tokenizer_type)t->vocab.types[id] : TOKENIZER_UNUSED;
}

bool
tokenizer_is_end(const struct tokenizer *t, int32_t id)
{
	return in_range(t, id) && t->vocab.ends[id];
}

int32_t
tokenizer_find(const struct tokenizer *t, const char *text, size_t len)
{
	return vocab_find(&t->vocab, text, len);
}

enum tokenizer_kind
tokenizer_kind(const struct tokenizer *t)
{
	return t->vocab.kind;
}

uint32_t
tokenizer_size(const struct tokenizer *t)
{
	return t->vocab.n;
}

bool
tokenizer_space_prefix(const struct tokenizer *t)
{
	return t->vocab.space_prefix;
}

int32_t
tokenizer_bos(const struct tokenizer *t)
{
	return t->vocab.bos;
}

int32_t
tokenizer_eos(const struct tokenizer *t)
{
	return t->vocab.eos;
}

bool
tokenizer_add_bos(const struct tokenizer *t)
{
	return t->vocab.add_bos;
}
