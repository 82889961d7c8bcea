/* purse.h - the wallets of this home for the command line: their files, and the daemon if it runs.
 *
 * What only reads or changes files works beside a running daemon and without one.  What signs goes
 * through the daemon of this home when it runs with the wallet unlocked, else asks for the password.
 *
 * Passwords come from the terminal (not shown), from stdin when that is no terminal (a line each), from
 * --password-file or --password-fd; never from the command line or the environment.
 */
#ifndef CLI_PURSE_H
#define CLI_PURSE_H

#include "cli/cli.h"
#include "wallet/keystore.h"
#include "wallet/wallet.h"

#define PURSE_PASSWORD_SIZE (KEYSTORE_PASSWORD_MAX + 2)

/* For the option tables of commands that ask for a password. */
#define PURSE_PASSWORD                                                                         \
	{ .name = "password-file", .kind = CLI_PATH, .value = "FILE",                          \
	  .help = "the password is the first line of this file (mode 0600)" },                 \
	{ .name = "password-fd", .kind = CLI_INT, .value = "N",                                \
	  .help = "the password is the next line of this descriptor", .most = 1023 }
#define PURSE_CHAIN                                                                            \
	{ .name = "chain-url", .kind = CLI_TEXT, .value = "URL",                               \
	  .help = "the chain; default $AITBC_BLOCKCHAIN_RPC_URL, or http://127.0.0.1:8006" }

struct purse {
	struct home     home;
	struct keystore keystore;
	struct store   *store; /* wallet.db */
};

/* Each returns an exit code, and has said what is wrong. */
int  purse_open(struct cli *, struct purse *);
void purse_close(struct purse *);
int  purse_entry(struct cli *, struct purse *, const char *name, struct keystore_entry *);
/* out has PURSE_PASSWORD_SIZE bytes of secret_alloc().  fresh: a new one, asked for twice on a terminal,
 * and of the option `file`. */
int  purse_password(struct cli *, const char *prompt, const char *file, bool fresh, char *out);
/* Asks for the password and opens the wallet, slowed by its lockout. */
int  purse_key(struct cli *, struct purse *, const struct keystore_entry *,
               struct ed25519_key **out);

/* The daemon of this home.  B3IQ_E_NOT_FOUND: none runs.  *status and *out (the caller's; NULL when it
 * was no JSON) are its answer; secret: the body is wiped. */
int32_t purse_call(struct purse *, const char *method, const char *path, struct json_object *body,
                   int *status, struct json_object **out, struct b3iq_error *);
/* The daemon's refusal, said. */
int     purse_refused(struct cli *, int status, struct json_object *answer);

#endif
