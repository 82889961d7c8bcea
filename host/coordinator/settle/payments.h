/* payments.h - the money of a job: which step follows from what happened to it.
 *
 * Called inside the transaction that changes the job, so that a step stands exactly if its reason does.
 * Every escrow ends once: released after completion, refunded after any other end, and if its worker
 * cannot be paid.
 */
#ifndef COORDINATOR_SETTLE_PAYMENTS_H
#define COORDINATOR_SETTLE_PAYMENTS_H

#include "coordinator/settle/steps.h"

#define PAYMENTS_GRACE_MS (24u * 3600 * 1000) /* after expiry, until anybody may refund */

struct payments { /* who we are on the ledger; strings are kept */
	const char *wallet;  /* our key's name                          */
	const char *address; /* arbiter of every escrow                 */
	uint32_t    cut;     /* permille of the price                   */
};

/* A paid job that was just inserted: its escrow is to be opened from the buyer's wallet. */
int32_t payments_open(struct store_tx *, const struct payments *, const struct job *,
                      const char *buyer, uint64_t run_ms, struct b3iq_error *err);
/* The job has completed and job->amount is set: pays `to`, the rest returns to the buyer. */
int32_t payments_release(struct store_tx *, const struct payments *, struct job *, const char *to,
                         const uint8_t receipt[32], struct b3iq_error *err);
/* The job has ended in another way.  While the escrow is being opened nothing can be done yet:
 * payments_opened() will. */
int32_t payments_refund(struct store_tx *, const struct payments *, struct job *,
                        struct b3iq_error *err);

/* What a step's end means for its job; `now_ms` wall. */
int32_t payments_done(struct store_tx *, const struct payments *, const struct step *, struct job *,
                      uint64_t now_ms, struct b3iq_error *err);
/* The release cannot be: who is to be paid has no account that the ledger knows how to pay.  The buyer
 * has the escrow back. */
int32_t payments_unpayable(struct store_tx *, const struct payments *, struct job *,
                           struct b3iq_error *err);
/* An opening that the ledger refuses for good; code: "insufficient_funds" ... */
int32_t payments_refused(struct store_tx *, struct job *, const char *code, uint64_t now_ms);

#endif
