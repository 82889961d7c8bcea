/* The property of det-v1: one digest for a model, whatever the way it is computed; and the network
 * is the right one, by the plain reference. */
#include "engine/model/forward.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "engine/model/reference.h"
#include "rig.h"

#define N 300u /* positions: beyond one block of keys and values */

/* SHA-256 of the logits of N positions.  A change here is another numerics profile: never "update"
 * it without giving that profile another name. */
static const struct {
	enum format_kind format;
	const char      *digest;
	double           gate; /* against the reference */
} models[] = {
	{ FORMAT_F32, "ba0a33a6f0707b60f0e197c0b0c7a0ed4ecd58b39f8ba860574d6b6003ee256c", 5e-5 },
	{ FORMAT_F16, "7782be4f296a8e789eaad1a4f8ffe4c8643879a7951d1e3b0a8a4447d6411dc1", 5e-5 },
	{ FORMAT_BF16, "a148248b25016d30f4aa5c70a66a504796175e733926f67d15b3245e21cbcd47", 5e-5 },
	{ FORMAT_Q8_0, "09291317f29c417c441b29e6f959b59942a0aeeacb9b5a4e0e40ab0d9955afc3", 5e-3 },
	{ FORMAT_Q4_0, "2a34b0013ff8ee092188e86bbf5fa9a422ab4df9702f66f5e4598b141d6c092a", 5e-3 },
};

#define N_MODELS (sizeof models / sizeof *models)

static void
check_way(const struct model *m, const struct rig_way *way, const char *digest, float *logits)
{
	char hex[65];

	rig_run(m, way, N, logits);
	rig_digest(logits, (size_t)N * m->hyper.vocab, hex);
	if (strcmp(hex, digest) != 0)
		fail_msg("%s %s kernels, %u threads, chunk %zu, %zu sequences: %s, not %s",
		         model_format(m), way->kernels->name, way->threads, way->chunk,
		         way->sequences, hex, digest);
}

static void
one_digest_whatever_the_way(void **state)
{
	static const unsigned threads[] = { 1, 2, 3, 8 };
	static const size_t chunks[] = { 1, 7, 64, 512 }, sequences[] = { 1, 5, 16 };

	(void)state;
	for (size_t i = 0; i < N_MODELS; i++) {
		struct synth s = SYNTH_TINY;
		struct rig_file f;
		float *logits;
		size_t turn = 0;

		s.format = models[i].format;
		s.untied = i % 2;
		rig_open(&f, &s);
		logits = calloc((size_t)N * f.model->hyper.vocab, sizeof *logits);
		assert_non_null(logits);
		for (size_t t = 0; t < 4; t++)
			for (size_t c = 0; c < 4; c++)
				for (size_t q = 0; q < 3; q++)
					for (size_t k = 0; select_at(k); k++) {
						const struct rig_way way = {select_at(k),
									    threads[t], chunks[c],
									    sequences[q]};

						/* The slow set takes every fifth way. */
						if (k > 0 && turn++ % 5)
							continue;
						check_way(f.model, &way, models[i].digest, logits);
					}
		free(logits);
		rig_close(&f);
	}
}

/* Shapes that fall between the vectors: padded heads, partial rotation, odd widths and
 * vocabularies. */
