/* client.h - HTTP requests to others: libcurl with every limit set.
 *
 * Blocking; one call at a time a client, which keeps its connections between calls.  Only http and
 * https, no redirects, no proxies from the environment, certificates verified.
 */
#ifndef CORE_HTTP_CLIENT_H
#define CORE_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct client;

struct client_request {
	const char        *method, *url;    /* method NULL: GET                          */
	const char *const *headers;         /* "Name: value" lines, up to NULL; or NULL  */
	const char        *body;
	size_t             body_len;
	uint32_t           connect_ms;      /* [5000]                                    */
	uint32_t           total_ms;        /* 0: no limit, for streams                  */
	uint32_t           silence_ms;      /* no byte for so long: B3IQ_E_TIMEOUT; 0: any */
	int                cancel_fd;       /* readable: B3IQ_E_CANCELLED; 0 or -1: none         */
	/* With on_data, the body of a 2xx answer goes there instead of reply.body, as it comes;
	 * other than B3IQ_OK stops the call and is returned. */
	int32_t          (*on_data)(void *ctx, const char *, size_t);
	void              *ctx;
};
struct client_reply {
	int        status;
	struct buf body;                    /* client_reply_init() sets its maximum      */
	char       type[96];                /* Content-Type                              */
	char       receipt[96];             /* X-B3IQ-Receipt                            */
	char       request_id[96];          /* X-Request-Id                              */
	uint32_t   retry_after_s;
};

int32_t client_create(struct client **, struct b3iq_error *);
void    client_destroy(struct client *);
void    client_reply_init(struct client_reply *, size_t body_max);
void    client_reply_finish(struct client_reply *);
/* B3IQ_OK for any answer that arrived whole, whatever its status.  Nobody listens: UNAVAILABLE; too
 * slow: TIMEOUT; more than the maximum or not HTTP: INVALID. */
int32_t client_call(struct client *, const struct client_request *, struct client_reply *,
                    struct b3iq_error *);
/* The message of an error body {"error":{"message":..}}, or the status in words, into out. */
void    client_reply_message(const struct client_reply *, char *out, size_t size);

#endif
