#include "engine/text/vocab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "engine/hash.h"
#include "engine/text/unicode.h"

#define EMPTY UINT32_MAX
#define SPACE "\xe2\x96\x81" /* U+2581, by which SPM spells a space */
#define KEY(name) "tokenizer.ggml." name

/* Spellings that mean the end of a turn or a file in the models that have them.  Some files mark
 * them as plain tokens; they are control tokens everywhere. */
static const char *const end_names[] = {
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>",
	"<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
	"<|end_of_text|>", "<end_of_utterance>", "<eos>",
	"<\xef\xbd\x9c" "end" SPACE "of" SPACE "sentence\xef\xbd\x9c>",
	"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>",
	"<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
};

/* Control tokens of the same kind that end nothing. */
static const char *const control_names[] = {
	"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", SPACE "<PRE>", "<|fim_suffix|>",
	"<fim-suffix>", "<fim_suffix>", "<SUF>", SPACE "<SUF>", "<|fim_middle|>", "<fim-middle>",
	"<fim_middle>", "<MID>", SPACE "<MID>",
	"<\xef\xbd\x9c" "fim" SPACE "begin\xef\xbd\x9c>",
	"<\xef\xbd\x9c" "fim" SPACE "hole\xef\xbd\x9c>",
	"<\xef\xbd\x9c" "fim" SPACE "end\xef\xbd\x9c>",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct gguf_str
vocab_text(const struct vocab *v, uint32_t id)
{
	return (struct gguf_str){ v->text + v->text_at[id], v->text_at[id + 1] - v->text_at[id] };
}

struct gguf_str
vocab_bytes(const struct vocab *v, uint32_t id)
{
	return (struct gguf_str){ v->bytes + v->bytes_at[id],
				  v->bytes_at[id + 1] - v->bytes_at[id] };
}

static uint32_t *
slot(const struct vocab *v, const char *text, size_t len)
{
	uint32_t i = (uint32_t)hash_bytes(v->seed, text, len) & v->mask;

	for (; v->slots[i] != EMPTY; i = (i + 1) & v->mask) {
		struct gguf_str have = vocab_text(v, v->slots[i]);

		if (have.len == len && !memcmp(have.ptr, text, len))
			break;
	}
	return &v->slots[i];
}

int32_t
vocab_find(const struct vocab *v, const char *text, size_t len)
{
	uint32_t id = len ? *slot(v, text, len) : EMPTY;

	return id == EMPTY ? -1 : (int32_t)id;
}

int32_t
vocab_find_text(const struct vocab *v, const char *text, size_t len)
{
	int32_t id = vocab_find(v, text, len);

	if (id < 0)
		return -1;
	switch (v->types[id]) {
	case TOKENIZER_CONTROL:
	case TOKENIZER_UNKNOWN:
	case TOKENIZER_BYTE:
		return -1;
	default:
		return id;
	}
}

static int32_t
allocate(struct vocab *v, size_t n, size_t text_size, struct b3iq_error *err)
{
	size_t slots = 64;

	while (slots < n * 2)
		slots *= 2;
	v->mask = (uint32_t)(slots - 1);
	v->seed = hash_seed();
	v->text = malloc(text_size + 1);
	v->bytes = malloc(text_size + 1); /* no token stands for more than its spelling has */
	v->text_at = calloc(n + 1, sizeof(*v->text_at));
	v->bytes_at = calloc(n + 1, sizeof(*v->bytes_at));
	v->types = malloc(n);
	v->ends = calloc(n, 1);
	v->slots = malloc(slots * sizeof(*v->slots));
	if (!v->text || !v->bytes || !v->text_at || !v->bytes_at || !v->types || !v->ends ||
	    !v->slots)
		return fail_memory(err, "the vocabulary");
	memset(v->slots, 0xff, slots * sizeof(*v->slots));
	return B3IQ_OK;
}

/* Copies the spellings and indexes them; the first of equal spellings is the one that is found. */
static int32_t
read_texts(struct vocab *v, const struct gguf *g, struct b3iq_error *err)
{
	struct gguf_array tokens;
	struct gguf_str s;
	size_t at = 0;
	int32_t rc = gguf_array(g, KEY("tokens"), GGUF_KIND_STRING, &tokens, err);

	if (rc)
		return rc;
	if (!tokens.count || tokens.count > TOKENIZER_MAX_TOKENS || tokens.size > VOCAB_MAX_BYTES)
		return fail_with(err, B3IQ_E_INVALID,
				 "%s: a vocabulary of %zu tokens in %zu bytes; 1 to %u in %u bytes "
				 "are read: get the file from its publisher", gguf_path(g),
				 tokens.count, tokens.size, TOKENIZER_MAX_TOKENS, VOCAB_MAX_BYTES);
	rc = allocate(v, tokens.count, tokens.size, err);
	if (rc)
		return rc;
	while (gguf_array_next(&tokens, &at, &s)) {
		uint32_t *free_slot;

		memcpy(v->text + v->text_at[v->n], s.ptr, s.len);
		v->text_at[v->n + 1] = v->text_at[v->n] + (uint32_t)s.len;
		if (s.len > v->longest)
			v->longest = (uint32_t)s.len;
		if (s.len) {
			free_slot = slot(v, s.ptr, s.len);
			if (*free_slot == EMPTY)
				*free_slot = v->n;
		}
		v->n++;
	}
	return B3IQ_OK;
}

static int32_t
too_short(const struct gguf *g, const char *key, size_t have, uint32_t want,
	  struct b3iq_error *err)
{
	return fail_with(err, B3IQ_E_INVALID,
			 "%s: %s has %zu entries for %" PRIu32 " tokens; convert "
			 "the model again",
			 gguf_path(g), key, have, want);
}

static int32_t
read_types(struct vocab *v, const struct gguf *g, struct b3iq_error *err)
{
	struct gguf_array types;
	int32_t rc;

	memset(v->types, TOKENIZER_NORMAL, v->n);
	if (!gguf_value(g, KEY("token_type")))
		return B3IQ_OK;
	rc = gguf_array(g, KEY("token_type"), GGUF_KIND_I32, &types, err);
	if (rc)
		return rc;
	if (types.count < v->n)
		return too_short(g, KEY("token_type"), types.count, v->n, err);
	for (uint32_t i = 0; i < v->n; i++) {
		int64_t type = gguf_array_i64(&types, i);

		if (type >= TOKENIZER_NORMAL && type <= TOKENIZER_BYTE)
			v->types[i] = (uint8_t)type;
		else
			v->types[i] = TOKENIZER_UNUSED;
	}
	return B3IQ_OK;
}

static int32_t
read_scores(struct vocab *v, const struct gguf *g, struct b3iq_error *err)
{
	struct gguf_array scores;
	int32_t rc = gguf_array(g, KEY("scores"), GGUF_KIND_F32, &scores, err);

	if (rc)
		return rc;
	if (scores.count < v->n)
		return too_short(g, KEY("scores"), scores.count, v->n, err);
	v->scores = malloc(v->n * sizeof(*v->scores));
	if (!v->scores)
		return fail_memory(err, "the vocabulary");
	for (uint32_t i = 0; i < v->n; i++) {
		v->scores[i] = gguf_array_f32(&scores, i);
		if (isnan(v->scores[i]))
			return fail_with(err, B3IQ_E_INVALID,
					 "%s: the score of token %" PRIu32
					 " is not a number; the file is "
					 "damaged: download or copy it again",
					 gguf_path(g), i);
	}
	return B3IQ_OK;
}

static int32_t
read_id(const struct vocab *v, const struct gguf *g, const char *key, int32_t *id,
	struct b3iq_error *err)
{
	uint32_t value = 0;
	int32_t rc = gguf_u32(g, key, &value, err);

	if (rc == B3IQ_E_NOT_FOUND)
		return B3IQ_OK;
	if (rc)
		return rc;
	/* Some converters write -1 or the padded size for "none". */
	*id = value < v->n ? (int32_t)value : -1;
	return B3IQ_OK;
}

static int32_t
read_flag(const struct gguf *g, const char *key, bool *flag, struct b3iq_error *err)
{
	int32_t rc = gguf_bool(g, key, flag, err);

	return rc == B3IQ_E_NOT_FOUND ? B3IQ_OK : rc;
}

static int32_t
read_specials(struct vocab *v, const struct gguf *g, bool add_bos, struct b3iq_error *err)
{
	bool spm = v->kind == TOKENIZER_SPM;
	int32_t eot = -1, eom = -1, rc = B3IQ_OK;
	const struct {
		const char *key;
		int32_t    *id;
	} ids[] = {
		{ KEY("bos_token_id"), &v->bos }, { KEY("eos_token_id"), &v->eos },
		{ KEY("unknown_token_id"), &v->unk }, { KEY("eot_token_id"), &eot },
		{ KEY("eom_token_id"), &eom },
	};

	v->bos = spm && v->n > 1 ? 1 : -1;
	v->eos = spm && v->n > 2 ? 2 : -1;
	v->unk = spm ? 0 : -1;
	v->add_bos = add_bos;
	v->space_prefix = spm;
	for (size_t i = 0; i < COUNT(ids) && !rc; i++)
		rc = read_id(v, g, ids[i].key, ids[i].id, err);
	if (!rc)
		rc = read_flag(g, KEY("add_bos_token"), &v->add_bos, err);
	if (!rc)
		rc = read_flag(g, KEY("add_eos_token"), &v->add_eos, err);
	if (!rc && spm)
		rc = read_flag(g, KEY("add_space_prefix"), &v->space_prefix, err);
	if (rc)
		return rc;
	if ((v->add_bos && v->bos < 0) || (v->add_eos && v->eos < 0))
		return fail_with(err, B3IQ_E_INVALID,
				 "%s: adds a %s token to prompts but does not say which; convert "
				 "the model again", gguf_path(g),
				 v->add_bos && v->bos < 0 ? "BOS" : "EOS");
	for (size_t i = 1; i < COUNT(ids); i++)
		if (*ids[i].id >= 0 && ids[i].id != &v->unk)
			v->ends[*ids[i].id] = 1;
	return B3IQ_OK;
}

static void
mark_names(struct vocab *v, const char *const *names, size_t n, bool end)
{
	for (size_t i = 0; i < n; i++) {
		int32_t id = vocab_find(v, names[i], strlen(names[i]));

		if (id < 0)
			continue;
		v->types[id] = TOKENIZER_CONTROL;
		if (end)
			v->ends[id] = 1;
	}
}

static bool
has(const struct vocab *v, const char *name)
{
	return vocab_find(v, name, strlen(name)) >= 0;
}

/* Whether no token that text can mean has a space behind anything but spaces. */
static bool
spaces_lead(const struct vocab *v)
{
	for (uint32_t i = 0; i < v->n; i++) {
		struct gguf_str s = vocab_text(v, i);

		if (v->types[i] == TOKENIZER_CONTROL || v->types[i] == TOKENIZER_UNKNOWN ||
		    v->types[i] == TOKENIZER_BYTE)
			continue;
		while (s.len >= 3 && !memcmp(s.ptr, SPACE, 3)) {
			s.ptr += 3;
			s.len -= 3;
		}
		if (memmem(s.ptr, s.len, SPACE, 3))
			return false;
	}
	return true;
}

/* "<0x0A>" to 10; -1 for anything else. */
static int
byte_of(struct gguf_str s)
{
	int value = 0;

	if (s.len != 6 || memcmp(s.ptr, "<0x", 3) || s.ptr[5] != '>')
		return -1;
	for (int i = 3; i < 5; i++) {
		const char *digits = "0123456789ABCDEF", *d = memchr(digits, s.ptr[i], 16);

		if (!d)
			return -1;
		value = value * 16 + (int)(d - digits);
	}
	return value;
}

static void
find_byte_tokens(struct vocab *v)
{
	for (int b = 0; b < 256; b++) {
		char name[8], single = (char)b;

		(void)snprintf(name, sizeof(name), "<0x%02X>", (unsigned)b);
		v->byte_ids[b] = vocab_find(v, name, 6);
		if (v->byte_ids[b] < 0)
			v->byte_ids[b] = vocab_find_text(v, &single, 1);
		if (v->byte_ids[b] < 0)
			v->byte_ids[b] = v->unk;
	}
}

/* SPM spells a space as U+2581. */
static size_t
decode_spm(struct gguf_str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len;) {
		if (s.len - i >= 3 && !memcmp(s.ptr + i, SPACE, 3)) {
			out[n++] = ' ';
			i += 3;
		} else {
			out[n++] = s.ptr[i++];
		}
	}
	return n;
}

