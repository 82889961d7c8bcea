/* events.h - an answer as server-sent events: begun late, kept alive, ended properly.
 *
 * The head is sent with the first event, so that a request that fails at once still gets a proper
 * status; or with the first ping, when the prompt takes long to read.  A pinger thread looks after
 * all open answers.
 */
#ifndef NODE_OPENAI_EVENTS_H
#define NODE_OPENAI_EVENTS_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/http/stream.h"

struct events_pinger;

struct events {
	struct events_pinger        *pinger;
	struct http_request  *rq;
	struct http_response *rs;
	pthread_mutex_t       lock;    /* one writer at a time: the answer or the pinger */
	struct buf            line;
	uint64_t              last_ms; /* of the last write, monotonic                   */
	bool                  begun;
	struct events        *next, *prev;
};

/* A comment goes out on every answer that was silent for ping_ms. */
struct events_pinger *events_pinger_create(uint32_t ping_ms, struct b3iq_error *err);
void           events_pinger_destroy(struct events_pinger *); /* no answer may be open */

void events_open(struct events *, struct events_pinger *, struct http_request *,
                 struct http_response *);
/* One event with the document as its data; takes the document over, NULL counts as no memory.
 * B3IQ_E_CANCELLED: the client has left. */
int32_t events_send(struct events *, struct json_object *);
int32_t events_text(struct events *, const char *data); /* as it is: [DONE] */
/* With whole = false the response is cut.  Returns whether anything was sent at all: if not, the
 * response is still the handler's to fill. */
bool    events_close(struct events *, bool whole);

#endif
