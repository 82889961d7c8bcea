#include "node/pipeline.c"

#define REPLACEMENT "\xef\xbf\xbd"
#include "core/base/utf8.h"
#include <sys/eventfd.h>
#include "live.h"

#define REPLACEMENT "\xef\xbf\xbd"

static struct live live;
static struct model model;
static struct buf seen;

static int
setup(void **state)
{
	(void)state;
	live_start(&live, NULL);
	buf_init(&seen, 1u << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&seen);
	live_stop(&live);
	return 0;
}

static int32_t
step(void *ctx, const char *text, size_t len, struct json_object *delta)
{
	(void)ctx, (void)delta;
	return buf_append(&seen, text, len);
}

static int32_t
refuse_third(void *ctx, const char *text, size_t len, struct json_object *delta)
{
	int *n = ctx;

	(void)text, (void)len, (void)delta;
	return ++*n < 3 ? B3IQ_OK : B3IQ_E_CANCELLED;
}

static int32_t
run_model(struct run *run, const char *name, const char *body, struct b3iq_error *err)
{
	struct instance *instance;
	int32_t rc;

	buf_clear(&seen);
	assert_ok(models_find(live.node->models, name, "", &model, &instance, err), *err);
	run->origin = "req_unit";
	run->principal = "unit";
	run->model = &model;
	run->instance = instance;
	if (!run->on_step)
		run->on_step = step;
	run->request.size = sizeof run->request;
	run->request.model = model.id;
	run->request.body = body;
	run->request.body_len = strlen(body);
	rc = pipeline_run(live.node->pipeline, run, err);
	instance_release(instance);
	return rc;
}

static void
open_receipt(const struct run *run, struct receipt *out)
{
	struct receipt_signed envelope;
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;

	assert_ok(json_parse(run->envelope.data, run->envelope.len, "receipt", &doc, &err), err);
	assert_ok(receipt_open(doc, &envelope, &err), err);
	assert_int_equal(receipt_signature(&envelope, ed25519_public(live.node->identity.key)), B3IQ_OK);
	*out = envelope.body;
	json_object_put(doc);
}

static void
test_final(void **state)
{
	struct b3iq_error err = NO_ERR;
	uint8_t commitment[32];
	struct receipt r;
	struct run run;

	(void)state;
	pipeline_prepare(&run);
	run.keep_tokens = true;
	run.request.seed = 17;
	assert_ok(run_model(&run, "echo", "{\"prompt\":\"h\xc3\xa9\"}", &err), err);
	assert_string_equal(seen.data, "{\"prompt\":\"h\xc3\xa9\"}");
	assert_string_equal(run.output.data, seen.data);
	assert_int_equal(run.n_tokens, run.output.len);
	open_receipt(&run, &r);
	assert_int_equal(r.kind, RECEIPT_FINAL);
	assert_int_equal(r.tier, RECEIPT_T0);
	assert_false(r.has_tokens);
	assert_false(r.has_order);
	assert_int_equal(r.seed, 17);
	assert_false(r.seed_by_client);
	assert_string_equal(r.id, run.receipt_id);
	assert_int_equal(r.output_tokens, run.output.len);
	assert_int_equal(commit_field(run.secret, COMMIT_OUTPUT, run.output.data, run.output.len,
	                              commitment), B3IQ_OK);
	assert_memory_equal(r.output, commitment, 32);
	assert_int_equal(commit_field(run.secret, COMMIT_PROMPT, run.request.body,
	                              run.request.body_len, commitment), B3IQ_OK);
	assert_memory_equal(r.prompt, commitment, 32);
	pipeline_finish(&run);
}

