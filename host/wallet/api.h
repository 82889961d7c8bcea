/* api.h - the daemon's HTTP interface: docs/wallet.md lists it.  [the handlers' threads] */
#ifndef WALLET_API_H
#define WALLET_API_H

#include "core/http/router.h"

const struct http_route *api_wallet_routes(size_t *n);
/* server_options.gate and .leave: a token, and its verbs. */
bool api_wallet_gate(struct http_request *, struct http_response *);
void api_wallet_leave(struct http_request *);

#endif
