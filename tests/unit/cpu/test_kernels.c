/* Every kernel set gives the bits of the scalar one, function by function and at odd sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "engine/numeric/half.h"
#include "engine/numeric/random.h"
#include "engine/numeric/rounding.h"

static uint64_t stream;

/* Values of many magnitudes, zeros and subnormals among them. */
static void
fill(float *x, size_t n, float size)
{
	for (size_t i = 0; i < n; i++) {
		const double u = random_unit(3, stream++);

		x[i] = (float)((u - 0.5) * 2.0) * size;
		if (stream % 97 == 0)
			x[i] = 0.0f;
		else if (stream % 89 == 0)
			x[i] *= 0x1p-135f;
		else if (stream % 83 == 0)
			x[i] *= 50.0f;
	}
}

/* Aligned, and not a byte longer, for who looks over the end. */
static void *
room(size_t bytes)
{
	void *p = NULL;

	assert_int_equal(posix_memalign(&p, KERNELS_ALIGN, bytes), 0);
	memset(p, 0xa5, bytes);
	return p;
}

static void
same(const void *a, const void *b, size_t n, const char *set, const char *what, size_t size)
{
	if (memcmp(a, b, n) != 0)
		fail_msg("%s differs from scalar in %s at size %zu", set, what, size);
}

static void
quantise_agrees(void **state)
{
	static const float special[] = { NAN, INFINITY, 0x1p-101f, 0x1p-100f, 0x1p-149f, 3.4e38f };

	(void)state;
	for (size_t k = 0; select_at(k); k++)
		for (size_t n = 32; n <= 320; n += 32) {
			float x[320], scale[2][10];
			int8_t level[2][320];
			int32_t sum[2][10];

			fill(x, n, n % 64 ? 3.0f : 1e-30f);
			if (n == 96)
				memset(x, 0, sizeof x);
			if (n / 32 % 7 < 6 && n >= 128)
				x[n - 5] = special[n / 32 % 7];
			scalar_kernels.quantise(x, n, level[0], scale[0], sum[0]);
			select_at(k)->quantise(x, n, level[1], scale[1], sum[1]);
			same(level[0], level[1], n, select_at(k)->name, "levels", n);
			same(scale[0], scale[1], n / 8, select_at(k)->name, "scales", n);
			same(sum[0], sum[1], n / 8, select_at(k)->name, "sums", n);
			for (size_t i = 0; i < n; i++) { /* and it is the nearest level */
				const double d = (double)scale[0][i / 32];

				if (isfinite(x[i]) && isfinite(d))
					assert_true(fabs((double)x[i] - d * level[0][i]) <=
					            0.5001 * d + 0x1p-100);
			}
		}
}

/* NULL where the set reads the file's layout. */
static uint8_t *
pack(const struct kernels *set, const struct matrix *w)
{
	const size_t size = set->packed_size(w->format, w->cols);
	const size_t groups = (w->rows + set->group - 1) / set->group;
	uint8_t *out = size ? room(groups * size) : NULL;

	assert_int_equal(size % KERNELS_ALIGN, 0);
	for (size_t g = 0; size && g < groups; g++)
		set->pack(w, g, out + g * size);
	return out;
}

/* Any bytes are weights as long as the halves among them are numbers; no encoder writes such. */
static void
scribble(const struct format *f, uint8_t *row, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		row[i] = (uint8_t)(random_unit(5, stream++) * 256.0);
	for (size_t at = 0; at < bytes; at += f->bytes) {
		const size_t d = f->kind == FORMAT_Q6_K ? 208 : 0;

		row[at + d + 1] = (uint8_t)((row[at + d + 1] & 0x83) | 0x20);
		if (f->minimum)
			row[at + 3] = (uint8_t)((row[at + 3] & 0x83) | 0x24);
	}
}

static void
check_matmul(const struct kernels *set, enum format_kind kind, size_t rows, size_t least, size_t n)
{
	const struct format *f = format_at(kind);
	const size_t cols = (least + f->block - 1) / f->block * f->block;
	const size_t stride = format_row(f, cols);
	uint8_t *data = room(rows * stride);
	float *row = room(cols * 4), *x = room(n * cols * 4), *a = room(n * rows * 4),
	      *b = room(n * rows * 4), *scale = room(n * cols / 8);
	int8_t *level = room(n * cols);
	int32_t *sum = room(n * cols / 8);
	void *scratch = room(KERNELS_SCRATCH(cols));
	const struct matrix plain = { f, data, rows, cols, stride, NULL };
	const struct operand in = { n, cols, x, level, scale, sum };
	struct matrix w = plain;
	const size_t split = rows / 2 / set->group * set->group;

	for (size_t r = 0; r < rows; r++) {
		fill(row, cols, 0.7f);
		f->encode(row, data + r * stride, cols);
		if (f->quantised && r % 3 == 1)
			scribble(f, data + r * stride, stride);
		if (kind == FORMAT_Q8_0)
			data[r * stride + 2] = 0x80; /* -128, which no encoder writes */
	}
	fill(x, n * cols, 2.0f);
	for (size_t t = 0; t < n; t++)
		scalar_kernels.quantise(x + t * cols, cols, level + t * cols, scale + t * cols / 32,
		                        sum + t * cols / 32);
	memset(a, 0, n * rows * 4);
	memset(b, 0, n * rows * 4);
	w.packed = pack(set, &plain);
	scalar_kernels.matmul(&plain, 0, rows, &in, a, rows, scratch);
	/* In two calls, as threads would. */
	set->matmul(&w, 0, split, &in, b, rows, scratch);
	set->matmul(&w, split, rows, &in, b, rows, scratch);
	same(a, b, n * rows * 4, set->name, f->name, rows * 1000 + n);
	free(data), free(row), free(x), free(a), free(b), free(scale), free(level), free(sum);
	free(scratch), free((void *)(uintptr_t)w.packed);
}

