/* kernels.h - what a kernel set implements: the arithmetic of det-v1, and nothing else.
 *
 * A kernel set is a table of functions for one instruction set or device.  docs/det-v1.md fixes
 * every rounding and the order of every sum, so two sets give the same bits; they differ in speed
 * only. What the sets may choose is which outputs they compute together and in which memory layout.
 *
 *   Threads   All functions are pure on their arguments: callers split outputs over threads, never
 *             a sum.  The rounding mode is pinned (rounding.h).
 *   Memory    Nothing is allocated.  Float rows are aligned to KERNELS_ALIGN, weights to one byte.
 *   Limits    n and cols are multiples of FORMAT_BLOCK; head_dim is a multiple of KERNELS_LANES.
 */
#ifndef B3IQ_ENGINE_KERNELS_H
#define B3IQ_ENGINE_KERNELS_H

#include "engine/numeric/format.h"

#define KERNELS_LANES    16u  /* virtual lanes of float dots and of norms           */
#define KERNELS_SEGMENT  8u   /* quantised blocks that one accumulator chain covers */
#define KERNELS_KV_BLOCK 256u /* positions of a KV block                            */
#define KERNELS_KV_TILE  32u  /* positions that lie side by side in stored keys     */
#define KERNELS_HEAD_MAX 512u /* the largest head_dim                               */
#define KERNELS_ALIGN    64u

/* A weight matrix: `rows` outputs of `cols` inputs each. */
struct matrix {
	const struct format *format;
	const uint8_t       *data;               /* as the file has it            */
	size_t               rows, cols, stride; /* stride: bytes from row to row */
	const uint8_t       *packed; /* as the set at work packed it: group after group; NULL where
	                              * its packed_size() is 0 */
};

/* Activations of n tokens, cols each, as rows of floats and as the same rows quantised. */
struct operand {
	size_t         n, cols;
	const float   *real;  /* n x cols                                                      */
	const int8_t  *level; /* n x cols; garbage where no quantised matrix uses it           */
	const float   *scale; /* n x cols / FORMAT_BLOCK                                       */
	const int32_t *sum;   /* the same shape: sums of a block's levels, which instructions
	                       * with one unsigned side need */
};

/* One query of attention: a head of a row. */
struct kernels_query {
	const float *q;        /* head_dim values, already scaled by 1/sqrt(head size) */
	float       *out;      /* head_dim values                                     */
	uint32_t     position; /* attends to 0..position                               */
};

/* Queries of one sequence, positions ascending, that share a key-value head, and where that head lies in the blocks of
 * KERNELS_KV_BLOCK positions: keys as KV_BLOCK/KV_TILE tiles of head_dim x KV_TILE binary16, values
 * as KV_BLOCK x head_dim. */
struct kernels_attention {
	const struct kernels_query *queries;
	size_t                      n_queries;
	size_t                      head_dim;
	const uint16_t *const      *blocks; /* [b]: positions b * KV_BLOCK and on    */
	size_t                      keys, values; /* offset in a block, in elements */
};

struct kernels {
	const char *name;

	/* A set may keep a matrix in a layout of its own, in groups of `group` rows: the bytes of a
	 * group of rows of cols elements, a multiple of KERNELS_ALIGN, or 0 where it computes from the
	 * file's layout.  pack() writes group number g, with zeros for rows beyond the last. */
	size_t group;
	size_t (*packed_size)(const struct format *, size_t cols);
	void (*pack)(const struct matrix *, size_t g, uint8_t *out);

	/* Levels and scales of n values (det-v1 section 5), and the sums of the levels of a block.
	 */
	void (*quantise)(const float *x, size_t n, int8_t *level, float *scale, int32_t *sum);

	/* out[t * stride + r] = dot(row r of w, token t) for first <= r < last and all tokens; first
	 * is a multiple of `group`, last too or the number of rows.  scratch: KERNELS_SCRATCH(cols)
	 * bytes of the calling thread, aligned. */
	void (*matmul)(const struct matrix *w, size_t first, size_t last, const struct operand *x,
	               float *out, size_t stride, void *scratch);

	/* out = x / rms(x) * weight (section 7); out may be x. */
	void (*rmsnorm)(const float *x, const float *weight, size_t n, float eps, float *out);

	/* Turns the pairs (2i, 2i+1), i < half, of x by (cosine, sine)[i] (section 8). */
	void (*rope)(float *x, size_t half, const float *cosine, const float *sine);

	/* Scaled dot-product attention over the stored keys and values (section 9). */
	void (*attend)(const struct kernels_attention *);

	/* gate = silu(gate) * up */
	void (*silu_mul)(float *gate, const float *up, size_t n);

	/* x += y */
	void (*add)(float *x, const float *y, size_t n);

	/* binary32 to binary16, nearest even */
	void (*to_half)(const float *x, uint16_t *out, size_t n);
};

/* Room for what matmul lays out once for many rows or tokens: a tile of eight rows or tokens at
 * least, and as much as a share of the second level of cache. */
#define KERNELS_SCRATCH(cols) ((size_t)40 * (cols) + (192u << 10))

#endif
