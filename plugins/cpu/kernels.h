/* kernels.h (CPU) - the kernel sets of this plugin and which of them the machine can run.
 *
 * All sets give the same bits (docs/det-v1.md); the tests hold them to it.
 */
#ifndef B3IQ_CPU_KERNELS_H
#define B3IQ_CPU_KERNELS_H

#include "engine/numeric/kernels.h"
#include "plugin.h"

extern const struct kernels scalar_kernels;
#if defined(__x86_64__)
extern const struct kernels avx2_kernels, avx512_kernels;
#endif

/* The set that a configuration names: "auto" is the fastest that this processor runs.  Errors:
 * B3IQ_E_INVALID (no such set), B3IQ_E_UNSUPPORTED (the processor lacks it). */
int32_t select_kernels(const char *name, const struct kernels **, struct b3iq_error *);

/* The sets that this processor runs, fastest first; NULL past the end. */
const struct kernels *select_at(size_t index);

#endif
