/* vocab.h - the tokens of a model: spelling, bytes, type, score; lookup by spelling.
 *
 * Filled once from the tokenizer.ggml.* metadata, then immutable: any thread.
 */
#ifndef B3IQ_ENGINE_VOCAB_H
#define B3IQ_ENGINE_VOCAB_H

#include "engine/text/tokenizer.h"

#define VOCAB_MAX_BYTES   (256u << 20) /* of all spellings                            */
#define VOCAB_MAX_SPECIAL 256u         /* bytes of a control or user-defined spelling */

struct vocab {
	enum tokenizer_kind kind;
	uint32_t  n;
	uint32_t  longest; /* bytes of the longest spelling            */
	char     *text;     /* spellings, one after the other         */
	uint32_t *text_at;  /* n + 1 offsets into text                */
	char     *bytes;    /* what the tokens stand for              */
	uint32_t *bytes_at; /* n + 1 offsets into bytes               */
	float    *scores;   /* SPM only, else NULL                    */
	uint8_t  *types;    /* enum tokenizer_type                    */
	uint8_t  *ends;     /* 1: ends a generation                   */
	uint32_t *slots;    /* hash of spellings                      */
	uint32_t  mask;
	uint64_t  seed;
	int32_t   byte_ids[256]; /* SPM byte fallback, -1 where absent */
	int32_t   bos, eos, unk; /* -1: none                           */
	bool      add_bos, add_eos, space_prefix;
	bool      spaces_lead; /* SPM: spaces only at the start of tokens: words never join */
	bool      strip_right; /* Phi-3: control tokens swallow the white space behind them */
};

/* add_bos is the default of the kind where the file does not say. */
int32_t vocab_init(struct vocab *, const struct gguf *, enum tokenizer_kind, bool add_bos,
		   struct b3iq_error *);
void vocab_finish(struct vocab *);

struct gguf_str vocab_text(const struct vocab *, uint32_t id);
struct gguf_str vocab_bytes(const struct vocab *, uint32_t id);

/* The first token spelled so, -1 if none; vocab_find_text() leaves out those that text can never
 * mean: control, unknown and byte tokens. */
int32_t vocab_find(const struct vocab *, const char *text, size_t len);
int32_t vocab_find_text(const struct vocab *, const char *text, size_t len);

#endif
