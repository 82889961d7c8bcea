/* request.h - what the host asks (chat-request.json) as what Ollama is asked.
 *
 * Nothing is ignored: what Ollama has no word for is B3IQ_E_UNSUPPORTED, so that a caller never
 * gets an answer to another question.  All sampling options are always sent; what a Modelfile
 * defaults to does not creep in.
 */
#ifndef OLLAMA_REQUEST_H
#define OLLAMA_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct request {
	struct json_object *body;  /* to send; owned                           */
	bool                chat;  /* /api/chat, otherwise /api/generate raw   */
	bool                stops; /* stop strings were given                  */
};

/* context: tokens that Ollama shall hold for this model.  request_finish() also after a failure. */
int32_t request_make(struct request *, const struct config *, const struct b3iq_gen_request *,
                     int64_t context, struct b3iq_error *);
void    request_finish(struct request *);

#endif
