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
	const char      *architecture;
	const char      *digest;
	double           gate; /* against the reference */
} models[] = {
	{ FORMAT_F32, "llama",
	  "ba0a33a6f0707b60f0e197c0b0c7a0ed4ecd58b39f8ba860574d6b6003ee256c", 5e-5 },
	{ FORMAT_F16, "llama",
	  "7782be4f296a8e789eaad1a4f8ffe4c8643879a7951d1e3b0a8a4447d6411dc1", 5e-5 },
	{ FORMAT_BF16, "llama",
	  "a148248b25016d30f4aa5c70a66a504796175e733926f67d15b3245e21cbcd47", 5e-5 },
	{ FORMAT_Q8_0, "llama",
	  "09291317f29c417c441b29e6f959b59942a0aeeacb9b5a4e0e40ab0d9955afc3", 5e-3 },
	{ FORMAT_Q4_0, "llama",
	  "2a34b0013ff8ee092188e86bbf5fa9a422ab4df9702f66f5e4598b141d6c092a", 5e-3 },
	{ FORMAT_Q4_1, "llama",
	  "dd6fc2ebf3d5efaf853025a697257a377c5de31cc7b4be007b07e8170207f33a", 5e-3 },
	{ FORMAT_Q5_0, "llama",
	  "9978e2b3c5e5dc4bf88531ab7ecfd5eef462ca3db93598393131cebb5081cc97", 5e-3 },
	{ FORMAT_Q5_1, "llama",
	  "517f48a5e55ee526e0320e0f2570c3cdf842a4111769f92d60303218ec97576f", 5e-3 },
	{ FORMAT_Q4_K, "llama",
	  "16b7cc0a4a7211b726af762ba94418f12b248a61fe6b4be0451c93a6bc41000e", 5e-3 },
	{ FORMAT_Q5_K, "llama",
	  "6147d040f1881336c96216334f920f65ba209eb89877cf76f5ffe74791b3f574", 5e-3 },
	{ FORMAT_Q6_K, "llama",
	  "d57474729455f4342718c15c8ffd430bf38df315ed1ba80d4e240db4630aff26", 5e-3 },
	{ FORMAT_F32, "qwen2",
	  "ddb4cd68bf3e71f3e694b6df5dd6ec4d5f58454c0b0c3189e9d049a249f63b7b", 5e-5 },
	{ FORMAT_Q4_K, "qwen2",
	  "fd1c661a4b9dde5a58bb2925415517434e8c07f406a64d7051e93bb9b89d9435", 5e-3 },
	{ FORMAT_F32, "qwen3",
	  "46006627457ae698d2b321c5773b03f54093355da0ab9f741374572604138536", 5e-5 },
	{ FORMAT_Q6_K, "qwen3",
	  "0c6a250bf9b8f3a9b79d5ce29265052f12a3caa16ef7b9eb13bb121bc9106534", 5e-3 },
};

#define N_MODELS (sizeof models / sizeof *models)
#define N_FULL   5u /* the models that are computed in all ways; the others in every eleventh */

/* The K formats need rows of 256. */
static struct synth
shape_of(size_t i)
{
	struct synth s = SYNTH_TINY;

	s.format = models[i].format;
	s.architecture = models[i].architecture;
	s.untied = i % 2;
	if (format_at(s.format)->block == FORMAT_SUPER) {
		s.layers = 1;
		s.width = 256;
		s.ff = 512;
		s.heads = 4;
		s.kv_heads = 2;
		s.head_dim = 64;
	}
	if (strcmp(s.architecture, "qwen3") == 0)
		s.head_dim = 128;
	return s;
}

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

/* Whether a set takes a way.  The fastest set takes all of the first models, the slow ones every
 * fifth; of the others every eleventh and every thirty-third. */
static bool
takes(size_t model, size_t set, size_t *turn)
{
	const size_t every =
		model < N_FULL ? (set > 0 ? 5u : 1u) : (set > 0 ? 33u : 11u);

	return (*turn)++ % every == 0;
}

static void
one_digest_whatever_the_way(void **state)
{
	static const unsigned threads[] = { 1, 2, 3, 8 };
	static const size_t chunks[] = { 1, 7, 64, 512 }, sequences[] = { 1, 5, 16 };

	(void)state;
	for (size_t i = 0; i < N_MODELS; i++) {
		const struct synth s = shape_of(i);
		struct rig_file f;
		float *logits;
		size_t turns[8] = { 0 };

		rig_open(&f, &s);
		logits = calloc((size_t)N * f.model->hyper.vocab, sizeof *logits);
		assert_non_null(logits);
		for (size_t way = 0; way < 4 * 4 * 3; way++)
			for (size_t k = 0; select_at(k); k++) {
				const struct rig_way w = { select_at(k), threads[way % 4],
					chunks[way / 4 % 4], sequences[way / 16] };

				if (takes(i, k, &turns[k]))
					check_way(f.model, &w, models[i].digest, logits);
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
		{ .layers = 1, .width = 96, .ff = 64, .heads = 2, .kv_heads = 1, .head_dim = 48,
		  .rope_dim = 20, .vocab = 270, .context = 512, .architecture = "qwen2" },
		{ .layers = 1, .width = 512, .ff = 256, .heads = 5, .kv_heads = 5, .head_dim = 256,
		  .vocab = 301, .context = 512, .architecture = "qwen3" },
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
		struct synth s = shape_of(i);
		struct rig_file f;
		float *logits, *reference;
		int32_t tokens[N];
		size_t n;
		double error;

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
		print_message("%s %s: NMSE %.2e against the reference\n", models[i].architecture,
			      model_format(f.model), error);
		assert_true(error < models[i].gate);
		free(logits);
		free(reference);
		rig_close(&f);
	}
}

/* Sets the scale of the first block of a matrix. */
static void
damage(struct rig_file *f, const struct matrix *w, uint16_t half)
{
	uint8_t *p = (uint8_t *)f->bytes.data + (w->data - (const uint8_t *)f->bytes.data);

	p += w->format->kind == FORMAT_Q6_K ? 208 : 0;
	p[0] = (uint8_t)half;
	p[1] = (uint8_t)(half >> 8);
}

/* NaN, infinite and huge scales: the step goes through, and where a value was not finite some logit
 * is not, by which a request fails. */
static void
damaged_weights_end_in_the_logits(void **state)
{
	static const uint16_t halves[] = { 0x7e00, 0xfc00, 0x7bff };
	const size_t n = 40;

	(void)state;
	for (size_t i = 3; i < 11; i++)
		for (size_t h = 0; h < 3; h++)
			for (size_t k = 0; select_at(k); k++) {
				const struct rig_way way = { select_at(k), 1, 64, 1 };
				const struct synth s = shape_of(i);
				struct rig_file f;
				float *logits;
				size_t odd = 0, vocab;

				rig_open(&f, &s);
				vocab = f.model->hyper.vocab;
				logits = calloc(n * vocab, sizeof *logits);
				assert_non_null(logits);
				damage(&f, h ? &f.model->layers[0].k : &f.model->layers[0].up,
				       halves[h]);
				rig_run(f.model, &way, n, logits);
				for (size_t l = 0; l < vocab; l++)
					odd += __builtin_isfinite(logits[(n - 1) * vocab + l]) ? 0u : 1u;
				if (h < 2 && odd == 0) /* a huge one may do either */
					fail_msg("%s, %s kernels: a scale %#x is lost on the way",
					         model_format(f.model), way.kernels->name, halves[h]);
				free(logits);
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
		cmocka_unit_test(damaged_weights_end_in_the_logits),
		cmocka_unit_test(refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
