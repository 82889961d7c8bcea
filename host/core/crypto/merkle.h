/* merkle.h - the Merkle tree of RFC 9162 (section 2.1) over SHA-256.
 *
 *   leaf    SHA-256(0x00 || bytes)
 *   node    SHA-256(0x01 || left || right), split at the largest power of two below n
 *   empty   SHA-256("")
 *
 * The accumulator holds one hash per set bit of its count, so a root over any number of leaves
 * takes 2 KiB.  Failures are those of sha256.h.
 */
#ifndef CORE_CRYPTO_MERKLE_H
#define CORE_CRYPTO_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/crypto/sha256.h"

#define MERKLE_DEPTH 64

struct merkle { /* value type: copy it to fork, memset to start again */
	uint64_t count;
	uint8_t  peak[MERKLE_DEPTH][SHA256_SIZE]; /* peak[i]: a full subtree of 2^i leaves, if bit i of count */
};

struct merkle_proof {
	uint64_t index, count; /* leaf `index` of a tree of `count` leaves */
	size_t   depth;
	uint8_t  path[MERKLE_DEPTH][SHA256_SIZE];
};

int32_t merkle_leaf(const void *, size_t, uint8_t out[SHA256_SIZE]);

void    merkle_init(struct merkle *);
int32_t merkle_add(struct merkle *, const uint8_t leaf[SHA256_SIZE]);
int32_t merkle_root(const struct merkle *, uint8_t out[SHA256_SIZE]);

/* Root and inclusion proof over leaf hashes that stand one behind the other, 32 bytes each;
 * B3IQ_E_INVALID if index >= count. */
int32_t merkle_root_of(const uint8_t *leaves, uint64_t count, uint8_t out[SHA256_SIZE]);
int32_t merkle_prove(const uint8_t *leaves, uint64_t count, uint64_t index,
                     struct merkle_proof *out);
/* B3IQ_OK: the leaf is in the tree of that root.  B3IQ_E_DENIED: the proof does not show it. */
int32_t merkle_verify(const struct merkle_proof *, const uint8_t leaf[SHA256_SIZE],
                      const uint8_t root[SHA256_SIZE]);

#endif
