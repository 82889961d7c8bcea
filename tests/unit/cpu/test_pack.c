/* Every element and scale of a packed group lies where pack.h says, and nothing else is written. */
#include "cpu/pack.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define COLS   (11 * FORMAT_BLOCK) /* a whole segment and three blocks of another */
#define BLOCKS (COLS / FORMAT_BLOCK)

static const size_t all_lanes[] = { 8, 16 };

static uint8_t *
random_rows(const struct format *format, size_t rows)
{
	const size_t n = rows * format_row(format, COLS);
	uint8_t *p = malloc(n);
	uint32_t state = 7;

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
	return p;
}

/* Where block b of a group begins: its scales and its elements. */
static void
place(const struct format *format, size_t lanes, size_t b, size_t *scales, size_t *elements)
{
	const size_t rest = BLOCKS - b / 8 * 8, n = rest < 8 ? rest : 8;

	*scales = b / 8 * (pack_scales(lanes, 8) + 8 * pack_block(format, lanes));
	*elements = *scales + pack_scales(lanes, n) + b % 8 * pack_block(format, lanes);
	*scales += b % 8 * lanes * 2;
}

static void
check_row(const struct matrix *w, size_t lanes, size_t row, uint8_t flip, const uint8_t *groups)
{
	const uint8_t *group = groups + row / lanes * pack_size(w->format, lanes, COLS);

	for (size_t b = 0; b < BLOCKS; b++) {
		const uint8_t *block = w->data + row * w->stride + b * w->format->bytes;
		const size_t words = (w->format->bytes - 2) / 4;
		size_t scales, elements;

		place(w->format, lanes, b, &scales, &elements);
		assert_memory_equal(group + scales + row % lanes * 2, block, 2);
		for (size_t i = 0; i < 4 * words; i++)
			assert_int_equal(group[elements + i / 4 * 4 * lanes + row % lanes * 4 + i % 4],
			                 block[2 + i] ^ flip);
	}
}

static void
rows_are_interleaved(void **state)
{
	static const enum format_kind kinds[] = { FORMAT_Q8_0, FORMAT_Q4_0 };

	(void)state;
	for (size_t k = 0; k < 4; k++)
		for (size_t rows = 1; rows <= 33; rows += 4) {
			const struct format *format = format_at(kinds[k % 2]);
			const size_t lanes = all_lanes[k / 2], groups = (rows + lanes - 1) / lanes;
			const size_t size = pack_size(format, lanes, COLS);
			const uint8_t flip = kinds[k % 2] == FORMAT_Q8_0 ? 0x80 : 0;
			uint8_t *data = random_rows(format, rows), *out = malloc(groups * size);
			const struct matrix w = { .format = format, .data = data, .rows = rows,
				.cols = COLS, .stride = format_row(format, COLS) };

			assert_non_null(out);
			assert_int_equal(size % KERNELS_ALIGN, 0);
			for (size_t g = 0; g < groups; g++)
				pack_group(&w, g, lanes, 0x80, out + g * size);
			for (size_t r = 0; r < rows; r++)
				check_row(&w, lanes, r, flip, out);
			free(data);
			free(out);
		}
}

/* Rows beyond the last weigh nothing: their scales are zero. */
static void
missing_rows_are_zeros(void **state)
{
	const struct format *format = format_at(FORMAT_Q4_0);
	uint8_t *data = random_rows(format, 1), *out = malloc(pack_size(format, 16, COLS));
	const struct matrix w = { .format = format, .data = data, .rows = 1, .cols = COLS,
		.stride = format_row(format, COLS) };
	size_t scales, elements;

	(void)state;
	assert_non_null(out);
	memset(out, 0xa5, pack_size(format, 16, COLS));
	pack_group(&w, 0, 16, 0x80, out);
	for (size_t b = 0; b < BLOCKS; b++) {
		place(format, 16, b, &scales, &elements);
		for (size_t i = 2; i < 32; i++)
			assert_int_equal(out[scales + i], 0);
		for (size_t i = 0; i < pack_block(format, 16); i++)
			if (i % 64 >= 4)
				assert_int_equal(out[elements + i], 0);
	}
	free(data);
	free(out);
}

static void
sizes_are_those_of_the_file(void **state)
{
	(void)state;
	assert_int_equal(pack_size(format_at(FORMAT_Q8_0), 16, 2048), 16 * 2048 / 32 * 34);
	assert_int_equal(pack_size(format_at(FORMAT_Q4_0), 16, 2048), 16 * 2048 / 32 * 18);
	assert_int_equal(pack_size(format_at(FORMAT_Q8_0), 8, 2048), 8 * 2048 / 32 * 34);
	assert_int_equal(pack_size(format_at(FORMAT_F16), 16, 2048), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_interleaved),
		cmocka_unit_test(missing_rows_are_zeros),
		cmocka_unit_test(sizes_are_those_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
