/* request.h - one HTTP request as a handler sees it: plain memory, whole body, no library types.
 *
 * Everything is borrowed and lives until the handler returns.  A handler runs on a worker thread
 * of its own and may block.
 */
#ifndef CORE_HTTP_REQUEST_H
#define CORE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

#define REQUEST_ID_SIZE   72
#define REQUEST_PEER_SIZE 64
#define REQUEST_PARAMS    4   /* path parameters of a route      */
#define REQUEST_HEADERS   100 /* header lines; more are refused  */

struct http_route;
struct server_exchange;

struct http_pair {
	const char *name, *value;
};

struct http_request {
	const char *method, *path;             /* path as sent, without the query            */
	const struct http_route *route;
	struct http_pair  params[REQUEST_PARAMS]; /* decoded; in the order of the pattern     */
	struct http_pair *headers, *query;     /* query decoded                              */
	size_t            n_params, n_headers, n_query;
	const char       *body;                /* NUL after it does not count; "" when empty */
	size_t            body_len;
	char              id[REQUEST_ID_SIZE]; /* the client's X-Request-Id if it is decent  */
	char              peer[REQUEST_PEER_SIZE]; /* numeric address without port           */
	uint64_t          arrived_us;          /* monotonic; when the headers were complete  */
	void             *context;             /* server_options.context                     */
	void             *principal;           /* the gate's own note for the handler        */
	struct server_exchange *exchange;      /* the server's; NULL in unit tests           */
};

/* The value of a header (names compare without case), path parameter or query field, or NULL. */
const char *request_header(const struct http_request *, const char *name);
const char *request_param(const struct http_request *, const char *name);
const char *request_query(const struct http_request *, const char *name);
/* A query field as a number; `otherwise` if absent; B3IQ_E_INVALID names the field. */
int32_t request_query_int(const struct http_request *, const char *name, int64_t least,
                          int64_t most, int64_t otherwise, int64_t *out, struct b3iq_error *);

/* A descriptor that turns readable when the client has left or the server must stop; made at the
 * first call and owned by the request.  -1 if the system has none left: then poll
 * request_gone(). */
int  request_cancel_fd(struct http_request *);
bool request_gone(const struct http_request *);

/* %XX decoding in place, strict: false for a malformed escape, %00 or invalid UTF-8. */
bool request_decode(char *text);

#endif
