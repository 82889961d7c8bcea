/* metrics.h - what the node counts, as Prometheus text; nothing here wakes a plugin or a model.
 * [any thread] */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/plugin/instance/plugins.h"
#include "core/role/traffic.h"

struct metrics;

struct metrics *metrics_create(void);
void            metrics_destroy(struct metrics *);

/* Its HTTP part, for the server to count into. */
struct traffic *metrics_traffic(struct metrics *);

struct metrics_generation {
	int32_t  rc;                            /* B3IQ_OK or why it failed      */
	uint64_t prompt_tokens, cached_tokens, output_tokens;
	uint64_t first_us, total_us;            /* first_us 0: no token came     */
};
void metrics_generation(struct metrics *, const struct metrics_generation *);
/* Generations that run (+1, -1). */
void metrics_running(struct metrics *, int change);
int  metrics_is_running(struct metrics *);

/* Appends everything, with the plugins' own metrics and their states. */
int32_t metrics_write(struct metrics *, struct plugins *, struct buf *out);

#endif
