/* config.h - the plugin's configuration: what plugin.json describes, as a struct.
 *
 * The host has checked the document against the schema and filled in the defaults; what is still
 * missing keeps the same defaults here, so that plugin-check and tests may pass "{}".
 */
#ifndef B3IQ_CPU_CONFIG_H
#define B3IQ_CPU_CONFIG_H

#include "engine/serve/scheduler.h"

struct config {
	char models_dir[4097];    /* "": none                        */
	char builtin_model[4097]; /* "": beside the plugin           */
	struct scheduler_config scheduler;
};

/* Errors: B3IQ_E_INVALID (no such document), B3IQ_E_UNSUPPORTED (kernels). */
int32_t config_parse(struct config *, const char *json, struct b3iq_error *);

#endif
