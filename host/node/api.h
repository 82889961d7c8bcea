/* api.h - the node's routes: one table, and the handlers that are not OpenAI's.
 *
 *   GET  /health /ready /metrics /openapi.yaml
 *   GET  /v1/receipts/{id}
 *   GET  /api/status /api/plugins /api/receipts /api/audit
 *   POST /api/reload /api/plugins/{name}/restart
 */
#ifndef NODE_API_H
#define NODE_API_H

#include "core/http/router.h"

/* The table for the server; body_bytes is what the routes that take prompts allow. Call it before
 * the server starts. */
const struct http_route *api_routes(uint32_t body_bytes, size_t *n);

#endif
