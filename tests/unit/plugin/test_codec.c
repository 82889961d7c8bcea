/* Every struct there and back, and every prefix of it refused. */
#include "../check.h"

#include "core/plugin/sandbox/codec.c"

static struct wire_frame
frame_of(const struct buf *b, size_t len)
{
	return (struct wire_frame){ .data = (const uint8_t *)b->data, .len = len };
}

static void
test_requests(void **state)
{
	const struct b3iq_gen_request q = {
		.size = sizeof q, .flags = 3, .model = "m", .body = "{\"a\":1}", .body_len = 7, .seed = 1u << 31,
		.deadline_ms = 99, .max_tokens = 5, .top_k = 6, .top_logprobs = 7, .temperature = 0.5f,
		.top_p = 0.25f, .min_p = 0.125f, .repetition_penalty = 1.5f, .presence_penalty = -1,
		.frequency_penalty = 2,
	};
	const struct b3iq_ledger_op op = {
		.size = sizeof op, .op = B3IQ_OP_STAKE, .key = { 1, 2 }, .digest = { 3 }, .signer = "k",
		.to = "0x1", .asset = NULL, .amount = "10", .max_fee = "1", .extra = "{}",
	};
	const struct b3iq_auth_request auth = {
		.size = sizeof auth, .scheme = "Bearer", .credential = "t", .method = "GET", .path = "/",
		.peer = "::1", .client_cert = (const uint8_t *)"\0cert", .client_cert_len = 5, .now_ms = 12,
	};
	struct b3iq_gen_request q2;
	struct b3iq_ledger_op op2;
	struct b3iq_auth_request auth2;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	codec_put_gen(&b, &q);
	for (size_t n = 0; n <= b.len; n++) {
		struct wire_frame f = frame_of(&b, n);
		struct wire_reader r = wire_read(&f);

		codec_get_gen(&r, &q2);
		assert_int_equal(wire_done(&r), n == b.len);
	}
	assert_string_equal(q2.model, "m");
	assert_memory_equal(q2.body, "{\"a\":1}", 8); /* a NUL follows */
	q2.model = q.model;
	q2.body = q.body;
	assert_memory_equal(&q, &q2, sizeof q);

	buf_clear(&b);
	codec_put_op(&b, &op);
	for (size_t n = 0; n <= b.len; n++) {
		struct wire_frame f = frame_of(&b, n);
		struct wire_reader r = wire_read(&f);

		codec_get_op(&r, &op2);
		assert_int_equal(wire_done(&r), n == b.len);
	}
	assert_memory_equal(op.key, op2.key, 32);
	assert_memory_equal(op.digest, op2.digest, 32);
	assert_int_equal(op2.op, B3IQ_OP_STAKE);
	assert_null(op2.asset);
	assert_string_equal(op2.amount, "10");

	buf_clear(&b);
	codec_put_auth(&b, &auth);
	for (size_t n = 0; n <= b.len; n++) {
		struct wire_frame f = frame_of(&b, n);
		struct wire_reader r = wire_read(&f);

		codec_get_auth(&r, &auth2);
		assert_int_equal(wire_done(&r), n == b.len);
	}
	assert_int_equal(auth2.client_cert_len, 5);
	assert_string_equal(auth2.credential, "t");
	assert_int_equal(auth2.now_ms, 12);
	buf_free(&b);
}

