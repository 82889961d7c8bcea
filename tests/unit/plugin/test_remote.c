/* The host's side against a peer of our own making: what an honest sandbox never sends. */
#include "live.h"
#include "../torture.h"

#include "core/plugin/sandbox/remote.c"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define WIDTH 8

struct peer {
	struct remote *remote;
	struct rings rings;     /* the sandbox's view */
	struct hostapi *api;
	struct wire wire;       /* the other end */
	int epoll;
};

static void
peer_open(struct peer *p)
{
	const struct hostapi_options o = { .instance = "test", .state_dir = "/" };
	struct b3iq_error err = NO_ERROR;
	const int memory = rings_create(WIDTH);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(hostapi_create(&o, &p->api, &err), B3IQ_OK);
	p->remote = remote_create(fds[0], memory, WIDTH, "test", p->api, &err);
	assert_non_null(p->remote);
	assert_true(rings_map(&p->rings, memory, WIDTH));
	close(memory);
	assert_int_equal(wire_init(&p->wire, fds[1], &err), B3IQ_OK);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(remote_watch(p->remote, p->epoll, 1, 2, &err), B3IQ_OK);
}

static void
peer_close(struct peer *p)
{
	remote_unwatch(p->remote);
	remote_destroy(p->remote);
	hostapi_destroy(p->api);
	rings_unmap(&p->rings);
	wire_finish(&p->wire);
	close(p->epoll);
}

/* Sends one frame and lets the host look at it. */
static int
say(struct peer *p, uint16_t type, uint16_t flags, uint64_t call, const void *data, size_t n)
{
	struct buf b;
	bool left;
	int took;

	buf_init(&b, WIRE_FRAME_MAX);
	buf_append(&b, data, n);
	assert_int_equal(wire_post(&p->wire, type, flags, call, &b), B3IQ_OK);
	buf_free(&b);
	do {
		left = wire_flush(&p->wire);
		took = remote_receive(p->remote);
	} while (took > 0 || (took == 0 && left));
	return took;
}

static void
test_frames_that_nobody_asked_for(void **state)
{
	static const struct {
		uint16_t type, flags;
		size_t   n;
	} bad[] = {
		{ 0, 0, 0 }, { 999, 0, 0 }, { CODEC_HELLO, 0, 0 }, { CODEC_CALL, 1, 0 },
		{ CODEC_ANSWER, 0, 0 }, { CODEC_EMIT, 0, 20 }, { CODEC_READY, 0, 3 },
		{ CODEC_LOG, 0, 2 }, { CODEC_METRIC, 0, 1 }, { CODEC_UPCALL, 0, 0 },
		{ CODEC_UPCALL, CODEC_SERVICES, 0 }, { CODEC_UPCALL, CODEC_KV_PUT, HOSTAPI_VALUE_MAX + 5000 },
		{ CODEC_STOP, 0, 0 },
	};
	char *zeroes = calloc(1, HOSTAPI_VALUE_MAX + 5000);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct peer p;

		peer_open(&p);
		if (say(&p, bad[i].type, bad[i].flags, 77, zeroes, bad[i].n) >= 0 ||
		    !remote_broken(p.remote))
			fail_msg("case %zu was taken", i);
		assert_int_equal(remote_receive(p.remote), -1);
		peer_close(&p);
	}
	free(zeroes);
}

static void
test_harmless_frames(void **state)
{
	struct codec_ready ready = { .rc = B3IQ_OK, .threads = 2, .has = CODEC_HAS_EMBED };
	struct b3iq_error err = NO_ERROR;
	struct backend b;
	struct peer p;
	struct buf f;

	(void)state;
	peer_open(&p);
	assert_int_equal(say(&p, CODEC_PONG, 0, 123, NULL, 0), 0); /* of no ping */
	assert_int_equal(remote_ping(p.remote), 1);
	assert_int_equal(remote_ping(p.remote), 2);
	assert_int_equal(say(&p, CODEC_PONG, 0, 2, NULL, 0), 0);
	assert_int_equal(remote_ping(p.remote), 1);
	assert_false(remote_ready(p.remote, &ready, &err));
	buf_init(&f, 4096);
	ready = (struct codec_ready){ .threads = 2, .has = CODEC_HAS_EMBED };
	codec_put_ready(&f, &ready, &err);
	assert_int_equal(say(&p, CODEC_READY, 0, 0, f.data, f.len), 0);
	assert_true(remote_ready(p.remote, &ready, &err));
	remote_backend(p.remote, B3IQ_INFERENCE, &b);
	assert_true(b.inference.embed != NULL && b.inference.load == NULL && b.replay.replay == NULL);
	assert_int_equal(say(&p, CODEC_READY, 0, 0, f.data, f.len), -1); /* twice */
	buf_free(&f);
	peer_close(&p);
}

