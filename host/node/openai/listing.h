/* listing.h - GET /v1/models and /v1/models/{id}: what this key may use. */
#ifndef NODE_OPENAI_LISTING_H
#define NODE_OPENAI_LISTING_H

#include "core/http/request.h"
#include "core/http/response.h"

void listing_all(struct http_request *, struct http_response *);
void listing_one(struct http_request *, struct http_response *);

#endif
