/* password.h - a key from a password: scrypt (RFC 7914), slow and large on purpose.
 *
 * With the numbers of PASSWORD_N, 8, 1 a guess costs 128 MiB of memory and about a third of a second.
 * Numbers that come from a file are bounded, so that a file cannot make its reader allocate or work
 * without end.  Any thread.
 */
#ifndef CORE_CRYPTO_PASSWORD_H
#define CORE_CRYPTO_PASSWORD_H

#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

#define PASSWORD_N      UINT64_C(131072)    /* 2^17 */
#define PASSWORD_SALT   32
#define PASSWORD_KEY    32
#define PASSWORD_MEMORY (UINT64_C(1) << 30) /* bytes: 128 * n * r at most */
#define PASSWORD_WORK   (UINT64_C(1) << 24) /* n * r * p at most          */

struct password_cost {
	uint64_t n;    /* a power of two, from 2 */
	uint32_t r, p;
	uint8_t  salt[PASSWORD_SALT];
};

/* The usual numbers (n 0: PASSWORD_N) and a fresh salt. */
void    password_cost_new(struct password_cost *, uint64_t n);
/* B3IQ_E_INVALID: numbers beyond the bounds; B3IQ_E_NO_MEMORY. */
int32_t password_key(const struct password_cost *, const char *password,
                     uint8_t out[PASSWORD_KEY], struct b3iq_error *err);

#endif
