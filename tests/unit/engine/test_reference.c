/* The reference pass against what can be worked out by hand, so that it may judge forward.c. */
#include "engine/model/reference.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rig.h"

static void
near(float a, double b)
{
	if (!(fabs((double)a - b) < 1e-5))
		fail_msg("%g, not %g", (double)a, b);
}

static void
rows_multiply(void **state)
{
	static const float weights[] = { 1, 2, 3, 0, -1, 0.5f }, x[] = { 1, 1, 1, 2, 0, -4 };
	const struct matrix w = { .format = format_at(FORMAT_F32), .rows = 2, .cols = 3,
		.data = (const uint8_t *)weights, .stride = 3 * sizeof *weights };
	float row[3], out[4];

	(void)state;
	multiply(&(struct pass){ .n = 2, .row = row }, &w, x, out);
	near(out[0], 6.0);
	near(out[1], -0.5);
	near(out[2], -10.0);
	near(out[3], -2.0);
}

static void
rows_have_unit_power(void **state)
{
	static float x[] = { 3, 4, 0, 0 };
	const struct model m = { .hyper = { .width = 2, .eps = 1e-5f } };
	static const float weight[] = { 1, 10 };
	float normed[4];

	(void)state;
	normalise(&(struct pass){ .model = &m, .n = 2, .x = x, .normed = normed }, weight);
	near(normed[0], 3 / sqrt(12.5 + 1e-5));
	near(normed[1], 40 / sqrt(12.5 + 1e-5));
	near(normed[2], 0.0); /* eps keeps zeros from dividing */
	near(normed[3], 0.0);
}

static void
heads_turn_by_their_position(void **state)
{
	struct synth    s = SYNTH_TINY;
	struct rig_file f;
	float          *x;

	(void)state;
	s.rope_dim = 16;
	rig_open(&f, &s);
	x = calloc(3 * 2 * 32, sizeof *x); /* three positions of two heads of 32 */
	assert_non_null(x);
	for (size_t i = 0; i < 3 * 2 * 32; i += 2)
		x[i] = 1.0f;
	turn(&(struct pass){ .model = f.model, .n = 3 }, x, 2);
	for (size_t t = 0; t < 3; t++)
		for (size_t i = 0; i < 32; i += 2) {
			const float *pair = x + (t * 2 + 1) * 32 + i;
			const double frequency = i < 16 ? pow(10000.0, -(double)i / 16) : 0.0;
			const double angle = (double)t * frequency;

			near(pair[0], cos(angle));
			near(pair[1], sin(angle)); /* beyond rope_dim nothing turns */
		}
	free(x);
	rig_close(&f);
}

/* Two query heads share a key-value head: one looks for a key, the other is indifferent. */
static void
attention_is_a_weighted_mean(void **state)
{
	const struct model m = { .hyper = { .heads = 2, .kv_heads = 1, .head_dim = 2 } };
	static float k[] = { 1, 0, 0, 1, -1, 0 }, v[] = { 1, 2, 30, 40, 500, 600 };
	static float q[12] = { [4] = 0, [5] = 1000, [6] = 0, [7] = 0, [8] = -1000 };
	float  attended[12] = { 0 };
	double weight[3];
	const struct pass p = { .model = &m, .n = 3, .q = q, .k = k, .v = v, .attended = attended };

	(void)state;
	attend(&p, 0, 1, weight);
	near(attended[2], 1); /* the first position has itself only */
	near(attended[3], 2);
	attend(&p, 1, 0, weight); /* wants (0, 1): the second key */
	near(attended[4], 30);
	near(attended[5], 40);
	attend(&p, 1, 1, weight); /* wants nothing: the mean, and not of what comes later */
	near(attended[6], 15.5);
	near(attended[7], 21);
	attend(&p, 2, 0, weight); /* wants (-1, 0): the third key */
	near(attended[8], 500);
	near(attended[9], 600);
}

/* Layers that add nothing leave embedding, norm and output. */
static void
empty_layers_leave_the_embedding(void **state)
{
	static const int32_t tokens[] = { 5, 319 };
	struct synth    s = SYNTH_TINY;
	struct rig_file f;
	float          *logits, *zeros, e[2][96], row[96];

	(void)state;
	s.untied = true;
	rig_open(&f, &s);
	logits = calloc(2 * 320, sizeof *logits);
	zeros = calloc(96 * 160, sizeof *zeros);
	assert_true(logits && zeros);
	for (uint32_t i = 0; i < s.layers; i++)
		f.model->layers[i].o.data = f.model->layers[i].down.data = (const uint8_t *)zeros;
	assert_int_equal(reference_run(f.model, tokens, 2, logits, NULL), B3IQ_OK);
	for (size_t t = 0; t < 2; t++) {
		double squares = 0.0;

		memcpy(e[t], f.model->embedding.data + (size_t)tokens[t] * sizeof e[t],
		       sizeof e[t]);
		for (size_t i = 0; i < 96; i++)
			squares += (double)e[t][i] * (double)e[t][i];
		for (size_t r = 0; r < 320; r++) {
			double sum = 0.0;

			memcpy(row, f.model->output.data + r * sizeof row, sizeof row);
			for (size_t i = 0; i < 96; i++)
				sum += (double)row[i] * (double)e[t][i] *
				       (double)f.model->output_norm[i];
			near(logits[t * 320 + r], sum / sqrt(squares / 96 + 1e-5));
		}
	}
	free(zeros);
	free(logits);
	rig_close(&f);
}

/* What is said later changes nothing that was computed before; what was said before does. */
static void
the_past_does_not_know_the_future(void **state)
{
	static const int32_t one[] = { 10, 20, 30, 40 }, other[] = { 10, 20, 31, 40 };
	const struct synth s = SYNTH_TINY;
	struct rig_file f;
	float *a, *b;

	(void)state;
	rig_open(&f, &s);
	a = calloc(4 * 320, sizeof *a);
	b = calloc(4 * 320, sizeof *b);
	assert_true(a && b);
	assert_int_equal(reference_run(f.model, one, 4, a, NULL), B3IQ_OK);
	assert_int_equal(reference_run(f.model, other, 4, b, NULL), B3IQ_OK);
	assert_memory_equal(a, b, 2 * 320 * sizeof *a);
	assert_true(rig_nmse(b + 2 * 320, a + 2 * 320, 320) > 1e-3);
	assert_true(rig_nmse(b + 3 * 320, a + 3 * 320, 320) > 1e-6);
	free(a);
	free(b);
	rig_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_multiply),
		cmocka_unit_test(rows_have_unit_power),
		cmocka_unit_test(heads_turn_by_their_position),
		cmocka_unit_test(attention_is_a_weighted_mean),
		cmocka_unit_test(empty_layers_leave_the_embedding),
		cmocka_unit_test(the_past_does_not_know_the_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
