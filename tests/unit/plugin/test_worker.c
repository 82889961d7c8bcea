/* The sandbox's threads, with a backend of ours in this process. */
#include "live.h"

#include "core/plugin/sandbox/worker.c"

#include <poll.h>

static atomic_int at_once, most_at_once;

static int32_t
generate(void *self, const struct b3iq_gen_request *q, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	static char text[100000]; /* more than a ring holds */
	const struct b3iq_chunk big = { .size = sizeof big, .text = text, .text_len = sizeof text };
	const struct b3iq_chunk piece = { .size = sizeof piece, .text = text, .text_len = 50000 };
	const struct b3iq_chunk none = { .size = sizeof none, .text_len = 4 };
	struct pollfd p = { .fd = sink->cancel_fd, .events = POLLIN };
	int now = atomic_fetch_add(&at_once, 1) + 1, most = atomic_load(&most_at_once);
	int32_t rc = B3IQ_OK;

	(void)self, (void)err;
	while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now))
		;
	if (strcmp(q->model, "wait") == 0) /* for a cancel */
		rc = poll(&p, 1, 60000) == 1 ? sink->emit(sink, &big) : B3IQ_E_TIMEOUT;
	else if (strcmp(q->model, "unsound") == 0)
		rc = sink->emit(sink, &none);
	else
		for (uint32_t i = 0; i < q->max_tokens && rc == B3IQ_OK; i++)
			rc = sink->emit(sink, strcmp(q->model, "big") == 0 ? &big : &piece);
	use->output_tokens = q->max_tokens;
	atomic_fetch_sub(&at_once, 1);
	return rc;
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	static char block[1 << 20];
	int32_t rc = B3IQ_OK;

	(void)err;
	for (size_t n = *(_Atomic(size_t) *)self; n > 0 && rc == B3IQ_OK; n--)
		rc = out->write(out, block, sizeof block);
	return rc;
}

static _Atomic(size_t) megabytes;
static const struct backend backend = {
	.self = &megabytes, .kind = B3IQ_INFERENCE, .threads = B3IQ_THREADS_PARALLEL,
	.inference = { .size = sizeof(struct b3iq_inference), .models = models, .probe = models,
	               .generate = generate },
};

#define RINGS 8

struct bench {
	struct rings in, out; /* the sandbox's view, and the host's */
	struct buf came[RINGS];
	size_t at[RINGS];
	struct worker pool;
};

static void
bench_open(struct bench *b, uint32_t width)
{
	const int memory = rings_create(RINGS);

	assert_true(rings_map(&b->in, memory, RINGS));
	assert_true(rings_map(&b->out, memory, RINGS));
	close(memory);
	for (size_t i = 0; i < RINGS; i++) {
		buf_init(&b->came[i], 1u << 26);
		b->at[i] = 0;
	}
	worker_init(&b->pool, &b->in, &backend, width);
}

static void
bench_close(struct bench *b)
{
	worker_finish(&b->pool);
	usleep(10000); /* the last thread leaves its lock; the sandbox would have ended here */
	rings_unmap(&b->in);
	rings_unmap(&b->out);
	for (size_t i = 0; i < RINGS; i++)
		buf_free(&b->came[i]);
}

static bool
call(struct bench *b, uint64_t id, const char *model, uint32_t tokens)
{
	const struct b3iq_gen_request q = { .size = sizeof q, .model = model, .body = "{}",
	                                    .body_len = 2, .max_tokens = tokens };
	struct wire_frame f = { .type = CODEC_CALL, .flags = CODEC_GENERATE, .call = id };
	struct buf args;
	bool ok;

	buf_init(&args, 4096);
	codec_put_gen(&args, &q);
	f.data = (const uint8_t *)args.data;
	f.len = args.len;
	ok = worker_call(&b->pool, &f);
	buf_free(&args);
	return ok;
}

static bool
number(struct bench *b, bool (*take)(struct worker *, const struct wire_frame *), uint64_t id,
       uint32_t n)
{
	const struct wire_frame f = { .call = id, .data = (const uint8_t *)&n, .len = sizeof n };

	return take(&b->pool, &f);
}

/* The next frame of a call. */
static struct wire_frame
next(struct bench *b, uint64_t call)
{
	const size_t i = call % RINGS;
	struct wire_frame f = { .type = 0 };
	int got;

	while ((got = wire_parse(&b->came[i], &b->at[i], &f)) == 0) {
		got = ring_read(&b->out.ring[i], &b->came[i]);
		assert_true(got >= 0);
		if (got == 0)
			ring_wait(&b->out.ring[i]);
	}
	assert_int_equal(got, 1);
	assert_int_equal(f.call, call);
	return f;
}

/* Until its writer sleeps for want of room. */
static void
let_fill(struct bench *b, uint64_t call)
{
	while (atomic_load(&b->out.ring[call % RINGS].shared->full) == 0)
		usleep(100);
}

