/* Hostile config.json: refused with a sentence, or read into something complete. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "node/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc;
	struct config *config;

	if (size > 1 << 16 || json_parse((const char *)data, size, "config.json", &doc, NULL) != B3IQ_OK)
		return 0;
	if (config_from(doc, &config, &err) != B3IQ_OK) {
		if (err.text[0] == '\0')
			abort(); /* a refusal says why */
		return 0;
	}
	if (!config->address || !config->hosts || !config->plugin_dirs)
		abort();
	config_free(config);
	return 0;
}
