/* import.h - a seed from what people have: hex, a PKCS#8 PEM file, or a backup of ours. */
#ifndef WALLET_IMPORT_H
#define WALLET_IMPORT_H

#include "wallet/keystore.h"

#define IMPORT_MAX 16384

enum import_kind { IMPORT_HEX, IMPORT_PEM, IMPORT_BACKUP, IMPORT_UNKNOWN };

/* What a text looks like. */
enum import_kind import_kind(const char *text, size_t len);
/* The seed in it; the caller wipes it.  `password` opens a backup (or NULL).  B3IQ_E_DENIED: wrong
 * password; B3IQ_E_INVALID: not an Ed25519 seed of any kind. */
int32_t import_seed(const char *text, size_t len, const char *password,
                    uint8_t seed[KEYSTORE_SEED], struct b3iq_error *);
/* The key as PKCS#8 PEM, which `openssl pkey` reads: unprotected, for whoever asked twice. */
int32_t import_write_pem(const uint8_t seed[KEYSTORE_SEED], struct buf *, struct b3iq_error *);

#endif
