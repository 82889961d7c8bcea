/* products: rows of every format times activations, as det-v1 has it, for products_model.py.
 *
 * A line each: format, bytes of the row, activations and decoded row as binary32, the product as
 * binary32, all in hexadecimal. */
#include <stdio.h>
#include <stdlib.h>
#include "cpu/kernels.h"
#include "engine/numeric/random.h"
#include "engine/numeric/rounding.h"

#define COLS  768u /* three segments */
#define SHORT 288u /* one and an eighth, for formats with blocks of 32 */

static uint64_t stream;

static double
next(void)
{
	return random_unit(21, stream++);
}

static void
print(const void *data, size_t n, char behind)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
	putchar(behind);
}

/* Any bytes, as long as the halves among them are numbers. */
static void
fill_row(const struct format *f, uint8_t *row, size_t cols)
{
	float values[COLS];

	for (size_t i = 0; i < cols; i++)
		values[i] = (float)(next() - 0.5);
	f->encode(values, row, cols);
	for (size_t at = 0; f->quantised && at < format_row(f, cols); at += f->bytes) {
		const size_t d = f->kind == FORMAT_Q6_K ? 208 : 0;

		for (size_t i = 0; i < f->bytes; i++)
			row[at + i] = (uint8_t)(next() * 256.0);
		row[at + d + 1] = (uint8_t)((row[at + d + 1] & 0x83) | 0x20);
		if (f->minimum)
			row[at + 3] = (uint8_t)((row[at + 3] & 0x83) | 0x24);
	}
}

static void
one(const struct format *f, size_t cols)
{
	static _Alignas(KERNELS_ALIGN) uint8_t scratch[KERNELS_SCRATCH(COLS)];
	static _Alignas(KERNELS_ALIGN) float x[COLS], decoded[COLS];
	static uint8_t row[COLS * 4];
	static int8_t level[COLS];
	static int32_t sum[COLS / 32];
	static float scale[COLS / 32];
	const struct matrix w = { .format = f, .data = row, .rows = 1, .cols = cols,
		.stride = format_row(f, cols) };
	const struct operand in = { 1, cols, x, level, scale, sum };
	float out;

	fill_row(f, row, cols);
	for (size_t i = 0; i < cols; i++)
		x[i] = i / 32 == 2 ? 0.0f : (float)((next() - 0.5) * (i % 50 ? 2.0 : 40.0));
	f->decode(row, decoded, cols);
	scalar_kernels.quantise(x, cols, level, scale, sum);
	scalar_kernels.matmul(&w, 0, 1, &in, &out, 1, scratch);
	printf("%s ", f->name);
	print(row, w.stride, ' ');
	print(x, cols * sizeof *x, ' ');
	print(decoded, cols * sizeof *decoded, ' ');
	print(&out, sizeof out, '\n');
}

int
main(void)
{
	(void)rounding_pin();
	for (size_t k = 0; k < FORMAT_N; k++)
		for (size_t i = 0; i < 4; i++) {
			const struct format *f = format_at((enum format_kind)k);

			one(f, i % 2 && f->block <= 32 ? SHORT : COLS);
		}
	return 0;
}
