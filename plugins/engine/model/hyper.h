/* hyper.h - the hyper-parameters of a model, read from its file and checked.
 *
 * What comes out of hyper_read() is within the limits below and consistent in itself; model.h
 * checks the tensors against it.
 *
 *   architecture   what it adds to or changes in llama
 *   llama
 *   qwen2          biases on queries, keys and values; heads turn by halves
 *   qwen3          a norm on each head of queries and keys; heads turn by halves
 */
#ifndef B3IQ_ENGINE_HYPER_H
#define B3IQ_ENGINE_HYPER_H

#include "engine/file/gguf.h"

#define HYPER_MAX_LAYERS  1024u
#define HYPER_MAX_WIDTH   65536u
#define HYPER_MAX_FF      (1u << 20)
#define HYPER_MAX_HEADS   1024u
#define HYPER_MAX_HEAD    512u
#define HYPER_MAX_VOCAB   (1u << 21)
#define HYPER_MAX_CONTEXT (1u << 22)

#define HYPER_ARCHITECTURES "llama, qwen2 and qwen3"

/* What the architectures differ in. */
struct hyper_architecture {
	const char *name;
	bool biases;       /* attn_q.bias, attn_k.bias and attn_v.bias                       */
	bool head_norms;   /* attn_q_norm and attn_k_norm                                    */
	bool rope_halves;  /* pair i of a head is (i, i + rope_dim/2), not (2i, 2i+1)        */
};

enum hyper_scaling { HYPER_SCALING_NONE, HYPER_SCALING_LINEAR, HYPER_SCALING_YARN };

struct hyper {
	const struct hyper_architecture *architecture;
	uint32_t layers, width, ff, heads, kv_heads, head_dim, vocab, context;
	float    eps;              /* of the norms                                */
	uint32_t rope_dim;         /* leading values of a head that are rotated   */
	double   rope_base;
	enum hyper_scaling scaling;
	double   factor;           /* of the scaling, >= 1                        */
	double   attention_factor; /* yarn: multiplies cosine and sine            */
	uint32_t trained_context;  /* yarn: the context before the scaling        */
	uint32_t file_type;        /* general.file_type, for display; UINT32_MAX  */
};

/* Errors: B3IQ_E_UNSUPPORTED (another architecture, experts, an unknown scaling), B3IQ_E_INVALID
 * (absent, out of range or contradictory). */
int32_t hyper_read(struct hyper *, const struct gguf *, struct b3iq_error *);

#endif
