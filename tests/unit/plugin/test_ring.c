/* Bytes through memory that two sides see, one of them hostile. */
#include "live.h"

#include "core/plugin/sandbox/ring.c"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

struct pair {
	struct rings writer, reader; /* two views of one memory */
	struct buf in;
};

static void
pair_open(struct pair *p)
{
	const int memory = rings_create(2);

	assert_true(memory >= 0);
	assert_true(rings_map(&p->writer, memory, 2));
	assert_true(rings_map(&p->reader, memory, 2));
	close(memory);
	buf_init(&p->in, 1u << 24);
}

static void
pair_close(struct pair *p)
{
	rings_unmap(&p->writer);
	rings_unmap(&p->reader);
	buf_free(&p->in);
}

static void
test_memory_is_sealed(void **state)
{
	const int memory = rings_create(3);
	struct rings r;

	(void)state;
	assert_int_equal(ftruncate(memory, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(memory, 1 << 20), -1);
	assert_false(rings_map(&r, memory, 2)); /* not what was agreed */
	assert_false(rings_map(&r, memory, 0));
	assert_true(rings_map(&r, memory, 3));
	rings_unmap(&r);
	rings_unmap(&r);
	close(memory);
	assert_false(rings_map(&r, memory, 3));
	rings_unmap(&r);
}

/* Every length at every place of the ring, round and round. */
static void
test_wraps_around(void **state)
{
	static uint8_t data[RING_SIZE];
	struct pair p;
	size_t n = 1;

	(void)state;
	pair_open(&p);
	p.reader.ring[0].at = UINT32_MAX - 1000; /* the index wraps too */
	atomic_store(&p.writer.ring[0].shared->head, UINT32_MAX - 1000);
	atomic_store(&p.writer.ring[0].shared->tail, UINT32_MAX - 1000);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31);
	for (int round = 0; round < 400; round++) {
		assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 0);
		assert_true(ring_write(&p.writer.ring[0], data, n, NULL));
		assert_int_equal(ring_read(&p.reader.ring[1], &p.in), 0); /* the other one has nothing */
		assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 1);
		assert_int_equal(p.in.len, n);
		assert_memory_equal(p.in.data, data, n);
		buf_clear(&p.in);
		n = (n * 7 + 13) % RING_SIZE + 1;
	}
	memset(data, 0, sizeof data);
	assert_memory_equal(p.reader.ring[0].shared->data, data, sizeof data); /* nothing stays */
	pair_close(&p);
}

static void
test_wrong_indices(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	atomic_store(&p.writer.ring[0].shared->head, RING_SIZE); /* full is fine */
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 1);
	atomic_store(&p.writer.ring[0].shared->head, 2 * RING_SIZE + 1);
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), -1);
	atomic_store(&p.writer.ring[0].shared->head, RING_SIZE - 1); /* backwards */
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), -1);
	/* The reader's index is its own, whatever the writer makes of the shared one. */
	atomic_store(&p.writer.ring[1].shared->tail, 12345);
	atomic_store(&p.writer.ring[1].shared->head, 3);
	buf_clear(&p.in);
	assert_int_equal(ring_read(&p.reader.ring[1], &p.in), 1);
	assert_int_equal(p.in.len, 3);
	assert_int_equal(atomic_load(&p.reader.ring[1].shared->tail), 3);
	/* No memory for what came. */
	p.in.max = p.in.len;
	atomic_store(&p.writer.ring[1].shared->head, 100);
	assert_int_equal(ring_read(&p.reader.ring[1], &p.in), -1);
	pair_close(&p);
}

#define STREAM (8u << 20)

static void *
write_stream(void *arg)
{
	static uint8_t data[3 * RING_SIZE];
	struct ring *r = arg;
	uint32_t seed = 1;

	for (size_t sent = 0, n; sent < STREAM; sent += n) {
		seed = seed * 1664525u + 1013904223u;
		n = seed % 64 == 0 ? sizeof data : seed % 300 + 1; /* now and then more than fits */
		n = n < STREAM - sent ? n : STREAM - sent;
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)((sent + i) % 251);
		assert_true(ring_write(r, data, n, NULL));
	}
	return NULL;
}

