/* A hostile bundle: never a crash, and never valid under a key that signed nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/receipt/receipt_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t stranger[ED25519_PUBLIC] = { 1, 2, 3 };
	struct receipt_report report;
	struct receipt back;
	struct buf body;

	if (receipt_verify(data, size, stranger, 1, &report, NULL) != B3IQ_OK || report.valid)
		abort();
	if (!report.readable)
		return 0;
	/* What was read can be written, unless a rule forbids it, and reads back as the same. */
	buf_init(&body, RECEIPT_MAX);
	if (receipt_write(&report.body, &body, NULL) == B3IQ_OK) {
		uint8_t hash[RECEIPT_HASH_SIZE];

		if (receipt_read(body.data, body.len, &back, NULL) != B3IQ_OK ||
		    receipt_hash(body.data, body.len, hash) != B3IQ_OK ||
		    memcmp(hash, report.hash, sizeof(hash)) != 0)
			abort();
	}
	buf_free(&body);
	return 0;
}