static void
test_upcalls_are_answered(void **state)
{
	struct wire_frame f = { .type = 0 };
	struct wire_reader r;
	struct peer p;
	struct buf b;

	(void)state;
	peer_open(&p);
	for (uint16_t service = 1; service < CODEC_SERVICES; service++) {
		buf_init(&b, 4096);
		wire_put_text(&b, "key");
		if (service == CODEC_SIGN || service == CODEC_PUBLIC_KEY)
			wire_put_text(&b, "ed25519");
		if (service == CODEC_SIGN || service == CODEC_KV_PUT)
			wire_put_bytes(&b, "0123456789abcdef0123456789abcdef", 32);
		assert_int_equal(say(&p, CODEC_UPCALL, service, service, b.data, b.len), 0);
		while (wire_next(&p.wire, &f) == 0)
			assert_int_equal(wire_receive(&p.wire, true), 1);
		assert_int_equal(f.type, CODEC_RETURN);
		assert_int_equal(f.call, service);
		r = wire_read(&f);
		/* There is no store, no secrets and no submit(). */
		assert_int_equal(wire_i32(&r), service == CODEC_SECRET     ? B3IQ_E_NOT_FOUND :
		                               service == CODEC_SIGN       ? B3IQ_E_DENIED :
		                               service == CODEC_PUBLIC_KEY ? B3IQ_E_DENIED :
		                                                             B3IQ_E_UNAVAILABLE);
		/* Malformed arguments are an answer too, not the end: the plugin may have passed NULL. */
		assert_int_equal(say(&p, CODEC_UPCALL, service, 99, "x", 1), 0);
		while (wire_next(&p.wire, &f) == 0)
			assert_int_equal(wire_receive(&p.wire, true), 1);
		r = wire_read(&f);
		assert_int_equal(wire_i32(&r), B3IQ_E_INVALID);
		buf_free(&b);
	}
	peer_close(&p);
}

/* ---- a call whose answers we write ------------------------------------------------- */

struct caller {
	struct peer *peer;
	struct live_sink sink;
	struct b3iq_usage use;
	struct b3iq_error err;
	int32_t rc;
	pthread_t thread;
};

static void *
call_main(void *arg)
{
	struct caller *c = arg;
	const struct b3iq_gen_request q = { .size = sizeof q, .model = "m", .body = "{}",
	                                    .body_len = 2 };

	c->use.size = sizeof c->use;
	c->rc = generate(c->peer->remote, &q, &c->sink.sink, &c->use, &c->err);
	return NULL;
}

/* Starts generate() on a thread; returns the id of its call as the peer sees it. */
static uint64_t
call_begin_with(struct caller *c, struct peer *p, void (*on_chunk)(struct live_sink *), void *ctx)
{
	struct wire_frame f = { .type = 0 };

	memset(c, 0, sizeof *c);
	c->peer = p;
	live_sink_init(&c->sink);
	c->sink.on_chunk = on_chunk;
	c->sink.ctx = ctx;
	pthread_create(&c->thread, NULL, call_main, c);
	while (wire_next(&p->wire, &f) == 0)
		assert_int_equal(wire_receive(&p->wire, true), 1);
	assert_int_equal(f.type, CODEC_CALL);
	assert_int_equal(f.flags, CODEC_GENERATE);
	return f.call;
}

static uint64_t
call_begin(struct caller *c, struct peer *p)
{
	return call_begin_with(c, p, NULL, NULL);
}

static int32_t
call_end(struct caller *c)
{
	pthread_join(c->thread, NULL);
	buf_free(&c->sink.text);
	return c->rc;
}

