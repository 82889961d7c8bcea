/* encode.h - bytes as text: lowercase hex and URL-safe base64 without padding. */
#ifndef CORE_BASE_ENCODE_H
#define CORE_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void hex_encode(const void *in, size_t n, char *out);           /* writes 2n + NUL */
/* Exactly 2n hex digits (lower case only) into n bytes; false otherwise. */
bool hex_decode(const char *in, size_t in_len, void *out, size_t n);
#define BASE64_SIZE(n) (((n) * 4 + 2) / 3 + 1)
void base64_encode(const void *in, size_t n, char *out);        /* BASE64_SIZE(n) bytes */
/* Returns the number of bytes, or -1 for a malformed or over-long text. */
ptrdiff_t base64_decode(const char *in, size_t in_len, void *out, size_t out_size);

#endif
