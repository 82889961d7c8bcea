/* Whatever a model says, a terminal only shows it. */
#include <stdbool.h>
#include <stdlib.h>

#include "cli/term.h"
#include "core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;
	bool       bad;

	buf_init(&out, size * 6 + 1);
	if (term_escape((const char *)data, size, &out) != B3IQ_OK || out.len < size / 4)
		abort();
	if (utf8_whole(out.data ? out.data : "", out.len, &bad) != out.len)
		abort();
	for (size_t i = 0; i < out.len; i++) {
		const unsigned char c = (unsigned char)out.data[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			abort();
		if (c == 0xc2 && (unsigned char)out.data[i + 1] < 0xa0)
			abort();
	}
	buf_free(&out);
	return 0;
}
