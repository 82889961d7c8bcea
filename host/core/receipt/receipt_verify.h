/* receipt_verify.h - checks a bundle offline: each check by name, with its finding.
 *
 * Nothing that travels with a receipt is believed: hashes are recomputed, the signature is checked
 * against keys that the caller has pinned, and what is not opened is reported as not checked.
 */
#ifndef CORE_RECEIPT_RECEIPT_VERIFY_H
#define CORE_RECEIPT_RECEIPT_VERIFY_H

#include "core/receipt/receipt.h"

enum receipt_result { RECEIPT_NOT_CHECKED, RECEIPT_PASS, RECEIPT_FAIL };

struct receipt_check {
	const char         *name;   /* a static of the list below               */
	enum receipt_result result;
	char                text[248];
};

/* form      closed schema, canonical bytes, rules of kind
 * hash      the stated hash is that of the body
 * signature the signature is by node_key over the recomputed hash
 * key       node_key is the body's node and one of the pinned keys
 * tier      the tier claims no more than it can (T0 never looks like T2)
 * prompt, params, output   openings against commitments and digest
 * tokens    the token chain over the opened ids ends at the stated head
 * logits    the opened root is the committed one; with probes also the tree over them
 * counts    the opened ids are as many as were counted, cached <= prompt
 * times     start <= first <= end < expiry
 * inclusion proof in a checkpoint: not checked, a later version of the bundle carries it */
#define RECEIPT_CHECKS 13

struct receipt_report {
	bool                 valid;  /* nothing failed, and the key is a pinned one */
	size_t               n;
	struct receipt_check check[RECEIPT_CHECKS];
	bool                 readable; /* `form` passed; body and hash are filled   */
	struct receipt       body;
	uint8_t              hash[32];
};

/* `pinned` holds n_pinned public keys, 32 bytes each.
 * B3IQ_OK when the checks could be made, whatever they found; B3IQ_E_NO_MEMORY otherwise. */
int32_t receipt_verify(const void *bundle, size_t len, const uint8_t *pinned, size_t n_pinned,
                       struct receipt_report *, struct b3iq_error *err);
/* "pass", "FAIL", "not checked". */
const char *receipt_result_text(enum receipt_result);

#endif
