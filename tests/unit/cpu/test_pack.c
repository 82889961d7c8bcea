/* Every element and scale of a packed group lies where pack.h says, for every format: read back by
 * that description alone, it is what the file holds. */
#include "cpu/pack.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "engine/numeric/half.h"

#define MAX_COLS (3 * FORMAT_SUPER)

static uint8_t *
random_rows(const struct format *format, size_t rows, size_t cols)
{
	const size_t n = rows * format_row(format, cols);
	uint8_t *p = malloc(n);
	uint32_t state = 7;

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
	return p;
}

/* A packed group as the header describes it. */
struct view {
	const uint8_t   *group;
	enum format_kind kind;
	size_t           lanes, blocks, lane;
};

/* Scales of the segment of block b; its elements follow at *elements. */
static const uint8_t *
segment_of(const struct view *v, size_t b, size_t *n, const uint8_t **elements)
{
	const size_t full = pack_scales(v->kind, v->lanes, 8) + 8 * pack_block(v->kind, v->lanes);
	const uint8_t *scales = v->group + b / 8 * full;

	*n = v->blocks - b / 8 * 8 < 8 ? v->blocks - b / 8 * 8 : 8;
	*elements = scales + pack_scales(v->kind, v->lanes, *n) +
	            b % 8 * pack_block(v->kind, v->lanes);
	return scales;
}

static int
level_at(const struct view *v, const uint8_t *block, size_t element)
{
	const size_t i = element / 4, k = element % 4, row = 4 * v->lanes;
	const uint8_t *byte = block + 4 * v->lane + k;
	int level;

	if (v->kind == FORMAT_Q8_0)
		return byte[i * row];
	level = i < 4 ? byte[i * row] & 15 : byte[(i - 4) * row] >> 4;
	if (pack_upper_bits(v->kind) == 1)
		level += (byte[4 * row] >> i & 1) * 16;
	if (pack_upper_bits(v->kind) == 2)
		level += (byte[(4 + i / 4) * row] >> i % 4 * 2 & 3) * 16;
	return level - pack_offset(v->kind);
}

static float
half_at(const uint8_t *scales, size_t run, const struct view *v)
{
	uint16_t h;

	memcpy(&h, scales + (run * v->lanes + v->lane) * 2, sizeof h);
	return half_to_float(h);
}

/* Block b by the description, in the shape of format_block. */
static void
read_block(const struct view *v, size_t b, struct format_block *out)
{
	const uint8_t *elements;
	size_t n;
	const uint8_t *scales = segment_of(v, b, &n, &elements);
	const uint8_t *bytes = scales + (v->kind == FORMAT_Q6_K ? 2 : 4) * v->lanes + v->lane;
	const bool k = v->kind == FORMAT_Q4_K || v->kind == FORMAT_Q5_K;

	out->scale = half_at(scales, v->kind == FORMAT_Q6_K ? 0 : b % 8, v);
	out->minimum = -0.0f;
	if (v->kind == FORMAT_Q4_1 || v->kind == FORMAT_Q5_1)
		out->minimum = half_at(scales, n + b % 8, v);
	if (k) {
		out->scale = half_at(scales, 0, v) * (float)bytes[b % 8 * v->lanes];
		out->minimum = -(half_at(scales, 1, v) * (float)bytes[(8 + b % 8) * v->lanes]);
	}
	for (size_t i = 0; i < FORMAT_BLOCK; i++) {
		const int factor = v->kind == FORMAT_Q6_K
		                           ? (int8_t)bytes[(b % 8 * 2 + i / 16) * v->lanes]
		                           : 1;

		out->level[i] = (int16_t)(level_at(v, elements, i) * factor);
	}
}

static void
check(const struct format *format, size_t lanes, size_t rows, size_t cols)
{
	const size_t groups = (rows + lanes - 1) / lanes, size = pack_size(format, lanes, cols);
	uint8_t *data = random_rows(format, rows, cols), *out = malloc(groups * size);
	const struct matrix w = { .format = format, .data = data, .rows = rows, .cols = cols,
		.stride = format_row(format, cols) };
	struct format_block is, should;

	assert_non_null(out);
	assert_int_equal(size % KERNELS_ALIGN, 0);
	memset(out, 0xa5, groups * size);
	for (size_t g = 0; g < groups; g++)
		pack_group(&w, g, lanes, 0, out + g * size);
	for (size_t r = 0; r < groups * lanes; r++) {
		const struct view v = { out + r / lanes * size, format->kind, lanes,
			cols / FORMAT_BLOCK, r % lanes };

		for (size_t b = 0; b < cols / FORMAT_BLOCK; b++) {
			read_block(&v, b, &is);
			if (r >= rows) { /* a row that is not there weighs nothing */
				assert_true(is.scale == 0.0f && is.minimum == 0.0f);
				continue;
			}
			format->unpack(data + r * w.stride, b, &should);
			if (format->kind == FORMAT_Q8_0)
				for (size_t i = 0; i < FORMAT_BLOCK; i++)
					is.level[i] = (int8_t)is.level[i];
			assert_memory_equal(&is.scale, &should.scale, 4);
			assert_memory_equal(&is.minimum, &should.minimum, 4);
			assert_memory_equal(is.level, should.level, sizeof is.level);
		}
	}
	free(data);
	free(out);
}

static void
every_format_reads_back(void **state)
{
	static const size_t rows[] = { 1, 8, 15, 33 };

	(void)state;
	for (size_t f = 0; f < FORMAT_N; f++) {
		const struct format *format = format_at((enum format_kind)f);

		for (size_t r = 0; format->quantised && r < 4; r++)
			for (size_t cols = format->block; cols <= MAX_COLS;
			     cols += format->block * 5) {
				check(format, 8, rows[r], cols);
				check(format, 16, rows[r], cols);
			}
	}
}

/* Q8_0 with an unsigned side: every byte, and only the elements. */
static void
flipped_bytes_are_unsigned(void **state)
{
	const struct format *format = format_at(FORMAT_Q8_0);
	const size_t size = pack_size(format, 16, 96), scales = pack_scales(FORMAT_Q8_0, 16, 3);
	uint8_t *data = random_rows(format, 16, 96), *plain = malloc(size), *flip = malloc(size);
	const struct matrix w = { .format = format, .data = data, .rows = 16, .cols = 96,
		.stride = format_row(format, 96) };

	(void)state;
	assert_true(plain && flip);
	pack_group(&w, 0, 16, 0, plain);
	pack_group(&w, 0, 16, 0x80, flip);
	assert_memory_equal(plain, flip, scales);
	for (size_t i = scales; i < size; i++)
		assert_int_equal(flip[i], plain[i] ^ 0x80);
	free(data);
	free(plain);
	free(flip);
}

static void
sizes_are_about_those_of_the_file(void **state)
{
	(void)state;
	assert_int_equal(pack_size(format_at(FORMAT_Q8_0), 16, 2048), 16 * 2048 / 32 * 34);
	assert_int_equal(pack_size(format_at(FORMAT_Q4_0), 16, 2048), 16 * 2048 / 32 * 18);
	assert_int_equal(pack_size(format_at(FORMAT_F16), 16, 2048), 0);
	for (size_t f = 0; f < FORMAT_N; f++) {
		const struct format *format = format_at((enum format_kind)f);
		const size_t file = 16 * format_row(format, 2048);

		if (format->quantised)
			assert_in_range(pack_size(format, 16, 2048), file, file + file / 32);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_reads_back),
		cmocka_unit_test(flipped_bytes_are_unsigned),
		cmocka_unit_test(sizes_are_about_those_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
