/* Frames over a socketpair: order, bounds, back-pressure, and peers that lie. */
#include "../check.h"

#include "core/plugin/sandbox/wire.c"

#include <stdatomic.h>

struct pair {
	struct wire a, b;
};

static void
pair_open(struct pair *p)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(wire_init(&p->a, fds[0], NULL), B3IQ_OK);
	assert_int_equal(wire_init(&p->b, fds[1], NULL), B3IQ_OK);
}

static void
pair_close(struct pair *p)
{
	wire_finish(&p->a);
	wire_finish(&p->b);
	wire_finish(&p->b); /* twice is fine */
}

/* Waits for the next frame. */
static int
next(struct wire *w, struct wire_frame *f)
{
	int got;

	while ((got = wire_next(w, f)) == 0)
		if (wire_receive(w, true) < 0)
			return -2;
	return got;
}

static void
test_frames_and_fields(void **state)
{
	struct wire_frame f;
	struct wire_reader r;
	struct buf b;
	struct pair p;
	size_t len;
	char cut[4];

	(void)state;
	pair_open(&p);
	buf_init(&b, 4096);
	wire_put_u32(&b, 7);
	wire_put_i32(&b, -7);
	wire_put_u64(&b, UINT64_MAX - 1);
	wire_put_f32(&b, 0.5f);
	wire_put_f64(&b, -2.25);
	wire_put_text(&b, "text");
	wire_put_text(&b, "");
	wire_put_text(&b, NULL);
	wire_put_bytes(&b, "a\0b", 3);
	wire_put_bytes(&b, NULL, 5);
	wire_put_text(&b, "cut me");
	assert_int_equal(wire_send(&p.a, 3, 4, 5, &b), B3IQ_OK);
	assert_int_equal(wire_send(&p.a, 1, 0, UINT64_MAX, NULL), B3IQ_OK);
	assert_int_equal(next(&p.b, &f), 1);
	assert_true(f.type == 3 && f.flags == 4 && f.call == 5);
	r = wire_read(&f);
	assert_int_equal(wire_u32(&r), 7);
	assert_int_equal(wire_i32(&r), -7);
	assert_true(wire_u64(&r) == UINT64_MAX - 1);
	assert_true(wire_f32(&r) == 0.5f);
	assert_true(wire_f64(&r) == -2.25);
	assert_string_equal(wire_text(&r), "text");
	assert_string_equal(wire_text(&r), "");
	assert_null(wire_text(&r));
	assert_memory_equal(wire_bytes(&r, &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_null(wire_bytes(&r, &len));
	wire_text_into(&r, cut, sizeof cut);
	assert_string_equal(cut, "cut");
	assert_true(wire_done(&r));
	assert_int_equal(wire_u32(&r), 0);
	assert_false(wire_done(&r));
	assert_int_equal(next(&p.b, &f), 1);
	assert_true(f.type == 1 && f.len == 0 && f.call == UINT64_MAX);
	buf_free(&b);
	pair_close(&p);
}

static void
test_hostile_fields(void **state)
{
	static const uint8_t inside[] = { 3, 0, 0, 0, 'a', 0, 'b', 0 };
	static const uint8_t open_end[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
	static const uint8_t not_zero[] = { 1, 0, 0, 0, 'a', 'b' };
	static const uint8_t huge[] = { 0xfe, 0xff, 0xff, 0xff, 'a' };
	static const struct {
		const uint8_t *data;
		size_t n;
	} bad[] = { { inside, 8 }, { open_end, 7 }, { not_zero, 6 }, { huge, 5 }, { huge, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct wire_reader r = { .at = bad[i].data, .end = bad[i].data + bad[i].n };

		assert_null(wire_text(&r));
		assert_true(r.bad);
		assert_false(wire_done(&r));
	}
}

static void
test_a_frame_in_pieces(void **state)
{
	uint8_t bytes[WIRE_HEAD + 3] = { 3, 0, 0, 0, 9, 0, 1, 0, 42 };
	struct wire_frame f;
	struct pair p;

	(void)state;
	pair_open(&p);
	for (size_t i = 0; i < sizeof bytes; i++) {
		assert_int_equal(wire_next(&p.b, &f), 0);
		assert_int_equal(write(p.a.fd, &bytes[i], 1), 1);
		assert_int_equal(wire_receive(&p.b, false), 1);
	}
	assert_int_equal(wire_receive(&p.b, false), 0);
	assert_int_equal(wire_next(&p.b, &f), 1);
	assert_true(f.type == 9 && f.flags == 1 && f.call == 42 && f.len == 3);
	assert_int_equal(wire_next(&p.b, &f), 0);
	pair_close(&p);
}

static void
test_too_long_a_frame_is_the_end(void **state)
{
	const uint32_t head[4] = { WIRE_FRAME_MAX + 1, 0, 0, 0 };
	struct wire_frame f;
	struct buf b;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(write(p.a.fd, head, sizeof head), sizeof head);
	assert_int_equal(wire_receive(&p.b, false), 1);
	assert_int_equal(wire_next(&p.b, &f), -1);
	buf_init(&b, SIZE_MAX - 1);
	assert_non_null(buf_reserve(&b, WIRE_FRAME_MAX + 1));
	buf_grew(&b, WIRE_FRAME_MAX + 1);
	assert_int_equal(wire_send(&p.a, 1, 0, 0, &b), B3IQ_E_INVALID);
	assert_int_equal(wire_post(&p.a, 1, 0, 0, &b), B3IQ_E_INVALID);
	b.rc = B3IQ_E_NO_MEMORY;
	assert_int_equal(wire_send(&p.a, 1, 0, 0, &b), B3IQ_E_NO_MEMORY);
	assert_int_equal(wire_post(&p.a, 1, 0, 0, &b), B3IQ_E_NO_MEMORY);
	buf_free(&b);
	pair_close(&p);
}

/* ---- many senders ---------------------------------------------------------------- */

#define SENDERS 8
#define FRAMES  3000

struct sender {
	struct wire *wire;
	uint64_t id;
	bool posts;
	pthread_t thread;
};

static void *
send_many(void *arg)
{
	const struct sender *s = arg;
	struct buf b;

	buf_init(&b, 8192);
	for (uint32_t n = 0; n < FRAMES; n++) {
		buf_clear(&b);
		wire_put_u32(&b, n);
		while (b.len < (n * 37 + s->id * 11) % 700)
			buf_puts(&b, "x");
		while (s->posts && wire_post(s->wire, 1, 0, s->id, &b) == B3IQ_E_BUSY)
			usleep(100);
		if (!s->posts && wire_send(s->wire, 1, 0, s->id, &b) != B3IQ_OK)
			break;
	}
	buf_free(&b);
	return NULL;
}

static void *
flush_on(void *arg)
{
	struct wire *w = ((void **)arg)[0];
	atomic_bool *stop = ((void **)arg)[1];

	while (!atomic_load(stop)) {
		wire_flush(w);
		usleep(50);
	}
	return NULL;
}

static void
test_many_senders_keep_their_order(void **state)
{
	struct sender s[SENDERS];
	uint32_t due[SENDERS] = { 0 };
	atomic_bool stop = false;
	void *flusher[2];
	struct wire_frame f = { 0 };
	pthread_t thread;
	struct pair p;

	(void)state;
	pair_open(&p);
	flusher[0] = &p.a;
	flusher[1] = &stop;
	pthread_create(&thread, NULL, flush_on, flusher);
	for (uint64_t i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .wire = &p.a, .id = i, .posts = i % 4 == 3 };
		pthread_create(&s[i].thread, NULL, send_many, &s[i]);
	}
	for (size_t n = 0; n < (size_t)SENDERS * FRAMES; n++) {
		struct wire_reader r;

		assert_int_equal(next(&p.b, &f), 1);
		r = wire_read(&f);
		assert_true(f.call < SENDERS);
		assert_int_equal(wire_u32(&r), due[f.call]);
		due[f.call]++;
	}
	for (size_t i = 0; i < SENDERS; i++)
		pthread_join(s[i].thread, NULL);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	pair_close(&p);
}

/* A peer that does not read: posts never wait, and nothing of what they took is lost. */
static void
test_posts_to_a_slow_peer(void **state)
{
	uint32_t sent = 0, seen = 0;
	uint64_t count = 0;
	struct wire_frame f;
	struct pair p;
	struct buf b;
	int32_t rc;

	(void)state;
	pair_open(&p);
	buf_init(&b, 70000);
	for (;;) {
		buf_clear(&b);
		wire_put_u32(&b, sent);
		memset(buf_reserve(&b, 60000), 'x', 60000);
		buf_grew(&b, 60000);
		rc = wire_post(&p.a, 1, 0, 0, &b);
		if (rc != B3IQ_OK)
			break;
		sent++;
	}
	assert_int_equal(rc, B3IQ_E_BUSY);
	assert_true(sent > 10);
	assert_int_equal(read(p.a.wake, &count, sizeof count), sizeof count);
	assert_true(wire_flush(&p.a));
	while (seen < sent) {
		struct wire_reader r;
		int got = wire_next(&p.b, &f);

		assert_true(got >= 0);
		if (got == 0) {
			if (wire_receive(&p.b, false) == 0)
				wire_flush(&p.a);
			continue;
		}
		r = wire_read(&f);
		assert_int_equal(wire_u32(&r), seen);
		seen++;
	}
	assert_false(wire_flush(&p.a));
	/* A send after a post that left something comes after it. */
	assert_int_equal(wire_send(&p.a, 2, 0, 0, NULL), B3IQ_OK);
	assert_int_equal(next(&p.b, &f), 1);
	assert_int_equal(f.type, 2);
	buf_free(&b);
	pair_close(&p);
}

static void *
send_until_dead(void *arg)
{
	struct buf b;
	int32_t rc;

	buf_init(&b, 1 << 20);
	memset(buf_reserve(&b, 1 << 20), 'x', 1 << 20);
	buf_grew(&b, 1 << 20);
	while ((rc = wire_send(arg, 1, 0, 0, &b)) == B3IQ_OK)
		;
	buf_free(&b);
	return (void *)(intptr_t)rc;
}

static void
test_senders_wake_when_the_peer_dies(void **state)
{
	pthread_t thread[4];
	struct pair p;
	void *rc;

	(void)state;
	for (int how = 0; how < 2; how++) {
		pair_open(&p);
		for (int i = 0; i < 4; i++)
			pthread_create(&thread[i], NULL, send_until_dead, &p.a);
		usleep(20000);
		if (how == 0)
			wire_shutdown(&p.a);
		else
			shutdown(p.b.fd, SHUT_RDWR);
		for (int i = 0; i < 4; i++) {
			pthread_join(thread[i], &rc);
			assert_int_equal((int32_t)(intptr_t)rc, B3IQ_E_DIED);
		}
		assert_int_equal(wire_post(&p.a, 1, 0, 0, NULL), B3IQ_E_DIED);
		assert_false(wire_flush(&p.a));
		assert_int_equal(wire_receive(&p.a, true), -1);
		pair_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_and_fields),
		cmocka_unit_test(test_hostile_fields),
		cmocka_unit_test(test_a_frame_in_pieces),
		cmocka_unit_test(test_too_long_a_frame_is_the_end),
		cmocka_unit_test(test_many_senders_keep_their_order),
		cmocka_unit_test(test_posts_to_a_slow_peer),
		cmocka_unit_test(test_senders_wake_when_the_peer_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
