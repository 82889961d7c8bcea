/* Wallets as files: made, taken in, given out, listed, removed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/wallet.h"
#include "cli/term.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "wallet/import.h"
#include "wallet/lockout.h"

void
wallet_put_entry(struct json_object *o, const struct keystore_entry *e)
{
	char address[ADDRESS_SIZE], key[ED25519_NAME_SIZE];

	address_write(&e->address, address);
	ed25519_name(e->pub, key);
	json_put_string(o, "name", e->name);
	json_put_string(o, "address", address);
	json_put_string(o, "public_key", key);
	json_put_int(o, "created_ms", (int64_t)e->created_ms);
}

static void
put_entry(struct cli *cli, const struct keystore_entry *e)
{
	cli_put_text(cli, "name", e->name); /* makes the result */
	wallet_put_entry(cli->result, e);
}

static void
say_made(struct cli *cli, const struct keystore_entry *e)
{
	char address[ADDRESS_SIZE];

	address_write(&e->address, address);
	put_entry(cli, e);
	cli_say(cli, "wallet %s has the address\n%s\n", e->name, address);
	if (!cli->json)
		fprintf(stderr, "Without its password nobody can open it. Keep a backup: b3iq wallet "
		                "export %s --out FILE\n",
		        e->name);
}

/* ---- create ------------------------------------------------------------------------- */

static int
create(struct cli *cli)
{
	char                 *password = secret_alloc(PURSE_PASSWORD_SIZE);
	struct b3iq_error     err = NO_ERROR;
	struct keystore_entry e;
	struct purse          p;
	int32_t               rc;
	int                   exit = purse_open(cli, &p);

	if (exit)
		goto done;
	/* Before a password is asked for in vain. */
	if (keystore_read(&p.keystore, cli_word(cli, 0), &e, &err) == B3IQ_OK)
		exit = cli_error(cli, CLI_FAILED, "there is a wallet %s already, and it stays as it is",
		                 cli_word(cli, 0));
	else
		exit = purse_password(cli, "Password for the new wallet", "password-file", true, password);
	if (!exit) {
		rc = keystore_create(&p.keystore, cli_word(cli, 0), password, &e, &err);
		exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
	}
	if (!exit)
		say_made(cli, &e);
	purse_close(&p);
done:
	secret_free(password, PURSE_PASSWORD_SIZE);
	return exit;
}

static const struct cli_option password_options[] = { PURSE_PASSWORD, { .name = NULL } };

