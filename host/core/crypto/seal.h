/* seal.h - bytes that lie on a disk and are for their writer alone: AES-256-GCM (NIST SP 800-38D).
 *
 *   sealed = nonce (12 random bytes) || ciphertext || tag (16)
 *
 * `about` is authenticated along with the bytes and not stored, so that a sealed text that was moved to
 * another place does not open there.  Nonces are random: at most 2^32 texts a key.
 */
#ifndef CORE_CRYPTO_SEAL_H
#define CORE_CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define SEAL_KEY   32
#define SEAL_EXTRA (12 + 16) /* bytes more than the plain text */

/* Appends.  B3IQ_E_NO_MEMORY, B3IQ_E_INTERNAL, or the buffer's own failure. */
int32_t seal_close(const uint8_t key[SEAL_KEY], const char *about, const void *, size_t,
                   struct buf *out);
/* Appends the plain text.  B3IQ_E_DENIED: another key, another `about`, or changed bytes; nothing is
 * appended then. */
int32_t seal_open(const uint8_t key[SEAL_KEY], const char *about, const void *sealed, size_t,
                  struct buf *out);

#endif
