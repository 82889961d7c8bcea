/* commit.h - salted commitments: how a receipt names private bytes without showing them.
 *
 *   salt(field)       = HKDF-SHA256(secret, salt = empty, info = "b3iq.salt/1\n" || field, 32 bytes)
 *   commit(field, b)  = SHA-256("b3iq.commit/1\n" || field || 0x00 || salt(field) || b)
 *
 * One 32-byte secret per receipt, which only the client keeps.  Whoever has the secret can open
 * every field; whoever has the salt of one field can open that one.
 */
#ifndef CORE_RECEIPT_COMMIT_H
#define CORE_RECEIPT_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#define COMMIT_SIZE 32

/* The committed fields. "tokens" is no commitment by itself: its salt starts the token chain. */
#define COMMIT_PROMPT "prompt" /* the canonical request JSON, as the backend got it        */
#define COMMIT_OUTPUT "output" /* the text as delivered                                    */
#define COMMIT_TOKENS "tokens"
#define COMMIT_LOGITS "logits" /* the 32-byte Merkle root over (position, id, probe)       */

/* Codes: B3IQ_OK, B3IQ_E_NO_MEMORY, B3IQ_E_INTERNAL. */
int32_t commit_salt(const uint8_t secret[32], const char *field, uint8_t salt[32]);
int32_t commit_salted(const uint8_t salt[32], const char *field, const void *, size_t,
                      uint8_t out[COMMIT_SIZE]);
/* Both steps. */
int32_t commit_field(const uint8_t secret[32], const char *field, const void *, size_t,
                     uint8_t out[COMMIT_SIZE]);

#endif
