/* config.h - the section of config.json for one instance, as plugin.json describes it. */
#ifndef LOCALCHAIN_CONFIG_H
#define LOCALCHAIN_CONFIG_H

#include <stdint.h>

#include "plugin.h"

#define CONFIG_URL_MAX 1024

struct config {
	char     url[CONFIG_URL_MAX + 1]; /* without a slash at the end */
	char     chain[33];
	uint32_t timeout_ms, inclusion_ms;
};

/* The host has checked the text against the schema and filled the defaults in; a text that is no
 * such object is B3IQ_E_INVALID all the same. */
int32_t config_read(const char *text, struct config *out, struct b3iq_error *err);

#endif
