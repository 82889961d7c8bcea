/* tokenizer.h - text to token ids and back, exactly as llama.cpp does for the same GGUF.
 *
 * Two kinds: SPM (tokenizer.ggml.model "llama": score-driven merges, byte fallback) and BPE
 * ("gpt2": byte level, rank-driven merges after a pre-tokenizer named by tokenizer.ggml.pre).
 *
 *   Special   Control and user-defined tokens that stand in a text are text, unless the caller says
 *             TOKENIZER_SPECIAL for text of its own making (a chat template).  User-defined tokens
 *             (not control ones) are always recognised, as the model was trained with them.
 *   Memory    The tokenizer copies what it needs: the gguf may be closed afterwards.
 *   Threads   Immutable after tokenizer_create(): any thread, any time.
 *   Cost      O(n log n) in the text, whatever it is.
 */
#ifndef B3IQ_ENGINE_TOKENIZER_H
#define B3IQ_ENGINE_TOKENIZER_H

#include "engine/file/gguf.h"

#define TOKENIZER_MAX_TOKENS (1u << 21) /* of a vocabulary */
#define TOKENIZER_MAX_TEXT   (16u << 20) /* bytes of one text */

enum tokenizer_kind { TOKENIZER_SPM, TOKENIZER_BPE };

/* What a token is (tokenizer.ggml.token_type). */
enum tokenizer_type {
	TOKENIZER_NORMAL = 1,
	TOKENIZER_UNKNOWN,
	TOKENIZER_CONTROL,
	TOKENIZER_USER,
	TOKENIZER_UNUSED,
	TOKENIZER_BYTE
};

/* Flags of tokenizer_encode(). */
#define TOKENIZER_SPECIAL 0x1u /* control tokens in the text are recognised               */
#define TOKENIZER_ENDS    0x2u /* add BOS/EOS where the model says so (never a second BOS) */

/* A growable list of ids; zero-initialise, set max (0: TOKENIZER_MAX_TEXT), tokens_finish(). */
struct tokens {
	int32_t *ids;
	size_t   len, cap, max;
};

struct tokenizer;

/* One stretch of a prompt. */
struct tokenizer_part {
	const char *text;
	size_t      len;
	bool        control; /* the text is one control token, if the vocabulary has it */
};

void tokens_finish(struct tokens *);
int32_t tokens_add(struct tokens *, int32_t id);

int32_t tokenizer_create(struct tokenizer **, const struct gguf *, struct b3iq_error *);
void tokenizer_destroy(struct tokenizer *);

enum tokenizer_kind tokenizer_kind(const struct tokenizer *);
uint32_t tokenizer_size(const struct tokenizer *); /* tokens of the vocabulary */

/* Appends the ids of a text to out.  What is not UTF-8 in it: SPM falls back to byte
 * tokens, BPE reads each bad byte as U+FFFD.  B3IQ_E_INVALID: longer than out->max or
 * TOKENIZER_MAX_TEXT. */
int32_t tokenizer_encode(const struct tokenizer *, const char *text, size_t len, uint32_t flags,
			 struct tokens *out, struct b3iq_error *);

/* A prompt of several parts, as chat.h renders it: adjacent text is tokenized as one, a control
 * part becomes its control token, or text where the vocabulary has no such token.  Only control
 * parts can yield control tokens.  flags: TOKENIZER_ENDS. */
int32_t tokenizer_encode_parts(const struct tokenizer *, const struct tokenizer_part *, size_t n,
			       uint32_t flags, struct tokens *out, struct b3iq_error *);

/* The bytes that a token stands for: a view that lives as long as the tokenizer.  Not UTF-8 by
 * itself (see stop.h for the gate).  Control, unknown and unused tokens give the empty view, as an
 * id out of range does; tokenizer_text() gives any token as the vocabulary spells it. */
struct gguf_str tokenizer_bytes(const struct tokenizer *, int32_t id);
struct gguf_str tokenizer_text(const struct tokenizer *, int32_t id);

/* True where the first text token's leading space belongs to the tokenizer, not to the text (SPM
 * with add_space_prefix): a decoder drops one space at the start of a text. */
bool tokenizer_space_prefix(const struct tokenizer *);

enum tokenizer_type tokenizer_type(const struct tokenizer *, int32_t id);
int32_t tokenizer_find(const struct tokenizer *, const char *text, size_t len); /* -1: none */

int32_t tokenizer_bos(const struct tokenizer *); /* -1: none */
int32_t tokenizer_eos(const struct tokenizer *);
bool tokenizer_add_bos(const struct tokenizer *);
/* End of generation: eos, eot, and the control tokens by which chat formats end a turn. */
bool tokenizer_is_end(const struct tokenizer *, int32_t id);

#endif
