/* hyper.h - the hyper-parameters of a model, read from its file and checked.
 *
 * What comes out of hyper_read() is within the limits below and consistent in itself; model.h
 * checks the tensors against it.
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

enum hyper_scaling { HYPER_SCALING_NONE, HYPER_SCALING_LINEAR, HYPER_SCALING_YARN };

struct hyper {
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
