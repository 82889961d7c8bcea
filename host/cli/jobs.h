/* jobs.h - a job at the coordinator, as its client sees it: waited for, fetched, shown.
 *
 * A view is the coordinator's answer to GET /v1/jobs/{id}; both its dialects are read.  All functions
 * return an exit code, said.
 */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli/network.h"

int  jobs_get(struct cli *, struct network *, const char *id, struct json_object **view);
/* Until it has ended; CLI_NOT_READY after `seconds` (0: for as long as it takes).  *view is the last
 * one, also then. */
int  jobs_wait(struct cli *, struct network *, const char *id, int64_t seconds,
               struct json_object **view);
bool jobs_ended(struct json_object *view);
/* "completed", "failed" ...: the seed's word for its state. */
const char *jobs_status(struct json_object *view);

/* Job id, status, and what is known of result, receipt, time, cost, error; in the seed's words. */
void jobs_show(struct cli *, struct json_object *view, struct json_object *settled,
               bool with_result);
/* The end of a job that has ended: result and receipt are fetched, kept in the home, shown.
 * CLI_JOB_ENDED_BADLY if it has no result. */
int  jobs_finish(struct cli *, struct network *, struct json_object *view, bool with_result);

#endif
