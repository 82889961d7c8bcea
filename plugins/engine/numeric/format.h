/* format.h - the table of weight formats that det-v1 computes with.
 *
 * Float formats:
 *   F32, F16, BF16   little-endian binary32, binary16, bfloat16
 *
 * Quantised formats.  All say the same of the blocks of FORMAT_BLOCK elements that a row is cut
 * into: element i is  scale * level[i] + minimum,  level an integer, scale and minimum exact in
 * binary32 (format_block).  They differ in how they store it; d, e, m are binary16, n[i] unsigned:
 *
 *   format  block  bytes  element i of a block, or of sub-block b = i / 32 (Q6_K: i / 16)
 *   Q8_0       32     34  d * q[i];              d, q int8
 *   Q4_0       32     18  d * (n[i] - 8);        d, n nibbles: element i < 16 is the low nibble of
 *                                                byte i, element i + 16 the high one
 *   Q4_1       32     20  d * n[i] + m;          d, m, n as Q4_0
 *   Q5_0       32     22  d * (n[i] - 16);       d, 32 fifth bits (bit i of a little-endian word),
 *                                                n as Q4_0
 *   Q5_1       32     24  d * n[i] + m;          d, m, then as Q5_0
 *   Q4_K      256    144  d * s[b] * n[i] - e * m[b];  d, e, 12 bytes with the 6-bit s and m, then
 *                                                32 bytes for each two sub-blocks: the even one in
 *                                                the low nibbles, the odd one in the high ones
 *   Q5_K      256    176  the same;              d, e, s and m, 32 bytes with the fifth bits (bit b
 *                                                of byte i mod 32), nibbles as Q4_K
 *   Q6_K      256    210  d * s[b] * (n[i] - 32);  128 bytes of low nibbles, 64 of high pairs of
 *                                                bits, s int8, d (format.c says which bit is whose)
 *
 * The byte layouts are those of the GGUF specification.  Another format is one more row here, one
 * more unpack, and a case in the kernel sets that are to be fast with it.
 */
#ifndef B3IQ_ENGINE_FORMAT_H
#define B3IQ_ENGINE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_BLOCK 32u /* elements that share a scale */
#define FORMAT_SUPER 256u /* elements of a block of the K formats */
#define FORMAT_NAMES "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K"

enum format_kind {
	FORMAT_F32,
	FORMAT_F16,
	FORMAT_BF16,
	FORMAT_Q8_0,
	FORMAT_Q4_0,
	FORMAT_Q4_1,
	FORMAT_Q5_0,
	FORMAT_Q5_1,
	FORMAT_Q4_K,
	FORMAT_Q5_K,
	FORMAT_Q6_K,
	FORMAT_N
};

/* FORMAT_BLOCK weights of any quantised format. */
struct format_block {
	float   scale;
	float   minimum;             /* -0 where the format has none: adding it changes no value */
	int16_t level[FORMAT_BLOCK]; /* Q6_K: times the scale of its sub-block, at most 4096 */
};

struct format {
	const char      *name;
	enum format_kind kind;
	uint32_t         gguf;         /* enum gguf_type */
	uint32_t         block, bytes; /* elements and bytes of a block */
	bool             quantised;    /* multiplies quantised activations */
	bool             minimum;      /* has one */
	/* n elements, a multiple of block; src as aligned as uint8_t.  Exact for all formats but
	 * those with a minimum, where the sum rounds once. */
	void (*decode)(const void *src, float *out, size_t n);
	/* Block number b (of FORMAT_BLOCK elements) of a row; NULL for float formats. */
	void (*unpack)(const uint8_t *row, size_t b, struct format_block *out);
	/* A near encoding by a simple rule of the format; for tools and tests (encode.h). */
	void (*encode)(const float *in, void *dst, size_t n);
};

/* NULL: not a format of det-v1. */
const struct format *format_of_gguf(uint32_t gguf_type);
const struct format *format_at(enum format_kind kind);
/* Bytes of a row of n elements, a multiple of block. */
size_t format_row(const struct format *, size_t n);

/* The 6-bit scales and minima of a Q4_K or Q5_K block, from its 12 bytes. */
void format_scales(const uint8_t packed[12], uint8_t scale[8], uint8_t minimum[8]);

#endif
