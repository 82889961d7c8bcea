#include "cpu/pack.h"

#include <string.h>

size_t
pack_size(const struct format *format, size_t lanes, size_t cols)
{
	const size_t blocks = cols / FORMAT_BLOCK, rest = blocks % KERNELS_SEGMENT;
	const enum format_kind kind = format->kind;
	size_t bytes = blocks / KERNELS_SEGMENT * pack_scales(kind, lanes, KERNELS_SEGMENT);

	if (!format->quantised)
		return 0;
	bytes += (rest ? pack_scales(kind, lanes, rest) : 0) + blocks * pack_block(kind, lanes);
	return (bytes + KERNELS_ALIGN - 1) / KERNELS_ALIGN * KERNELS_ALIGN;
}

/* ---- elements ---- */

static uint32_t
load32(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static void
store32(uint8_t *p, uint32_t word)
{
	memcpy(p, &word, sizeof word);
}

/* Q8_0 and Q4_0 have the bytes in this order: they move in words. */
static void
copy_words(const uint8_t *p, size_t words, uint32_t mask, size_t lanes, uint8_t *out)
{
	for (size_t i = 0; i < words; i++)
		store32(out + 4 * lanes * i, load32(p + 4 * i) ^ mask);
}

/* The elements of a sub-block of a K format as they are stored, without sign and scale. */
static void
levels_k(enum format_kind kind, const uint8_t *row, size_t b, uint8_t level[FORMAT_BLOCK])
{
	const uint8_t *p = row + b / 8 * (kind == FORMAT_Q6_K ? 210 : kind == FORMAT_Q5_K ? 176 : 144);
	const unsigned sub = b % 8, run = sub % 4; /* format.h, format.c */
	const uint8_t *low, *high;
	unsigned low_shift, high_shift;

	if (kind == FORMAT_Q6_K) {
		low = p + sub / 4 * 64 + run % 2 * 32, low_shift = run / 2 * 4;
		high = p + 128 + sub / 4 * 32, high_shift = run * 2;
		for (size_t i = 0; i < FORMAT_BLOCK; i++)
			level[i] = (uint8_t)((low[i] >> low_shift & 15) |
			                     (high[i] >> high_shift & 3) << 4);
		return;
	}
	high = p + 16, high_shift = sub;
	low = p + (kind == FORMAT_Q5_K ? 48 : 16) + sub / 2 * 32, low_shift = sub % 2 * 4;
	for (size_t i = 0; i < FORMAT_BLOCK; i++)
		level[i] = (uint8_t)(low[i] >> low_shift & 15);
	for (size_t i = 0; kind == FORMAT_Q5_K && i < FORMAT_BLOCK; i++)
		level[i] |= (uint8_t)((high[i] >> high_shift & 1) << 4);
}

static void
levels(const struct format *format, const uint8_t *row, size_t b, uint8_t level[FORMAT_BLOCK])
{
	struct format_block block;

	if (format->block == FORMAT_SUPER) {
		levels_k(format->kind, row, b, level);
		return;
	}
	format->unpack(row, b, &block);
	for (size_t i = 0; i < FORMAT_BLOCK; i++)
		level[i] = (uint8_t)(block.level[i] + pack_offset(format->kind));
}

/* Bits at and above 4 of eight words of levels, gathered in rows of 8 / bits words. */
static void
pack_upper(const uint32_t word[8], size_t bits, size_t lanes, uint8_t *out)
{
	const uint32_t mask = bits == 1 ? 0x01010101u : 0x03030303u;
	const size_t per = bits == 1 ? 8 : 4;

	for (size_t i = 0; i < 8; i += per, out += 4 * lanes) {
		uint32_t row = 0;

		for (size_t j = 0; j < per; j++)
			row |= (word[i + j] >> 4 & mask) << j * bits;
		store32(out, row);
	}
}

/* Block b of a row, to its lane. */
static void
pack_elements(const struct format *format, const uint8_t *row, size_t b, size_t lanes,
              uint8_t flip, uint8_t *out)
{
	const uint8_t *block = row + b * format->bytes;
	const uint32_t low = 0x0f0f0f0fu;
	uint8_t level[FORMAT_BLOCK];
	uint32_t word[8];

	if (format->kind == FORMAT_Q8_0) {
		copy_words(block + 2, 8, flip * 0x01010101u, lanes, out);
		return;
	}
	if (format->kind == FORMAT_Q4_0) {
		copy_words(block + 2, 4, 0, lanes, out);
		return;
	}
	levels(format, row, b, level);
	memcpy(word, level, sizeof word);
	for (size_t i = 0; i < 4; i++)
		store32(out + 4 * lanes * i, (word[i] & low) | (word[i + 4] & low) << 4);
	if (pack_upper_bits(format->kind))
		pack_upper(word, pack_upper_bits(format->kind), lanes, out + 16 * lanes);
}

/* ---- scales ---- */

/* Of n blocks of 32 from block b of a row on: d, and m where there is one, to its lane. */
static void
pack_halves(const struct format *format, const uint8_t *row, size_t b, size_t n, size_t lanes,
            size_t lane, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *block = row + (b + i) * format->bytes;

		memcpy(out + (i * lanes + lane) * 2, block, 2);
		if (format->minimum)
			memcpy(out + ((n + i) * lanes + lane) * 2, block + 2, 2);
	}
}

/* Of a block of 256. */
static void
pack_super(enum format_kind kind, const uint8_t *block, size_t lanes, size_t lane, uint8_t *out)
{
	uint8_t scale[16];

	if (kind == FORMAT_Q6_K) {
		memcpy(scale, block + 192, 16);
		memcpy(out + 2 * lane, block + 208, 2);
		out += 2 * lanes;
	} else {
		format_scales(block + 4, scale, scale + 8);
		memcpy(out + 2 * lane, block, 2);
		memcpy(out + 2 * (lanes + lane), block + 2, 2);
		out += 4 * lanes;
	}
	for (size_t i = 0; i < 16; i++)
		out[i * lanes + lane] = scale[i];
}

/* ---- groups ---- */

void
pack_group(const struct matrix *w, size_t g, size_t lanes, uint8_t flip, uint8_t *out)
{
	const struct format *format = w->format;
	const size_t blocks = w->cols / FORMAT_BLOCK, bytes = pack_block(format->kind, lanes);
	const size_t left = w->rows - g * lanes, rows = left < lanes ? left : lanes;

	memset(out, 0, pack_size(format, lanes, w->cols)); /* for missing rows and padding */
	for (size_t b = 0; b < blocks; b += KERNELS_SEGMENT) {
		const size_t n = blocks - b < KERNELS_SEGMENT ? blocks - b : KERNELS_SEGMENT;
		const size_t scales = pack_scales(format->kind, lanes, n);

		for (size_t r = 0; r < rows; r++) {
			const uint8_t *row = w->data + (g * lanes + r) * w->stride;

			if (format->block == FORMAT_SUPER)
				pack_super(format->kind, row + b / 8 * format->bytes, lanes, r, out);
			else
				pack_halves(format, row, b, n, lanes, r, out);
			for (size_t i = 0; i < n; i++)
				pack_elements(format, row, b + i, lanes, flip,
				              out + scales + i * bytes + 4 * r);
		}
		out += scales + n * bytes;
	}
}