static void
test_failures(void **state)
{
	static const struct {
		const char *model;
		int32_t     rc;
	} cases[] = {
		{ "busy", B3IQ_E_BUSY }, { "first-internal", B3IQ_E_INTERNAL },
		{ "bad-delta", B3IQ_E_INTERNAL }, { "lying-usage", B3IQ_E_INTERNAL },
		{ "unknown-code", B3IQ_E_INTERNAL }, { "wordless", B3IQ_E_UNAVAILABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_error err = NO_ERR;
		struct receipt r;
		struct run run;
		int32_t rc;

		pipeline_prepare(&run);
		rc = run_model(&run, cases[i].model, "{}", &err);
		if (rc >= 0 || !err.text[0])
			fail_msg("%s: %d \"%s\"", cases[i].model, (int)rc, err.text);
		if (strcmp(cases[i].model, "wordless") != 0)
			assert_int_equal(rc, cases[i].rc);
		open_receipt(&run, &r);
		assert_int_equal(r.kind, RECEIPT_FAILURE);
		assert_int_equal(r.failure, rc);
		pipeline_finish(&run);
	}
}

/* Work for an order says so in its receipt; who orders can stop it, also while it waits. */
static void
test_order(void **state)
{
	const uint64_t one = 1;
	const int stop = eventfd(0, EFD_CLOEXEC);
	struct pipeline *p = pipeline_create(&(struct pipeline_options){
		.metrics = live.node->metrics, .streams = 1, .queue = 1 }, NULL);
	struct b3iq_error err = NO_ERR;
	uint8_t order[32];
	struct receipt r;
	struct run run;

	(void)state;
	memset(order, 0x5a, sizeof order);
	pipeline_prepare(&run);
	run.order = order;
	assert_ok(run_model(&run, "echo", "{\"prompt\":\"hello\"}", &err), err);
	open_receipt(&run, &r);
	assert_true(r.has_order);
	assert_memory_equal(r.order, order, 32);
	pipeline_finish(&run);
	assert_int_equal(write(stop, &one, sizeof one), sizeof one);
	pipeline_prepare(&run);
	run.order = order;
	run.cancel_fd = stop;
	assert_int_equal(run_model(&run, "ok", "{\"prompt\":\"hello\"}", &err), B3IQ_E_CANCELLED);
	open_receipt(&run, &r);
	assert_int_equal(r.failure, B3IQ_E_CANCELLED);
	assert_memory_equal(r.order, order, 32);
	pipeline_finish(&run);
	assert_ok(pipeline_enter(p, stop, &err), err); /* nobody before it */
	assert_int_equal(pipeline_enter(p, stop, &err), B3IQ_E_CANCELLED);
	pipeline_leave(p);
	pipeline_destroy(p);
	close(stop);
}

/* Whoever listens no more ends the run; the receipt counts what was made. */
static void
test_refused_step(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct receipt r;
	struct run run;
	int n = 0;

	(void)state;
	pipeline_prepare(&run);
	run.on_step = refuse_third;
	run.ctx = &n;
	assert_int_equal(run_model(&run, "echo", "{\"prompt\":\"hello\"}", &err), B3IQ_E_CANCELLED);
	open_receipt(&run, &r);
	assert_int_equal(r.failure, B3IQ_E_CANCELLED);
	assert_int_equal(r.output_tokens, 3);
	pipeline_finish(&run);
}

/* Characters that are cut in every way come out whole; bytes that are none are replaced. */
static void
test_whole_characters(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80z", "a\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80z" },
		{ "a\xff" "b", "a" REPLACEMENT "b" },
		{ "a\xc3", "a" REPLACEMENT },
		{ "\xf0\x9f\x98", REPLACEMENT },
		{ "\xe4\xb8 x", REPLACEMENT REPLACEMENT " x" },
	};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		for (size_t piece = 1; piece < 6; piece++) {
			struct run run;
			struct sink s = { .run = &run };
			const size_t n = strlen(cases[c].in);

			pipeline_prepare(&run);
			run.on_step = step;
			buf_clear(&seen);
			assert_int_equal(trace_init(&s.trace, run.secret), B3IQ_OK);
			for (size_t at = 0; at < n; at += piece) {
				const struct b3iq_chunk chunk = {
					.size = sizeof chunk, .text = cases[c].in + at,
					.text_len = n - at < piece ? n - at : piece };

				assert_int_equal(emit(&s.base, &chunk), B3IQ_OK);
				assert_true(utf8_valid(run.output.data ? run.output.data : "", run.output.len));
			}
			assert_int_equal(flush_half(&s), B3IQ_OK);
			assert_true(utf8_valid(run.output.data, run.output.len));
			assert_string_equal(seen.data, run.output.data);
			if (c < 4)
				assert_string_equal(run.output.data, cases[c].out);
			pipeline_finish(&run);
		}
	}
}

static void
test_exact(void **state)
{
	struct model m = { .profile = "det-v1", .has_root = true };
	struct run run = { .model = &m, .request.flags = B3IQ_GEN_DETERMINISTIC,
	                   .usage.determinism = B3IQ_DET_SAME_FINGERPRINT };
	struct sink s = { 0 };

	(void)state;
	assert_true(is_exact(&run, &s, "det-v1"));
	assert_false(is_exact(&run, &s, "det-v2"));
	s.trace.unprobed = true;
	assert_false(is_exact(&run, &s, "det-v1"));
	s.trace.unprobed = false;
	m.has_root = false;
	assert_false(is_exact(&run, &s, "det-v1"));
	m.has_root = true;
	run.usage.determinism = B3IQ_DET_SAME_DEVICE;
	assert_false(is_exact(&run, &s, "det-v1"));
}

static void
test_turns(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct pipeline *p = pipeline_create(&(struct pipeline_options){
		.metrics = live.node->metrics, .streams = 2, .queue = 0 }, &err);

	(void)state;
	assert_ok(pipeline_enter(p, -1, &err), err);
	assert_ok(pipeline_enter(p, -1, &err), err);
	assert_int_equal(pipeline_enter(p, -1, &err), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 1000);
	pipeline_leave(p);
	assert_ok(pipeline_enter(p, -1, &err), err);
	pipeline_leave(p);
	pipeline_leave(p);
	pipeline_destroy(p);
	pipeline_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_final),         cmocka_unit_test(test_failures),
		cmocka_unit_test(test_order),         cmocka_unit_test(test_refused_step),
		cmocka_unit_test(test_whole_characters),
		cmocka_unit_test(test_exact),         cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
