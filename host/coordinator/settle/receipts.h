/* receipts.h - what a client gets to keep: the node's receipt, the coordinator's verdict, and the batch
 * whose root a ledger has.
 *
 * A node's receipt counts once: its hash is unique.  Batches are RFC 9162 trees over those hashes (over
 * the verdict's hash where there is no node receipt), in the order of completion.
 */
#ifndef COORDINATOR_SETTLE_RECEIPTS_H
#define COORDINATOR_SETTLE_RECEIPTS_H

#include <json-c/json.h>

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"
#include "core/store/store.h"

#define RECEIPTS_BATCH 256 /* leaves of one batch at most */

extern const struct store_module receipts_module; /* "receipts" */

struct receipts_new {
	int64_t           job;
	const char       *id;
	const uint8_t    *leaf, *output;  /* 32 bytes each                          */
	const struct buf *envelope;       /* NULL: the worker is not verified       */
	const struct buf *verdict;
	uint64_t          now_ms;
};
/* B3IQ_E_INVALID: this leaf is there already, under another job. */
int32_t receipts_add(struct store_tx *, const struct receipts_new *, struct b3iq_error *err);

/* The receipt in the seed's shape.  B3IQ_E_NOT_FOUND. */
int32_t receipts_view(struct store_tx *, const struct job *, struct json_object **out,
                      struct b3iq_error *err);

/* Puts what has no batch into one, if there are `least` of them or the oldest is from before
 * before_ms; *batch 0: nothing to do. */
int32_t receipts_batch(struct store_tx *, uint32_t least, uint64_t before_ms, uint64_t now_ms,
                       int64_t *batch, uint8_t root[32], uint32_t *count, struct b3iq_error *err);
int32_t receipts_anchored(struct store_tx *, int64_t batch, const char *ref, uint64_t height,
                          struct b3iq_error *err);

#endif
