/* sandbox.h - the subject in a sandbox child: the host's own wire, with the fake host behind it. */
#ifndef CHECK_SANDBOX_H
#define CHECK_SANDBOX_H

#include "check.h"
#include "core/plugin/backend.h"

struct sandbox;

/* Starts a child with the plugin and creates an instance in it, with this host.  *out is used as
 * the plugin's own functions would be.  On failure *box is NULL. */
int32_t sandbox_open(struct sandbox **box, const struct check *, const struct b3iq_host *,
                     const char *config, struct backend *out, struct b3iq_error *);
void    sandbox_close(struct sandbox *); /* destroy(), and the end of the child  */

#endif
