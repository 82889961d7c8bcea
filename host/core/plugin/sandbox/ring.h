/* ring.h - bytes from a sandbox to the host through memory that both see: one ring for each call
 * that may run at once, so that a token wakes the thread that wants it and costs nobody a copy into
 * the kernel and out of it.
 *
 * One thread at a time writes, one reads.  Indices count bytes for ever, modulo 2^32.  Whoever finds
 * nothing to do announces it in the ring and sleeps on the other's index; the other makes a system
 * call only then.
 *
 * The writer is hostile.  The reader keeps its own index to itself, takes no more than there is room
 * for, copies before it looks, and never sleeps longer than RING_NAP_MS, whatever became of a wake.
 * The memory is sealed: nobody can shorten it under us.
 */
#ifndef CORE_PLUGIN_SANDBOX_RING_H
#define CORE_PLUGIN_SANDBOX_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define RING_SIZE   (64u * 1024) /* bytes under way, a power of two                     */
#define RING_NAP_MS 100          /* the longest sleep without a look                    */

struct ring_shared { /* what both see; each side's words have a cache line of their own      */
	_Alignas(64) _Atomic(uint32_t) head; /* bytes written                           */
	_Atomic(uint32_t) hungry;            /* the reader sleeps on head               */
	_Alignas(64) _Atomic(uint32_t) tail; /* bytes read                              */
	_Atomic(uint32_t) full;              /* the writer sleeps on tail               */
	_Alignas(64) uint8_t data[RING_SIZE];
};

struct ring {        /* a side's view of one                                                 */
	struct ring_shared *shared;
	uint32_t at;                         /* the reader's index                      */
};

struct rings {
	struct ring *ring;
	size_t n;
	void  *memory;
};

/* Sealed memory for n rings, as a descriptor to be mapped by both sides; -1 and errno. */
int     rings_create(size_t n);
/* Maps it; the descriptor stays the caller's.  False: no memory, or not of that size. */
bool    rings_map(struct rings *, int fd, size_t n);
void    rings_unmap(struct rings *);

/* ---- the writer ---- */

/* Writes all of it, as room comes.  Waits first until it fits as a whole, or the ring is empty: only
 * then does *stop, if it turns to another value than 0, make it return false with nothing written. */
bool    ring_write(struct ring *, const void *, size_t, const _Atomic(int32_t) *stop);
/* Its writer is to look at *stop.  [any thread] */
void    ring_nudge_writer(struct ring *);

/* ---- the reader ---- */

/* Moves what is there to the end of `in`: 1 something, 0 nothing, -1 wrong indices or no memory. */
int     ring_read(struct ring *, struct buf *in);
/* Sleeps until something is there, for RING_NAP_MS at most. */
void    ring_wait(struct ring *);
/* Its reader is to look around.  [any thread] */
void    ring_nudge_reader(struct ring *);

#endif
