/* view.h - a job and its payment as JSON, with the names of all dialects. */
#ifndef COORDINATOR_API_VIEW_H
#define COORDINATOR_API_VIEW_H

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"

/* Appends the object.  result: JSON of the result as the seed has it (a text), or NULL. */
void view_job(struct buf *, const struct job *, const char *result);
/* "pay_" and the id of the job, and back. */
void view_payment_id(const struct job *, char out[JOB_ID_SIZE + 4]);
bool view_job_of_payment(const char *payment, char job[JOB_ID_SIZE]);
void view_payment(struct buf *, const struct job *, const char *open_ref, const char *close_ref);

#endif
