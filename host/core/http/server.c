#include "core/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/http/exchange.h"
#include "core/http/watch.h"
#include "core/http/workers.h"

#define HEAD_MEMORY   (32u << 10) /* all of a request's head                        */
#define SPARE         64          /* connections beyond the limit, to say 503 on    */
#define DISCARD_MAX   (1u << 20)  /* of a body too large, so that 413 can be read   */
#define WORKER_IDLE   10000
#define STREAM_BLOCK  4096
#define ALLOW_SIZE    64
#define CANCEL_MS     5000        /* at least, for handlers that were told to stop   */

/* What the library keeps for us beside a connection. */
struct line {
	struct watch_entry *entry;
	char                peer[REQUEST_PEER_SIZE];
	bool                over; /* beyond the limit */
};

struct server {
	struct server_options o;
	struct MHD_Daemon    *daemon;
	uint16_t              port;
	struct workers       *workers;
	struct watch         *watch;
	pthread_mutex_t       lock;
	pthread_cond_t        idle;        /* no exchange is open */
	unsigned              connections, running;
	atomic_bool           draining;
	atomic_size_t         bodies;      /* bytes of all bodies now */
	struct server_exchange *exchanges; /* those open */
};

static struct line *
line_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void
peer_name(struct MHD_Connection *connection, char out[REQUEST_PEER_SIZE])
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info ? info->client_addr : NULL;

	memcpy(out, "unknown", sizeof "unknown");
	if (addr && addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, out,
		          REQUEST_PEER_SIZE);
	else if (addr && addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr,
		          out, REQUEST_PEER_SIZE);
}

/* A connection begins or ends. */
static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode what)
{
	struct server *sv = arg;
	struct line *line = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		line = calloc(1, sizeof *line);
		if (!line)
			return; /* its requests are refused */
		peer_name(connection, line->peer);
		line->entry = watch_add(sv->watch, info->connect_fd);
		if (line->entry)
			watch_deadline(sv->watch, line->entry, sv->o.header_ms);
		pthread_mutex_lock(&sv->lock);
		line->over = ++sv->connections > sv->o.connections;
		pthread_mutex_unlock(&sv->lock);
		*context = line;
	} else if (line) {
		watch_remove(sv->watch, line->entry);
		pthread_mutex_lock(&sv->lock);
		sv->connections--;
		pthread_mutex_unlock(&sv->lock);
		free(line);
		*context = NULL;
	}
}

static void
open_exchange(struct server *sv, struct server_exchange *ex, const struct line *line)
{
	ex->server = sv;
	ex->watch = sv->watch;
	ex->entry = line->entry;
	ex->write_ms = sv->o.write_ms;
	ex->rq.context = sv->o.context;
	ex->rq.arrived_us = clock_mono_us();
	memcpy(ex->rq.peer, line->peer, sizeof ex->rq.peer);
	pthread_mutex_lock(&sv->lock);
	ex->next = sv->exchanges;
	if (ex->next)
		ex->next->prev = ex;
	sv->exchanges = ex;
	sv->running++;
	pthread_mutex_unlock(&sv->lock);
}

static void
close_exchange(struct server *sv, struct server_exchange *ex)
{
	pthread_mutex_lock(&sv->lock);
	if (ex->next)
		ex->next->prev = ex->prev;
	if (ex->prev)
		ex->prev->next = ex->next;
	else
		sv->exchanges = ex->next;
	if (--sv->running == 0)
		pthread_cond_broadcast(&sv->idle);
	pthread_mutex_unlock(&sv->lock);
	atomic_fetch_sub(&sv->bodies, ex->counted);
}

/* A response is sent, or its client is gone. */
static void
on_completed(void *arg, struct MHD_Connection *connection, void **context,
             enum MHD_RequestTerminationCode why)
{
	struct server *sv = arg;
	struct server_exchange *ex = *context;
	uint64_t bytes;
	int status;

