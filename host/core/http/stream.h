/* stream.h - a response that is written while it is made.
 *
 * A bounded queue stands between the handler and the connection: stream_write() blocks while the
 * client is slower than we are, and fails at once when the client has left, so that work stops.
 * [the handler's thread; stream_write() also from a thread that the handler waits for, one at a
 * time]
 */
#ifndef CORE_HTTP_STREAM_H
#define CORE_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/request.h"
#include "core/http/response.h"

#define STREAM_QUEUE (64u << 10) /* bytes that wait for a slow client */

/* Sends status and headers of rs; its body must be empty. */
int32_t stream_begin(struct http_request *, struct http_response *rs);
/* B3IQ_E_CANCELLED: the client has left, or the server stops.  B3IQ_E_TIMEOUT: it took nothing for
 * server_options.write_ms.  n may exceed the queue. */
int32_t stream_write(struct http_request *, const void *, size_t n);
/* Has all that was written gone out?  Then a write of up to STREAM_QUEUE bytes does not block. */
bool    stream_idle(struct http_request *);
/* Ends the body; with whole = false the connection is cut so that the client sees a broken
 * response. Done by the server, as not whole, if the handler forgets. */
void    stream_end(struct http_request *, bool whole);

#endif
