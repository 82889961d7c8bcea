#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/plugin/sandbox/wire.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire is little-endian; give the put and get functions their byte swaps first"
#endif

#define RECEIVE     (64u * 1024)          /* asked of the socket at once               */
#define OUT_SOFT    (1024u * 1024)        /* wire_send() waits above it, post refuses  */
#define OUT_MAX     (OUT_SOFT + WIRE_FRAME_MAX + WIRE_HEAD)
#define KEEP        (1024u * 1024)        /* a larger receive buffer is given back     */

void
wire_pack_head(uint8_t head[WIRE_HEAD], size_t len, uint16_t type, uint16_t flags, uint64_t call)
{
	const uint32_t n = (uint32_t)len;

	memcpy(head, &n, 4);
	memcpy(head + 4, &type, 2);
	memcpy(head + 6, &flags, 2);
	memcpy(head + 8, &call, 8);
}

int32_t
wire_init(struct wire *w, int fd, struct b3iq_error *err)
{
	*w = (struct wire){ .fd = -1, .wake = -1 };
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "no event descriptor for the sandbox: %s",
		            strerror(errno));
	w->fd = fd;
	buf_init(&w->in, RECEIVE + WIRE_FRAME_MAX + WIRE_HEAD);
	buf_init(&w->out, OUT_MAX);
	buf_init(&w->spare, OUT_MAX);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->drained, NULL);
	return B3IQ_OK;
}

void
wire_finish(struct wire *w)
{
	if (w->fd < 0)
		return;
	close(w->fd);
	close(w->wake);
	buf_free(&w->in);
	buf_free(&w->out);
	buf_free(&w->spare);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->drained);
	w->fd = w->wake = -1;
}

/* ---- sending --------------------------------------------------------------- */

/* Sends up to the end of iov.  True: all; false: would block (flags MSG_DONTWAIT) or dead. */
static bool
send_all(struct wire *w, struct iovec *iov, size_t n, int flags, bool *dead)
{
	while (n > 0) {
		const struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
		ssize_t sent = sendmsg(w->fd, &m, MSG_NOSIGNAL | flags);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			*dead = errno != EAGAIN && errno != EWOULDBLOCK;
			return false;
		}
		while (n > 0 && (size_t)sent >= iov->iov_len) {
			sent -= (ssize_t)iov->iov_len;
			iov->iov_len = 0; /* for requeue() */
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + sent;
			iov->iov_len -= (size_t)sent;
		}
	}
	return true;
}

/* Queues a whole frame or nothing.  Lock held. */
static int32_t
queue(struct wire *w, const uint8_t head[WIRE_HEAD], const struct buf *payload)
{
	const size_t len = payload != NULL ? payload->len : 0;

	if (buf_reserve(&w->out, WIRE_HEAD + len) == NULL) {
		w->out.rc = B3IQ_OK; /* nothing was added; the next may fit */
		return B3IQ_E_NO_MEMORY;
	}
	buf_append(&w->out, head, WIRE_HEAD);
	if (len > 0)
		buf_append(&w->out, payload->data, len);
	return B3IQ_OK;
}

static void
mark_dead(struct wire *w)
{
	w->dead = true;
	pthread_cond_broadcast(&w->drained);
}

/* What a writer that stopped half-way leaves goes before everything else.  Lock held. */
static void
requeue(struct wire *w, const struct iovec *iov, size_t n)
{
	struct buf left;

	buf_init(&left, OUT_MAX);
	for (size_t i = 0; i < n; i++)
		buf_append(&left, iov[i].iov_base, iov[i].iov_len);
	buf_append(&left, w->out.data, w->out.len);
	if (left.rc != B3IQ_OK) {
		buf_free(&left);
		mark_dead(w); /* half a frame is out and the rest is lost */
		return;
	}
	buf_free(&w->out);
	w->out = left;
}

/* The writer sends what gathered, until nothing is left or the socket is full.  Lock held, and
 * given up while writing.  True: all is out. */
static bool
drain(struct wire *w, int flags)
{
	bool dead = false;

	while (!w->dead && w->out.len > 0) {
		struct buf batch = w->out;
		struct iovec iov = { batch.data, batch.len };
		bool all;

		w->out = w->spare;
		buf_init(&w->spare, OUT_MAX);
		pthread_mutex_unlock(&w->lock);
		all = send_all(w, &iov, 1, flags, &dead);
		pthread_mutex_lock(&w->lock);
		if (dead)
			mark_dead(w);
		else if (!all)
			requeue(w, &iov, 1);
		buf_clear(&batch);
		if (batch.cap > KEEP)
			buf_free(&batch);
		if (w->spare.data == NULL)
			w->spare = batch;
		else
			buf_free(&batch);
		if (!all)
			return false;
	}
	return !w->dead;
}