static void
matmul_agrees(void **state)
{
	static const size_t rows[] = {1, 7, 16, 25, 33, 64}, cols[] = {32, 64, 256, 288, 576, 1056},
			    tokens[] = {1, 2, 3, 4, 5, 7, 29, 77};

	(void)state;
	for (size_t k = 0; select_at(k); k++)
		for (size_t f = 0; f < FORMAT_N; f++)
			for (size_t r = 0; r < 6; r++)
				for (size_t c = 0; c < 6; c++)
					for (size_t t = 0; t < 8; t++)
						if ((r + c + t) % 3 == 0)
							check_matmul(select_at(k),
								     (enum format_kind)f, rows[r],
								     cols[c], tokens[t]);
}

/* The same bits, or NaN in both: its payload and sign never matter. */
static void
same_or_nan(const float *a, const float *b, size_t n, const char *set, const char *what, unsigned scale)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
			fail_msg("%s differs from scalar in %s: output %zu with the scale %#x", set,
			         what, i, scale);
}

/* All weights are `byte`, all halves `half`, all levels 127 or -127. */
static void
check_extreme(const struct kernels *set, const struct format *f, uint8_t byte, uint16_t half,
              int8_t level)
{
	enum { ROWS = 19, COLS = 512, N = 9 };
	const size_t stride = format_row(f, COLS);
	uint8_t *data = room(ROWS * stride);
	float *real = room(N * COLS * 4), *scale = room(N * COLS / 8), *a = room(N * ROWS * 4),
	      *b = room(N * ROWS * 4);
	int8_t *levels = room(N * COLS);
	int32_t *sum = room(N * COLS / 8);
	void *scratch = room(KERNELS_SCRATCH(COLS));
	struct matrix w = { f, data, ROWS, COLS, stride, NULL };
	const struct operand x = { N, COLS, real, levels, scale, sum };

	memset(data, byte, ROWS * stride);
	memset(levels, level, N * COLS);
	for (uint8_t *p = data; p < data + ROWS * stride; p += f->bytes) {
		memcpy(p + (f->kind == FORMAT_Q6_K ? 208 : 0), &half, sizeof half);
		if (f->minimum)
			memcpy(p + 2, &half, sizeof half);
	}
	for (size_t i = 0; i < N * COLS / FORMAT_BLOCK; i++) {
		scale[i] = i % 3 ? 0x1p-120f : 3e30f;
		sum[i] = level * (int32_t)FORMAT_BLOCK;
	}
	scalar_kernels.matmul(&w, 0, ROWS, &x, a, ROWS, scratch);
	w.packed = pack(set, &w);
	set->matmul(&w, 0, ROWS, &x, b, ROWS, scratch);
	same_or_nan(a, b, N * ROWS, set->name, f->name, half);
	free(data), free(real), free(scale), free(a), free(b), free(levels), free(sum);
	free(scratch), free((void *)(uintptr_t)w.packed);
}

static void
extremes_agree(void **state)
{
	static const uint8_t bytes[] = { 0x80, 0x7f, 0xff, 0x00 };
	static const uint16_t halves[] = { 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000 };

	(void)state;
	for (size_t k = 0; select_at(k); k++)
		for (size_t f = 0; f < FORMAT_N; f++)
			for (size_t i = 0; i < 4; i++)
				for (size_t j = 0; format_at((enum format_kind)f)->quantised && j < 7;
				     j++)
					check_extreme(select_at(k), format_at((enum format_kind)f),
					              bytes[i], halves[j], j % 2 ? 127 : -127);
}

