/* submission.h - the body of POST /v1/jobs, flat (the seed's) or nested (AITBC's), checked and brought to
 * one form: the request that a backend will get, its parameters, and the terms of the job.
 */
#ifndef COORDINATOR_JOBS_SUBMISSION_H
#define COORDINATOR_JOBS_SUBMISSION_H

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"

#define SUBMISSION_FIELD 64

struct submission_rules {            /* the operator's                                  */
	uint32_t prompt_bytes;       /* more is refused                                 */
	uint32_t ttl_s, ttl_most_s;  /* default, and the longest                        */
	bool     paid;               /* is there a ledger?                              */
	uint64_t rate_time, rate_tokens, escrow; /* defaults                            */
	const char *model;           /* where none is named                             */
};

struct submission {
	struct job job;              /* type, model, terms, mode, rate, escrow, stream, max_tokens */
	uint32_t   ttl_s;
	struct buf payload, request, params;
	char       seed[21];         /* "" if the node may choose                       */
	const char *code;            /* of the error: "invalid_value" ...               */
	char       field[SUBMISSION_FIELD]; /* of the error, or ""                      */
};

/* B3IQ_E_INVALID: 400 with code, field and sentence.  Free with submission_free() in any case. */
int32_t submission_read(const char *body, size_t len, const struct submission_rules *,
                        struct submission *out, struct b3iq_error *err);
void    submission_free(struct submission *);

#endif
