/* options.h - an owned copy of what the operator configured for one instance. */
#ifndef CORE_PLUGIN_INSTANCE_OPTIONS_H
#define CORE_PLUGIN_INSTANCE_OPTIONS_H

#include "core/plugin/instance/instance.h"

#define OPTIONS_STRINGS 128 /* of all lists together */

struct options {
	struct instance_options o; /* complete: defaults instead of zeroes; points below    */
	char  *string[OPTIONS_STRINGS];
	size_t n;
	const char *dirs[OPTIONS_STRINGS / 2 + 1], *signers[OPTIONS_STRINGS / 2 + 1];
};

/* Checks and copies.  Free with options_free(), also after an error. */
int32_t options_copy(struct options *, const struct instance_options *, struct b3iq_error *err);
void    options_free(struct options *);
/* Would an instance with these behave as one with those? */
bool    options_equal(const struct options *, const struct options *);

/* Those of an instance, which owns them. */
const struct options *instance_options(const struct instance *);

#endif
