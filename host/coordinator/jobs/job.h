/* job.h - one job: its phases, its payment, and who has it.  Private content (prompt, result, secret,
 * error message) is not part of it: that lies in a table of its own, see jobbook.h.
 *
 * struct job is a plain value.
 */
#ifndef COORDINATOR_JOBS_JOB_H
#define COORDINATOR_JOBS_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin.h"

#define JOB_ID_SIZE      37  /* "job_" and 32 hex digits, of which 12 are the time  */
#define JOB_LEASE_SIZE   39  /* "lease_" and 32 hex digits                          */
#define JOB_RECEIPT_SIZE 41  /* "receipt_" and 32 hex digits                        */
#define JOB_OWNER_SIZE   65  /* id of a key or of a worker                          */
#define JOB_MODEL_SIZE   129
#define JOB_TYPE_SIZE    33
#define JOB_CODE_SIZE    33
#define JOB_TERMS_SIZE   512 /* canonical constraints                               */

/* X(name, phase, AITBC's state, the seed's status); all after RUNNING are ends. */
#define JOB_PHASES(X)                                   \
	X(FUNDING, "funding", "QUEUED", "pending")      \
	X(QUEUED, "queued", "QUEUED", "pending")        \
	X(LEASED, "leased", "RUNNING", "running")       \
	X(RUNNING, "running", "RUNNING", "running")     \
	X(COMPLETED, "completed", "COMPLETED", "completed") \
	X(FAILED, "failed", "FAILED", "failed")         \
	X(CANCELLED, "cancelled", "CANCELED", "cancelled") \
	X(EXPIRED, "expired", "EXPIRED", "expired")

enum job_phase {
#define JOB_PHASE_ENUM(name, phase, state, status) JOB_##name,
	JOB_PHASES(JOB_PHASE_ENUM)
#undef JOB_PHASE_ENUM
	JOB_PHASES_N
};

#define JOB_PAYS(X)                 \
	X(FREE, "free")             \
	X(PENDING, "pending")       \
	X(ESCROWED, "escrowed")     \
	X(RELEASING, "releasing")   \
	X(RELEASED, "released")     \
	X(REFUNDING, "refunding")   \
	X(REFUNDED, "refunded")     \
	X(UNPAID, "failed")

enum job_pay {
#define JOB_PAY_ENUM(name, text) JOB_PAY_##name,
	JOB_PAYS(JOB_PAY_ENUM)
#undef JOB_PAY_ENUM
	JOB_PAYS_N
};

enum job_mode { JOB_MODE_FREE, JOB_MODE_TIME, JOB_MODE_TOKENS };

struct job {
	int64_t        seq, rev;                  /* row; number of changes so far         */
	char           id[JOB_ID_SIZE];
	char           client[JOB_OWNER_SIZE];    /* id of the key that submitted it       */
	char           type[JOB_TYPE_SIZE], model[JOB_MODEL_SIZE];
	char           terms[JOB_TERMS_SIZE];     /* constraints, canonical; "" for none   */
	enum job_phase phase;
	uint32_t       attempt, faults;           /* leases so far; those that went wrong  */
	char           worker[JOB_OWNER_SIZE];    /* who has or had it                     */
	char           lease[JOB_LEASE_SIZE];
	uint64_t       lease_ms;                  /* deadline, wall                        */
	uint64_t       requested_ms, queued_ms, leased_ms, started_ms, ended_ms, expires_ms;
	char           error[JOB_CODE_SIZE];      /* code, "" if all is well               */
	bool           stream;
	uint32_t       max_tokens;
	uint8_t        order[32];                 /* order hash                            */
	enum job_mode  mode;
	enum job_pay   pay;
	uint64_t       rate, escrow, amount, cut; /* micro-AITBC; rate per second or token */
	uint64_t       units_ms, units_tokens;    /* as measured, once completed           */
	char           receipt[JOB_RECEIPT_SIZE]; /* "" until completed                    */
	uint8_t        digest[32];                /* of the result that counted            */
};

const char *job_phase_name(enum job_phase);
const char *job_state(enum job_phase);  /* AITBC's  */
const char *job_status(enum job_phase); /* the seed's */
const char *job_pay_name(enum job_pay);
/* A phase by any of its three names; false if there is none. */
bool        job_phase_read(const char *text, enum job_phase *out);

static inline bool
job_ended(const struct job *j)
{
	return j->phase >= JOB_COMPLETED;
}

static inline bool
job_held(const struct job *j)
{
	return j->phase == JOB_LEASED || j->phase == JOB_RUNNING;
}

/* A new id: later ids sort behind earlier ones, so that rows are appended. */
void job_new_id(uint64_t now_ms, char out[JOB_ID_SIZE]);

#endif
