/* rounding.h - the floating-point mode of det-v1: round to nearest even, subnormals kept.
 *
 * Whoever computes under det-v1 pins the mode of its thread first and restores what it found, as
 * the thread may be the host's.  Exception flags and masks are part of the mode on x86: all masked.
 *
 *   Threads   The mode belongs to the calling thread.
 */
#ifndef B3IQ_ENGINE_ROUNDING_H
#define B3IQ_ENGINE_ROUNDING_H

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Pins the mode and returns the one before. */
static inline uint64_t
rounding_pin(void)
{
#if defined(__x86_64__)
	const uint64_t before = _mm_getcsr();

	_mm_setcsr(0x1f80); /* no FTZ, no DAZ, nearest, exceptions masked */
	return before;
#elif defined(__aarch64__)
	uint64_t before;

	__asm__ volatile("mrs %0, fpcr" : "=r"(before));
	__asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
	return before;
#else
#error "det-v1 needs to pin the rounding mode: teach rounding.h this architecture"
#endif
}

static inline void
rounding_restore(uint64_t before)
{
#if defined(__x86_64__)
	_mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
	__asm__ volatile("msr fpcr, %0" : : "r"(before));
#endif
}

#endif
