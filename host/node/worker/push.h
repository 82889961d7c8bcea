/* push.h - the seeds' push endpoint, for a coordinator that can reach this node: off unless configured.
 *
 *   POST /v1/jobs/assign   X-Api-Key: the push key   -> 202, 400, 401, 503
 *   GET  /health
 *
 * What is pushed goes the same way as what is polled (miner.h).
 */
#ifndef NODE_WORKER_PUSH_H
#define NODE_WORKER_PUSH_H

#include "node/worker/miner.h"

#define PUSH_PORT     8005
#define PUSH_KEY_SIZE (5 + 64 + 1) /* "push_" and 64 hex digits */

struct push;

/* A server that turns everything away until it has its miner.  port 0: any free one. */
int32_t push_open(const char *address, uint16_t port, const char *key, struct push **out,
                  struct b3iq_error *err);
/* "http://127.0.0.1:8005" */
void    push_url(const struct push *, char *out, size_t size);
/* NULL: turns everything away again; afterwards no call into the old one is running. */
void    push_set_miner(struct push *, struct miner *);
void    push_close(struct push *); /* NULL is fine */

#endif
