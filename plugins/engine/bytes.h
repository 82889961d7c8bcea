/* bytes.h - a growable run of bytes that knows its maximum.
 *
 * Zero-initialise with BYTES(max); finish with bytes_finish().  Growth past max is refused with
 * B3IQ_E_INVALID, a failed allocation with B3IQ_E_NO_MEMORY; the content stays as it was.
 * Not thread safe.
 */
#ifndef B3IQ_ENGINE_BYTES_H
#define B3IQ_ENGINE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	char  *data; /* NULL until the first byte; not NUL-terminated */
	size_t len, cap, max;
};

#define BYTES(maximum) ((struct bytes){ .max = (maximum) })

void bytes_finish(struct bytes *);
int32_t bytes_reserve(struct bytes *, size_t more);
int32_t bytes_add(struct bytes *, const void *data, size_t len);
int32_t bytes_text(struct bytes *, const char *text);

#endif
