/* header.h - block headers: everything that a block commits to, in one small signed object.
 *
 *   canonical  {"chain","count","height","parent","proposer","receipts","state","time","transactions"}
 *   message    "b3iq.block/1\n" || canonical
 *   hash       SHA-256(message)
 *   signature  Ed25519(proposer, message), pure
 *
 *   transactions  RFC 9162 root over the transaction hashes, in order
 *   receipts      RFC 9162 root over the roots of the block's commit transactions, in order
 *   state         root of the state trie after the block, proof.h
 *
 * struct header is a plain value.  Any thread.
 */
#ifndef CORE_TX_HEADER_H
#define CORE_TX_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/crypto/ed25519.h"
#include "core/crypto/sha256.h"
#include "core/tx/form.h"

#define HEADER_DOMAIN "b3iq.block/1\n"
#define HEADER_MAX    1024

struct header {
	char     chain[FORM_CHAIN_SIZE];
	uint64_t height;       /* 0: the genesis                              */
	uint64_t time;         /* ms, never before the parent's               */
	uint64_t count;        /* of transactions                             */
	uint8_t  parent[32];   /* hash of the header before; zeros at genesis */
	uint8_t  transactions[32], receipts[32], state[32];
	uint8_t  proposer[ED25519_PUBLIC];
};

int32_t header_write(const struct header *, struct buf *, struct b3iq_error *err);
/* The one canonical text, all of it, or B3IQ_E_INVALID. */
int32_t header_read(const void *, size_t len, struct header *out, struct b3iq_error *err);
int32_t header_hash(const struct header *, uint8_t out[SHA256_SIZE], struct b3iq_error *err);
/* B3IQ_E_DENIED: the key is not the proposer's. */
int32_t header_sign(const struct header *, const struct ed25519_key *,
                    uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *err);
/* B3IQ_OK: the proposer that the header names signed it.  Whether that one may propose is for the
 * reader to know from the genesis. */
int32_t header_check(const struct header *, const uint8_t sig[ED25519_SIGNATURE],
                     struct b3iq_error *err);

#endif