	(void)connection;
	if (!ex)
		return;
	*context = NULL;
	watch_peer(sv->watch, ex->entry, NULL, NULL);
	watch_deadline(sv->watch, ex->entry, sv->o.idle_ms);
	if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		exchange_gone(ex);
	pthread_mutex_lock(&ex->lock);
	status = ex->queued ? ex->rs.status : 499;
	bytes = ex->sent;
	pthread_mutex_unlock(&ex->lock);
	if (sv->o.access_log)
		log_event(B3IQ_LOG_INFO, "http.request",
		          "id=%s peer=%s method=%s route=%s status=%d bytes=%llu ms=%llu",
		          ex->rq.id, ex->rq.peer, ex->rq.route ? ex->rq.route->method : "-",
		          ex->rq.route ? ex->rq.route->pattern : "-", status,
		          (unsigned long long)bytes,
		          (unsigned long long)(clock_mono_us() - ex->rq.arrived_us) / 1000);
	if (sv->o.done)
		sv->o.done(&ex->rq, status, bytes);
	close_exchange(sv, ex);
	exchange_unref(ex);
}

static void
set_request_id(struct http_request *rq)
{
	static const char decent[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "0123456789-_.";
	const char *given = request_header(rq, "X-Request-Id");
	const size_t n = given ? strlen(given) : 0;

	if (n > 0 && n <= 64 && strspn(given, decent) == n)
		memcpy(rq->id, given, n + 1);
	else
		random_id(rq->id, sizeof rq->id, "req_", 16);
}

/* What cross-origin pages of the configured list may see. */
static void
set_cors(struct server *sv, struct server_exchange *ex)
{
	const char *origin = request_header(&ex->rq, "Origin");

	if (!origin || !guard_origin_listed(&sv->o.guard, origin))
		return;
	response_set(&ex->rs, "Access-Control-Allow-Origin", "%s", origin);
	response_set(&ex->rs, "Access-Control-Expose-Headers",
	             "X-Request-Id, X-B3IQ-Receipt, Retry-After");
	response_set(&ex->rs, "Vary", "Origin");
}

/* OPTIONS: what may be sent here, and the browser's question before a cross-origin request. */
static void
answer_options(struct server_exchange *ex, const char *allow)
{
	ex->rs.status = 204;
	response_set(&ex->rs, "Allow", "%s, OPTIONS", allow);
	if (!request_header(&ex->rq, "Access-Control-Request-Method"))
		return;
	response_set(&ex->rs, "Access-Control-Allow-Methods", "%s", allow);
	response_set(&ex->rs, "Access-Control-Allow-Headers",
	             "Authorization, Content-Type, X-Request-Id, X-B3IQ-Bundle");
	response_set(&ex->rs, "Access-Control-Max-Age", "600");
}

static void
find_route(struct server *sv, struct server_exchange *ex)
{
	char allow[ALLOW_SIZE];

	switch (router_find(sv->o.routes, sv->o.n_routes, &ex->rq, ex->scratch, allow,
	                    sizeof allow)) {
	case ROUTER_FOUND:
		ex->refused = false;
		break;
	case ROUTER_NO_METHOD:
		if (strcmp(ex->rq.method, "OPTIONS") == 0) {
			answer_options(ex, allow);
			break;
		}
		response_error(&ex->rs, 405, "method_not_allowed", NULL,
		               "this path takes %s", allow);
		response_set(&ex->rs, "Allow", "%s, OPTIONS", allow);
		break;
	default:
		response_error(&ex->rs, 404, "not_found", NULL,
		               "there is nothing at this path; /openapi.yaml lists what there is");
	}
}

/* Decides on the head alone; a response that is set then stands (ex->refused). */
static void
judge_head(struct server *sv, struct server_exchange *ex, const char *version, bool over)
{
	struct guard_verdict verdict;
	int64_t length;
	bool chunked;

	ex->refused = true;
	set_request_id(&ex->rq);
	verdict = guard_check(&sv->o.guard, &ex->rq, version);
	if (verdict.status) {
		response_error(&ex->rs, verdict.status, verdict.code, NULL, "%s", verdict.text);
		ex->rs.close = true;
		return;
	}
	set_cors(sv, ex);
	if (over) {
		response_error(&ex->rs, 503, "too_many_connections", NULL,
		               "all connections are in use; try again shortly");
		response_set(&ex->rs, "Retry-After", "1");
		ex->rs.close = true;
		return;
	}
	find_route(sv, ex);
	if (ex->refused)
		return;
	length = guard_body_length(&ex->rq, &chunked);
	ex->body.max = ex->rq.route->body_max;
	if (length > (int64_t)ex->body.max) {
		ex->refused = true;
		response_error(&ex->rs, 413, "body_too_large", NULL,
		               "the body has %lld bytes; this path takes at most %zu",
		               (long long)length, ex->body.max);
		ex->rs.close = length > (int64_t)(ex->body.max + DISCARD_MAX);
	}
}

static enum MHD_Result
send_response(struct server *sv, struct server_exchange *ex)
{
	struct http_response *rs = &ex->rs;
	struct MHD_Response *response;
	enum MHD_Result rc;

	if (rs->streaming) {
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
		                                             exchange_read, ex, exchange_read_end);
		if (response)
			exchange_ref(ex);
	} else {
		response = MHD_create_response_from_buffer(
		        rs->body.len, rs->body.len ? rs->body.data : (char *)(uintptr_t)"",
		        MHD_RESPMEM_PERSISTENT);
		ex->sent = rs->body.len;
	}
	if (!response)
		return MHD_NO;
	if (rs->status != 204)
		MHD_add_response_header(response, "Content-Type", rs->type);
	MHD_add_response_header(response, "X-Request-Id", ex->rq.id);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (rs->close || sv->draining)
		MHD_add_response_header(response, "Connection", "close");
	for (size_t i = 0; i < rs->n_headers; i++)
		MHD_add_response_header(response, rs->headers[i].name, rs->headers[i].value);
	rc = MHD_queue_response(ex->connection, (unsigned)rs->status, response);
	MHD_destroy_response(response);
	ex->queued = rc == MHD_YES;
	if (!rs->streaming)
		watch_deadline(sv->watch, ex->entry,
		               sv->o.write_ms + (uint32_t)(rs->body.len >> 6));
	return rc;
}

