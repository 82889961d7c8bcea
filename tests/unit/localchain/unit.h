/* unit.h - what the tests of the adapter share: a host with one key and a small store. */
#ifndef TESTS_UNIT_LOCALCHAIN_UNIT_H
#define TESTS_UNIT_LOCALCHAIN_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "plugin.h"

#define NO_ERR ((struct b3iq_error){ .size = sizeof(struct b3iq_error) })

#define assert_ok(rc, err)                                                     \
	do {                                                                   \
		if ((rc) != B3IQ_OK)                                           \
			fail_msg("%d: %s", (int)(rc), (err).text);             \
	} while (0)

/* The Ed25519 key of 32 zero bytes (RFC 8032 seed), and its account. */
#define ZERO_ADDRESS "ait1cqx9lchx50xvsvdzn5fswmdd9gnex2husvsahs"
extern const uint8_t zero_public[32];

struct fake_host {
	struct b3iq_host table;
	struct {
		char   name[80];
		char  *value;
		size_t len;
	} kv[32];
	size_t  n_kv;
	int     puts, signs;   /* how often                          */
	int32_t put_rc, sign_rc; /* what they return, if not B3IQ_OK */
};

void fake_host_init(struct fake_host *);
void fake_host_finish(struct fake_host *);

#endif
