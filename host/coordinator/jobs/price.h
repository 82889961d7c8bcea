/* price.h - what a job may cost and what it did cost, in integers of micro-AITBC.
 *
 *   price = min(escrow, rate * units), rounded down
 *
 * Units are milliseconds (the rate is per second) or output tokens (the rate is per token).
 */
#ifndef COORDINATOR_JOBS_PRICE_H
#define COORDINATOR_JOBS_PRICE_H

#include <json-c/json.h>

#include "coordinator/jobs/job.h"

#define PRICE_MOST UINT64_C(1000000000000) /* 10^6 AITBC: more is a mistake */

/* An amount as a client writes it: a JSON number of AITBC with at most six decimals, or a text of
 * core/tx/amount.h.  B3IQ_E_INVALID names the field. */
int32_t  price_read(struct json_object *, const char *field, uint64_t *out, struct b3iq_error *err);
uint64_t price_of(const struct job *, uint64_t units_ms, uint64_t units_tokens);
/* The coordinator's part, rounded down. */
uint64_t price_cut(uint64_t amount, uint32_t permille);
/* 0.25 as JSON, exactly; NULL: no memory. */
struct json_object *price_number(uint64_t);

#endif
