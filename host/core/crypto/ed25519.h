/* ed25519.h - signatures (RFC 8032) over OpenSSL, and the file that a key lives in.
 *
 * A public key is 32 bytes, written "ed25519:<64 hex>".  A private key never leaves the struct
 * except into its file: PKCS#8 PEM, mode 0600, which `openssl pkey` reads as well.
 * A key may be used by any number of threads at once.
 */
#ifndef CORE_CRYPTO_ED25519_H
#define CORE_CRYPTO_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

#define ED25519_PUBLIC    32
#define ED25519_SIGNATURE 64
#define ED25519_NAME_SIZE (8 + 2 * ED25519_PUBLIC + 1)

struct ed25519_key;

int32_t ed25519_generate(struct ed25519_key **out, struct b3iq_error *err);
/* The 32-byte seed of RFC 8032 as a key: for test vectors. */
int32_t ed25519_from_seed(const uint8_t seed[32], struct ed25519_key **out, struct b3iq_error *err);
/* B3IQ_E_NOT_FOUND: no such file; B3IQ_E_DENIED: others than the owner may read it;
 * B3IQ_E_INVALID: it holds something else. */
int32_t ed25519_load(const char *file, struct ed25519_key **out, struct b3iq_error *err);
/* Writes the key file durably with mode 0600; never replaces an existing one. */
int32_t ed25519_save(const struct ed25519_key *, const char *file, struct b3iq_error *err);
void    ed25519_free(struct ed25519_key *);

const uint8_t *ed25519_public(const struct ed25519_key *);
int32_t ed25519_sign(const struct ed25519_key *, const void *msg, size_t len,
                     uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *err);
/* B3IQ_OK: the signature is the key's.  B3IQ_E_DENIED: it is not. */
int32_t ed25519_verify(const uint8_t pub[ED25519_PUBLIC], const void *msg, size_t len,
                       const uint8_t sig[ED25519_SIGNATURE]);

void ed25519_name(const uint8_t pub[ED25519_PUBLIC], char out[ED25519_NAME_SIZE]);
bool ed25519_parse(const char *name, uint8_t pub[ED25519_PUBLIC]);

#endif
