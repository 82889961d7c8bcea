/* rest.h - the table of routes: JSON-RPC, the REST reads of both dialects below /rpc, and whether the
 * chain is well.  [the handlers' threads] */
#ifndef CHAIN_REST_H
#define CHAIN_REST_H

#include "core/http/router.h"

const struct http_route *rest_routes(size_t *n);

#endif
