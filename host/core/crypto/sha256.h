/* sha256.h - SHA-256 (FIPS 180-4) over OpenSSL.
 *
 * The incremental form keeps its first failure until sha256_end(), so a sequence of additions is
 * checked once.  Every sha256_begin() needs its sha256_end().  One thread at a time per struct;
 * the only failures are B3IQ_E_NO_MEMORY and B3IQ_E_INTERNAL (OpenSSL without SHA-256).
 */
#ifndef CORE_CRYPTO_SHA256_H
#define CORE_CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	void   *state; /* EVP_MD_CTX */
	int32_t rc;
};

/* One shot.  out may lie inside the input. */
int32_t sha256(const void *, size_t, uint8_t out[SHA256_SIZE]);

void    sha256_begin(struct sha256 *);
void    sha256_add(struct sha256 *, const void *, size_t);
/* Frees the state on every path; out is written on B3IQ_OK only. */
int32_t sha256_end(struct sha256 *, uint8_t out[SHA256_SIZE]);

#endif
