/* lease.h - a job as the coordinator leases it: what to run, and the order that the receipt will name.
 *
 * What a coordinator says is a stranger's text: ids are of harmless characters, everything else is
 * checked before it is believed, and the order's hash is recomputed from the order.
 */
#ifndef NODE_WORKER_LEASE_H
#define NODE_WORKER_LEASE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "node/worker/spool.h"

struct lease {
	char                job[SPOOL_ID_SIZE], id[SPOOL_ID_SIZE]; /* id "": nothing to report to */
	const char         *model;       /* borrowed from doc, as the rest               */
	const char         *request;     /* chat-request.json, exactly as the backend gets it */
	size_t              request_len;
	struct json_object *params;      /* of docs/receipts.md section 4, flags 0       */
	bool                has_seed, stream;
	uint64_t            seed;
	uint8_t             order[32];
	struct json_object *doc;
};

/* Reads the answer of a poll or the body of a push; takes doc over, also on failure.  B3IQ_E_INVALID
 * says what is wrong; with an id in it, the lease can be handed back. */
int32_t lease_read(struct json_object *doc, struct lease *, struct b3iq_error *err);
void    lease_free(struct lease *);

#endif
