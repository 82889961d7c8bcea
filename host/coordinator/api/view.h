/* view.h - a job and its payment as JSON, with the names of all dialects. */
#ifndef COORDINATOR_API_VIEW_H
#define COORDINATOR_API_VIEW_H

#include "coordinator/jobs/job.h"
#include "coordinator/jobs/jobbook.h"
#include "core/base/buf.h"

/* Appends the object.  result: JSON of the result as the seed has it (a text), or NULL. */
void view_job(struct buf *, const struct job *, const char *result);
/* Appends the objects of the jobs that the filter lets through, with commas between; *total is how
 * many there are without its limit. */
int32_t view_jobs(struct buf *, struct store *, const struct jobbook_filter *, int64_t *total,
                  struct b3iq_error *err);
/* "pay_" and the id of the job, and back. */
void view_payment_id(const struct job *, char out[JOB_ID_SIZE + 4]);
bool view_job_of_payment(const char *payment, char job[JOB_ID_SIZE]);
void view_payment(struct buf *, const struct job *, const char *open_ref, const char *close_ref);

#endif
