/* clock.h - the two clocks: monotonic for deadlines and durations, wall for records. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);
uint64_t clock_wall_ms(void);
/* "2026-11-21T03:04:05.678Z" (24 characters and NUL) from wall milliseconds. */
void clock_iso(uint64_t wall_ms, char out[25]);

#endif
