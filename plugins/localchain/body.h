/* body.h - from a ledger operation to the transaction of docs/chain.md that does it.
 *
 *   operation          transaction       taken from the operation
 *   COMMIT             commit            digest is the root; extra {"count"?, "label"?}
 *   REGISTER           register_node     to is the node key; extra {"proof", "label"?}
 *                      register_model    digest is the root; extra {"name"}
 *   STAKE, UNSTAKE     stake, unstake    amount
 *   TRANSFER           transfer          to, amount; extra {"memo"?}
 *   ESCROW_OPEN        escrow_open       digest is its id, to the arbiter, amount; extra {"deadline_ms"}
 *   ESCROW_RELEASE     escrow_release    digest is its id, to, amount; extra {"receipt", "cut"?}
 *   ESCROW_REFUND      escrow_refund     digest is its id
 */
#ifndef LOCALCHAIN_BODY_H
#define LOCALCHAIN_BODY_H

#include <json-c/json.h>

#include "plugin.h"

#define BODY_DOMAIN "b3iq.tx/1\n"
#define BODY_MAX    4096 /* bytes of a transaction on the wire, all included */

#define BODY_OPS                                                                               \
	(1u << B3IQ_OP_COMMIT | 1u << B3IQ_OP_REGISTER | 1u << B3IQ_OP_STAKE |                 \
	 1u << B3IQ_OP_UNSTAKE | 1u << B3IQ_OP_TRANSFER | 1u << B3IQ_OP_ESCROW_OPEN |          \
	 1u << B3IQ_OP_ESCROW_RELEASE | 1u << B3IQ_OP_ESCROW_REFUND)

/* What every transaction says, whatever it does. */
struct body_sender {
	const char *chain, *from, *fee;
	uint64_t    nonce;
};

/* Is the operation one that the chain can do?  B3IQ_E_UNSUPPORTED, or B3IQ_E_INVALID with what is
 * missing or malformed in it. */
int32_t body_check(const struct b3iq_ledger_op *, struct b3iq_error *err);

/* The body as canonical JSON (RFC 8785: sorted members, no space, integers).  *out is a string that
 * the caller frees. */
int32_t body_make(const struct b3iq_ledger_op *, const struct body_sender *, char **out,
                  struct b3iq_error *err);

/* Signed, as it goes over the wire.  The caller frees *out. */
int32_t body_seal(const char *body, const uint8_t key[32], const uint8_t signature[64], char **out,
                  struct b3iq_error *err);

#endif