static void
end_writing(struct wire *w, bool all)
{
	w->writing = false;
	pthread_cond_broadcast(&w->drained);
	if (!all && !w->dead)
		(void)!write(w->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* The caller is the writer: his frame straight from where it is, then what gathered meanwhile.
 * Lock held. */
static int32_t
write_own(struct wire *w, uint8_t head[WIRE_HEAD], const struct buf *payload, int flags)
{
	struct iovec iov[2] = { { head, WIRE_HEAD }, { NULL, 0 } };
	size_t n = 1;
	bool all, dead = false;

	if (payload != NULL && payload->len > 0) {
		iov[1] = (struct iovec){ payload->data, payload->len };
		n = 2;
	}
	w->writing = true;
	pthread_mutex_unlock(&w->lock);
	all = send_all(w, iov, n, flags, &dead);
	pthread_mutex_lock(&w->lock);
	if (dead)
		mark_dead(w);
	else if (!all)
		requeue(w, iov, n);
	else
		all = drain(w, flags);
	end_writing(w, all);
	return w->dead ? B3IQ_E_DIED : B3IQ_OK;
}

int32_t
wire_send(struct wire *w, uint16_t type, uint16_t flags, uint64_t call, const struct buf *payload)
{
	const size_t len = payload != NULL ? payload->len : 0;
	uint8_t head[WIRE_HEAD];
	int32_t rc;

	if (payload != NULL && payload->rc != B3IQ_OK)
		return payload->rc;
	if (len > WIRE_FRAME_MAX)
		return B3IQ_E_INVALID;
	wire_pack_head(head, len, type, flags, call);
	pthread_mutex_lock(&w->lock);
	while (!w->dead && w->writing && w->out.len > OUT_SOFT)
		pthread_cond_wait(&w->drained, &w->lock);
	if (w->dead) {
		rc = B3IQ_E_DIED;
	} else if (w->writing) {
		rc = queue(w, head, payload);
	} else if (w->out.len > 0) {
		/* A post left something: all in order, as the waiting writer. */
		rc = queue(w, head, payload);
		w->writing = true;
		end_writing(w, drain(w, 0));
		if (w->dead)
			rc = B3IQ_E_DIED;
	} else {
		rc = write_own(w, head, payload, 0);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int32_t
wire_post(struct wire *w, uint16_t type, uint16_t flags, uint64_t call, const struct buf *payload)
{
	const size_t len = payload != NULL ? payload->len : 0;
	uint8_t head[WIRE_HEAD];
	int32_t rc;

	if (payload != NULL && payload->rc != B3IQ_OK)
		return payload->rc;
	if (len > WIRE_FRAME_MAX)
		return B3IQ_E_INVALID;
	wire_pack_head(head, len, type, flags, call);
	pthread_mutex_lock(&w->lock);
	if (w->dead)
		rc = B3IQ_E_DIED;
	else if (w->out.len > OUT_SOFT)
		rc = B3IQ_E_BUSY;
	else if (w->writing || w->out.len > 0)
		rc = queue(w, head, payload);
	else
		rc = write_own(w, head, payload, MSG_DONTWAIT);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

bool
wire_flush(struct wire *w)
{
	uint64_t count;
	bool left;

	(void)!read(w->wake, &count, sizeof count);
	pthread_mutex_lock(&w->lock);
	if (!w->writing && w->out.len > 0 && !w->dead) {
		w->writing = true;
		drain(w, MSG_DONTWAIT);
		w->writing = false;
		pthread_cond_broadcast(&w->drained);
	}
	left = w->out.len > 0 && !w->writing && !w->dead;
	pthread_mutex_unlock(&w->lock);
	return left;
}

void
wire_shutdown(struct wire *w)
{
	shutdown(w->fd, SHUT_RDWR);
	pthread_mutex_lock(&w->lock);
	mark_dead(w);
	pthread_mutex_unlock(&w->lock);
}

/* ---- receiving -------------------------------------------------------------- */

int
wire_receive(struct wire *w, bool wait)
{
	ssize_t got;
	char *at;

	if (w->in_at > 0) {
		buf_consume(&w->in, w->in_at);
		w->in_at = 0;
		if (w->in.len == 0 && w->in.cap > KEEP)
			buf_free(&w->in);
	}
	at = buf_reserve(&w->in, RECEIVE);
	if (at == NULL)
		return -1;
	do
		got = recv(w->fd, at, RECEIVE, wait ? 0 : MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (got <= 0)
		return -1;
	buf_grew(&w->in, (size_t)got);
	return 1;
}

int
wire_parse(const struct buf *in, size_t *from, struct wire_frame *f)
{
	const size_t left = in->len - *from;
	const uint8_t *at;
	uint32_t len;

	if (left < WIRE_HEAD)
		return 0;
	at = (const uint8_t *)in->data + *from;
	memcpy(&len, at, 4);
	if (len > WIRE_FRAME_MAX)
		return -1;
	if (left - WIRE_HEAD < len)
		return 0;
	memcpy(&f->type, at + 4, 2);
	memcpy(&f->flags, at + 6, 2);
	memcpy(&f->call, at + 8, 8);
	f->data = at + WIRE_HEAD;
	f->len = len;
	*from += WIRE_HEAD + len;
	return 1;
}

int
wire_next(struct wire *w, struct wire_frame *f)
{
	return wire_parse(&w->in, &w->in_at, f);
}

/* ---- fields ------------------------------------------------------------------ */

void
wire_put_u32(struct buf *b, uint32_t n)
{
	buf_append(b, &n, sizeof n);
}

void
wire_put_u64(struct buf *b, uint64_t n)
{
	buf_append(b, &n, sizeof n);
}

void
wire_put_f32(struct buf *b, float n)
{
	buf_append(b, &n, sizeof n);
}

void
wire_put_f64(struct buf *b, double n)
{
	buf_append(b, &n, sizeof n);
}

void
wire_put_bytes(struct buf *b, const void *data, size_t len)
{
	if (data == NULL) {
		wire_put_u32(b, UINT32_MAX);
		return;
	}
	if (len > WIRE_FRAME_MAX) {
		b->rc = b->rc == B3IQ_OK ? B3IQ_E_INVALID : b->rc;
		return;
	}
	wire_put_u32(b, (uint32_t)len);
	buf_append(b, data, len);
}

void
wire_put_text(struct buf *b, const char *text)
{
	wire_put_bytes(b, text, text != NULL ? strlen(text) : 0);
	if (text != NULL)
		buf_append(b, "", 1);
}

struct wire_reader
wire_read(const struct wire_frame *f)
{
	return (struct wire_reader){ .at = f->data, .end = f->data + f->len };
}

/* n bytes, or NULL. */
static const uint8_t *
take(struct wire_reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->bad || n > (size_t)(r->end - at)) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	return at;
}

uint32_t
wire_u32(struct wire_reader *r)
{
	const uint8_t *at = take(r, sizeof(uint32_t));
	uint32_t n = 0;

	if (at != NULL)
		memcpy(&n, at, sizeof n);
	return n;
}

uint64_t
wire_u64(struct wire_reader *r)
{
	const uint8_t *at = take(r, sizeof(uint64_t));
	uint64_t n = 0;

	if (at != NULL)
		memcpy(&n, at, sizeof n);
	return n;
}

float
wire_f32(struct wire_reader *r)
{
	const uint8_t *at = take(r, sizeof(float));
	float n = 0;

	if (at != NULL)
		memcpy(&n, at, sizeof n);
	return n;
}

double
wire_f64(struct wire_reader *r)
{
	const uint8_t *at = take(r, sizeof(double));
	double n = 0;

	if (at != NULL)
		memcpy(&n, at, sizeof n);
	return n;
}

const void *
wire_bytes(struct wire_reader *r, size_t *len)
{
	const uint32_t n = wire_u32(r);

	*len = 0;
	if (r->bad || n == UINT32_MAX)
		return NULL;
	if (take(r, n) == NULL)
		return NULL;
	*len = n;
	return r->at - n;
}

const char *
wire_text(struct wire_reader *r)
{
	size_t len;
	const char *text = wire_bytes(r, &len);

	if (text == NULL)
		return NULL;
	if (take(r, 1) == NULL || memchr(text, '\0', len + 1) != text + len) {
		r->bad = true;
		return NULL;
	}
	return text;
}

void
wire_text_into(struct wire_reader *r, char *out, size_t size)
{
	const char *text = wire_text(r);
	const size_t len = text != NULL ? strlen(text) : 0;
	const size_t n = len < size ? len : size - 1;

	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

bool
wire_done(const struct wire_reader *r)
{
	return !r->bad && r->at == r->end;
}
