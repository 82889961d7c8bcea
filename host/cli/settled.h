/* settled.h - checks what a coordinator gives its client for a finished job, offline.
 *
 *   {"result": text, "openings": {...}, "order": {"text", "secret"},
 *    "receipt": {"job_id", "node_receipt": envelope, "verdict": {...}, "anchor"?, ...}}
 *
 * That is the answer to GET /v1/jobs/{id}/result (docs/coordinator.md, sections 2 and 5).
 *
 * The coordinator's key must be pinned.  Its verdict names the hash of the node's receipt, which names
 * the node: so the verdict vouches for the node's key, unless the caller pins that one, too.
 */
#ifndef CLI_SETTLED_H
#define CLI_SETTLED_H

#include <json-c/json.h>

#include "core/receipt/receipt_verify.h"

/* verdict   signed by the pinned coordinator, about this job, this receipt, this order, this amount
 * order     the order's text has the hash that both name; it is about this job and this prompt
 * question  what was asked is what the client asked
 * answer    what was answered is what the client got
 * anchor    the path leads from the receipt to the root that the ledger is said to have
 * and before them all checks of the node's receipt. */
#define SETTLED_CHECKS (RECEIPT_CHECKS + 5)

struct settled_report {
	bool   valid;
	size_t n;
	struct receipt_check check[SETTLED_CHECKS];
};

struct settled_pins { /* 32 bytes each, one behind the other */
	const uint8_t *coordinators, *nodes;
	size_t         n_coordinators, n_nodes; /* no nodes: whom the verdict vouches for */
};

/* Is it such a document, and no node's receipt or bundle? */
bool    settled_is(struct json_object *doc);
/* prompt NULL: the client did not keep it.  B3IQ_OK when the checks could be made. */
int32_t settled_verify(struct json_object *doc, const char *prompt, const struct settled_pins *,
                       struct settled_report *, struct b3iq_error *err);

#endif
