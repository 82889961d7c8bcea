/* model.h - a model: hyper-parameters and weights, ready to compute with.
 *
 * Matrices stay where they are in the mapping of the file; norms and biases are decoded to floats.
 * Every tensor's shape is checked against the hyper-parameters, and a tensor that the architecture
 * does not use (a bias of llama, an adapter) is refused rather than ignored, as the answers would be
 * another model's.
 *
 *   Memory    The gguf must stay open as long as the model.
 *   Threads   Immutable after model_create().
 */
#ifndef B3IQ_ENGINE_MODEL_H
#define B3IQ_ENGINE_MODEL_H

#include "engine/model/hyper.h"
#include "engine/model/rope.h"
#include "engine/numeric/kernels.h"

struct model_layer {
	const float  *attention_norm, *ff_norm; /* width values */
	const float  *q_norm, *k_norm;          /* head_dim values, where heads have norms */
	const float  *q_bias, *k_bias, *v_bias; /* a value each row, where there are biases */
	struct matrix q, k, v, o;
	struct matrix gate, up, down;
};

struct model {
	const struct gguf  *file; /* what the matrices lie in */
	struct hyper        hyper;
	struct rope        *rope;
	const float        *output_norm;
	struct matrix       embedding, output; /* the same matrix where they are tied */
	struct model_layer *layers;
	bool                quantised; /* some matrix multiplies quantised activations */
	float              *vectors;   /* what the norms and biases point into        */
};

/* Errors: those of hyper_read(); B3IQ_E_INVALID (a tensor is absent or has another shape),
 * B3IQ_E_UNSUPPORTED (a format or a tensor that this engine does not compute), B3IQ_E_NO_MEMORY. */
int32_t model_create(struct model **, const struct gguf *, struct b3iq_error *);
void model_destroy(struct model *);

/* Bytes of all matrices. */
uint64_t model_weight_bytes(const struct model *);
/* The format that holds most of the weights, "Q8_0". */
const char *model_format(const struct model *);
/* What people call the mixture of formats: the name that the file gives it, "Q4_K_M", where a matrix
 * of that kind is in it; else model_format().  For display. */
const char *model_quantisation(const struct model *);

#endif
