/* purse.h - wallets of a session's home whose password is cheap to check. */
#ifndef TEST_CLI_PURSE_H
#define TEST_CLI_PURSE_H

#include "session.h"

#include "wallet/keystore.h"
#include "wallet/wallet.h"

#define PASSWORD "correct horse battery"

static inline void
purse_begin(struct session *s, const struct cli_command *root)
{
	session_begin(s, root);
	unsetenv("AITBC_BLOCKCHAIN_RPC_URL");
	session_put(s, "pass", PASSWORD "\n");
	session_put(s, "wrong", "another password\n");
}

static inline void
purse_wallet(const struct session *s, const char *name, struct keystore_entry *out)
{
	struct b3iq_error err = NO_ERROR;
	struct keystore   ks;
	struct home       home;

	assert_int_equal(home_open(&home, s->home, &err), B3IQ_OK);
	assert_int_equal(keystore_open(&ks, &home, &err), B3IQ_OK);
	ks.n = 16;
	if (keystore_create(&ks, name, PASSWORD, out, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	home_close(&home);
}

#endif
