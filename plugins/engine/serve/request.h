/* request.h - the body of a request (schemas/chat-request.json), read and checked.
 *
 * What this engine cannot do is refused by name with B3IQ_E_UNSUPPORTED, never ignored.
 */
#ifndef B3IQ_ENGINE_REQUEST_H
#define B3IQ_ENGINE_REQUEST_H

#include "engine/serve/sampler.h"
#include "engine/text/chat.h"
#include "engine/text/stop.h"

/* Zero-initialise; request_finish().  Strings point into `document`. */
struct request {
	void                *document; /* the JSON tree                              */
	struct chat_message *messages;
	size_t               n_messages;
	struct gguf_str      prompt;   /* raw text, where there are no messages      */
	struct stop_string   stops[STOP_MAX_STRINGS];
	size_t               n_stops;
	bool                 no_thinking; /* where the template has a switch for it */
	struct sampler_bias *bias;
	size_t               n_bias;
};

/* Errors: B3IQ_E_INVALID (no such document), B3IQ_E_UNSUPPORTED, B3IQ_E_NO_MEMORY. */
int32_t request_parse(struct request *, const char *body, size_t len, struct b3iq_error *);
void request_finish(struct request *);

#endif
