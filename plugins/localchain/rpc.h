/* rpc.h - what the adapter asks of a chain: transactions by JSON-RPC 2.0, reads by HTTP paths
 * (docs/chain.md).
 *
 * Connections are kept between calls; calls run on any number of threads.  Redirects are refused,
 * proxies of the environment are not used.
 *
 *   Failure                                        code
 *   nobody listens: nothing has left               B3IQ_E_UNAVAILABLE
 *   a transaction was sent, and no answer came     B3IQ_E_UNKNOWN_OUTCOME
 *   another chain, or no answer of a chain at all  B3IQ_E_INVALID
 */
#ifndef LOCALCHAIN_RPC_H
#define LOCALCHAIN_RPC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#define RPC_HASH_SIZE  67 /* "0x", 64 hex digits, NUL */
#define RPC_REPLY_MAX  (4u << 20)

struct rpc;

int32_t rpc_create(const struct config *, struct rpc **out, struct b3iq_error *err);
void    rpc_destroy(struct rpc *);

/* Nonces of an account: how many of its transactions are in blocks, and what the chain takes next
 * behind those that wait.  A new account has 0 and 0. */
int32_t rpc_nonce(struct rpc *, const char *address, uint64_t *in_blocks, uint64_t *next,
                  struct b3iq_error *err);
/* The least fee of a transaction, a decimal string. */
int32_t rpc_fee(struct rpc *, char out[80], struct b3iq_error *err);

/* What became of a transaction that was handed over. */
enum rpc_verdict {
	RPC_TAKEN,      /* waits for its block, or has one already                     */
	RPC_NONCE_USED, /* by another transaction of the account, or by itself         */
	RPC_LATER,      /* the chain is full: *err says so                             */
	RPC_REFUSED     /* *err says why                                               */
};
int32_t rpc_send(struct rpc *, const char *wire, enum rpc_verdict *, struct b3iq_error *err);

struct rpc_found {
	bool     found;
	uint64_t height, time_ms, confirmations;
};
int32_t rpc_find(struct rpc *, const char hash[RPC_HASH_SIZE], struct rpc_found *,
                 struct b3iq_error *err);

/* A read at a path below /rpc, such as "/accounts/ait1...".  The caller puts *out; B3IQ_E_NOT_FOUND:
 * there is none. */
int32_t rpc_read(struct rpc *, const char *path, struct json_object **out, struct b3iq_error *err);

/* Members of what the chain answers: "" and 0 where there is none.  Numbers may come as decimal
 * strings. */
const char *rpc_text(struct json_object *, const char *name);
uint64_t    rpc_number(struct json_object *, const char *name);

#endif
