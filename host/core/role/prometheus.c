#include "core/role/prometheus.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Upper bounds in microseconds. */
static const uint64_t bounds[HISTOGRAM_BOUNDS] = { 1000,   5000,    25000,    100000,
	                                           500000, 2500000, 10000000, 60000000 };

void
histogram_observe(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && us > bounds[i])
		i++;
	h->count[i]++;
	h->sum_us += us;
}

void
prometheus_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
prometheus_single(struct buf *out, const char *name, const char *type, const char *help,
                  uint64_t value)
{
	prometheus_head(out, name, type, help);
	buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void
prometheus_histogram(struct buf *out, const char *name, const char *labels,
                     const struct histogram *h)
{
	const int bare = (int)strlen(labels) - (labels[0] != '\0'); /* without the comma */
	uint64_t sum = 0;

	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		sum += h->count[i];
		buf_printf(out, "%s_bucket{%sle=\"%g\"} %llu\n", name, labels,
		           (double)bounds[i] / 1e6, (unsigned long long)sum);
	}
	sum += h->count[HISTOGRAM_BOUNDS];
	buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels, (unsigned long long)sum);
	buf_printf(out, "%s_sum{%.*s} %.6f\n", name, bare, labels, (double)h->sum_us / 1e6);
	buf_printf(out, "%s_count{%.*s} %llu\n", name, bare, labels, (unsigned long long)sum);
}

/* Resident memory, from /proc: the second number of statm. */
void
prometheus_process(struct buf *out, uint64_t start_ms)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0, resident = 0;

	prometheus_head(out, "process_start_time_seconds", "gauge", "When the process started");
	buf_printf(out, "process_start_time_seconds %.3f\n", (double)start_ms / 1e3);
	if (!f)
		return;
	if (fscanf(f, "%lu %lu", &pages, &resident) == 2)
		prometheus_single(out, "process_resident_memory_bytes", "gauge",
		                  "Memory of the process itself",
		                  (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
	fclose(f);
}
