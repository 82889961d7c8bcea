/* pack.h - quantised matrices with their rows interleaved: how the vector kernels keep them.
 *
 * A group is `lanes` rows, one for each 32-bit lane of a vector, so that a register holds four
 * elements of every row of the group.  It is a run of segments (KERNELS_SEGMENT blocks, the last
 * one shorter); a segment is its scales, block by block and lane by lane as binary16, rounded up to
 * KERNELS_ALIGN bytes, then its elements, block by block:
 *
 *   Q8_0   eight rows of lanes x 4 bytes: number i holds elements 4i .. 4i+3 of each row
 *   Q4_0   four of them: number i holds elements 4i .. 4i+3 in its low nibbles, 16+4i .. in its high
 *
 * So a decode reads memory from its first to its last byte, and the size is that of the file, but
 * for the padding of the last group (rows of zeros) and of the scales.
 */
#ifndef B3IQ_CPU_PACK_H
#define B3IQ_CPU_PACK_H

#include "engine/numeric/kernels.h"

/* Bytes of the scales of a segment of so many blocks. */
static inline size_t
pack_scales(size_t lanes, size_t blocks)
{
	return (blocks * lanes * sizeof(uint16_t) + KERNELS_ALIGN - 1) / KERNELS_ALIGN *
	       KERNELS_ALIGN;
}

/* Bytes of the elements of a block. */
static inline size_t
pack_block(const struct format *format, size_t lanes)
{
	return (format->bytes - sizeof(uint16_t)) * lanes;
}

/* Bytes of a group of rows of cols elements, a multiple of KERNELS_ALIGN for 8 lanes or more; 0: a
 * format that is not packed. */
size_t pack_size(const struct format *, size_t lanes, size_t cols);

/* Packs rows g * lanes and on.  flip is a mask for each byte of a Q8_0 element: 0x80 makes them
 * unsigned (q + 128), for instructions with one unsigned side. */
void pack_group(const struct matrix *, size_t g, size_t lanes, uint8_t flip, uint8_t *out);

#endif
