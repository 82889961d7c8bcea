/* server.h - the HTTP/1.1 server: libmicrohttpd underneath, blocking handlers above.
 *
 * One network thread polls (its epoll mode stalls when 128 connections are ready at once); a
 * request is guarded, routed and read whole there, then its connection is suspended and a worker
 * runs gate and handler.  All memory is bounded by the options.
 */
#ifndef CORE_HTTP_SERVER_H
#define CORE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/guard.h"
#include "core/http/request.h"
#include "core/http/response.h"
#include "core/http/router.h"
#include "core/http/stream.h"

struct server;

struct server_options {               /* zero means the default in brackets        */
	const char *address;          /* numeric [127.0.0.1]                       */
	uint16_t    port;             /* 0: any free one                           */
	const struct http_route *routes; /* kept, not copied                       */
	size_t      n_routes;
	struct guard_rules guard;     /* kept, not copied                          */
	unsigned    connections;      /* more get 503 [512]                        */
	unsigned    connections_per_peer; /* more are closed [= connections]       */
	unsigned    workers, queue;   /* [128], [256]: beyond them 503             */
	size_t      bodies;           /* bytes of all bodies at once [256 MiB]: beyond them 503 */
	uint32_t    header_ms;        /* for the first request's head [10000]      */
	uint32_t    body_ms;          /* for the body [30000]                      */
	uint32_t    idle_ms;          /* until the next request's head [75000]     */
	uint32_t    write_ms;         /* a stream's client that takes nothing [30000] */
	void       *context;
	/* On the worker, before the handler: false if it has filled the response itself. */
	bool      (*gate)(struct http_request *, struct http_response *);
	/* On the worker, after gate and handler: frees rq->principal. May be NULL. */
	void      (*leave)(struct http_request *);
	/* After the response is sent or given up; for accounts of time. May be NULL. */
	void      (*done)(const struct http_request *, int status, uint64_t bytes);
	bool        access_log;       /* http.request lines, without content       */
};

/* Listens; handlers may run before this returns. */
int32_t  server_create(struct server **, const struct server_options *, struct b3iq_error *);
uint16_t server_port(const struct server *);
/* Takes no new connection; finishes what runs for up to drain_ms, then cancels it and waits as long
 * again, at least five seconds.  B3IQ_E_TIMEOUT: handlers are still there and the server is not
 * freed. NULL is fine. */
int32_t  server_destroy(struct server *, uint32_t drain_ms);
/* What is open now. */
void     server_count(struct server *, unsigned *connections, unsigned *running);

#endif
