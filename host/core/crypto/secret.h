/* secret.h - what is done with secret bytes: derive, authenticate, compare, forget. */
#ifndef CORE_CRYPTO_SECRET_H
#define CORE_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HKDF-SHA256 (RFC 5869), extract and expand; out_len at most 255 * 32.  salt may be NULL. */
int32_t secret_hkdf(const void *key, size_t key_len, const void *salt, size_t salt_len,
                    const void *info, size_t info_len, void *out, size_t out_len);
/* HMAC-SHA256 (RFC 2104). */
int32_t secret_hmac(const void *key, size_t key_len, const void *msg, size_t len, uint8_t out[32]);
/* Takes the same time wherever the bytes differ. */
bool    secret_equal(const void *, const void *, size_t n);
/* Overwrites; the compiler cannot leave it out. */
void    secret_wipe(void *, size_t n);

/* A heap for keys: never swapped, not in core dumps, between guard pages; Ed25519 private keys that
 * are made after this lie in it too.  B3IQ_E_DENIED: the system locks no memory for us (ulimit -l);
 * all works, unlocked. */
int32_t secret_heap(void);
/* From that heap, zeroed.  NULL: none left. */
void   *secret_alloc(size_t n);
void    secret_free(void *, size_t n); /* wipes; NULL is fine */

#endif