/* Byte-level BPE spells each byte as one printable character; what is none of them stays. */
static size_t
decode_bpe(struct gguf_str s, char *out)
{
	size_t n = 0, taken;

	for (size_t i = 0; i < s.len; i += taken) {
		int byte = unicode_to_byte(unicode_decode(s.ptr + i, s.len - i, &taken));

		if (byte >= 0) {
			out[n++] = (char)byte;
		} else {
			memcpy(out + n, s.ptr + i, taken);
			n += taken;
		}
	}
	return n;
}

static size_t
decode(const struct vocab *v, uint32_t id, char *out)
{
	struct gguf_str s = vocab_text(v, id);
	int byte;

	switch (v->types[id]) {
	case TOKENIZER_NORMAL:
		return v->kind == TOKENIZER_SPM ? decode_spm(s, out) : decode_bpe(s, out);
	case TOKENIZER_USER:
		memcpy(out, s.ptr, s.len);
		return s.len;
	case TOKENIZER_BYTE:
		byte = byte_of(s);
		if (byte < 0)
			return 0;
		out[0] = (char)byte;
		return 1;
	default:
		return 0;
	}
}

static int32_t
check_specials(const struct vocab *v, const struct gguf *g, struct b3iq_error *err)
{
	for (uint32_t i = 0; i < v->n; i++)
		if ((v->types[i] == TOKENIZER_CONTROL || v->types[i] == TOKENIZER_USER) &&
		    vocab_text(v, i).len > VOCAB_MAX_SPECIAL)
			return fail_with(err, B3IQ_E_INVALID,
					 "%s: special token %" PRIu32
					 " is longer than %u bytes; get the "
					 "file from its publisher",
					 gguf_path(g), i, VOCAB_MAX_SPECIAL);
	return B3IQ_OK;
}

