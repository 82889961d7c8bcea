/* wire.h - bytes in JSON-RPC: base64 of RFC 4648 section 4, and hex as people paste it. */
#ifndef CHAIN_WIRE_H
#define CHAIN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* Writes WIRE_SIZE(n) bytes with padding and NUL. */
void wire_encode(const void *, size_t n, char *out);
/* Either alphabet of RFC 4648, with or without padding.  The number of bytes, or -1. */
ptrdiff_t wire_decode(const char *text, size_t len, void *out, size_t size);
/* A 32-byte hash: hex of either case with or without "0x", or base64 as CometBFT's clients send. */
bool wire_hash(const char *text, uint8_t out[32]);
/* Upper case hex, as CometBFT shows hashes: 2n + NUL. */
void wire_hex(const void *, size_t n, char *out);

#endif