static void
test_a_stream_between_threads(void **state)
{
	struct pair p;
	pthread_t thread;
	size_t seen = 0;

	(void)state;
	pair_open(&p);
	pthread_create(&thread, NULL, write_stream, &p.writer.ring[0]);
	while (seen < STREAM) {
		const int got = ring_read(&p.reader.ring[0], &p.in);

		assert_true(got >= 0 && p.in.len <= RING_SIZE);
		if (got == 0)
			ring_wait(&p.reader.ring[0]);
		for (size_t i = 0; i < p.in.len; i++)
			if ((uint8_t)p.in.data[i] != (uint8_t)((seen + i) % 251))
				fail_msg("byte %zu of the stream is wrong", seen + i);
		seen += p.in.len;
		buf_clear(&p.in);
	}
	pthread_join(thread, NULL);
	pair_close(&p);
}

struct stopped {
	struct ring *ring;
	_Atomic(int32_t) stop;
	bool written;
};

static void *
write_until_stopped(void *arg)
{
	static const uint8_t data[RING_SIZE];
	struct stopped *s = arg;

	s->written = ring_write(s->ring, data, sizeof data, &s->stop);
	return NULL;
}

static void
test_a_writer_is_stopped(void **state)
{
	struct stopped s = { .written = true };
	struct pair p;
	pthread_t thread;

	(void)state;
	pair_open(&p);
	s.ring = &p.writer.ring[0];
	assert_true(ring_write(s.ring, "x", 1, NULL));
	pthread_create(&thread, NULL, write_until_stopped, &s);
	while (atomic_load(&s.ring->shared->full) == 0)
		usleep(100);
	atomic_store(&s.stop, B3IQ_E_CANCELLED);
	ring_nudge_writer(s.ring);
	pthread_join(thread, NULL);
	assert_false(s.written);
	/* Nothing of it went, and the ring goes on. */
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 1);
	assert_int_equal(p.in.len, 1);
	assert_true(ring_write(s.ring, "y", 1, &s.stop)); /* no wait, no stop */
	pair_close(&p);
}

/* A reader comes back without anybody's help: its writer may have died, or lie. */
static void
test_a_reader_never_sleeps_for_good(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	ring_wait(&p.reader.ring[0]);
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 0);
	ring_nudge_reader(&p.reader.ring[0]); /* nobody there */
	assert_true(ring_write(&p.writer.ring[0], "x", 1, NULL));
	ring_wait(&p.reader.ring[0]);         /* at once */
	assert_int_equal(ring_read(&p.reader.ring[0], &p.in), 1);
	pair_close(&p);
}

/* Between processes, as it is meant. */
static void
test_between_processes(void **state)
{
	struct pair p;
	size_t seen = 0;
	int status;
	pid_t pid;

	(void)state;
	pair_open(&p);
	pid = fork();
	if (pid == 0) {
		static const char line[] = "a line of text, and another one";

		for (int i = 0; i < 20000; i++)
			ring_write(&p.writer.ring[1], line, sizeof line, NULL);
		_exit(0);
	}
	while (seen < 20000 * sizeof "a line of text, and another one") {
		const int got = ring_read(&p.reader.ring[1], &p.in);

		assert_true(got >= 0);
		if (got == 0)
			ring_wait(&p.reader.ring[1]);
		seen += p.in.len;
		buf_clear(&p.in);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_sealed),
		cmocka_unit_test(test_wraps_around),
		cmocka_unit_test(test_wrong_indices),
		cmocka_unit_test(test_a_stream_between_threads),
		cmocka_unit_test(test_a_writer_is_stopped),
		cmocka_unit_test(test_a_reader_never_sleeps_for_good),
		cmocka_unit_test(test_between_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