int32_t
vocab_init(struct vocab *v, const struct gguf *g, enum tokenizer_kind kind, bool add_bos,
	   struct b3iq_error *err)
{
	int32_t rc;

	*v = (struct vocab){ .kind = kind };
	rc = read_texts(v, g, err);
	if (!rc)
		rc = read_types(v, g, err);
	if (!rc && kind == TOKENIZER_SPM)
		rc = read_scores(v, g, err);
	if (!rc)
		rc = read_specials(v, g, add_bos, err);
	if (!rc) {
		mark_names(v, end_names, COUNT(end_names), true);
		mark_names(v, control_names, COUNT(control_names), false);
		find_byte_tokens(v);
		v->spaces_lead = kind == TOKENIZER_SPM && spaces_lead(v);
		v->strip_right = kind == TOKENIZER_SPM && has(v, "<|user|>") &&
				 has(v, "<|assistant|>") && has(v, "<|placeholder1|>");
		for (uint32_t i = 0; i < v->n; i++)
			v->bytes_at[i + 1] =
				v->bytes_at[i] + (uint32_t)decode(v, i, v->bytes + v->bytes_at[i]);
		rc = check_specials(v, g, err);
	}
	if (rc)
		vocab_finish(v);
	return rc;
}

void
vocab_finish(struct vocab *v)
{
	free(v->text);
	free(v->text_at);
	free(v->bytes);
	free(v->bytes_at);
	free(v->scores);
	free(v->types);
	free(v->ends);
	free(v->slots);
	*v = (struct vocab){ .n = 0 };
}
