/* address.h - who owns an account: 20 bytes of the hash of an Ed25519 key, with a checksum.
 *
 *   bytes  SHA-256("b3iq.address/1\n" || public key)[0..20]
 *   text   bech32m (BIP-350) with the prefix "ait": "ait1" + 32 + 6 characters, lower case
 *
 * The checksum finds any four wrong characters, so that a mistyped address is refused and not paid.
 * Any thread.
 */
#ifndef CORE_TX_ADDRESS_H
#define CORE_TX_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/crypto/ed25519.h"

#define ADDRESS_BYTES 20
#define ADDRESS_SIZE  43 /* 42 characters and NUL */

struct address {
	uint8_t bytes[ADDRESS_BYTES];
};

/* Fails only for lack of memory. */
int32_t address_of(const uint8_t pub[ED25519_PUBLIC], struct address *out);
void    address_write(const struct address *, char out[ADDRESS_SIZE]);
/* Of a text that ends with NUL.  B3IQ_E_INVALID says what is wrong with it.  All upper case, as QR
 * codes have it, is read too. */
int32_t address_parse(const char *text, struct address *out, struct b3iq_error *err);
/* The one canonical text (lower case), as transactions carry it. */
bool    address_read(const char *text, size_t len, struct address *out);
bool    address_equal(const struct address *, const struct address *);

#endif