static void
test_a_full_ring_holds_emit(void **state)
{
	struct wire_frame f;
	struct bench b;
	uint32_t chunks = 0;

	(void)state;
	bench_open(&b, 2);
	assert_true(call(&b, 1, "some", 100)); /* ten megabytes */
	let_fill(&b, 1);
	assert_true(atomic_load(&b.out.ring[1].shared->head) <= RING_SIZE);
	for (f = next(&b, 1); f.type == CODEC_EMIT; f = next(&b, 1))
		chunks++;
	assert_int_equal(f.type, CODEC_ANSWER);
	assert_int_equal(chunks, 100);
	chunks = 0;
	assert_true(call(&b, 2, "big", 10));
	for (f = next(&b, 2); f.type == CODEC_EMIT; f = next(&b, 2))
		chunks++;
	assert_int_equal(chunks, 10);
	bench_close(&b);
}

static void
test_cancel(void **state)
{
	struct codec_answer a;
	struct wire_frame f;
	struct bench b;

	(void)state;
	bench_open(&b, 1);
	assert_true(call(&b, 1, "wait", 0));
	assert_true(call(&b, 2, "wait", 0)); /* in the queue */
	assert_true(number(&b, worker_cancel, 2, (uint32_t)B3IQ_E_TIMEOUT));
	assert_true(number(&b, worker_cancel, 1, (uint32_t)B3IQ_E_CANCELLED));
	assert_true(number(&b, worker_cancel, 1, (uint32_t)B3IQ_E_BUSY)); /* the first one counts */
	assert_true(number(&b, worker_cancel, 99, (uint32_t)B3IQ_E_BUSY)); /* long gone */
	assert_false(number(&b, worker_cancel, 1, 0));
	f = next(&b, 1);
	assert_int_equal(f.type, CODEC_ANSWER);
	assert_true(codec_get_answer(&f, CODEC_GENERATE, &a));
	assert_int_equal(a.rc, B3IQ_E_CANCELLED);
	f = next(&b, 2);
	assert_int_equal(f.type, CODEC_ANSWER);
	assert_true(codec_get_answer(&f, CODEC_GENERATE, &a));
	assert_int_equal(a.rc, B3IQ_E_TIMEOUT);
	assert_true(call(&b, 3, "unsound", 0));
	f = next(&b, 3);
	assert_true(codec_get_answer(&f, CODEC_GENERATE, &a));
	assert_int_equal(a.rc, B3IQ_E_INTERNAL);
	/* One that waits for room hears of it as well, though nobody reads. */
	assert_true(call(&b, 4, "some", 100));
	let_fill(&b, 4);
	assert_true(number(&b, worker_cancel, 4, (uint32_t)B3IQ_E_CANCELLED));
	while (atomic_load(&at_once) > 0)
		usleep(100);
	for (f = next(&b, 4); f.type == CODEC_EMIT; f = next(&b, 4))
		;
	assert_true(codec_get_answer(&f, CODEC_GENERATE, &a));
	assert_int_equal(a.rc, B3IQ_E_CANCELLED);
	bench_close(&b);
}

static void
test_width(void **state)
{
	struct bench b;

	(void)state;
	atomic_store(&most_at_once, 0);
	bench_open(&b, 3);
	for (uint64_t i = 1; i <= RINGS; i++)
		assert_true(call(&b, i, "wait", 0));
	for (uint64_t i = 1; i <= RINGS; i++)
		assert_true(number(&b, worker_cancel, i, (uint32_t)B3IQ_E_CANCELLED));
	for (uint64_t i = 1; i <= RINGS; i++)
		assert_int_equal(next(&b, i).type, CODEC_ANSWER);
	assert_true(atomic_load(&most_at_once) <= 3);
	bench_close(&b);
}

static void
test_documents(void **state)
{
	struct wire_frame f = { .type = CODEC_CALL, .flags = CODEC_MODELS, .call = 1 };
	struct codec_answer a;
	struct bench b;

	(void)state;
	bench_open(&b, 1);
	megabytes = 3;
	assert_true(worker_call(&b.pool, &f));
	f = next(&b, 1);
	assert_true(codec_get_answer(&f, CODEC_MODELS, &a));
	assert_true(a.rc == B3IQ_OK && a.doc_len == 3u << 20);
	megabytes = 64; /* more than a frame holds */
	f = (struct wire_frame){ .flags = CODEC_MODELS, .call = 2 };
	assert_true(worker_call(&b.pool, &f));
	f = next(&b, 2);
	assert_true(codec_get_answer(&f, CODEC_MODELS, &a));
	assert_int_equal(a.rc, B3IQ_E_INVALID);
	f = (struct wire_frame){ .flags = CODEC_SUBMIT, .call = 3 };
	assert_false(worker_call(&b.pool, &f)); /* of another kind */
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_ring_holds_emit), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_width), cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
