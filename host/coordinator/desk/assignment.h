/* assignment.h - a job as a worker gets it, by poll or push; docs/coordinator.md, "Poll". */
#ifndef COORDINATOR_DESK_ASSIGNMENT_H
#define COORDINATOR_DESK_ASSIGNMENT_H

#include "coordinator/desk/desk.h"

/* Appends the JSON; pushed: with the seed's names too. */
int32_t assignment_write(const struct desk_work *, bool pushed, struct buf *out,
                         struct b3iq_error *err);

#endif
