/* boxed.h - the subject in a sandbox child, run by the host's own core/plugin/instance/instance.h with the
 * fake host's store and signer behind it. */
#ifndef CHECK_BOXED_H
#define CHECK_BOXED_H

#include "core/plugin/load/backend.h"
#include "fakehost.h"

struct boxed;

/* Starts a child with the plugin and creates an instance in it.  *out is used as the plugin's own
 * functions would be.  On failure, which is create()'s where it got so far, *box is NULL. */
int32_t boxed_open(struct boxed **box, struct fakehost *, const char *config, struct backend *out,
                   struct b3iq_error *);
void    boxed_close(struct boxed *); /* destroy(), and the end of the child; NULL is fine */

#endif
