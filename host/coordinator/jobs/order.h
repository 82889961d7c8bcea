/* order.h - what a worker is to do, as canonical text with a hash that its receipt must name.
 *
 *   {"deadline_ms","job","max_price","model","params","prompt","version":"b3iq.order/1"}
 *   hash = SHA-256("b3iq.order/1\n" || canonical)
 *
 * docs/coordinator.md section 2.
 */
#ifndef COORDINATOR_JOBS_ORDER_H
#define COORDINATOR_JOBS_ORDER_H

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"

#define ORDER_DOMAIN "b3iq.order/1\n"

/* Appends the text and sets job->order.  request and params are canonical. */
int32_t order_make(struct job *, const struct buf *request, const struct buf *params,
                   const uint8_t secret[32], struct buf *text, struct b3iq_error *err);

#endif
