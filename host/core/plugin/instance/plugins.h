/* plugins.h - the configured instances of a node, kept as the configuration wants them.
 *
 * plugins_reconcile() is the only way to change the set: it starts what is new, stops what is gone,
 * replaces what changed and leaves the rest running.  A reference from find or next stays valid
 * until it is released, whatever happens to the set meanwhile.  [any thread]
 */
#ifndef CORE_PLUGIN_INSTANCE_PLUGINS_H
#define CORE_PLUGIN_INSTANCE_PLUGINS_H

#include "core/plugin/instance/instance.h"

#define PLUGINS_MAX 256 /* instances */

struct plugins;

struct plugins *plugins_create(struct b3iq_error *err);
/* Stops all of them. NULL is fine. */
void plugins_destroy(struct plugins *);

/* Makes the set be `wanted` (names unique), and returns before new instances are ready.  An
 * instance whose options cannot be used (bad name) makes the call fail before anything changes;
 * one whose plugin is refused is in the set, in state REFUSED. */
int32_t plugins_reconcile(struct plugins *, const struct instance_options *wanted, size_t n,
                          struct b3iq_error *err);

/* A reference, or NULL: by name; by name order, after `previous` (whose reference is taken over;
 * NULL: the first), of a kind (0: any).
 *   for (i = NULL; (i = plugins_next(set, B3IQ_INFERENCE, i)) != NULL;) ...            */
struct instance *plugins_find(struct plugins *, const char *name);
struct instance *plugins_next(struct plugins *, uint32_t kind, struct instance *previous);

#endif
