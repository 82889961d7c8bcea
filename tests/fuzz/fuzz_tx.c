/* Hostile transactions, messages and headers: never a crash, and what is read has exactly this one text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/tx/header.h"
#include "core/tx/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(const struct buf *b, int32_t rc, const uint8_t *data, size_t size)
{
	if (rc != B3IQ_OK || b->len != size || memcmp(b->data, data, size) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header header;
	struct address a;
	uint64_t amount;
	struct buf b;
	struct tx tx;
	char text[128];

	buf_init(&b, TX_MAX);
	if (tx_parse(data, size, &tx, NULL) == B3IQ_OK)
		same(&b, tx_format(&tx, &b, NULL), data, size);
	buf_clear(&b);
	if (tx_parse_message(data, size, &tx, NULL) == B3IQ_OK)
		same(&b, tx_message(&tx, &b, NULL), data, size);
	buf_clear(&b);
	if (header_read(data, size, &header, NULL) == B3IQ_OK)
		same(&b, header_write(&header, &b, NULL), data, size);
	buf_free(&b);
	if (size < sizeof(text)) {
		memcpy(text, data, size);
		text[size] = '\0';
		if (address_read((const char *)data, size, &a)) {
			address_write(&a, text);
			if (strlen(text) != size || memcmp(text, data, size) != 0)
				abort();
		}
		(void)address_parse(text, &a, NULL);
		(void)amount_parse(text, &amount, NULL);
	}
	return 0;
}