/* Writes a frame into a call's ring, as the sandbox does. */
static void
through_ring(struct peer *p, uint16_t type, uint64_t call, const struct buf *payload)
{
	struct ring *ring = &p->rings.ring[call % WIDTH];
	uint8_t head[WIRE_HEAD];

	wire_pack_head(head, payload->len, type, 0, call);
	assert_true(ring_write(ring, head, sizeof head, NULL));
	assert_true(ring_write(ring, payload->data, payload->len, NULL));
}

static void
emit_text(struct peer *p, uint64_t call, const char *text, size_t n)
{
	const struct b3iq_chunk k = { .size = sizeof k, .text = text, .text_len = n };
	struct buf b;

	buf_init(&b, WIRE_FRAME_MAX);
	codec_put_chunk(&b, &k);
	through_ring(p, CODEC_EMIT, call, &b);
	buf_free(&b);
}

static void
answer_call(struct peer *p, uint64_t call, int32_t rc)
{
	struct codec_answer a;
	struct buf b;

	memset(&a, 0, sizeof a);
	a.rc = rc;
	a.u.usage.output_tokens = 5;
	buf_init(&b, WIRE_FRAME_MAX);
	codec_put_answer(&b, CODEC_GENERATE, &a);
	through_ring(p, CODEC_ANSWER, call, &b);
	buf_free(&b);
}

static void
test_chunks_then_the_answer(void **state)
{
	struct caller c;
	struct peer p;
	uint64_t call;

	(void)state;
	peer_open(&p);
	call = call_begin(&c, &p);
	emit_text(&p, call, "one ", 4);
	emit_text(&p, call, "two", 3);
	answer_call(&p, call, B3IQ_OK);
	pthread_join(c.thread, NULL);
	assert_int_equal(c.rc, B3IQ_OK);
	assert_string_equal(c.sink.text.data, "one two");
	assert_int_equal(c.use.output_tokens, 5);
	buf_free(&c.sink.text);
	peer_close(&p);
}

static void
block_once(struct live_sink *s)
{
	pthread_mutex_t *gate = s->ctx;

	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
}

/* The call ends with the process, whose end is the instance's thread's to see. */
static void
breach(struct caller *c, struct peer *p)
{
	int took = 0;

	while (took >= 0) {
		took = remote_receive(p->remote);
		usleep(100);
	}
	assert_true(remote_broken(p->remote));
	remote_die(p->remote, "broke the protocol");
	assert_int_equal(call_end(c), B3IQ_E_DIED);
	assert_non_null(strstr(c->err.text, "broke the protocol"));
}

static void
test_junk_in_a_ring(void **state)
{
	static const struct {
		uint32_t len;
		uint16_t type;
		uint64_t call; /* beyond that which runs */
	} bad[] = {
		{ 0, 0, 0 }, { 0, CODEC_LOG, 0 }, { 0, CODEC_PONG, 0 }, { 0, CODEC_CALL, 0 },
		{ 0, CODEC_EMIT, WIDTH }, { 0, CODEC_ANSWER, 1 }, { WIRE_FRAME_MAX + 1, CODEC_EMIT, 0 },
		{ UINT32_MAX, CODEC_EMIT, 0 },
	};

	(void)state;
	for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
		struct caller c;
		struct peer p;
		uint8_t head[WIRE_HEAD];
		struct ring *ring;
		uint64_t call;

		peer_open(&p);
		call = call_begin(&c, &p);
		ring = &p.rings.ring[call % WIDTH];
		if (i < sizeof bad / sizeof bad[0]) {
			wire_pack_head(head, bad[i].len, bad[i].type, 0, call + bad[i].call);
			assert_true(ring_write(ring, head, sizeof head, NULL));
		} else { /* more than a ring holds */
			atomic_fetch_add(&ring->shared->head, RING_SIZE + 1);
			ring_nudge_reader(ring);
		}
		breach(&c, &p);
		peer_close(&p);
	}
}

/* What was written before the process died is read; half a frame is not. */
static void
test_last_words_count(void **state)
{
	struct caller c, half;
	uint64_t call, other;
	struct peer p;

	(void)state;
	peer_open(&p);
	call = call_begin(&c, &p);
	other = call_begin(&half, &p);
	assert_true(ring_write(&p.rings.ring[other % WIDTH], "\0\0\0\0", 4, NULL));
	emit_text(&p, call, "the end", 7);
	answer_call(&p, call, B3IQ_OK);
	remote_die(p.remote, "was killed by SIGTEST");
	pthread_join(c.thread, NULL);
	assert_int_equal(c.rc, B3IQ_OK);
	assert_string_equal(c.sink.text.data, "the end");
	buf_free(&c.sink.text);
	assert_int_equal(call_end(&half), B3IQ_E_DIED);
	peer_close(&p);
}

