/* receipt_log.h - the per-node chain of receipts, in the node's own database.
 *
 * Every receipt carries its number and the hash of the one before, so that leaving one out shows.
 * All functions run inside a closure of store_write() or store_read(); append inside the closure in
 * which the caller stores its job, so that there is never a job without its receipt.
 */
#ifndef CORE_RECEIPT_RECEIPT_LOG_H
#define CORE_RECEIPT_RECEIPT_LOG_H

#include "core/receipt/receipt.h"
#include "core/store/store.h"

extern const struct store_module receipt_log_module; /* "receipt": give it to store_open() */

/* Sets r->node, r->seq and r->prev, writes, signs and stores the body; appends the envelope to
 * *envelope (NULL: not wanted).  Sets *hash too, if not NULL. */
int32_t receipt_log_append(struct store_tx *, struct receipt *r, const struct ed25519_key *,
                           struct buf *envelope, uint8_t hash[32], struct b3iq_error *err);
/* The envelope of a receipt id; B3IQ_E_NOT_FOUND. */
int32_t receipt_log_get(struct store_tx *, const char *id, struct buf *envelope,
                        struct b3iq_error *err);

struct receipt_entry {
	uint64_t    seq;
	const char *id;             /* borrowed during the call                 */
	uint8_t     hash[32];
	const char *body;           /* canonical                                */
	size_t      body_len;
};
/* Newest first, those with seq < before (0: from the newest), at most `limit`; stops at the first
 * result of `each` that is not B3IQ_OK and returns it. */
int32_t receipt_log_list(struct store_tx *, uint64_t before, uint32_t limit,
                         int32_t (*each)(void *arg, const struct receipt_entry *), void *arg,
                         struct b3iq_error *err);
/* seq 0 and a hash of zeros when the log is empty. */
int32_t receipt_log_head(struct store_tx *, uint64_t *seq, uint8_t hash[32],
                         struct b3iq_error *err);
/* Checks every number, link, hash and signature of the chain against the node's key; *count is how
 * many were good.  B3IQ_E_INVALID names the first that is not. */
int32_t receipt_log_verify(struct store_tx *, const uint8_t pub[ED25519_PUBLIC], uint64_t *count,
                           struct b3iq_error *err);

#endif
