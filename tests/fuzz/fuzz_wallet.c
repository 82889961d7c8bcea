/* A hostile wallet file or key to import: never a crash, never work beyond the bounds, and nothing opens with a
 * password that it was not sealed with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wallet/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size ? (const char *)data : "";
	uint8_t seed[KEYSTORE_SEED], again[KEYSTORE_SEED];
	struct keystore_entry e;
	struct buf pem;

	if (keystore_parse(text, size, &e, NULL) == B3IQ_OK) {
		if (!keystore_name_good(e.name))
			abort();
		/* as cheap as can be: what it costs is the file's to say, within bounds */
		if (e.cost.n <= 64 && e.cost.r <= 8 && e.cost.p <= 2 &&
		    keystore_reveal(&e, "not its password", seed, NULL) == B3IQ_OK)
			abort();
	}
	if (import_kind(text, size) != IMPORT_BACKUP &&
	    import_seed(text, size, NULL, seed, NULL) == B3IQ_OK) {
		buf_init(&pem, IMPORT_MAX);
		if (import_write_pem(seed, &pem, NULL) != B3IQ_OK ||
		    import_seed(pem.data, pem.len, NULL, again, NULL) != B3IQ_OK ||
		    memcmp(seed, again, sizeof(seed)) != 0)
			abort();
		buf_wipe(&pem);
	}
	return 0;
}
