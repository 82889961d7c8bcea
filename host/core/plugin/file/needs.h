/* needs.h - does this machine have what a plugin needs?  Answered without loading anything.
 *
 * A library counts as there if the dynamic linker would find it: in the plugin's own folder, the
 * linker's cache or its search path, as an ELF file of this machine.  A path counts as there if
 * this process may read it.
 */
#ifndef CORE_PLUGIN_FILE_NEEDS_H
#define CORE_PLUGIN_FILE_NEEDS_H

#include <stdbool.h>

#include "core/plugin/file/manifest.h"

struct need {
	const struct manifest_need *need; /* what, and the plugin's words on why         */
	bool met;
	char reason[160]; /* where it was found, or what is wrong with it                */
};

struct needs {
	size_t n, missing;
	struct need item[MANIFEST_LIST_MAX];
};

/* plugin_dir: the folder of the .so, searched first; may be NULL. */
void    needs_check(const struct manifest *, const char *plugin_dir, struct needs *out);
/* B3IQ_OK, or B3IQ_E_UNAVAILABLE with the first missing need as a sentence. */
int32_t needs_result(const struct needs *, const char *plugin, struct b3iq_error *err);
/* [{"library"|"path":..., "why":..., "met":bool, "reason":...}, ...] for the wizard; or NULL. */
struct json_object *needs_json(const struct needs *);

#endif