const struct cli_command wallet_create = {
	.name = "create",
	.summary = "make a wallet: a new key behind a password",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Makes an Ed25519 key and seals it with a password (scrypt, AES-256-GCM) in "
	         "wallets/NAME.json of the home. An existing wallet is never replaced.",
	.options = password_options,
	.examples = { { "b3iq wallet create alice", "asks for a password" },
	              { "b3iq wallet create ci --password-file pass.txt", "in a script" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = create,
};

/* ---- import ------------------------------------------------------------------------- */

static int
read_source(struct cli *cli, const char *file, struct buf *text)
{
	struct b3iq_error err = NO_ERROR;
	char              piece[4096];
	ssize_t           n;
	int32_t           rc = B3IQ_OK;

	if (strcmp(file, "-") != 0) {
		rc = path_read(file, text, &err);
	} else {
		while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0)
			rc = buf_append(text, piece, (size_t)n);
		secret_wipe(piece, sizeof piece);
		if (n < 0 || rc)
			rc = fail(&err, B3IQ_E_INVALID, "stdin cannot be read or is too long for a key");
	}
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* A backup is opened by its own password, which becomes the wallet's unless a new one is given. */
static int
take_in(struct cli *cli, struct purse *p, const struct buf *text, uint8_t *seed, char *password,
        struct keystore_entry *e)
{
	const bool        backup = import_kind(text->data, text->len) == IMPORT_BACKUP;
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;
	int exit = purse_password(cli, backup ? "Password of the backup" : "Password for the wallet",
	                          "password-file", !backup, password);

	if (!exit && !seed)
		exit = cli_error(cli, CLI_FAILED, "out of memory");
	if (exit)
		return exit;
	rc = import_seed(text->data, text->len, password, seed, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	if (backup && cli_text(cli, "new-password-file", NULL))
		exit = purse_password(cli, "", "new-password-file", true, password);
	if (exit)
		return exit;
	rc = keystore_add(&p->keystore, cli_word(cli, 0), seed, password, e, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static int
import(struct cli *cli)
{
	char                 *password = secret_alloc(PURSE_PASSWORD_SIZE);
	uint8_t              *seed = secret_alloc(KEYSTORE_SEED);
	struct keystore_entry e;
	struct purse          p;
	struct buf            text;
	int                   exit = purse_open(cli, &p);

	buf_init(&text, IMPORT_MAX);
	if (!exit) {
		exit = buf_reserve(&text, IMPORT_MAX) ? /* one place, which is wiped */
		               read_source(cli, cli_word(cli, 1), &text) :
		               cli_error(cli, CLI_FAILED, "out of memory");
		if (!exit)
			exit = take_in(cli, &p, &text, seed, password, &e);
		if (!exit)
			say_made(cli, &e);
		purse_close(&p);
	}
	buf_wipe(&text);
	secret_free(seed, KEYSTORE_SEED);
	secret_free(password, PURSE_PASSWORD_SIZE);
	return exit;
}

static const struct cli_option import_options[] = {
	PURSE_PASSWORD,
	{ .name = "new-password-file", .kind = CLI_PATH, .value = "FILE",
	  .help = "of a backup: its wallet gets this password instead of the backup's" },
	{ .name = NULL },
};

const struct cli_command wallet_import = {
	.name = "import",
	.summary = "take in a key: a seed in hex, a PEM file, or a backup",
	.words = "NAME FILE",
	.least = 2,
	.most = 2,
	.about = "Takes an Ed25519 key from a file, or from stdin when FILE is -: 64 hex digits (the seed "
	         "of RFC 8032), PKCS#8 PEM, or what b3iq wallet export wrote. A key never stands on "
	         "the command line.",
	.options = import_options,
	.examples = { { "b3iq wallet import alice backup.json", "restore a backup" },
	              { "b3iq wallet import alice - < seed.hex", "a seed from elsewhere" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = import,
};

/* ---- export --------------------------------------------------------------------------- */

static int32_t
export_raw(const uint8_t *seed, bool pem, struct buf *out, struct b3iq_error *err)
{
	char hex[2 * KEYSTORE_SEED + 2];

	if (pem)
		return import_write_pem(seed, out, err);
	hex_encode(seed, KEYSTORE_SEED, hex);
	buf_append(out, hex, 2 * KEYSTORE_SEED);
	secret_wipe(hex, sizeof hex);
	return buf_append(out, "\n", 1);
}

/* The naked key, after its password. */
static int
reveal(struct cli *cli, struct purse *p, const struct keystore_entry *e, struct buf *out)
{
	char             *password = secret_alloc(PURSE_PASSWORD_SIZE);
	uint8_t          *seed = secret_alloc(KEYSTORE_SEED);
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;
	int exit = purse_password(cli, "Password of the wallet", "password-file", false, password);

	if (!exit && !seed)
		exit = cli_error(cli, CLI_FAILED, "out of memory");
	if (!exit) {
		rc = lockout_reveal(p->store, e, password, seed, &err);
		if (!rc)
			rc = export_raw(seed, cli_flag(cli, "pem"), out, &err);
		exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
	}
	secret_free(seed, KEYSTORE_SEED);
	secret_free(password, PURSE_PASSWORD_SIZE);
	return exit;
}

static int
give_out(struct cli *cli, const struct buf *text)
{
	const char       *file = cli_text(cli, "out", NULL);
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;

	if (!file) {
		if (cli->json)
			cli_put(cli, "export", json_object_new_string_len(text->data, (int)text->len));
		else
			fwrite(text->data, 1, text->len, stdout);
		return CLI_OK;
	}
	if (path_exists(file))
		return cli_error(cli, CLI_FAILED, "%s exists and is not replaced; choose another file", file);
	rc = path_write(file, text->data, text->len, 0600, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	cli_put_text(cli, "file", file);
	return CLI_OK;
}

static int
export(struct cli *cli)
{
	const bool            raw = cli_flag(cli, "raw") || cli_flag(cli, "pem");
	struct b3iq_error     err = NO_ERROR;
	struct keystore_entry e;
	struct purse          p;
	struct buf            text;
	int32_t               rc;
	int                   exit = purse_open(cli, &p);

	if (exit)
		return exit;
	buf_init(&text, KEYSTORE_FILE_MAX);
	if (!buf_reserve(&text, KEYSTORE_FILE_MAX)) /* one place, which is wiped */
		exit = cli_error(cli, CLI_FAILED, "out of memory");
	if (!exit)
		exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	if (!exit && raw) {
		exit = reveal(cli, &p, &e, &text);
	} else if (!exit) {
		rc = keystore_export(&p.keystore, e.name, &text, &err);
		exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
	}
	if (!exit)
		exit = give_out(cli, &text);
	if (!exit && raw && !cli->json)
		fputs("This is the key itself: whoever has it has the money.\n", stderr);
	buf_wipe(&text);
	purse_close(&p);
	return exit;
}

static const struct cli_option export_options[] = {
	{ .name = "out", .letter = 'o', .kind = CLI_PATH, .value = "FILE",
	  .help = "write there (mode 0600) instead of stdout" },
	{ .name = "raw", .kind = CLI_FLAG, .help = "the key itself, unprotected: 64 hex digits" },
	{ .name = "pem", .kind = CLI_FLAG, .help = "the key itself, unprotected: PKCS#8 PEM" },
	PURSE_PASSWORD,
	{ .name = NULL },
};

const struct cli_command wallet_export = {
	.name = "export",
	.summary = "a backup of a wallet, sealed by its password",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Writes the wallet as it lies on the disk: sealed, to be opened only with its password. "
	         "With --raw or --pem it writes the key itself, after asking for the password.",
	.options = export_options,
	.examples = { { "b3iq wallet export alice --out alice.backup.json", "a backup" },
	              { "b3iq wallet export alice --pem --out alice.pem", "the key for another program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = export,
};

/* ---- the names that AITBC's command line has for them ------------------------------------ */

const struct cli_command wallet_backup = {
	.name = "backup",
	.summary = "another name of export",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Writes the wallet as it lies on the disk, sealed by its password: b3iq wallet export.",
	.options = export_options,
	.examples = { { "b3iq wallet backup alice --out alice.backup.json", "a backup" },
	              { "b3iq wallet restore alice alice.backup.json", "and back" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = export,
};

const struct cli_command wallet_restore = {
	.name = "restore",
	.summary = "another name of import",
	.words = "NAME FILE",
	.least = 2,
	.most = 2,
	.about = "Takes a backup in, or a key in hex or PEM: b3iq wallet import.",
	.options = import_options,
	.examples = { { "b3iq wallet restore alice alice.backup.json", "a backup" },
	              { "b3iq wallet restore alice - < seed.hex", "a seed from elsewhere" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = import,
};

/* ---- list, show, address ---------------------------------------------------------------- */

struct listing {
	struct json_object *rows, *open; /* open: the daemon's list, or NULL */
	struct term_table   table;
};

/* What the running daemon says of a wallet; "" without one. */
static const char *
lock_state(struct json_object *open, const char *name)
{
	struct json_object *list = NULL;
	const char         *other = NULL;
	bool                locked = true;

	if (!json_object_object_get_ex(open, "wallets", &list))
		return "";
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (json_get_string(one, "name", "", &other, NULL) == B3IQ_OK &&
		    strcmp(other, name) == 0 && json_get_bool(one, "locked", true, &locked, NULL) == B3IQ_OK)
			return locked ? "locked" : "unlocked";
	}
	return "locked";
}

static int32_t
add_wallet(void *arg, const char *name, const struct keystore_entry *e, const struct b3iq_error *why)
{
	struct listing     *l = arg;
	struct json_object *row = json_object_new_object();
	char                address[ADDRESS_SIZE], day[25] = "";

	term_cell(&l->table, name);
	if (e) {
		address_write(&e->address, address);
		clock_iso(e->created_ms, day);
		day[10] = '\0';
		wallet_put_entry(row, e);
		if (*lock_state(l->open, name))
			json_put_string(row, "state", lock_state(l->open, name));
	} else {
		json_put_string(row, "name", name);
		json_put_string(row, "error", why->text);
	}
	term_cell(&l->table, e ? address : why->text);
	term_cell(&l->table, day);
	term_cell(&l->table, e ? lock_state(l->open, name) : "");
	return json_add(l->rows, row);
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "NAME", "ADDRESS", "CREATED", "DAEMON", NULL };
	struct listing           l = { .rows = NULL };
	struct b3iq_error        err = NO_ERROR;
	struct purse             p;
	int32_t                  rc;
	int                      status, exit = purse_open(cli, &p);

	if (exit)
		return exit;
	l.rows = json_object_new_array();
	(void)purse_call(&p, "GET", "/v1/wallets", NULL, &status, &l.open, NULL); /* if it runs */
	term_table_init(&l.table, head);
	rc = keystore_each(&p.keystore, add_wallet, &l, &err);
	json_object_put(l.open);
	purse_close(&p);
	cli_put(cli, "wallets", l.rows);
	term_table_finish(&l.table, cli->json ? NULL : stdout);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

const struct cli_command wallet_list = {
	.name = "list",
	.summary = "the wallets of this home",
	.about = "Lists names and addresses, and, where the daemon runs, whether it may sign with them. A "
	         "file that cannot be read is listed with the reason.",
	.examples = { { "b3iq wallet list", "all wallets" },
	              { "b3iq wallet list --json", "for a program" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = list,
};

static int
show_entry(struct cli *cli, bool address_only)
{
	char                  address[ADDRESS_SIZE], key[ED25519_NAME_SIZE], made[25];
	struct keystore_entry e;
	struct purse          p;
	int                   exit = purse_open(cli, &p);

	if (exit)
		return exit;
	exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	purse_close(&p);
	if (exit)
		return exit;
	address_write(&e.address, address);
	ed25519_name(e.pub, key);
	clock_iso(e.created_ms, made);
	put_entry(cli, &e);
	if (address_only)
		cli_say(cli, "%s\n", address);
	else
		cli_say(cli, "name        %s\naddress     %s\npublic key  %s\ncreated     %s\n", e.name,
		        address, key, made);
	return CLI_OK;
}

static int
show(struct cli *cli)
{
	return show_entry(cli, false);
}

static int
address(struct cli *cli)
{
	return show_entry(cli, true);
}

const struct cli_command wallet_show = {
	.name = "show",
	.summary = "a wallet's address and public key",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Shows what anybody may know of a wallet. It needs no password.",
	.examples = { { "b3iq wallet show alice", "address, key, age" },
	              { "b3iq wallet show alice --json", "for a program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = show,
};

const struct cli_command wallet_address = {
	.name = "address",
	.summary = "a wallet's address and nothing else",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Prints the address, for others who pay or for a script. It needs no password.",
	.examples = { { "b3iq wallet address alice", "where alice is paid" },
	              { "b3iq wallet address alice --json", "with its name and key" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = address,
};

/* ---- password --------------------------------------------------------------------------- */

static int
password(struct cli *cli)
{
	char             *old = secret_alloc(PURSE_PASSWORD_SIZE), *fresh = secret_alloc(PURSE_PASSWORD_SIZE);
	struct b3iq_error err = NO_ERROR;
	struct keystore_entry e;
	struct purse      p;
	int32_t           rc;
	int               exit = purse_open(cli, &p);

	if (!exit) {
		exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
		if (!exit)
			exit = purse_password(cli, "Password until now", "password-file", false, old);
		if (!exit)
			exit = purse_password(cli, "New password", "new-password-file", true, fresh);
		if (!exit) {
			rc = lockout_password(p.store, &p.keystore, e.name, old, fresh, &err);
			exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
		}
		purse_close(&p);
	}
	if (!exit)
		cli_say(cli, "wallet %s has a new password; backups keep theirs\n", cli_word(cli, 0));
	secret_free(old, PURSE_PASSWORD_SIZE);
	secret_free(fresh, PURSE_PASSWORD_SIZE);
	return exit;
}

static const struct cli_option change_options[] = {
	PURSE_PASSWORD,
	{ .name = "new-password-file", .kind = CLI_PATH, .value = "FILE",
	  .help = "the new password is the first line of this file (mode 0600)" },
	{ .name = NULL },
};

const struct cli_command wallet_password = {
	.name = "password",
	.summary = "change a wallet's password",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Seals the wallet anew. The file is replaced whole: after a crash there is the old one or "
	         "the new one. Backups are still opened by the password that they were made with.",
	.options = change_options,
	.examples = { { "b3iq wallet password alice", "asks for the old and the new one" },
	              { "b3iq wallet password alice --password-file old --new-password-file new",
	                "in a script" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = password,
};

/* ---- delete ------------------------------------------------------------------------------ */

static int
delete(struct cli *cli)
{
	char                  question[256], path[128];
	bool                  yes = cli_flag(cli, "yes");
	struct b3iq_error     err = NO_ERROR, none = NO_ERROR;
	struct json_object   *answer = NULL;
	struct keystore_entry e;
	struct purse          p;
	int32_t               rc = B3IQ_OK;
	int                   status, exit = purse_open(cli, &p);

	if (exit)
		return exit;
	if (!keystore_name_good(cli_word(cli, 0)))
		exit = purse_entry(cli, &p, cli_word(cli, 0), &e); /* says what is wrong */
	snprintf(question, sizeof question,
	         "Delete wallet %s? Without a backup its money is lost for ever.", cli_word(cli, 0));
	if (!exit && !yes)
		rc = term_confirm(question, &yes, &err);
	if (!exit && !rc && !yes)
		exit = cli_error(cli, CLI_FAILED, "nothing was deleted");
	if (!exit && !rc)
		rc = keystore_delete(&p.keystore, cli_word(cli, 0), &err);
	if (!exit && !rc) { /* the daemon refuses it from now on; this wipes its key as well */
		snprintf(path, sizeof path, "/v1/wallets/%s/lock", cli_word(cli, 0));
		(void)purse_call(&p, "POST", path, NULL, &status, &answer, &none);
		json_object_put(answer);
		cli_say(cli, "deleted\n");
		cli_put_text(cli, "deleted", cli_word(cli, 0));
	}
	purse_close(&p);
	return exit ? exit : rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_option delete_options[] = {
	{ .name = "yes", .letter = 'y', .kind = CLI_FLAG, .help = "do not ask" },
	{ .name = NULL },
};

const struct cli_command wallet_delete = {
	.name = "delete",
	.summary = "remove a wallet's file",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Removes the file, after asking. A damaged one too. What was on the disk may still be "
	         "there for whoever looks at the disk itself; it is sealed by the password.",
	.options = delete_options,
	.examples = { { "b3iq wallet delete old", "asks first" },
	              { "b3iq wallet delete old --yes", "in a script" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = delete,
};
