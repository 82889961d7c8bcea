/* wire.h - frames over a stream socket, and the flat fields in them.  docs/sandbox.md has the list
 * of frames.  Those of a call come back through a ring (ring.h) instead, in the same format.
 *
 *   frame    u32 length of the payload | u16 type | u16 flags | u64 call | payload
 *   fields   u32, i32, u64, f32, f64: native, little-endian
 *            bytes: u32 length, the bytes; UINT32_MAX: absent
 *            text: as bytes, and a NUL behind them that does not count, none inside
 *
 * Sending: any thread.  Whoever finds the socket free writes his own frame straight from his
 * buffer; frames of others meanwhile gather and go out together with the next write, so nothing is
 * ever delayed to be coalesced.  Receiving: one thread.
 * A peer that breaks the format is dead: wire_next() says so once and for all.
 */
#ifndef CORE_PLUGIN_SANDBOX_WIRE_H
#define CORE_PLUGIN_SANDBOX_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define WIRE_VERSION   2u
#define WIRE_FRAME_MAX (32u * 1024 * 1024) /* payload                                    */
#define WIRE_HEAD      16                  /* bytes of a frame before its payload        */

struct wire_frame { /* borrowed from the receive buffer until the next wire_receive()         */
	uint16_t type, flags;
	uint64_t call;
	const uint8_t *data;
	size_t   len;
};

struct wire {
	int fd, wake;              /* the socket; an eventfd, readable if wire_flush() is due */
	struct buf in;             /* receiving thread only                                  */
	size_t in_at;
	pthread_mutex_t lock;
	pthread_cond_t  drained;
	struct buf out, spare;     /* frames that wait for the socket; what a writer sends   */
	bool writing, dead;
};

/* Takes over the descriptor of a connected stream socket, on success only. */
int32_t wire_init(struct wire *, int fd, struct b3iq_error *err);
void    wire_finish(struct wire *);

/* Sends a frame, waiting for room if the peer is slow.  payload may be NULL.
 * B3IQ_E_DIED: the peer is gone; B3IQ_E_INVALID: more than WIRE_FRAME_MAX. */
int32_t wire_send(struct wire *, uint16_t type, uint16_t flags, uint64_t call,
                  const struct buf *payload);
/* Sends without ever waiting; what does not fit into the socket goes with the next write, and
 * `wake` turns readable so that the receiving thread calls wire_flush() when the socket has room.
 * B3IQ_E_BUSY: too much waits already, nothing was sent. */
int32_t wire_post(struct wire *, uint16_t type, uint16_t flags, uint64_t call,
                  const struct buf *payload);
/* Goes on with what wire_post() left.  True: there is still something left. */
bool    wire_flush(struct wire *);
/* Ends the connection for both directions; whoever waits in wire_send() returns. */
void    wire_shutdown(struct wire *);

/* Takes what the socket holds, waiting for it or not: 1 something, 0 nothing, -1 the peer is gone. */
int     wire_receive(struct wire *, bool wait);
/* The next whole frame: 1, 0 none yet, -1 the peer broke the format. */
int     wire_next(struct wire *, struct wire_frame *);

/* ---- frames in memory ------------------------------------------------------ */

/* The head of a frame with `len` bytes of payload. */
void    wire_pack_head(uint8_t head[WIRE_HEAD], size_t len, uint16_t type, uint16_t flags,
                       uint64_t call);
/* The frame at *at, borrowed from `in`, as wire_next(); *at moves behind it. */
int     wire_parse(const struct buf *in, size_t *at, struct wire_frame *);

/* ---- fields ---------------------------------------------------------------- */

/* Putting: the buffer keeps the first failure, ask buf.rc at the end. */
void wire_put_u32(struct buf *, uint32_t);
void wire_put_u64(struct buf *, uint64_t);
void wire_put_f32(struct buf *, float);
void wire_put_f64(struct buf *, double);
void wire_put_bytes(struct buf *, const void *, size_t); /* NULL: absent              */
void wire_put_text(struct buf *, const char *);          /* NULL: absent              */
#define wire_put_i32(b, n) wire_put_u32((b), (uint32_t)(n))

/* Getting: after the first field that is not there, `bad` is set and all are 0, NULL. */
struct wire_reader {
	const uint8_t *at, *end;
	bool bad;
};

struct wire_reader wire_read(const struct wire_frame *);
uint32_t    wire_u32(struct wire_reader *);
uint64_t    wire_u64(struct wire_reader *);
float       wire_f32(struct wire_reader *);
double      wire_f64(struct wire_reader *);
const void *wire_bytes(struct wire_reader *, size_t *len); /* NULL: absent            */
const char *wire_text(struct wire_reader *);               /* NULL: absent            */
/* The bytes of a text into a fixed array, cut if too long; absent is "". */
void        wire_text_into(struct wire_reader *, char *out, size_t size);
#define wire_i32(r) ((int32_t)wire_u32(r))
/* Was everything there, and nothing more? */
bool        wire_done(const struct wire_reader *);

#endif