static void
test_chunks(void **state)
{
	const int32_t ids[] = { 5, -6, 7 };
	const struct b3iq_chunk c = { .size = sizeof c, .n_ids = 3, .ids = ids, .text = "ab",
	                              .text_len = 2, .delta = "{}", .probe = "p", .probe_len = 1 };
	const struct b3iq_chunk hidden = { .size = sizeof hidden, .n_ids = 2, .text = "", .text_len = 0 };
	const struct b3iq_chunk nowhere = { .size = sizeof nowhere, .text_len = 10 };
	struct b3iq_chunk d;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	codec_put_chunk(&b, &c);
	for (size_t n = 0; n < b.len; n++)
		assert_false(codec_get_chunk((const uint8_t *)b.data, n, &d));
	assert_true(codec_get_chunk((const uint8_t *)b.data, b.len, &d));
	assert_int_equal(d.n_ids, 3);
	assert_memory_equal(d.ids, ids, sizeof ids);
	assert_int_equal((uintptr_t)d.ids % _Alignof(int32_t), 0);
	assert_string_equal(d.delta, "{}");
	assert_int_equal(d.probe_len, 1);
	b.data[0] = 8; /* the ids are shorter than n_ids says */
	assert_false(codec_get_chunk((const uint8_t *)b.data, b.len, &d));
	buf_clear(&b);
	codec_put_chunk(&b, &hidden);
	assert_true(codec_get_chunk((const uint8_t *)b.data, b.len, &d));
	assert_null(d.ids);
	assert_int_equal(d.n_ids, 2);
	assert_non_null(d.text);
	assert_true(codec_chunk_sound(&c));
	assert_false(codec_chunk_sound(&nowhere));
	buf_free(&b);
}

static void
test_hello_and_ready(void **state)
{
	const struct codec_hello h = { .version = 1, .kind = 2, .width = 3, .dev = 4, .ino = 5,
	                               .path = "/p", .id = "i", .plugin_version = "1.0.0",
	                               .instance = "n", .state_dir = "/s", .config = "{}" };
	const struct codec_ready d = { .rc = B3IQ_E_DENIED, .threads = 2, .has = 21, .ops = 1u << 4 };
	struct b3iq_error err = { .size = sizeof err, .retry_ms = 3, .text = "why" }, err2;
	struct codec_hello h2;
	struct codec_ready d2;
	struct wire_frame f;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	codec_put_hello(&b, &h);
	for (size_t n = 0; n <= b.len; n++) {
		f = frame_of(&b, n);
		assert_int_equal(codec_get_hello(&f, &h2), n == b.len);
	}
	assert_string_equal(h2.config, "{}");
	assert_int_equal(h2.ino, 5);
	buf_clear(&b);
	memset(err.text, 'x', sizeof err.text); /* without its NUL */
	codec_put_ready(&b, &d, &err);
	for (size_t n = 0; n <= b.len; n++) {
		f = frame_of(&b, n);
		assert_int_equal(codec_get_ready(&f, &d2, &err2), n == b.len);
	}
	assert_int_equal(d2.rc, B3IQ_E_DENIED);
	assert_int_equal(d2.has, 21);
	assert_int_equal(err2.retry_ms, 3);
	assert_int_equal(strlen(err2.text), sizeof err2.text - 1);
	buf_free(&b);
}

static void
test_answers_of_every_method(void **state)
{
	struct codec_answer a, c;
	struct wire_frame f;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (uint32_t m = 1; m < CODEC_METHODS; m++) {
		memset(&a, 0, sizeof a);
		a.rc = -3;
		a.doc = "doc";
		a.doc_len = 3;
		a.doc2 = "d2";
		a.doc2_len = 2;
		a.next = 2;
		memcpy(a.e.error.text, "text", 5);
		memset(&a.u, 'u', sizeof(struct b3iq_principal)); /* every array without its end */
		buf_clear(&b);
		codec_put_answer(&b, (enum codec_method)m, &a);
		assert_int_equal(b.rc, B3IQ_OK);
		for (size_t n = 0; n <= b.len; n++) {
			f = frame_of(&b, n);
			assert_int_equal(codec_get_answer(&f, (enum codec_method)m, &c), n == b.len);
		}
		assert_int_equal(c.rc, -3);
		assert_string_equal(c.e.error.text, "text");
		if (shapes[m].docs > 0)
			assert_memory_equal(c.doc, "doc", 3);
		if (shapes[m].docs > 1)
			assert_memory_equal(c.doc2, "d2", 2);
		if (shapes[m].result == 't')
			assert_int_equal(strlen(c.u.tx.ref), sizeof c.u.tx.ref - 1);
		if (shapes[m].result == 'u')
			assert_true(c.u.usage.size == sizeof c.u.usage &&
			            c.u.usage.output_tokens == a.u.usage.output_tokens);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_hello_and_ready),
		cmocka_unit_test(test_answers_of_every_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
