/* guard.h - what is wrong with a request before any handler sees it.
 *
 * libmicrohttpd 0.9.75 accepts two Content-Length lines, Content-Length beside Transfer-Encoding,
 * odd header names and a missing Host: each is a way to smuggle requests past a proxy in front.
 * Host and Origin are checked because a web page can make a browser talk to a loopback port under
 * a name of its own (DNS rebinding); an address in numbers cannot be rebound and is always fine.
 * Pure functions.  [any thread]
 */
#ifndef CORE_HTTP_GUARD_H
#define CORE_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/request.h"

struct guard_rules {
	const char *const *hosts;   /* names we go by, beside localhost; lower case   */
	size_t             n_hosts;
	const char *const *origins; /* web origins that may call us; "https://x.example" */
	size_t             n_origins;
};

struct guard_verdict {
	int         status;   /* 0: fine */
	const char *code, *text;
};

/* Method, path, header names and values, framing, Host, Origin. */
struct guard_verdict guard_check(const struct guard_rules *, const struct http_request *,
                                 const char *version);
/* The Content-Length, 0 without one, or -1 if it is no number below 2^63; *chunked as sent. */
int64_t guard_body_length(const struct http_request *, bool *chunked);
bool    guard_host_allowed(const struct guard_rules *, const char *host);
/* Is this a configured web origin (not merely our own pages)? */
bool    guard_origin_listed(const struct guard_rules *, const char *origin);

#endif
