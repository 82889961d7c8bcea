#include "core/http/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/http/stream.h"

struct copy {
	struct server_exchange *ex;
	char  *at;
	size_t bytes, n;
	bool   query;
};

static enum MHD_Result
measure(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct copy *copy = arg;

	(void)kind;
	copy->bytes += strlen(name) + 1 + (value ? strlen(value) : 0) + 1;
	copy->n++;
	return MHD_YES;
}

static const char *
put(struct copy *copy, const char *text)
{
	const size_t n = strlen(text) + 1;
	char *at = copy->at;

	memcpy(at, text, n);
	copy->at += n;
	return at;
}

static enum MHD_Result
copy_pair(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct copy *copy = arg;
	struct http_request *rq = &copy->ex->rq;
	struct http_pair *pair =
		copy->query ? &rq->query[rq->n_query] : &rq->headers[rq->n_headers];

	(void)kind;
	pair->name = put(copy, name);
	pair->value = put(copy, value ? value : "");
	if (!copy->query) {
		rq->n_headers++;
	} else if (request_decode((char *)(uintptr_t)pair->name) &&
	           request_decode((char *)(uintptr_t)pair->value)) {
		rq->n_query++; /* a malformed field is as good as absent */
	}
	return MHD_YES;
}

/* Method, path, headers and query in one block: pairs first, then strings. */
static bool
copy_head(struct server_exchange *ex, const char *method, const char *path)
{
	struct copy head = { .ex = ex }, query = { .ex = ex, .query = true };
	const size_t fixed = strlen(method) + 1 + 2 * (strlen(path) + 1);

	MHD_get_connection_values(ex->connection, MHD_HEADER_KIND, measure, &head);
	MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND, measure, &query);
	if (head.n > REQUEST_HEADERS || query.n > REQUEST_HEADERS)
		return false;
	ex->memory = malloc((head.n + query.n) * sizeof(struct http_pair) + fixed + head.bytes +
	                    query.bytes);
	if (!ex->memory)
		return false;
	ex->rq.headers = (struct http_pair *)(void *)ex->memory;
	ex->rq.query = ex->rq.headers + head.n;
	head.at = (char *)(ex->rq.query + query.n);
	ex->rq.method = put(&head, method);
	ex->rq.path = put(&head, path);
	ex->scratch = head.at;
	head.at += strlen(path) + 1;
	MHD_get_connection_values(ex->connection, MHD_HEADER_KIND, copy_pair, &head);
	query.at = head.at;
	MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND, copy_pair, &query);
	return true;
}

struct server_exchange *
exchange_create(struct MHD_Connection *connection, const char *method, const char *path)
{
	struct server_exchange *ex = calloc(1, sizeof *ex);
	pthread_condattr_t attr;

	if (!ex)
		return NULL;
	pthread_mutex_init(&ex->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ex->moved, &attr);
	pthread_condattr_destroy(&attr);
	ex->refs = 1;
	ex->cancel_fd = -1;
	ex->connection = connection;
	ex->rq.exchange = ex;
	ex->rq.body = "";
	buf_init(&ex->queue, STREAM_QUEUE);
	buf_init(&ex->body, 0);
	response_init(&ex->rs);
	if (!copy_head(ex, method, path)) {
		exchange_unref(ex);
		return NULL;
	}
	return ex;
}

void
exchange_ref(struct server_exchange *ex)
{
	pthread_mutex_lock(&ex->lock);
	ex->refs++;
	pthread_mutex_unlock(&ex->lock);
}

void
exchange_unref(struct server_exchange *ex)
{
	unsigned left;

	pthread_mutex_lock(&ex->lock);
	left = --ex->refs;
	pthread_mutex_unlock(&ex->lock);
	if (left)
		return;
	if (ex->cancel_fd >= 0)
		close(ex->cancel_fd);
	buf_wipe(&ex->queue); /* prompts and outputs do not linger in freed memory */
	buf_wipe(&ex->body);
	response_finish(&ex->rs);
	free(ex->memory);
	pthread_cond_destroy(&ex->moved);
	pthread_mutex_destroy(&ex->lock);
	free(ex);
}

void
exchange_suspend(struct server_exchange *ex)
{
	pthread_mutex_lock(&ex->lock);
	ex->suspended = true;
	MHD_suspend_connection(ex->connection);
	pthread_mutex_unlock(&ex->lock);
}

void
exchange_resume(struct server_exchange *ex)
{
	if (!ex->suspended)
		return;
	ex->suspended = false;
	MHD_resume_connection(ex->connection);
}

void
exchange_gone(void *arg)
{
	struct server_exchange *ex = arg;

	pthread_mutex_lock(&ex->lock);
	if (!ex->gone) {
		ex->gone = true;
		if (ex->cancel_fd >= 0)
			eventfd_write(ex->cancel_fd, 1);
		if (ex->phase == EXCHANGE_STREAMING)
			exchange_resume(ex);
		pthread_cond_broadcast(&ex->moved);
	}
	pthread_mutex_unlock(&ex->lock);
}

bool
exchange_is_gone(struct server_exchange *ex)
{
	bool gone;

	pthread_mutex_lock(&ex->lock);
	gone = ex->gone;
	pthread_mutex_unlock(&ex->lock);
	return gone;
}

int
exchange_cancel_fd(struct server_exchange *ex)
{
	bool first = false;
	int fd;

	pthread_mutex_lock(&ex->lock);
	if (ex->cancel_fd < 0) {
		ex->cancel_fd = eventfd(ex->gone, EFD_CLOEXEC | EFD_NONBLOCK);
		first = ex->cancel_fd >= 0 && ex->phase == EXCHANGE_RUNNING;
	}
	fd = ex->cancel_fd;
	pthread_mutex_unlock(&ex->lock);
	if (first && ex->entry)
		watch_peer(ex->watch, ex->entry, exchange_gone, ex);
	return fd;
}

ssize_t
exchange_read(void *arg, uint64_t at, char *out, size_t max)
{
	struct server_exchange *ex = arg;
	size_t n;
	ssize_t result;

	(void)at;
	pthread_mutex_lock(&ex->lock);
	n = ex->queue.len < max ? ex->queue.len : max;
	if (ex->gone) {
		result = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (n > 0) {
		memcpy(out, ex->queue.data, n);
		buf_consume(&ex->queue, n);
		ex->sent += n;
		pthread_cond_signal(&ex->moved);
		result = (ssize_t)n;
	} else if (ex->ended) {
		result = ex->whole ? MHD_CONTENT_READER_END_OF_STREAM
		                   : MHD_CONTENT_READER_END_WITH_ERROR;
	} else {
		ex->suspended = true;
		MHD_suspend_connection(ex->connection);
		result = 0;
	}
	pthread_mutex_unlock(&ex->lock);
	return result;
}

void
exchange_read_end(void *ex)
{
	exchange_unref(ex);
}
