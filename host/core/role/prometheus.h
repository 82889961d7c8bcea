/* prometheus.h - numbers as Prometheus text (exposition format 0.0.4), and a histogram of times.
 *
 * Writers append to a bounded buffer, which keeps its first failure in buf.rc.  A histogram is a
 * value: zero it to start, and guard it with the lock of whoever has it.
 */
#ifndef CORE_ROLE_PROMETHEUS_H
#define CORE_ROLE_PROMETHEUS_H

#include <stdint.h>

#include "core/base/buf.h"

#define HISTOGRAM_BOUNDS 8 /* 1 ms to 60 s */

struct histogram {
	uint64_t count[HISTOGRAM_BOUNDS + 1], sum_us;
};

void histogram_observe(struct histogram *, uint64_t us);

/* The HELP and TYPE lines; type is "counter", "gauge" or "histogram". */
void prometheus_head(struct buf *out, const char *name, const char *type, const char *help);
/* Head and one sample without labels. */
void prometheus_single(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t value);
/* The samples of a histogram in seconds; labels: "a=\"b\"," with its comma, or "". */
void prometheus_histogram(struct buf *out, const char *name, const char *labels,
                          const struct histogram *);
/* When this process started, and its resident memory. */
void prometheus_process(struct buf *out, uint64_t start_ms);

#endif
