/* random.h - the random stream of det-v1: a pure function of (seed, index).
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC
 * 2011) with the seed as key and the index as counter.  Skipping, replay and reordering cost
 * nothing.
 */
#ifndef B3IQ_ENGINE_RANDOM_H
#define B3IQ_ENGINE_RANDOM_H

#include <stdint.h>

/* The block function: four words from a counter of four and a key of two. */
void random_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The index-th number of a seed's stream: uniform on the multiples of 2^-53 in [0, 1). */
double random_unit(uint64_t seed, uint64_t index);

#endif
