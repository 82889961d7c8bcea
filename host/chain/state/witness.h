/* witness.h - a proof together with the signed header that it leads to: one document that a light
 * client checks without a network, trusting only the key of a proposer, or the hash of a block.
 *
 *   {"header":{...},"kind":"state","key":text,"proof":{"path":[...],"other"?:{...}},"signature":hex,
 *    "value":text|null,"version":"b3iq.proof/1"}
 *   {"header":{...},"hash":hex,"kind":"transaction","proof":{"count","index","path"},"signature":hex,...}
 *   {"header":{...},"kind":"receipt","proof":{...},"root":hex,"signature":hex,...}
 *
 * value: the canonical text of the entry, or null when it is shown to be absent.  Any thread.
 */
#ifndef CHAIN_WITNESS_H
#define CHAIN_WITNESS_H

#include "chain/state/record.h"
#include "core/tx/proof.h"

#define WITNESS_VERSION "b3iq.proof/1"
#define WITNESS_MAX     (256u << 10)

enum witness_kind { WITNESS_STATE, WITNESS_TRANSACTION, WITNESS_RECEIPT };

struct witness {
	enum witness_kind  kind;
	struct header      header;
	uint8_t            signature[ED25519_SIGNATURE];
	char               key[RECORD_KEY_SIZE];           /* state */
	bool               present;
	char               value[RECORD_VALUE_MAX];
	size_t             value_len;
	struct proof_state state;
	uint8_t            hash[32];                       /* transaction, receipt */
	struct merkle_proof merkle;
};

int32_t witness_write(const struct witness *, struct json_object **out, struct b3iq_error *);
int32_t witness_read(struct json_object *, struct witness *out, struct b3iq_error *);
/* B3IQ_OK: it holds in the block of its header, which one of the pinned proposers signed, or whose
 * hash is `block`; either may be absent (0, NULL), not both.  B3IQ_E_DENIED says what does not. */
int32_t witness_check(const struct witness *, const uint8_t (*proposers)[ED25519_PUBLIC], size_t n,
                      const uint8_t *block, struct b3iq_error *);

#endif
