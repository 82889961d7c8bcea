/* chat.h - POST /v1/chat/completions. */
#ifndef NODE_OPENAI_CHAT_H
#define NODE_OPENAI_CHAT_H

#include "core/http/request.h"
#include "core/http/response.h"

void chat_handle(struct http_request *, struct http_response *);

#endif
