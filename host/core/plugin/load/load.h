/* load.h - dlopen, the entry point, and copies of the plugin's tables.
 *
 * The tables are copied by their own size: what this host does not know is dropped, what the plugin
 * does not know is zero.  All that follows works on the copies.  Nothing is ever unloaded.
 */
#ifndef CORE_PLUGIN_LOAD_LOAD_H
#define CORE_PLUGIN_LOAD_LOAD_H

#include <sys/types.h>

#include "core/plugin/load/backend.h"
#include "core/plugin/file/manifest.h"

struct load {
	struct b3iq_plugin plugin; /* .iface points to the copy below                  */
	union {
		struct b3iq_inference inference;
		struct b3iq_ledger    ledger;
		struct b3iq_auth      auth;
	} iface;
};

/* Loads path and checks that the loaded object is the file (dev, ino), that its ABI fits, that id,
 * version and kind are those of the manifest, and that every required function is there.
 * Refusals are sentences with the remedy.  *out must stay where it is while it is used. */
int32_t load_open(const char *path, dev_t dev, ino_t ino, const struct manifest *,
                  struct load *out, struct b3iq_error *err);
/* The part after dlopen: checks and copies a plugin's tables. */
int32_t load_tables(const struct b3iq_plugin *, const char *file, const struct manifest *,
                    struct load *out, struct b3iq_error *err);
/* The tables and extensions of an instance that create() has made. */
void    load_backend(const struct load *, void *self, struct backend *out);

#endif