/* On a worker: gate, handler, and the connection back to the network thread. */
static void
run(void *arg)
{
	struct server_exchange *ex = arg;
	struct server *sv = ex->server;

	if (!sv->o.gate || sv->o.gate(&ex->rq, &ex->rs))
		ex->rq.route->run(&ex->rq, &ex->rs);
	if (sv->o.leave)
		sv->o.leave(&ex->rq);
	if (ex->rs.streaming)
		stream_end(&ex->rq, false); /* if the handler forgot */
	pthread_mutex_lock(&ex->lock);
	if (!ex->rs.streaming) {
		ex->phase = EXCHANGE_ANSWERED;
		exchange_resume(ex);
	}
	pthread_mutex_unlock(&ex->lock);
	exchange_unref(ex);
}

/* The request is complete: over to a worker. */
static enum MHD_Result
start(struct server *sv, struct server_exchange *ex)
{
	watch_deadline(sv->watch, ex->entry, 0);
	if (ex->over) {
		response_error(&ex->rs, 413, "body_too_large", NULL,
		               "the body is longer than the %zu bytes that this path takes",
		               ex->body.max);
		ex->refused = true;
	} else if (ex->starved || ex->body.rc != B3IQ_OK) {
		response_error(
			&ex->rs, 503, "out_of_memory", NULL,
			"the node holds as many bytes of requests as it may; try again shortly");
		response_set(&ex->rs, "Retry-After", "1");
		ex->refused = true;
	}
	if (ex->refused)
		return send_response(sv, ex);
	if (ex->body.len) {
		ex->rq.body = ex->body.data;
		ex->rq.body_len = ex->body.len;
	}
	ex->phase = EXCHANGE_RUNNING;
	exchange_ref(ex);
	exchange_suspend(ex);
	if (workers_run(sv->workers, run, ex) != B3IQ_OK) {
		response_error(&ex->rs, 503, "overloaded", NULL,
		               "the node has more requests than it can queue; try again shortly");
		response_set(&ex->rs, "Retry-After", "1");
		pthread_mutex_lock(&ex->lock);
		ex->phase = EXCHANGE_ANSWERED;
		exchange_resume(ex);
		pthread_mutex_unlock(&ex->lock);
		exchange_unref(ex);
	}
	return MHD_YES;
}

