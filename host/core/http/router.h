/* router.h - which handler answers: a table of method, pattern and what is needed to enter.
 *
 * A pattern is a path with {name} for one segment and {name...} as its last part for the rest,
 * slashes included.  Segments are split before they are decoded.  The most literal pattern wins;
 * HEAD is answered by GET's handler without body.
 */
#ifndef CORE_HTTP_ROUTER_H
#define CORE_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/http/request.h"
#include "core/http/response.h"

struct http_route {
	const char *method, *pattern;
	void      (*run)(struct http_request *, struct http_response *);
	const char *scope;    /* what the gate asks for; NULL: open to all    */
	size_t      body_max; /* bytes; 0: no body is read; more is 413       */
};

enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD, ROUTER_BAD_PATH };

/* Finds the route for rq->method and rq->path and fills rq->route and rq->params; the parameters
 * are decoded inside `scratch` (strlen(path) + 1 bytes).  ROUTER_NO_METHOD: `allow` (of size n)
 * gets the list for the Allow header. */
enum router_result router_find(const struct http_route *table, size_t n_routes,
                               struct http_request *, char *scratch, char *allow, size_t n);

#endif
