#include "cpu/pack.h"

#include <string.h>

static bool
packs(const struct format *format)
{
	return format->kind == FORMAT_Q8_0 || format->kind == FORMAT_Q4_0;
}

size_t
pack_size(const struct format *format, size_t lanes, size_t cols)
{
	const size_t blocks = cols / FORMAT_BLOCK, rest = blocks % KERNELS_SEGMENT;

	if (!packs(format))
		return 0;
	return blocks / KERNELS_SEGMENT * pack_scales(lanes, KERNELS_SEGMENT) +
	       pack_scales(lanes, rest) + blocks * pack_block(format, lanes);
}

/* Four bytes of a row at a time: a lane. */
static void
pack_row(const uint8_t *row, size_t block_bytes, size_t blocks, size_t lanes, uint8_t flip,
         uint8_t *scales, uint8_t *elements)
{
	const size_t words = (block_bytes - 2) / 4;
	const uint32_t mask = flip * 0x01010101u;

	for (size_t b = 0; b < blocks; b++, row += block_bytes, scales += 2 * lanes) {
		memcpy(scales, row, 2);
		for (size_t i = 0; i < words; i++, elements += 4 * lanes) {
			uint32_t word;

			memcpy(&word, row + 2 + 4 * i, sizeof word);
			word ^= mask;
			memcpy(elements, &word, sizeof word);
		}
	}
}

void
pack_group(const struct matrix *w, size_t g, size_t lanes, uint8_t flip, uint8_t *out)
{
	const size_t blocks = w->cols / FORMAT_BLOCK, block_bytes = w->format->bytes;
	const size_t left = w->rows - g * lanes, rows = left < lanes ? left : lanes;
	const uint8_t *first = w->data + g * lanes * w->stride;

	if (w->format->kind != FORMAT_Q8_0)
		flip = 0;
	if (rows < lanes)
		memset(out, 0, pack_size(w->format, lanes, w->cols));
	for (size_t b = 0; b < blocks; b += KERNELS_SEGMENT) {
		const size_t n = blocks - b < KERNELS_SEGMENT ? blocks - b : KERNELS_SEGMENT;
		const size_t scales = n * lanes * sizeof(uint16_t);
		uint8_t *elements = out + pack_scales(lanes, n);

		memset(out + scales, 0, pack_scales(lanes, n) - scales);
		for (size_t r = 0; r < rows; r++)
			pack_row(first + r * w->stride + b * block_bytes, block_bytes, n, lanes,
			         flip, out + 2 * r, elements + 4 * r);
		out = elements + n * pack_block(w->format, lanes);
	}
}