/* Keeps a piece of the body, within its own limit and that of all bodies together. */
static void
take_piece(struct server *sv, struct server_exchange *ex, const char *piece, size_t n)
{
	const size_t room = ex->refused ? 0 : ex->body.max - ex->body.len;
	const size_t keep = ex->starved ? 0 : n < room ? n : room;

	if (atomic_fetch_add(&sv->bodies, keep) + keep > sv->o.bodies)
		ex->starved = true;
	else
		buf_append(&ex->body, piece, keep);
	ex->counted += keep;
	ex->over += ex->starved ? 0 : n - keep;
}

/* The library calls this once for the head, once for each piece of the body, once at its end, and
 * once after each resume. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *piece, size_t *piece_len, void **context)
{
	struct server *sv = arg;
	struct server_exchange *ex = *context;
	enum exchange_phase phase;

	if (!ex) {
		const struct line *line = line_of(connection);

		ex = line && line->entry ? exchange_create(connection, method, path) : NULL;
		if (!ex)
			return MHD_NO;
		open_exchange(sv, ex, line);
		*context = ex;
		judge_head(sv, ex, version, line->over);
		watch_deadline(sv->watch, ex->entry, sv->o.body_ms);
		/* A response before the body ends the connection, so only where it must. */
		return ex->refused && ex->rs.close ? send_response(sv, ex) : MHD_YES;
	}
	if (*piece_len > 0) {
		take_piece(sv, ex, piece, *piece_len);
		*piece_len = 0;
		return ex->over > DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	pthread_mutex_lock(&ex->lock);
	phase = ex->phase;
	pthread_mutex_unlock(&ex->lock);
	if (ex->queued)
		return MHD_YES;
	return phase == EXCHANGE_READING ? start(sv, ex) : send_response(sv, ex);
}

/* Paths and queries are decoded by us, after they are taken apart. */
static size_t
keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg, (void)connection;
	return strlen(text);
}

static void
quiet(void *arg, const char *fmt, va_list args)
{
	(void)arg, (void)fmt, (void)args; /* may quote what a client sent */
}

/* A listening socket of our own, because the library would share the port with whoever has it. */
static int
bind_to(const struct addrinfo *addr, uint16_t *port)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof bound;
	const int one = 1;
	const int fd = socket(addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (addr->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, addr->ai_addr, addr->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(bound.ss_family == AF_INET6
	                      ? ((struct sockaddr_in6 *)(void *)&bound)->sin6_port
	                      : ((struct sockaddr_in *)(void *)&bound)->sin_port);
	return fd;
}

static int32_t
open_socket(struct server *sv, int *fd, struct b3iq_error *err)
{
	const struct server_options *o = &sv->o;
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	                                .ai_socktype = SOCK_STREAM };
	struct addrinfo *addr;
	char port[8];
	int failed;

	snprintf(port, sizeof port, "%u", o->port);
	failed = getaddrinfo(o->address, port, &hints, &addr);
	if (failed == EAI_MEMORY)
		return fail_memory(err, "starting the HTTP server");
	if (failed)
		return fail(err, B3IQ_E_INVALID,
		            "\"%s\" is no numeric address to listen on; use 127.0.0.1, ::1 or an "
		            "address of this machine",
		            o->address);
	*fd = bind_to(addr, &sv->port);
	freeaddrinfo(addr);
	if (*fd < 0)
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "cannot listen on %s port %u: %s; choose another with node.listen.port",
		            o->address, o->port, strerror(errno));
	return B3IQ_OK;
}