static void
test_a_chunk_larger_than_the_ring_flows(void **state)
{
	static char text[3 * RING_SIZE + 5];
	struct caller c;
	struct peer p;
	uint64_t call;

	(void)state;
	peer_open(&p);
	call = call_begin(&c, &p);
	emit_text(&p, call, text, sizeof text);
	answer_call(&p, call, B3IQ_OK);
	pthread_join(c.thread, NULL);
	assert_int_equal(c.rc, B3IQ_OK);
	assert_int_equal(c.sink.text.len, sizeof text);
	buf_free(&c.sink.text);
	peer_close(&p);
}

struct forked {
	pthread_mutex_t lock; /* one writer at a time; what the ring itself orders, TSan cannot see */
	struct peer *peer;
	uint64_t call;
};

static void
write_on(struct live_sink *s)
{
	struct forked *f = s->ctx;

	pthread_mutex_lock(&f->lock);
	emit_text(f->peer, f->call, "x", 1);
	pthread_mutex_unlock(&f->lock);
}

/* The process is dead, and something that it forked goes on writing: the ring is never empty. */
static void
test_nothing_counts_after_the_death(void **state)
{
	struct peer p;
	struct forked f = { .lock = PTHREAD_MUTEX_INITIALIZER, .peer = &p };
	struct caller c;

	(void)state;
	peer_open(&p);
	pthread_mutex_lock(&f.lock);
	f.call = call_begin_with(&c, &p, write_on, &f);
	emit_text(&p, f.call, "x", 1);
	pthread_mutex_unlock(&f.lock);
	remote_die(p.remote, "was killed by SIGTEST");
	assert_int_equal(call_end(&c), B3IQ_E_DIED);
	peer_close(&p);
}

static void
test_malformed_chunk_and_answer(void **state)
{
	struct wire_frame f = { .type = 0 };
	struct caller c;
	struct peer p;
	uint64_t call;
	struct buf b;

	(void)state;
	peer_open(&p);
	call = call_begin(&c, &p);
	buf_init(&b, 64);
	buf_puts(&b, "garbage");
	through_ring(&p, CODEC_EMIT, call, &b);
	while (wire_next(&p.wire, &f) == 0)
		assert_int_equal(wire_receive(&p.wire, true), 1);
	assert_int_equal(f.type, CODEC_CANCEL);
	through_ring(&p, CODEC_ANSWER, call, &b);
	assert_int_equal(call_end(&c), B3IQ_E_INTERNAL);
	assert_int_equal(c.sink.chunks, 0);
	buf_free(&b);
	peer_close(&p);
}

static void
test_cancel_is_told_once(void **state)
{
	struct b3iq_sink other = { .size = 0 };
	struct wire_frame f = { .type = 0 };
	struct wire_reader r;
	struct caller c;
	struct peer p;
	uint64_t call;

	(void)state;
	peer_open(&p);
	call = call_begin(&c, &p);
	assert_false(remote_cancel(p.remote, &other, B3IQ_E_CANCELLED));
	while (!remote_cancel(p.remote, &c.sink.sink, B3IQ_E_TIMEOUT))
		usleep(100); /* the frame is here, its sender may not know yet */
	assert_true(remote_cancel(p.remote, &c.sink.sink, B3IQ_E_CANCELLED));
	while (wire_next(&p.wire, &f) == 0)
		assert_int_equal(wire_receive(&p.wire, true), 1);
	assert_int_equal(f.type, CODEC_CANCEL);
	assert_int_equal(f.call, call);
	r = wire_read(&f);
	assert_int_equal(wire_i32(&r), B3IQ_E_TIMEOUT);
	answer_call(&p, call, B3IQ_E_TIMEOUT);
	assert_int_equal(call_end(&c), B3IQ_E_TIMEOUT);
	assert_int_equal(wire_receive(&p.wire, false), 0); /* nothing more */
	peer_close(&p);
}

