/* completions.h - POST /v1/completions. */
#ifndef NODE_OPENAI_COMPLETIONS_H
#define NODE_OPENAI_COMPLETIONS_H

#include "core/http/request.h"
#include "core/http/response.h"

void completions_handle(struct http_request *, struct http_response *);

#endif
