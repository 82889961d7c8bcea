/* address.h - the account that belongs to a public key: bech32m (BIP-350) with the prefix "ait" over
 * the first 20 bytes of SHA-256("b3iq.address/1\n" || key).  docs/chain.md */
#ifndef LOCALCHAIN_ADDRESS_H
#define LOCALCHAIN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin.h"

#define ADDRESS_SIZE 43 /* "ait1", 32 characters, 6 of checksum, NUL */

int32_t address_of(const uint8_t public_key[32], char out[ADDRESS_SIZE]);
/* Is it an address of this network, its checksum right?  NULL is none. */
bool    address_valid(const char *text);

#endif
