/* unit.h - a home, a cheap key store and wallet.db for the tests of this folder. */
#ifndef TESTS_UNIT_WALLET_UNIT_H
#define TESTS_UNIT_WALLET_UNIT_H

#include "../check.h"
#include "../home.h"

#include "core/base/fail.h"
#include "wallet/keystore.h"
#include "wallet/lockout.h"
#include "wallet/spend.h"
#include "wallet/token.h"

#define PASSWORD "correct horse battery"

static inline void
unit_store(const struct home *home, struct store **out)
{
	static const struct store_module *const modules[] = { &keyring_module, &token_module,
		                                              &lockout_module, &spend_module,
		                                              NULL };
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(home_path(home, file, &err, "wallet.db", NULL), err);
	assert_ok(store_open(file, modules, out, &err), err);
}

static inline void
unit_keystore(const struct home *home, struct keystore *ks)
{
	struct b3iq_error err = NO_ERR;

	assert_ok(keystore_open(ks, home, &err), err);
	ks->n = 16;
}

#endif
