/* Matrices are packed whole, by every set, and what they came from is still there to read. */
#include "engine/model/packed.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "rig.h"

static void
check_matrix(const struct kernels *k, const struct matrix *file, const struct matrix *packed)
{
	const size_t size = k->packed_size(file->format, file->cols);
	uint8_t *group;

	assert_ptr_equal(file->data, packed->data);
	assert_null(file->packed);
	if (size == 0) {
		assert_null(packed->packed);
		return;
	}
	assert_non_null(packed->packed);
	assert_int_equal((uintptr_t)packed->packed % KERNELS_ALIGN, 0);
	group = aligned_alloc(KERNELS_ALIGN, size);
	assert_non_null(group);
	for (size_t g = 0; g < groups_of(k, file); g++) {
		k->pack(file, g, group);
		assert_memory_equal(group, packed->packed + g * size, size);
	}
	free(group);
}

static void
check_model(const struct model *m, const struct kernels *k, struct pool *pool)
{
	struct packed p = { 0 };

	assert_int_equal(packed_init(&p, m, k, pool, NULL), B3IQ_OK);
	check_matrix(k, &m->output, &p.output);
	for (size_t i = 0; i < m->hyper.layers; i++) {
		const struct matrix *const file[] = LAYER_MATRICES(&m->layers[i]);
		const struct matrix *const packed[] = LAYER_MATRICES(&p.layers[i]);

		for (size_t j = 0; j < sizeof file / sizeof *file; j++)
			check_matrix(k, file[j], packed[j]);
	}
	packed_finish(&p);
	packed_finish(&p);
}

/* Over a file, whose pages are let go, and over memory, whose bytes must stay. */
static void
every_matrix_is_packed(void **state)
{
	char path[] = "test_packed.XXXXXX";
	const int fd = mkstemp(path);
	struct pool *pool;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pool_create(&pool, 3, NULL), B3IQ_OK);
	for (size_t i = 0; i < FORMAT_N; i++) {
		struct synth s = SYNTH_TINY;
		struct rig_file memory;
		struct model *model;
		struct gguf *gguf;

		s.format = (enum format_kind)i;
		s.width = 288; /* rows of more than a page, and groups that are not full */
		s.vocab = 613;
		s.untied = i % 2;
		if (format_at(s.format)->block > FORMAT_BLOCK)
			s.width = s.ff = 512, s.heads = s.kv_heads = 4, s.head_dim = 128;
		rig_open(&memory, &s);
		rig_save(&s, path);
		assert_int_equal(gguf_open(&gguf, path, NULL), B3IQ_OK);
		assert_int_equal(model_create(&model, gguf, NULL), B3IQ_OK);
		for (size_t k = 0; select_at(k); k++) {
			check_model(memory.model, select_at(k), pool);
			check_model(model, select_at(k), pool);
		}
		assert_memory_equal(model->embedding.data, memory.model->embedding.data,
		                    model->embedding.rows * model->embedding.stride);
		model_destroy(model);
		gguf_close(gguf);
		rig_close(&memory);
	}
	pool_destroy(pool);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(fd), 0);
}

/* Large memory is in huge pages, of which the last may stand beyond the end. */
static void
room_is_aligned(void **state)
{
	uint8_t *small = room(64), *large = room(2 * HUGE_PAGE + 64);

	(void)state;
	assert_true(small && large);
	assert_int_equal((uintptr_t)small % KERNELS_ALIGN, 0);
	assert_int_equal((uintptr_t)large % HUGE_PAGE, 0);
	large[2 * HUGE_PAGE + 63] = 1;
	free(small);
	free(large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_matrix_is_packed),
		cmocka_unit_test(room_is_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
