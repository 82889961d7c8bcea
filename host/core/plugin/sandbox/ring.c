#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/plugin/sandbox/ring.h"

_Static_assert((RING_SIZE & (RING_SIZE - 1)) == 0, "indices wrap around at a power of two");

/* ---- memory ------------------------------------------------------------------- */

int
rings_create(size_t n)
{
	const int fd = memfd_create("b3iq-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)(n * sizeof(struct ring_shared))) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
rings_map(struct rings *r, int fd, size_t n)
{
	const size_t size = n * sizeof(struct ring_shared);
	struct ring_shared *memory;
	struct stat st;

	*r = (struct rings){ .n = 0 };
	if (n == 0 || fstat(fd, &st) != 0 || (uint64_t)st.st_size != size)
		return false;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return false;
	r->ring = calloc(n, sizeof *r->ring);
	if (r->ring == NULL) {
		munmap(memory, size);
		return false;
	}
	madvise(memory, size, MADV_DONTDUMP); /* outputs do not get into a core */
	for (size_t i = 0; i < n; i++)
		r->ring[i].shared = memory + i;
	r->memory = memory;
	r->n = n;
	return true;
}

void
rings_unmap(struct rings *r)
{
	if (r->memory != NULL)
		munmap(r->memory, r->n * sizeof(struct ring_shared));
	free(r->ring);
	*r = (struct rings){ .n = 0 };
}

/* ---- sleeping ------------------------------------------------------------------ */

static void
sleep_on(_Atomic(uint32_t) *word, uint32_t seen)
{
	const struct timespec nap = { .tv_nsec = RING_NAP_MS * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &nap, NULL, 0);
}

static void
wake_from(_Atomic(uint32_t) *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* ---- the writer ----------------------------------------------------------------- */

static size_t
room(uint32_t head, uint32_t tail)
{
	return RING_SIZE - (head - tail);
}

/* Waits until there is room for n bytes.  False: told to stop. */
static bool
wait_for_room(struct ring_shared *s, uint32_t head, size_t n, const _Atomic(int32_t) *stop)
{
	uint32_t tail = atomic_load_explicit(&s->tail, memory_order_acquire);

	while (room(head, tail) < n) {
		if (stop != NULL && atomic_load(stop) != 0)
			return false;
		atomic_store(&s->full, 1);
		tail = atomic_load(&s->tail);
		if (room(head, tail) < n)
			sleep_on(&s->tail, tail);
		tail = atomic_load(&s->tail);
	}
	return true;
}

/* Copies as far as there is room.  Returns how far. */
static size_t
put(struct ring_shared *s, uint32_t head, const uint8_t *data, size_t n)
{
	const size_t left = room(head, atomic_load_explicit(&s->tail, memory_order_acquire));
	const size_t at = head % RING_SIZE;
	size_t first;

	n = n < left ? n : left;
	first = n < RING_SIZE - at ? n : RING_SIZE - at;
	memcpy(s->data + at, data, first);
	memcpy(s->data, data + first, n - first);
	return n;
}

/* What was put is there for the reader. */
static void
publish(struct ring_shared *s, uint32_t head)
{
	atomic_store(&s->head, head);
	if (atomic_load(&s->hungry) != 0)
		wake_from(&s->head);
}

bool
ring_write(struct ring *r, const void *data, size_t n, const _Atomic(int32_t) *stop)
{
	struct ring_shared *s = r->shared;
	const uint8_t *at = data;
	uint32_t head = atomic_load_explicit(&s->head, memory_order_acquire); /* nobody else's */

	if (!wait_for_room(s, head, n < RING_SIZE ? n : RING_SIZE, stop))
		return false;
	while (n > 0) {
		const size_t some = put(s, head, at, n);

		at += some;
		n -= some;
		head += (uint32_t)some;
		publish(s, head);
		if (n > 0)
			wait_for_room(s, head, 1, NULL);
	}
	return true;
}

void
ring_nudge_writer(struct ring *r)
{
	wake_from(&r->shared->tail);
}

/* ---- the reader ------------------------------------------------------------------ */

int
ring_read(struct ring *r, struct buf *in)
{
	struct ring_shared *s = r->shared;
	const uint32_t n = atomic_load_explicit(&s->head, memory_order_acquire) - r->at;
	const size_t at = r->at % RING_SIZE;
	const size_t first = n < RING_SIZE - at ? n : RING_SIZE - at;
	char *to;

	if (n == 0)
		return 0;
	if (n > RING_SIZE)
		return -1;
	to = buf_reserve(in, n);
	if (to == NULL)
		return -1;
	memcpy(to, s->data + at, first);
	memcpy(to + first, s->data, n - first);
	memset(s->data + at, 0, first); /* outputs do not stay */
	memset(s->data, 0, n - first);
	buf_grew(in, n);
	r->at += n;
	atomic_store(&s->tail, r->at);
	if (atomic_load(&s->full) != 0) {
		atomic_store(&s->full, 0);
		wake_from(&s->tail);
	}
	return 1;
}

void
ring_wait(struct ring *r)
{
	struct ring_shared *s = r->shared;

	atomic_store(&s->hungry, 1);
	if (atomic_load(&s->head) == r->at)
		sleep_on(&s->head, r->at);
	atomic_store(&s->hungry, 0);
}

void
ring_nudge_reader(struct ring *r)
{
	wake_from(&r->shared->head);
}
