/* hash.h - the hash of our lookup tables: keys of files, tokens, merges.
 *
 * Never stored, never part of a result: only where an entry lies in memory depends on it.  The seed
 * is random per table, so that a hostile file cannot be built to collide.
 */
#ifndef B3IQ_ENGINE_HASH_H
#define B3IQ_ENGINE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t
hash_seed(void)
{
	uint64_t seed = 0;

	/* Without entropy we lose only the defence against crafted collisions. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
	return seed | 1;
}

static inline uint64_t
hash_u64(uint64_t seed, uint64_t value)
{
	__extension__ typedef unsigned __int128 u128;
	u128 product = (u128)(value ^ seed) * (seed * 0x9e3779b97f4a7c15u | 1);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t
hash_bytes(uint64_t seed, const char *data, size_t len)
{
	uint64_t h = hash_u64(seed, len), word = 0;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		h = hash_u64(seed, h ^ word) + h;
	}
	word = 0;
	memcpy(&word, data, len);
	return hash_u64(seed, h ^ word);
}

#endif
