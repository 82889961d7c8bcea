/* chain.h - what a chain answers, for the tests that have none. */
#ifndef TESTS_UNIT_LOCALCHAIN_CHAIN_H
#define TESTS_UNIT_LOCALCHAIN_CHAIN_H

#include "fake_http.h"
#include "rpc.h"
#include "unit.h"

#define HASH "0xb5a41d8dc34e45d8fba3ae7c25bba7bb0e1d6a1a6b6f31b1a4b1b1f4d2bb4b9d"
#define INFO                                                                                   \
	{ .path = "/rpc/info", .body = "{\"chain_id\":\"ait-devnet\",\"min_fee\":\"10\","        \
	                               "\"height\":12,\"time_ms\":1795243000000}" }
#define ACCOUNT(nonce, pending)                                                                \
	{ .path = "/rpc/accounts/" ZERO_ADDRESS,                                               \
	  .body = "{\"address\":\"" ZERO_ADDRESS "\",\"available\":\"90\",\"balance\":\"100\","    \
	          "\"nonce\":" #nonce ",\"pending_nonce\":" #pending ",\"stake\":\"7\"}" }
#define VERDICT(code, text)                                                                    \
	{ .path = "/", .asked = "broadcast_tx_sync",                                           \
	  .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"code\":" #code ",\"log\":\"" text "\"}}" }
/* Every other path is 404, as on a real chain. */

static inline struct config
chain_config(int port)
{
	struct config c = { .chain = "ait-devnet", .timeout_ms = 20000, .inclusion_ms = 0 };

	snprintf(c.url, sizeof c.url, "http://127.0.0.1:%d", port);
	return c;
}

#endif
