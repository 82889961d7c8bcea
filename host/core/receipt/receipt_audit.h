/* receipt_audit.h - re-executes what a receipt claims, and compares by equality.
 *
 * One teacher-forced replay (one prefill) gives the id that the model picks at each position, its
 * probe, and the text that leaves with it.  Equal ids, text, ending and logit root mean: what was
 * delivered is exactly what that model yields.
 */
#ifndef CORE_RECEIPT_RECEIPT_AUDIT_H
#define CORE_RECEIPT_RECEIPT_AUDIT_H

#include "core/receipt/receipt.h"

struct receipt_auditor { /* a loaded backend with B3IQ_EXT_REPLAY */
	void                       *self;
	const struct b3iq_inference *inference;
	const struct b3iq_replay   *replay;
	const char                 *model;    /* the model's id in that backend            */
	const uint8_t              *root;     /* its model root, from models(); 32 bytes   */
	int32_t                     cancel_fd; /* -1: none                                  */
	uint64_t                    deadline_ms;
};

enum receipt_verdict {
	RECEIPT_EQUAL,    /* every id, the text, how it ended, and the logit root        */
	RECEIPT_DIFFERS,  /* text says what; position is set when there is a first one   */
	RECEIPT_CANNOT    /* not auditable: tier, openings missing, other profile        */
};

struct receipt_audit {
	enum receipt_verdict verdict;
	bool     has_position;
	uint64_t position;           /* the first that differs                            */
	int32_t  claimed, replayed;  /* ids there (equal when only probe or text differ)  */
	uint64_t positions;          /* how many were compared                            */
	char     text[248];
};

/* The bundle must open prompt, params and tokens, and hold the four salts.  Verify it first: this
 * function checks the openings that it uses against the receipt, but no signature.  B3IQ_OK when the
 * audit ran to a verdict; else the error of the backend. */
int32_t receipt_audit(const void *bundle, size_t len, const struct receipt_auditor *,
                      struct receipt_audit *, struct b3iq_error *err);

#endif