static void
odd_shapes_agree(void **state)
{
	static const struct synth shapes[] = {
		{ .layers = 1, .width = 64, .ff = 96, .heads = 8, .kv_heads = 4, .head_dim = 8,
		  .vocab = 301, .context = 512 },
		{ .layers = 2, .width = 288, .ff = 544, .heads = 6, .kv_heads = 6, .head_dim = 48,
		  .rope_dim = 32, .vocab = 263, .context = 512 },
		{ .layers = 1, .width = 160, .ff = 32, .heads = 1, .kv_heads = 1, .head_dim = 160,
		  .vocab = 277, .context = 512, .rope_factors = true },
		{ .layers = 1, .width = 96, .ff = 64, .heads = 16, .kv_heads = 2, .head_dim = 20,
		  .vocab = 270, .context = 512, .scaling = "yarn", .factor = 4.0f },
	};

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (size_t k = 0; k < FORMAT_N; k++) {
			struct synth s = shapes[i];
			struct rig_file f;
			float *a, *b;
			size_t n;

			s.format = (enum format_kind)k;
			s.seed = i + 5;
			rig_open(&f, &s);
			n = (size_t)N * f.model->hyper.vocab;
			a = calloc(n, sizeof *a);
			b = calloc(n, sizeof *b);
			assert_true(a && b);
			rig_run(f.model, &(struct rig_way){ &scalar_kernels, 1, 64, 1 }, N, a);
			rig_run(f.model, &(struct rig_way){ select_at(0), 2, 77, 2 }, N, b);
			assert_memory_equal(a, b, n * sizeof *a);
			free(a);
			free(b);
			rig_close(&f);
		}
}

static void
agrees_with_the_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MODELS; i++) {
		struct synth s = SYNTH_TINY;
		struct rig_file f;
		float *logits, *reference;
		int32_t tokens[N];
		size_t n;
		double error;

		s.format = models[i].format;
		s.scaling = i == 0 ? "linear" : i == 1 ? "yarn" : NULL;
		s.factor = 4.0f;
		s.rope_factors = i == 2;
		rig_open(&f, &s);
		n = (size_t)N * f.model->hyper.vocab;
		logits = calloc(n, sizeof *logits);
		reference = calloc(n, sizeof *reference);
		assert_true(logits && reference);
		for (size_t t = 0; t < N; t++)
			tokens[t] = rig_token(f.model, 0, t);
		assert_int_equal(reference_run(f.model, tokens, N, reference, NULL), B3IQ_OK);
		rig_run(f.model, &(struct rig_way){ select_at(0), 2, 64, 1 }, N, logits);
		error = rig_nmse(logits, reference, n);
		print_message("%s: NMSE %.2e against the reference\n", model_format(f.model),
			      error);
		assert_true(error < models[i].gate);
		free(logits);
		free(reference);
		rig_close(&f);
	}
}

static void
refuses_what_does_not_fit(void **state)
{
	struct b3iq_error err = { .size = sizeof err };
	struct synth s = SYNTH_TINY;
	struct rig_file f;
	struct forward *forward;
	struct cache *cache;
	struct pool *pool;
	uint16_t *blocks[1];
	float *out;
	struct forward_row row = { .blocks = blocks };

	(void)state;
	rig_open(&f, &s);
	assert_int_equal(pool_create(&pool, 1, &err), B3IQ_OK);
	assert_int_equal(cache_create(&cache, &f.model->hyper, 0, &err), B3IQ_OK);
	assert_int_equal(
	    forward_create(&forward, f.model, cache, &scalar_kernels, pool, 4, 1, &err), B3IQ_OK);
	assert_true(cache_reserve(cache, 1));
	blocks[0] = cache_take(cache);
	row.token = (int32_t)s.vocab;
	assert_int_equal(forward_run(forward, &row, 1, &out, &err), B3IQ_E_INVALID);
	row.token = -1;
	assert_int_equal(forward_run(forward, &row, 1, &out, &err), B3IQ_E_INVALID);
	row.token = 1;
	row.position = s.context;
	assert_int_equal(forward_run(forward, &row, 1, &out, &err), B3IQ_E_INVALID);
	row.position = 0;
	row.logits = true;
	assert_int_equal(forward_run(forward, (struct forward_row[]){ row, row }, 2, &out, &err),
	                 B3IQ_E_INVALID);
	assert_int_equal(forward_run(forward, &row, 1, &out, &err), B3IQ_OK);
	cache_drop(cache, blocks[0]);
	forward_destroy(forward);
	cache_destroy(cache);
	pool_destroy(pool);
	rig_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_digest_whatever_the_way),
		cmocka_unit_test(odd_shapes_agree),
		cmocka_unit_test(agrees_with_the_reference),
		cmocka_unit_test(refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
