/* pack.h - quantised matrices with their rows interleaved: how the vector kernels keep them.
 *
 * A group is `lanes` rows, one for each 32-bit lane of a vector, so that a register holds four
 * elements of every row of the group.  It is a run of segments (KERNELS_SEGMENT blocks, the last
 * one shorter), each its scales, rounded up to KERNELS_ALIGN bytes, and then its elements, block by
 * block.  Scales, each a run of one value a lane:
 *
 *   Q8_0, Q4_0, Q5_0   d of each block, binary16
 *   Q4_1, Q5_1         d of each block, then m of each block
 *   Q4_K, Q5_K         d, e, then s of each block, then m of each block, as bytes
 *   Q6_K               d, then s of each half block, as bytes
 *
 * Elements of a block, each a row of 4 bytes a lane:
 *
 *   Q8_0               eight rows: number i holds elements 4i .. 4i+3
 *   the others         four rows: number i holds the low four bits of elements 4i .. 4i+3 in its low
 *                      nibbles, of 16+4i .. in its high ones
 *   Q5_0, Q5_1, Q5_K   then one row: bit i of byte k is the fifth bit of element 4i+k
 *   Q6_K               then two rows: the pair at bit 2j of byte k is the upper two bits of element
 *                      4j+k, in the second row of 16+4j+k
 *
 * So a decode reads memory from its first to its last byte, and the size is that of the file, but
 * for the padding of the last group (rows of zeros), of the scales and of the K formats' six bits.
 */
#ifndef B3IQ_CPU_PACK_H
#define B3IQ_CPU_PACK_H

#include "engine/numeric/kernels.h"

/* Upper bits of an element beyond its nibble: none where it is a byte. */
static inline size_t
pack_upper_bits(enum format_kind kind)
{
	switch (kind) {
	case FORMAT_Q5_0:
	case FORMAT_Q5_1:
	case FORMAT_Q5_K:
		return 1;
	case FORMAT_Q6_K:
		return 2;
	default:
		return 0;
	}
}

/* What is taken off a level as it is packed, so that it is not negative; Q8_0 is told apart. */
static inline int
pack_offset(enum format_kind kind)
{
	return kind == FORMAT_Q4_0 ? 8 : kind == FORMAT_Q5_0 ? 16 : kind == FORMAT_Q6_K ? 32 : 0;
}

/* Bytes of the scales of a segment of so many blocks. */
static inline size_t
pack_scales(enum format_kind kind, size_t lanes, size_t blocks)
{
	size_t bytes; /* for each lane */

	switch (kind) {
	case FORMAT_Q4_1:
	case FORMAT_Q5_1:
		bytes = 4 * blocks;
		break;
	case FORMAT_Q4_K:
	case FORMAT_Q5_K:
		bytes = 4 + 2 * blocks;
		break;
	case FORMAT_Q6_K:
		bytes = 2 + 2 * blocks;
		break;
	default:
		bytes = 2 * blocks;
	}
	return (bytes * lanes + KERNELS_ALIGN - 1) / KERNELS_ALIGN * KERNELS_ALIGN;
}

/* Bytes of the elements of a block. */
static inline size_t
pack_block(enum format_kind kind, size_t lanes)
{
	return (kind == FORMAT_Q8_0 ? 32 : 16 + 4 * pack_upper_bits(kind)) * lanes;
}

/* Bytes of a group of rows of cols elements, a multiple of KERNELS_ALIGN; 0 for the float formats,
 * which are not packed.  With 16 lanes all rows are aligned to KERNELS_ALIGN, with 8 to half. */
size_t pack_size(const struct format *, size_t lanes, size_t cols);

/* Packs rows g * lanes and on.  flip is a mask for each byte of a Q8_0 element: 0x80 makes them
 * unsigned (q + 128), for instructions with one unsigned side. */
void pack_group(const struct matrix *, size_t g, size_t lanes, uint8_t flip, uint8_t *out);

#endif
