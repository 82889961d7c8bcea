#include "core/base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t
now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t
clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000u;
}

uint64_t
clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000u;
}

void
clock_iso(uint64_t wall_ms, char out[25])
{
	/* Four digits of year: anything later than 9999 reads as its last moment. */
	const uint64_t last = 253402300799999u;
	char day[24];
	struct tm tm;
	time_t s;

	if (wall_ms > last)
		wall_ms = last;
	s = (time_t)(wall_ms / 1000u);
	gmtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 25, "%.19s.%03uZ", day, (unsigned)(wall_ms % 1000u));
}
