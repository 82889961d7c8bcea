/* jobs.h - jobs at the coordinator, as a client sees them: waited for, fetched, shown, in tables.
 *
 * A view is the coordinator's answer to GET /v1/jobs/{id}; both its dialects are read.  All functions
 * return an exit code, said.
 */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli/network.h"

/* A member as text, whatever it is; "" if there is none. */
const char *jobs_text(struct json_object *of, const char *key);

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

#define JOBS_COLUMNS 8

struct jobs_column {
	const char *head;        /* NULL after the last                                 */
	const char *key, *other; /* the member; `other`, or NULL: if that has no text   */
	int         most;        /* so many bytes of it; 0: all                         */
	const char *(*read)(struct json_object *item); /* instead of a member; or NULL  */
};
/* The items of an answer, of jobs or of what belongs to them, as a table of at most JOBS_COLUMNS; with
 * --json they are the result's `member`. */
int  jobs_table(struct cli *, struct json_object *doc, const struct jobs_column *columns,
                const char *member);

#endif
