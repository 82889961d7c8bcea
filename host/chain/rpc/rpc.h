/* rpc.h - JSON-RPC 2.0 at POST /, as CometBFT names its methods; single calls and batches.
 *
 * The same methods answer GET /{method}?name=value.  docs/chain.md lists them.  [the handler's thread]
 */
#ifndef CHAIN_RPC_H
#define CHAIN_RPC_H

#include "core/http/request.h"
#include "core/http/response.h"

#define RPC_BODY  (4u << 20)
#define RPC_BATCH 1000 /* calls in one request */

void rpc_post(struct http_request *, struct http_response *);
void rpc_get(struct http_request *, struct http_response *);

#endif
