/* steps.h - the outbox: what is to be done on the ledger, recorded before it is done.
 *
 * A step is added in the transaction that makes it necessary.  Its key depends on job (or batch), kind
 * and try only, so that whoever repeats it, after whatever crash, repeats the same transaction of the
 * ledger:   key = SHA-256("b3iq.step/1\n" || subject || "/" || kind [|| "#" || try])
 */
#ifndef COORDINATOR_SETTLE_STEPS_H
#define COORDINATOR_SETTLE_STEPS_H

#include "coordinator/jobs/job.h"
#include "core/store/store.h"

#define STEPS_EXTRA 256
#define STEPS_NAME  129

extern const struct store_module steps_module; /* "steps" */

enum step_kind { STEP_OPEN, STEP_RELEASE, STEP_REFUND, STEP_COMMIT };
enum step_state {
	STEP_TODO,   /* not sent, as far as we know */
	STEP_SENT,   /* ask for its status          */
	STEP_DONE,
	STEP_REFUSED /* the ledger says no, for good */
};

struct step {
	int64_t         seq, job;             /* job: its seq; 0 for a batch           */
	enum step_kind  kind;
	enum step_state state;
	uint32_t        again;                /* of what failed on the ledger          */
	uint32_t        tries;                /* calls so far                          */
	uint32_t        invalid;              /* of these the ledger called it invalid */
	uint8_t         key[32], digest[32];
	char            subject[JOB_ID_SIZE]; /* job id, or "batch_N"                  */
	char            signer[STEPS_NAME], to[STEPS_NAME];
	uint64_t        amount;
	char            extra[STEPS_EXTRA];
	uint64_t        created_ms, due_ms, done_ms;
	char            ref[128];
	uint64_t        height;
};

const char *step_name(enum step_kind);
/* Fills key and inserts; the same step twice is one. */
int32_t steps_add(struct store_tx *, struct step *, struct b3iq_error *err);
int32_t steps_save(struct store_tx *, const struct step *, struct b3iq_error *err);
/* Up to `max` that are neither done nor refused, by due time; *n: how many. */
int32_t steps_open(struct store_tx *, struct step *out, size_t max, size_t *n,
                   struct b3iq_error *err);
/* The latest of a job of this kind; B3IQ_E_NOT_FOUND. */
int32_t steps_find(struct store_tx *, int64_t job, enum step_kind, struct step *out,
                   struct b3iq_error *err);
int32_t steps_count_open(struct store_tx *, int64_t *n, struct b3iq_error *err);
/* The id of a job's escrow: SHA-256("b3iq.escrow/1\n" || job id). */
int32_t steps_escrow_id(const char *job, uint8_t out[32]);

#endif
