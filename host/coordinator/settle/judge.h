/* judge.h - does this result count?  Everything that a worker says is held against the order and against
 * what the coordinator measured itself; docs/coordinator.md, "Result".  Pure: no state, no I/O.
 */
#ifndef COORDINATOR_SETTLE_JUDGE_H
#define COORDINATOR_SETTLE_JUDGE_H

#include <json-c/json.h>

#include "coordinator/jobs/job.h"
#include "coordinator/jobs/why.h"
#include "core/base/buf.h"
#include "core/crypto/ed25519.h"

#define JUDGE_SKEW_MS 2000 /* by which a node's clock may run faster during one job */

struct judge_case {                  /* all borrowed                                    */
	const struct job   *job;
	const struct buf   *request, *params; /* as ordered                             */
	const char         *seed;             /* "": the node may choose                */
	const uint8_t      *pinned;           /* node key, 32 bytes                     */
	uint64_t            now_ms;
	const char         *output;
	size_t              output_len;
	struct json_object *receipt, *openings;
};

struct judge_finding {
	uint8_t    hash[32];         /* of the receipt                                  */
	uint8_t    output[32];       /* its output commitment                           */
	struct buf envelope;         /* canonical                                       */
	struct buf openings;         /* what lets the client open and audit, as JSON    */
	uint64_t   units_ms, units_tokens;
};

void    judge_finding_init(struct judge_finding *);
void    judge_finding_free(struct judge_finding *);
/* B3IQ_OK: it counts.  Otherwise why->code is one of the list. */
int32_t judge(const struct judge_case *, struct judge_finding *, struct why *);

#endif
