#include "core/http/stream.h"

#include <errno.h>
#include <time.h>

#include "core/http/exchange.h"

int32_t
stream_begin(struct http_request *rq, struct http_response *rs)
{
	struct server_exchange *ex = rq->exchange;

	if (rs->streaming)
		return B3IQ_E_INVALID;
	request_cancel_fd(rq); /* from here on a client that leaves must be noticed */
	pthread_mutex_lock(&ex->lock);
	rs->streaming = true;
	ex->phase = EXCHANGE_STREAMING;
	exchange_resume(ex);
	pthread_mutex_unlock(&ex->lock);
	return B3IQ_OK;
}

/* Waits until the queue has room. Lock held. */
static int32_t
wait_for_room(struct server_exchange *ex)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ex->write_ms / 1000;
	until.tv_nsec += (long)(ex->write_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!ex->gone && ex->queue.len >= ex->queue.max)
		if (pthread_cond_timedwait(&ex->moved, &ex->lock, &until) == ETIMEDOUT)
			return ex->gone ? B3IQ_E_CANCELLED : B3IQ_E_TIMEOUT;
	return ex->gone ? B3IQ_E_CANCELLED : B3IQ_OK;
}

int32_t
stream_write(struct http_request *rq, const void *bytes, size_t n)
{
	struct server_exchange *ex = rq->exchange;
	const char *at = bytes;
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&ex->lock);
	if (ex->ended)
		rc = B3IQ_E_INVALID;
	if (ex->gone)
		rc = B3IQ_E_CANCELLED;
	while (rc == B3IQ_OK && n > 0) {
		size_t piece;

		rc = wait_for_room(ex);
		if (rc != B3IQ_OK)
			break;
		piece = ex->queue.max - ex->queue.len;
		piece = n < piece ? n : piece;
		rc = buf_append(&ex->queue, at, piece);
		at += piece;
		n -= piece;
		exchange_resume(ex);
	}
	pthread_mutex_unlock(&ex->lock);
	if (rc == B3IQ_E_TIMEOUT)
		exchange_gone(ex); /* it takes nothing: as good as left */
	return rc;
}

bool
stream_idle(struct http_request *rq)
{
	struct server_exchange *ex = rq->exchange;
	bool idle;

	pthread_mutex_lock(&ex->lock);
	idle = ex->queue.len == 0;
	pthread_mutex_unlock(&ex->lock);
	return idle;
}

void
stream_end(struct http_request *rq, bool whole)
{
	struct server_exchange *ex = rq->exchange;

	pthread_mutex_lock(&ex->lock);
	if (!ex->ended) {
		ex->ended = true;
		ex->whole = whole;
		exchange_resume(ex);
	}
	pthread_mutex_unlock(&ex->lock);
}
