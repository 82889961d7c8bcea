/* bpe.h - byte-level BPE: words from the pre-tokenizer, joined by the rank of their merges.
 *
 * Merges are kept as pairs of small integers, so encoding never handles spellings: a symbol is one
 * of the strings that occur in merges (mostly tokens), its id the vocabulary's where it is a token.
 */
#ifndef B3IQ_ENGINE_BPE_H
#define B3IQ_ENGINE_BPE_H

#include "engine/text/pretok.h"
#include "engine/text/vocab.h"

struct bpe_merge {
	uint32_t left, right; /* symbols; left UINT32_MAX: free slot */
	uint32_t rank, result;
};

struct bpe {
	const struct pretok *pretok;
	struct bpe_merge    *merges; /* open addressing */
	uint32_t             mask;
	uint64_t             seed;
	uint32_t             n_tokens;           /* symbols from here on are no tokens */
	uint32_t             byte_symbols[256];
};

int32_t bpe_init(struct bpe *, const struct vocab *, const struct gguf *, const struct pretok *,
		 struct b3iq_error *);
void bpe_finish(struct bpe *);

/* Appends the ids of text.  Bytes that the vocabulary cannot spell are left out. */
int32_t bpe_encode(const struct bpe *, const struct vocab *, const char *text, size_t len,
		   struct tokens *);

#endif