static void
rows_agree(void **state)
{
	(void)state;
	for (size_t k = 0; select_at(k); k++)
		for (size_t n = 32; n <= 608; n += 32) {
			const struct kernels *set = select_at(k);
			float x[608], y[608], a[608], b[608];
			uint16_t h[2][608];

			fill(x, n, 20.0f);
			fill(y, n, 2.0f);
			scalar_kernels.rmsnorm(x, y, n, 1e-5f, a);
			set->rmsnorm(x, y, n, 1e-5f, b);
			same(a, b, n * 4, set->name, "rmsnorm", n);
			memcpy(a, x, n * 4), memcpy(b, x, n * 4);
			scalar_kernels.silu_mul(a, y, n);
			set->silu_mul(b, y, n);
			same(a, b, n * 4, set->name, "silu_mul", n);
			scalar_kernels.add(a, y, n - 5);
			set->add(b, y, n - 5);
			same(a, b, n * 4, set->name, "add", n);
			scalar_kernels.rope(a, n / 2 - 3, x, y);
			set->rope(b, n / 2 - 3, x, y);
			same(a, b, n * 4, set->name, "rope", n);
			x[1] = 65519.99f, x[2] = 65520.0f, x[3] = -1e30f, x[4] = 0x1p-25f;
			x[5] = nextafterf(0x1p-25f, 1.0f), x[6] = INFINITY;
			scalar_kernels.to_half(x, h[0], n - 3);
			set->to_half(x, h[1], n - 3);
			same(h[0], h[1], (n - 3) * 2, set->name, "to_half", n);
		}
}

/* n_queries queries of consecutive positions from first on, over blocks of random keys and values.
 */
static void
check_attention(const struct kernels *set, size_t head_dim, size_t n_queries, uint32_t first)
{
	const size_t n_blocks = (first + n_queries) / KERNELS_KV_BLOCK + 1;
	const size_t half = KERNELS_KV_BLOCK * head_dim;
	struct kernels_query queries[2][40];
	uint16_t *blocks[8];
	float *q = room(n_queries * head_dim * 4), *out[2];
	struct kernels_attention a = { .n_queries = n_queries, .head_dim = head_dim,
		.blocks = (const uint16_t *const *)blocks, .keys = 0, .values = half };

	fill(q, n_queries * head_dim, 0.5f);
	for (size_t b = 0; b < n_blocks; b++) {
		blocks[b] = room(2 * half * 2);
		for (size_t i = 0; i < 2 * half; i++)
			blocks[b][i] = half_from_float(
				(float)(random_unit(4, stream++) * 4.0 - 2.0));
	}
	for (size_t s = 0; s < 2; s++) {
		out[s] = room(n_queries * head_dim * 4);
		for (size_t i = 0; i < n_queries; i++)
			queries[s][i] = (struct kernels_query){ q + i * head_dim,
				out[s] + i * head_dim, first + (uint32_t)i / 2 };
		a.queries = queries[s];
		(s ? set : &scalar_kernels)->attend(&a);
	}
	same(out[0], out[1], n_queries * head_dim * 4, set->name, "attention",
	     head_dim * 1000 + n_queries);
	for (size_t b = 0; b < n_blocks; b++)
		free(blocks[b]);
	free(q), free(out[0]), free(out[1]);
}

static void
attention_agrees(void **state)
{
	static const size_t dims[] = { 16, 48, 64, 80, 128, 512 }, queries[] = { 1, 3, 4, 5, 21 };
	static const uint32_t firsts[] = { 0, 1, 15, 31, 253, 254, 255, 256, 511, 700 };

	(void)state;
	for (size_t k = 0; select_at(k); k++)
		for (size_t d = 0; d < 6; d++)
			for (size_t q = 0; q < 5; q++)
				for (size_t f = 0; f < 10; f++)
					if ((d + q + f) % 2 == 0)
						check_attention(select_at(k), dims[d], queries[q],
								firsts[f]);
}

/* The mode of the host's thread is put back. */
static void
rounding_is_pinned(void **state)
{
	const uint64_t before = rounding_pin();
	volatile float tiny = 0x1p-126f;

	(void)state;
	assert_true(tiny * 0.5f > 0.0f);
	rounding_restore(before);
#if defined(__x86_64__)
	_mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero */
	{
		const uint64_t flushing = rounding_pin();

		assert_true(tiny * 0.5f > 0.0f);
		rounding_restore(flushing);
		assert_true(tiny * 0.5f == 0.0f);
		_mm_setcsr((unsigned)before);
	}
#endif
}

static void
sets_are_chosen_by_name(void **state)
{
	struct b3iq_error err = { .size = sizeof err };
	const struct kernels *k;

	(void)state;
	assert_int_equal(select_kernels("auto", &k, &err), B3IQ_OK);
	assert_ptr_equal(k, select_at(0));
	assert_int_equal(select_kernels("scalar", &k, &err), B3IQ_OK);
	assert_ptr_equal(k, &scalar_kernels);
	assert_int_equal(select_kernels("mmx", &k, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "mmx"));
	assert_null(select_at(99));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantise_agrees),
		cmocka_unit_test(matmul_agrees),
		cmocka_unit_test(extremes_agree),
		cmocka_unit_test(rows_agree),
		cmocka_unit_test(attention_agrees),
		cmocka_unit_test(rounding_is_pinned),
		cmocka_unit_test(sets_are_chosen_by_name),
	};

	(void)rounding_pin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
