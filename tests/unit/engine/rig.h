/* rig.h - a synthetic model with everything that a step of the network needs, for tests. */
#ifndef B3IQ_TEST_RIG_H
#define B3IQ_TEST_RIG_H

#include "engine/model/forward.h"
#include "synth.h"

struct rig_file { /* a model in memory */
	struct bytes  bytes;
	struct gguf  *gguf;
	struct model *model;
};

/* Fails the test where anything fails. */
void rig_open(struct rig_file *, const struct synth *);
void rig_close(struct rig_file *);
/* Writes the file to a path. */
void rig_save(const struct synth *, const char *path);

/* What varies while the bits may not. */
struct rig_way {
	const struct kernels *kernels;
	unsigned threads;
	size_t   chunk;     /* rows of a step for each sequence */
	size_t   sequences; /* 1..16 in one batch; sequence s runs tokens rig_token(s, position) */
};

#define RIG_SEQUENCES 16u
#define RIG_SINGLE                                                                                 \
	48u /* with chunk 1: positions at the end that run one by one, in longer steps before */

int32_t rig_token(const struct model *, size_t sequence, size_t position);

/* Runs n positions of all sequences together and copies the logits of sequence 0: n x vocab. */
void rig_run(const struct model *, const struct rig_way *, size_t n, float *logits);

/* SHA-256 of n floats as 64 hexadecimal digits. */
void rig_digest(const float *, size_t n, char hex[65]);

/* Normalised mean square error of x against y. */
double rig_nmse(const float *x, const float *y, size_t n);

#endif