static int32_t
listen_on(struct server *sv, struct b3iq_error *err)
{
	const struct server_options *o = &sv->o;
	const unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
	                       MHD_USE_ERROR_LOG;
	int fd;
	int32_t rc = open_socket(sv, &fd, err);

	if (rc != B3IQ_OK)
		return rc;
	sv->daemon = MHD_start_daemon(
	        flags, sv->port, NULL, NULL, on_request, sv,
	        MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
	        MHD_OPTION_LISTEN_SOCKET, fd,
	        MHD_OPTION_NOTIFY_CONNECTION, on_connection, sv,
	        MHD_OPTION_NOTIFY_COMPLETED, on_completed, sv,
	        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	        MHD_OPTION_CONNECTION_LIMIT, o->connections + SPARE,
	        MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_peer + SPARE,
	        MHD_OPTION_CONNECTION_TIMEOUT, (o->idle_ms + 999) / 1000,
	        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MEMORY,
	        MHD_OPTION_END);
	if (!sv->daemon) {
		close(fd);
		return fail(
			err, B3IQ_E_UNAVAILABLE,
			"the HTTP server cannot start; the limit of threads or open files may be "
			"too low (ulimit -n)");
	}
	return B3IQ_OK;
}

static void
set_defaults(struct server_options *o)
{
	if (!o->address)
		o->address = "127.0.0.1";
	if (!o->connections)
		o->connections = 512;
	if (!o->connections_per_peer)
		o->connections_per_peer = o->connections;
	if (!o->workers)
		o->workers = 128;
	if (!o->queue)
		o->queue = 256;
	if (!o->bodies)
		o->bodies = (size_t)256 << 20;
	if (!o->header_ms)
		o->header_ms = 10000;
	if (!o->body_ms)
		o->body_ms = 30000;
	if (!o->idle_ms)
		o->idle_ms = 75000;
	if (!o->write_ms)
		o->write_ms = 30000;
}

static void
destroy(struct server *sv)
{
	if (sv->daemon)
		MHD_stop_daemon(sv->daemon);
	workers_destroy(sv->workers);
	watch_destroy(sv->watch);
	pthread_cond_destroy(&sv->idle);
	pthread_mutex_destroy(&sv->lock);
	free(sv);
}

int32_t
server_create(struct server **out, const struct server_options *options, struct b3iq_error *err)
{
	struct server *sv = calloc(1, sizeof *sv);
	pthread_condattr_t attr;
	int32_t rc;

	*out = NULL;
	if (!sv)
		return fail_memory(err, "starting the HTTP server");
	sv->o = *options;
	set_defaults(&sv->o);
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&sv->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sv->idle, &attr);
	pthread_condattr_destroy(&attr);
	rc = watch_create(&sv->watch, err);
	if (rc == B3IQ_OK)
		rc = workers_create(&sv->workers, sv->o.workers, sv->o.queue, WORKER_IDLE, err);
	if (rc == B3IQ_OK)
		rc = listen_on(sv, err);
	if (rc != B3IQ_OK) {
		destroy(sv);
		return rc;
	}
	*out = sv;
	return B3IQ_OK;
}

uint16_t
server_port(const struct server *sv)
{
	return sv->port;
}

/* Until no exchange is open, at most ms. Lock held. */
static bool
wait_idle(struct server *sv, uint32_t ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (sv->running && rc == 0)
		rc = pthread_cond_timedwait(&sv->idle, &sv->lock, &until);
	return sv->running == 0;
}

int32_t
server_destroy(struct server *sv, uint32_t drain_ms)
{
	MHD_socket listener;
	bool idle;

	if (!sv)
		return B3IQ_OK;
	listener = MHD_quiesce_daemon(sv->daemon);
	if (listener != MHD_INVALID_SOCKET)
		close(listener);
	pthread_mutex_lock(&sv->lock);
	sv->draining = true;
	idle = wait_idle(sv, drain_ms);
	if (!idle) {
		for (struct server_exchange *ex = sv->exchanges; ex; ex = ex->next) {
			watch_deadline(sv->watch, ex->entry, 1);
			exchange_gone(ex);
		}
		idle = wait_idle(sv, drain_ms > CANCEL_MS ? drain_ms : CANCEL_MS);
	}
	pthread_mutex_unlock(&sv->lock);
	if (!idle)
		return B3IQ_E_TIMEOUT;
	destroy(sv);
	return B3IQ_OK;
}

void
server_count(struct server *sv, unsigned *connections, unsigned *running)
{
	pthread_mutex_lock(&sv->lock);
	*connections = sv->connections;
	*running = sv->running;
	pthread_mutex_unlock(&sv->lock);
}
