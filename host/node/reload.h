/* reload.h - config.json read again while the node runs: plugins and models follow at once, what
 * the server was started with needs a restart. */
#ifndef NODE_RELOAD_H
#define NODE_RELOAD_H

#include "node/context.h"

/* Brings the plugins to what the config says, and takes over what can change at run time. */
int32_t reload_apply(struct node *, const struct config *, struct b3iq_error *err);
/* Reads the file and applies it; nothing changes if it is wrong.  *report (the caller's) says
 * {"reloaded":true,"restart_needed":["node.listen",...]}. */
int32_t reload_config(struct node *, struct json_object **report, struct b3iq_error *err);

#endif
