/* proof.h - what a light client checks: this entry is in the state, that one is not, this transaction
 * or receipt root is in the block.  Needs only a header that the reader trusts.
 *
 * The state is a binary Merkle trie over entries (key text, value bytes).  The path of an entry is
 * SHA-256(key), its bits from the most significant of byte 0 on: 0 left, 1 right.
 *
 *   empty   32 zero bytes                                   a subtree without entries
 *   leaf    SHA-256(0x00 || path || SHA-256(value))         a subtree with exactly one entry,
 *                                                           at whatever depth it stands alone
 *   node    SHA-256(0x01 || left || right)                  a subtree with two entries or more
 *
 * So a trie has one shape for one set of entries, whatever the order of changes; n random entries
 * stand about log2(n) deep; the root of no entries is 32 zero bytes, of one its leaf.
 *
 * A proof runs from the root down: at each depth the hash of the half that the path does not enter.
 * What stands at its end is the entry itself (presence), nothing (absence), or the leaf of another
 * entry whose path agrees that far (absence: a subtree with one entry holds no second).
 *
 * Value types, no ownership.  Any thread.
 */
#ifndef CORE_TX_PROOF_H
#define CORE_TX_PROOF_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/crypto/merkle.h"
#include "core/tx/header.h"

#define PROOF_DEPTH 256

struct proof_state {
	bool    other;             /* absence shown by another entry's leaf   */
	uint8_t other_path[32];    /* SHA-256 of its key                      */
	uint8_t other_value[32];   /* SHA-256 of its value                    */
	size_t  depth;
	uint8_t path[PROOF_DEPTH][SHA256_SIZE]; /* siblings from the root down */
};

/* The rules by themselves, for whoever keeps a trie. */
int32_t proof_leaf(const uint8_t path[32], const uint8_t value_hash[32], uint8_t out[32]);
int32_t proof_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32]);
/* Bit `depth` of a path. */
bool    proof_bit(const uint8_t path[32], size_t depth);

/* B3IQ_OK: under this root the key has this value; value NULL: the key is not there.
 * B3IQ_E_DENIED: the proof does not show it. */
int32_t proof_state_check(const struct proof_state *, const char *key, const void *value,
                          size_t len, const uint8_t root[32]);
/* JSON: {"path":[hex, ...]} and, for absence by another entry, "other":{"path":hex,"value":hex}. */
int32_t proof_state_write(const struct proof_state *, struct json_object **out,
                          struct b3iq_error *err);
int32_t proof_state_read(struct json_object *, struct proof_state *out, struct b3iq_error *err);

/* B3IQ_OK: the block has this transaction, at proof->index of header->count. */
int32_t proof_transaction(const struct header *, const struct merkle_proof *,
                          const uint8_t hash[32]);
/* B3IQ_OK: the block has a commit transaction of this receipt root. */
int32_t proof_receipt(const struct header *, const struct merkle_proof *, const uint8_t root[32]);
/* JSON: {"count":n,"index":n,"path":[hex, ...]}, siblings from the leaf up. */
int32_t proof_merkle_write(const struct merkle_proof *, struct json_object **out,
                           struct b3iq_error *err);
int32_t proof_merkle_read(struct json_object *, struct merkle_proof *out, struct b3iq_error *err);

#endif
