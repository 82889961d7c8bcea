#include "rig.h"

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "engine/numeric/rounding.h"

void
rig_open(struct rig_file *f, const struct synth *s)
{
	struct b3iq_error err = { .size = sizeof err };

	f->bytes = BYTES((size_t)1 << 30);
	assert_true(synth_write(s, &f->bytes));
	if (gguf_open_memory(&f->gguf, f->bytes.data, f->bytes.len, "synthetic", &err) != B3IQ_OK ||
	    model_create(&f->model, f->gguf, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
}

void
rig_close(struct rig_file *f)
{
	model_destroy(f->model);
	gguf_close(f->gguf);
	bytes_finish(&f->bytes);
}

void
rig_save(const struct synth *s, const char *path)
{
	struct bytes b = BYTES((size_t)1 << 30);
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_true(synth_write(s, &b));
	assert_int_equal(fwrite(b.data, 1, b.len, out), b.len);
	assert_int_equal(fclose(out), 0);
	bytes_finish(&b);
}

int32_t
rig_token(const struct model *m, size_t sequence, size_t position)
{
	return (int32_t)((position * 37 + sequence * 101 + position * position / 7 + 11) %
	                 m->hyper.vocab);
}

/* Rows of the next step: single ones are for the end only, as a prompt is not read so. */
static size_t
step_of(const struct rig_way *way, size_t at, size_t n)
{
	const size_t chunk = way->chunk == 1 && at + RIG_SINGLE < n ? RIG_SINGLE : way->chunk;

	return chunk < n - at ? chunk : n - at;
}

void
rig_run(const struct model *m, const struct rig_way *way, size_t n, float *logits)
{
	struct b3iq_error err = { .size = sizeof err };
	const size_t per = cache_blocks_for(n), vocab = m->hyper.vocab;
	const size_t most = way->chunk > RIG_SINGLE ? way->chunk : RIG_SINGLE;
	struct forward_row *rows = calloc(way->sequences * most, sizeof *rows);
	uint16_t *blocks[RIG_SEQUENCES][8];
	struct forward *forward;
	struct cache *cache;
	struct pool *pool;
	const uint64_t mode = rounding_pin();

	assert_non_null(rows);
	assert_true(way->sequences <= RIG_SEQUENCES && per <= 8);
	assert_int_equal(pool_create(&pool, way->threads, &err), B3IQ_OK);
	assert_int_equal(cache_create(&cache, &m->hyper, 0, &err), B3IQ_OK);
	assert_int_equal(forward_create(&forward, m, cache, way->kernels, pool,
	                                way->sequences * most, most, &err), B3IQ_OK);
	assert_true(cache_reserve(cache, per * way->sequences));
	for (size_t s = 0; s < way->sequences; s++)
		for (size_t i = 0; i < per; i++)
			assert_non_null(blocks[s][i] = cache_take(cache));
	for (size_t at = 0, end; at < n; at = end) {
		size_t n_rows = 0;
		float *out;

		end = at + step_of(way, at, n);
		for (size_t k = 0; k < way->sequences; k++) {
			const size_t s = way->sequences - 1 - k; /* number 0 comes last */

			for (size_t i = at; i < end; i++)
				rows[n_rows++] = (struct forward_row){ .blocks = blocks[s],
					.position = (uint32_t)i, .token = rig_token(m, s, i),
					.logits = s == 0 };
		}
		if (forward_run(forward, rows, n_rows, &out, &err) != B3IQ_OK)
			fail_msg("%s", err.text);
		memcpy(logits + at * vocab, out, (end - at) * vocab * sizeof *out);
	}
	for (size_t s = 0; s < way->sequences; s++)
		for (size_t i = 0; i < per; i++)
			cache_drop(cache, blocks[s][i]);
	forward_destroy(forward);
	cache_destroy(cache);
	pool_destroy(pool);
	rounding_restore(mode);
	free(rows);
}

void
rig_digest(const float *x, size_t n, char hex[65])
{
	uint8_t hash[32];

	(void)SHA256((const uint8_t *)x, n * sizeof *x, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

double
rig_nmse(const float *x, const float *y, size_t n)
{
	double error = 0.0, power = 0.0;

	for (size_t i = 0; i < n; i++) {
		const double d = (double)x[i] - (double)y[i];

		error += d * d;
		power += (double)y[i] * (double)y[i];
	}
	return error / power;
}
