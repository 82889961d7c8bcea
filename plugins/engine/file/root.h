/* root.h - the model root: one SHA-256 digest that says which model a receipt is about.
 *
 * Two files have the same root exactly when they have the same tensors (name, type, shape, bytes),
 * the same tokenizer, the same chat template and the same hyper-parameters.  Order of tensors,
 * alignment, padding, file version and descriptive metadata (general.*) do not matter.
 *
 * docs/model-root.md is the specification for a second implementation.  In short:
 *
 *   str(s)     u64 length || bytes            all integers little-endian
 *   H(x)       SHA-256
 *   tree(l..)  RFC 9162 section 2.1.1: leaf H(0x00 || l), node H(0x01 || left || right)
 *
 *   data(t)    tree over the bytes of tensor t in chunks of 1 MiB (the last one shorter)
 *   leaf(t)    str("b3iq.tensor/1") str(name) str(type name) u32 n_dims, u64 dims.., data(t)
 *   tensors    tree over leaf(t), t sorted by the bytes of its name
 *   tokenizer  H(str("b3iq.tokenizer/1") fields), see docs
 *   template   H(str("b3iq.template/1") str(tokenizer.chat_template or empty))
 *   hyper      H(str("b3iq.hyper/1") fields), see docs
 *   model      H(str("b3iq.model/1") tensors || tokenizer || template || hyper)
 */
#ifndef B3IQ_ENGINE_ROOT_H
#define B3IQ_ENGINE_ROOT_H

#include "engine/file/gguf.h"

#define ROOT_SIZE  32u
#define ROOT_CHUNK (1u << 20)

struct root {
	uint8_t model[ROOT_SIZE];     /* over the four below: "the model root" of a receipt */
	uint8_t tensors[ROOT_SIZE];
	uint8_t tokenizer[ROOT_SIZE];
	uint8_t chat[ROOT_SIZE];      /* the template digest */
	uint8_t hyper[ROOT_SIZE];
};

/* Called from the calling thread about once per 16 MiB; a result other than 0 cancels. */
struct root_progress {
	int   (*report)(void *ctx, uint64_t done, uint64_t total);
	void  *ctx;
};

/* Reads the whole file once, on `threads` threads (0: one).  progress may be NULL.  Errors:
 * B3IQ_E_CANCELLED, B3IQ_E_NO_MEMORY, B3IQ_E_INTERNAL (libcrypto refused). */
int32_t root_compute(struct root *, const struct gguf *, unsigned threads,
		     const struct root_progress *, struct b3iq_error *);

/* The parts that need no tensor data: milliseconds. Fills tokenizer, chat and hyper only. */
int32_t root_text(struct root *, const struct gguf *, struct b3iq_error *);

#endif
