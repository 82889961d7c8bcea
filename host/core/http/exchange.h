/* exchange.h - one request on its way through the server: who works on it, what waits to be sent.
 * Private to this room.
 *
 * A handler's worker and the network thread meet here.  The connection is suspended while the
 * worker has nothing to send; only then does the pointer to it belong to the worker.
 * Lock order: watch, exchange, then the library's own.
 */
#ifndef CORE_HTTP_EXCHANGE_H
#define CORE_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/http/request.h"
#include "core/http/response.h"
#include "core/http/watch.h"

enum exchange_phase {
	EXCHANGE_READING,   /* head and body                              */
	EXCHANGE_RUNNING,   /* a worker has it                            */
	EXCHANGE_STREAMING, /* the worker has it, and bytes are going out */
	EXCHANGE_ANSWERED   /* response complete                          */
};

struct server_exchange {
	pthread_mutex_t lock;
	pthread_cond_t  moved;                /* room in the queue, or gone      */
	unsigned        refs;                 /* network thread, worker, reader  */
	enum exchange_phase phase;
	bool            suspended, gone, ended, whole, queued, refused;
	int             cancel_fd;
	struct buf      queue, body;          /* stream out, body in             */
	uint64_t        sent;
	uint32_t        write_ms;
	uint64_t        over;                 /* body bytes beyond the limit     */
	size_t          counted;              /* body bytes in the server's sum  */
	bool            starved;              /* that sum was too large          */
	char           *memory, *scratch;     /* strings of the request          */
	struct http_request  rq;
	struct http_response rs;
	struct server         *server;
	struct MHD_Connection *connection;
	struct watch          *watch;
	struct watch_entry    *entry;
	struct server_exchange *next, *prev;  /* server's list                   */
};

/* A new exchange with one reference, its request copied from the connection. NULL: no memory, or
 * the head is unreasonable. */
struct server_exchange *exchange_create(struct MHD_Connection *, const char *method,
                                        const char *path);
void exchange_ref(struct server_exchange *);
void exchange_unref(struct server_exchange *);
/* Hands the connection to the worker, and back. */
void exchange_suspend(struct server_exchange *);
void exchange_resume(struct server_exchange *); /* lock held by the caller */
/* The client has left: wakes writer and cancel descriptor. Also the callback of watch_peer(). */
void exchange_gone(void *exchange);
bool exchange_is_gone(struct server_exchange *);
int  exchange_cancel_fd(struct server_exchange *);
/* The library's reader of a stream. */
ssize_t exchange_read(void *exchange, uint64_t at, char *out, size_t max);
void exchange_read_end(void *exchange); /* drops the reader's reference */

#endif
