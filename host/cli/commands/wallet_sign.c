/* Signatures: of a message here, and by the daemon for as long as it may. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/wallet.h"
#include "cli/term.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "wallet/signer.h"

/* ---- sign --------------------------------------------------------------------------- */

static int
read_message(struct cli *cli, const char *file, struct buf *out)
{
	struct b3iq_error err = NO_ERROR;
	char              piece[4096];
	ssize_t           n = 0;
	int32_t           rc = B3IQ_OK;

	if (strcmp(file, "-") != 0)
		rc = path_read(file, out, &err);
	else
		while (!rc && (n = read(STDIN_FILENO, piece, sizeof piece)) > 0)
			rc = buf_append(out, piece, (size_t)n);
	if (n < 0 || (rc && !err.text[0]))
		rc = fail(&err, B3IQ_E_INVALID, "stdin cannot be read, or is too long for a message");
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* Whoever signs sees what. */
static void
say_what(const struct tx *tx)
{
	char amount[AMOUNT_SHOW], fee[AMOUNT_SHOW];

	amount_show(tx_outlay(tx), amount);
	amount_show(tx->fee, fee);
	fprintf(stderr, "This is a transaction: %s, %s leave the account, fee %s, nonce %llu, chain %s.\n",
	        tx_kind_name(tx->kind), amount, fee, (unsigned long long)tx->nonce, tx->chain);
}

static int
show_signature(struct cli *cli, const struct keystore_entry *e, const uint8_t sig[ED25519_SIGNATURE])
{
	char text[2 * ED25519_SIGNATURE + 1], key[ED25519_NAME_SIZE];

	hex_encode(sig, ED25519_SIGNATURE, text);
	ed25519_name(e->pub, key);
	cli_say(cli, "%s\n", text);
	cli_put_text(cli, "signature", text);
	cli_put_text(cli, "public_key", key);
	return CLI_OK;
}

static int
sign_message(struct cli *cli, struct purse *p, const struct keystore_entry *e,
             const struct buf *message)
{
	struct b3iq_error   err = NO_ERROR;
	uint8_t             sig[ED25519_SIGNATURE];
	struct ed25519_key *key;
	bool                is_tx;
	struct tx           tx;
	int32_t             rc = signer_check(e, message->data, message->len, &is_tx, &tx, &err);
	int                 exit;

	if (rc)
		return cli_fail(cli, rc, &err);
	if (is_tx && !cli->json)
		say_what(&tx);
	exit = purse_key(cli, p, e, &key);
	if (exit)
		return exit;
	rc = ed25519_sign(key, message->data, message->len, sig, &err);
	ed25519_free(key);
	return rc ? cli_fail(cli, rc, &err) : show_signature(cli, e, sig);
}

static int
sign(struct cli *cli)
{
	struct keystore_entry e;
	struct purse          p;
	struct buf            message;
	int                   exit = purse_open(cli, &p);

	if (exit)
		return exit;
	buf_init(&message, SIGNER_MESSAGE_MAX);
	exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	if (!exit)
		exit = read_message(cli, cli_word(cli, 1), &message);
	if (!exit && !message.len)
		exit = cli_error(cli, CLI_FAILED, "there is nothing to sign");
	if (!exit)
		exit = sign_message(cli, &p, &e, &message);
	buf_free(&message);
	purse_close(&p);
	return exit;
}

static const struct cli_option password_options[] = { PURSE_PASSWORD, { .name = NULL } };

const struct cli_command wallet_sign = {
	.name = "sign",
	.summary = "sign a message: a transaction, an order, a verdict",
	.words = "NAME FILE",
	.least = 2,
	.most = 2,
	.about = "Signs the bytes of FILE (- is stdin) and prints the Ed25519 signature in hex. The "
	         "message must begin with b3iq.tx/1, b3iq.order/1 or b3iq.verdict/1 and be canonical: "
	         "nothing is signed that cannot be read. The password is asked for on the terminal.",
	.options = password_options,
	.examples = { { "b3iq wallet sign alice message.bin", "a message from a file" },
	              { "b3iq wallet sign alice - --password-file pass < message.bin", "in a script" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = sign,
};

/* ---- unlock, lock ---------------------------------------------------------------------- */

static int
ask_daemon(struct cli *cli, struct purse *p, const char *verb, struct json_object *body)
{
	struct json_object *answer = NULL;
	struct b3iq_error   err = NO_ERROR;
	char                path[160];
	int                 status, exit = CLI_OK;
	int32_t             rc;

	if (!keystore_name_good(cli_word(cli, 0)))
		return cli_error(cli, CLI_NOT_FOUND, "there is no wallet of that name");
	snprintf(path, sizeof path, "/v1/wallets/%s/%s", cli_word(cli, 0), verb);
	rc = purse_call(p, "POST", path, body, &status, &answer, &err);
	if (rc == B3IQ_E_NOT_FOUND)
		exit = cli_error(cli, CLI_NO_NODE, "%s", err.text);
	else if (rc)
		exit = cli_fail(cli, rc, &err);
	else if (status != 200)
		exit = purse_refused(cli, status, answer);
	json_object_put(answer);
	return exit;
}

/* The password leaves no copy in the body either. */
static void
drop_secret(struct json_object *body)
{
	struct json_object *password = NULL;

	if (json_object_object_get_ex(body, "password", &password))
		secret_wipe((void *)(uintptr_t)json_object_get_string(password),
		            (size_t)json_object_get_string_len(password));
	json_object_put(body);
}

static int
unlock(struct cli *cli)
{
	char               *password = secret_alloc(PURSE_PASSWORD_SIZE);
	const int64_t       seconds = cli_int(cli, "seconds", 300);
	struct json_object *body = NULL;
	struct purse        p;
	int                 exit = purse_open(cli, &p);

	if (!exit) {
		exit = purse_password(cli, "Password of the wallet", "password-file", false, password);
		if (!exit) {
			body = json_object_new_object();
			json_put_string(body, "password", password);
			json_put_int(body, "seconds", seconds);
			exit = ask_daemon(cli, &p, "unlock", body);
			drop_secret(body);
		}
		purse_close(&p);
	}
	secret_free(password, PURSE_PASSWORD_SIZE);
	if (!exit && seconds)
		cli_say(cli, "unlocked for %lld s\n", (long long)seconds);
	else if (!exit)
		cli_say(cli, "unlocked until it is locked or the daemon ends\n");
	return exit;
}

static const struct cli_option unlock_options[] = {
	{ .name = "seconds", .letter = 's', .kind = CLI_INT, .value = "N",
	  .help = "for so long; default 300, 0: until it is locked", .most = 604800 },
	PURSE_PASSWORD,
	{ .name = NULL },
};

const struct cli_command wallet_unlock = {
	.name = "unlock",
	.summary = "let the daemon sign with a wallet for a while",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Opens the wallet in the running daemon. From then on those who have a token for it may "
	         "sign, within their caps, until the time is over. After three wrong passwords each "
	         "further try waits longer, also after a restart.",
	.options = unlock_options,
	.examples = { { "b3iq wallet unlock alice", "for five minutes" },
	              { "b3iq wallet unlock escrow --seconds 0", "until b3iq wallet lock escrow" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, 0 },
	.run = unlock,
};

static int
lock(struct cli *cli)
{
	struct purse p;
	int          exit = purse_open(cli, &p);

	if (exit)
		return exit;
	exit = ask_daemon(cli, &p, "lock", NULL);
	purse_close(&p);
	if (!exit)
		cli_say(cli, "locked\n");
	return exit;
}

const struct cli_command wallet_lock = {
	.name = "lock",
	.summary = "the daemon forgets a wallet's key, at once",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Wipes the key from the daemon's memory. Nobody signs with it until it is unlocked again.",
	.examples = { { "b3iq wallet lock alice", "now" },
	              { "b3iq wallet list", "which are unlocked" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, 0 },
	.run = lock,
};
