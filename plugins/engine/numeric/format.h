/* format.h - the table of weight formats that det-v1 computes with.
 *
 *   format  block  bytes  value of element i of a block
 *   F32         1      4  little-endian binary32
 *   F16         1      2  binary16
 *   BF16        1      2  bfloat16
 *   Q8_0       32     34  d * q[i]; d binary16, q int8
 *   Q4_0       32     18  d * (n[i] - 8); d binary16, n unsigned nibbles: element i < 16 is the low
 *                         nibble of byte i, element i + 16 the high one
 *
 * The byte layouts are those of the GGUF specification.  Another format is one more row here, and
 * one more case in each kernel set.
 */
#ifndef B3IQ_ENGINE_FORMAT_H
#define B3IQ_ENGINE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_BLOCK 32u /* elements that share a scale */

enum format_kind { FORMAT_F32, FORMAT_F16, FORMAT_BF16, FORMAT_Q8_0, FORMAT_Q4_0, FORMAT_N };

struct format {
	const char      *name;
	enum format_kind kind;
	uint32_t         gguf;         /* enum gguf_type */
	uint32_t         block, bytes; /* elements and bytes of a block */
	bool             quantised;    /* multiplies quantised activations */
	/* n elements, a multiple of block; src as aligned as uint8_t.  decode is exact for all
	 * formats but the quantised ones, whose product d * q rounds once. */
	void (*decode)(const void *src, float *out, size_t n);
	/* The nearest encoding by the usual rule of the format; for tools and tests. */
	void (*encode)(const float *in, void *dst, size_t n);
};

/* NULL: not a format of det-v1. */
const struct format *format_of_gguf(uint32_t gguf_type);
const struct format *format_at(enum format_kind);
/* Bytes of a row of n elements. */
size_t format_row(const struct format *, size_t n);

#endif
