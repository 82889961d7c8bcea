/* work.h - this node at work for a coordinator: leased jobs through its own pipeline.
 *
 * A leased job is run as any other request: the same turns, the same receipt, with the order's hash in
 * it.  What opens the receipt goes to the coordinator with the result, as it stands in for the client.
 * A model is never substituted: what is not here under exactly that name is not found.
 */
#ifndef NODE_WORK_H
#define NODE_WORK_H

#include "node/context.h"

/* As config.json says, but for what is given; without a coordinator nothing is started. */
int32_t work_start(struct node *, const char *coordinator, const char *key, const char *payout,
                   struct b3iq_error *err);
/* Lets jobs end for node.limits.drain_s, hands the others back. */
void    work_stop(struct node *);

/* The "worker" part of /api/status; NULL: no memory. */
struct json_object *work_status(struct node *);
/* Its counters as Prometheus text; nothing for a node that works for nobody. */
int32_t work_metrics(struct node *, struct buf *out);

#endif
