/* synth.h - small random models of any architecture and format, written as GGUF.
 *
 * The bytes depend on the specification alone, on any machine, so digests of what is computed from
 * them can be golden.  The vocabulary is SPM: <unk>, <s>, </s>, the 256 bytes, then filler pieces.
 */
#ifndef B3IQ_TEST_SYNTH_H
#define B3IQ_TEST_SYNTH_H

#include "engine/bytes.h"
#include "engine/numeric/format.h"

struct synth {
	uint32_t layers, width, ff, heads, kv_heads, head_dim, rope_dim, vocab, context;
	enum format_kind format; /* of the matrices; where a row is no multiple of its block, of the
	                          * fallback that quantisers choose */
	const char *architecture; /* NULL: llama */
	uint64_t    seed;
	bool        untied;       /* with an output.weight                          */
	const char *scaling;      /* rope.scaling.type, or NULL                     */
	float       factor;
	bool        rope_factors; /* with a rope_freqs.weight                       */
	const char *extra_tensor; /* a tensor that the architecture has not, or NULL */
	const char *left_out;     /* a tensor that it has, or NULL                  */
	uint32_t    file_type;    /* general.file_type, or 0: not said              */
	const char *chat;         /* tokenizer.chat_template, or NULL               */
};

/* Two layers of 96 with three heads on one key-value head, 320 tokens, 1024 positions. */
#define SYNTH_TINY                                                                                 \
	((struct synth){.layers = 2,                                                               \
			.width = 96,                                                               \
			.ff = 160,                                                                 \
			.heads = 3,                                                                \
			.kv_heads = 1,                                                             \
			.head_dim = 32,                                                            \
			.vocab = 320,                                                              \
			.context = 1024,                                                           \
			.format = FORMAT_F32,                                                      \
			.seed = 1})

/* Appends the file to out, which is aligned for gguf_open_memory(); false: no memory. */
bool synth_write(const struct synth *, struct bytes *out);

#endif
