/* catalog.h - what lies in the plugin directories, enabled or not, read without running any of it.
 *
 * This is what `b3iq plugin list|info|enable` and the wizard show.
 */
#ifndef CORE_PLUGIN_FILE_CATALOG_H
#define CORE_PLUGIN_FILE_CATALOG_H

#include "core/plugin/file/manifest.h"
#include "core/plugin/file/needs.h"
#include "core/plugin/file/trust.h"

struct catalog_item {
	char              name[65];
	struct trust_file file;     /* place checked, hashed                             */
	struct manifest   manifest;
	struct needs      needs;
	int32_t           rc;       /* B3IQ_OK, or why it cannot be used as it lies there */
	struct b3iq_error err;      /* (what could be read is filled in nevertheless)    */
};

/* NAME in the first directory that has it.  Returns item->rc.  Free with catalog_close(). */
int32_t catalog_open(const char *const *dirs, const char *name, struct catalog_item *item);
/* The same of a file anywhere, its place not checked. */
int32_t catalog_open_path(const char *path, struct catalog_item *item);
void    catalog_close(struct catalog_item *);

/* The names of all plugins in `dirs`, sorted, each once, as a JSON array of strings; a directory
 * that does not exist counts as empty.  NULL on error. */
struct json_object *catalog_names(const char *const *dirs, struct b3iq_error *err);
/* One plugin as JSON: {"name","path","sha256","manifest":{...},"needs":[...],"error"?}; or NULL. */
struct json_object *catalog_json(const struct catalog_item *);

#endif
