/* ticket.h - what the client keeps of its jobs, in its home: jobs/ID.json, for its owner's eyes alone.
 *
 *   {"job_id","url","idempotency_key","prompt","model","submitted_ms"}   from the submission
 *   "settled": {...}                                                     once there is a receipt
 *
 * Who asked is the only one who can tell whether a receipt is about what was asked; so the question
 * is kept until the receipt has come, and the receipt is kept with it.
 */
#ifndef CLI_TICKET_H
#define CLI_TICKET_H

#include "cli/cli.h"

/* Writes it, over an earlier one.  Returns an exit code, said. */
int ticket_save(struct cli *, const char *id, struct json_object *ticket);
/* *out NULL: nothing is kept of this job. */
int ticket_load(struct cli *, const char *id, struct json_object **out);
/* Ids are of letters, digits, "-" and "_": they become names of files. */
bool ticket_id_valid(const char *id);

#endif
