/* traffic.h - what a role's HTTP server counts: requests and their times, by route.  [any thread] */
#ifndef CORE_ROLE_TRAFFIC_H
#define CORE_ROLE_TRAFFIC_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/http/request.h"

struct traffic;

/* NULL: no memory. */
struct traffic *traffic_create(void);
void            traffic_destroy(struct traffic *);

/* One exchange that ended just now, for server_options.done; status 0: none was sent. */
void traffic_count(struct traffic *, const struct http_request *, int status);
/* The same by route (NULL: none was found) and time. */
void traffic_add(struct traffic *, const struct http_route *, int status, uint64_t us);

/* Appends the counters and the process's own figures as Prometheus text. */
void traffic_write(struct traffic *, struct buf *out);

#endif
