/* workers.h - a bounded pool of threads made on demand: blocking work off the network thread.
 *
 * Threads are made while all are busy and fewer than the maximum exist, and leave after some idle
 * seconds; work beyond that waits in a bounded queue, and beyond the queue is refused.
 */
#ifndef CORE_HTTP_WORKERS_H
#define CORE_HTTP_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct workers;

int32_t workers_create(struct workers **, unsigned threads_max, unsigned queue_max,
                       unsigned idle_ms, struct b3iq_error *);
/* Waits for the work in hand and in the queue. NULL is fine. */
void    workers_destroy(struct workers *);
/* B3IQ_E_BUSY: threads and queue are full. [any thread] */
int32_t workers_run(struct workers *, void (*work)(void *), void *arg);
void    workers_count(struct workers *, unsigned *threads, unsigned *busy, unsigned *queued);

#endif