static void
test_death_reaches_every_call(void **state)
{
	struct caller c[8];
	struct peer p;

	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < 8; i++)
		call_begin(&c[i], &p);
	wire_shutdown(&p.wire);
	while (remote_receive(p.remote) >= 0)
		usleep(100);
	assert_false(remote_broken(p.remote));
	remote_die(p.remote, "was killed by SIGTEST");
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(call_end(&c[i]), B3IQ_E_DIED);
		assert_non_null(strstr(c[i].err.text, "SIGTEST"));
	}
	call_main(&c[0]); /* and later ones */
	assert_int_equal(c[0].rc, B3IQ_E_DIED);
	peer_close(&p);
}

/* Two calls: one's sink is stuck, and the other goes on. */
static void
test_a_stuck_sink_holds_up_nobody_else(void **state)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct caller stuck, free_one;
	uint64_t a, b;
	struct peer p;

	(void)state;
	peer_open(&p);
	pthread_mutex_lock(&gate);
	a = call_begin_with(&stuck, &p, block_once, &gate);
	b = call_begin(&free_one, &p);
	emit_text(&p, a, "x", 1);
	emit_text(&p, b, "y", 1);
	answer_call(&p, b, B3IQ_OK);
	assert_int_equal(call_end(&free_one), B3IQ_OK);
	answer_call(&p, a, B3IQ_OK);
	/* And so does the instance's thread. */
	assert_int_equal(wire_send(&p.wire, CODEC_PONG, 0, 1, NULL), B3IQ_OK);
	for (struct epoll_event e; epoll_wait(p.epoll, &e, 1, 60000) == 1 && e.data.u64 != 1;)
		;
	assert_int_equal(remote_receive(p.remote), 1);
	pthread_mutex_unlock(&gate);
	assert_int_equal(call_end(&stuck), B3IQ_OK);
	peer_close(&p);
}

/* As many calls as there are rings, and not one more. */
static void
test_a_call_without_a_ring(void **state)
{
	struct caller c[WIDTH], more = { .rc = 0 };
	uint64_t id[WIDTH];
	struct peer p;

	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < WIDTH; i++)
		id[i] = call_begin(&c[i], &p);
	more.peer = &p;
	live_sink_init(&more.sink);
	call_main(&more);
	assert_int_equal(more.rc, B3IQ_E_BUSY);
	buf_free(&more.sink.text);
	for (size_t i = WIDTH; i-- > 0;)
		answer_call(&p, id[i], B3IQ_OK);
	for (size_t i = 0; i < WIDTH; i++)
		assert_int_equal(call_end(&c[i]), B3IQ_OK);
	peer_close(&p);
}

static int32_t
scenario(void *arg)
{
	const struct hostapi_options o = { .instance = "test", .state_dir = "/" };
	struct b3iq_error err = NO_ERROR;
	struct hostapi *api;
	struct remote *r;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return B3IQ_E_INTERNAL;
	r = hostapi_create(&o, &api, &err) == B3IQ_OK ?
	            remote_create(fds[0], *(int *)arg, WIDTH, "test", api, &err) : NULL;
	if (r == NULL)
		close(fds[0]);
	remote_destroy(r);
	hostapi_destroy(api);
	close(fds[1]);
	return r != NULL ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

static void
test_memory(void **state)
{
	int memory = rings_create(WIDTH);

	(void)state;
	torture("remote", scenario, &memory, 0);
	close(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_that_nobody_asked_for),
		cmocka_unit_test(test_harmless_frames),
		cmocka_unit_test(test_upcalls_are_answered),
		cmocka_unit_test(test_chunks_then_the_answer),
		cmocka_unit_test(test_junk_in_a_ring),
		cmocka_unit_test(test_last_words_count),
		cmocka_unit_test(test_nothing_counts_after_the_death),
		cmocka_unit_test(test_a_chunk_larger_than_the_ring_flows),
		cmocka_unit_test(test_malformed_chunk_and_answer),
		cmocka_unit_test(test_cancel_is_told_once),
		cmocka_unit_test(test_death_reaches_every_call),
		cmocka_unit_test(test_a_stuck_sink_holds_up_nobody_else),
		cmocka_unit_test(test_a_call_without_a_ring),
		cmocka_unit_test(test_memory),
	};

	log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
