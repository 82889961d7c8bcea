/* prepare.h - what a start needs, in the order in which it can be refused: the file and its trust,
 * the manifest, the config, the machine's needs.  No code of the plugin has run when it is done.
 */
#ifndef CORE_PLUGIN_INSTANCE_PREPARE_H
#define CORE_PLUGIN_INSTANCE_PREPARE_H

#include "core/plugin/instance/instance.h"
#include "core/plugin/file/trust.h"

struct prepare {
	struct trust_file file;
	struct manifest   manifest;
	struct buf        config; /* checked, complete; a JSON object */
};

/* Free with prepare_close(), also after an error (what was found so far is there). */
int32_t prepare_open(const struct instance_options *, struct prepare *, struct b3iq_error *err);
void    prepare_close(struct prepare *);

#endif
