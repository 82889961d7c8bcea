/* Tokens: who may use the daemon, for what, and for how much. */
#include <string.h>

#include "cli/commands/wallet.h"
#include "cli/credential.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "wallet/spend.h"
#include "wallet/token.h"

/* "none", or an amount. */
static int
read_cap(struct cli *cli, const char *option, uint64_t *out)
{
	const char       *text = cli_text(cli, option, NULL);
	struct b3iq_error err = NO_ERROR;

	if (text && strcmp(text, "none") == 0) {
		*out = TOKEN_NO_CAP;
		return CLI_OK;
	}
	if (!text)
		return cli_error(cli, CLI_USAGE, "say how much it may spend: --%s AMOUNT, or --%s none", option,
		                 option);
	return amount_parse(text, out, &err) ? cli_error(cli, CLI_USAGE, "--%s: %s", option, err.text) :
	                                       CLI_OK;
}

static void
show_cap(uint64_t cap, char out[AMOUNT_SHOW])
{
	if (cap == TOKEN_NO_CAP)
		memcpy(out, "no cap", 7);
	else
		amount_show(cap, out);
}

static void
put_amount(struct json_object *o, const char *key, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	amount_write(amount, text);
	json_put_string(o, key, amount == TOKEN_NO_CAP ? "none" : text);
}

/* ---- create ------------------------------------------------------------------------- */

static void
show_new(struct cli *cli, const struct token *t, const char *secret)
{
	char per_tx[AMOUNT_SHOW], per_day[AMOUNT_SHOW];

	credential_put(cli, &t->key, "verbs");
	cli_put_text(cli, "wallets", t->key.models);
	cli_put_text(cli, "token", secret);
	show_cap(t->per_tx, per_tx);
	show_cap(t->per_day, per_day);
	credential_show(cli, "Token", &t->key, secret, "may %s; a transaction: %s, a day: %s",
	                t->key.scopes, per_tx, per_day);
}

static int
create(struct cli *cli)
{
	struct key_spec   spec = credential_spec(cli);
	char              secret[TOKEN_SECRET_SIZE];
	struct b3iq_error err = NO_ERROR;
	uint64_t          per_tx = 0, per_day = 0;
	struct token      token;
	struct purse      p;
	int32_t           rc;
	int               exit = read_cap(cli, "per-tx", &per_tx);

	if (!exit)
		exit = read_cap(cli, "per-day", &per_day);
	if (!exit)
		exit = purse_open(cli, &p);
	if (exit)
		return exit;
	spec.scopes = cli_text(cli, "verbs", NULL);
	spec.models = cli_text(cli, "wallets", NULL);
	rc = token_create(p.store, &spec, per_tx, per_day, &token, secret, &err);
	purse_close(&p);
	if (rc)
		return cli_fail(cli, rc, &err);
	show_new(cli, &token, secret);
	secret_wipe(secret, sizeof secret);
	return CLI_OK;
}

static const struct cli_option create_options[] = {
	{ .name = "wallets", .kind = CLI_TEXT, .value = "GLOBS",
	  .help = "only these wallets: names or patterns between spaces" },
	{ .name = "verbs", .kind = CLI_TEXT, .value = "WORDS",
	  .help = "what it may: \"read sign send\" (the default), unlock, admin" },
	{ .name = "per-tx", .kind = CLI_TEXT, .value = "AMOUNT",
	  .help = "the most that leaves in one transaction, fee included; or none" },
	{ .name = "per-day", .kind = CLI_TEXT, .value = "AMOUNT",
	  .help = "the most that leaves in a UTC day; or none" },
	CREDENTIAL_DAYS,
	CREDENTIAL_QUIET("token"),
	{ .name = NULL },
};

static const struct cli_command token_create_command = {
	.name = "create",
	.summary = "make a token; it is shown once",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Makes a token of 256 random bits for one program. Both caps must be said, so that none is "
	         "forgotten. Only its hash is stored. It works at once, also in a running daemon.",
	.options = create_options,
	.examples = { { "b3iq wallet token create coordinator --wallets escrow --per-tx 1 --per-day 500",
	                "a role that holds escrows" },
	              { "b3iq wallet token create watch --verbs read --per-tx 0 --per-day 0",
	                "may look and not pay" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = create,
};

/* ---- list --------------------------------------------------------------------------- */

struct listing {
	struct credential_list list;
	struct store          *store;
};

static int32_t
add_token(void *arg, const struct token *t)
{
	struct listing     *l = arg;
	struct term_table  *table = &l->list.table;
	struct json_object *row;
	char                per_tx[AMOUNT_SHOW], per_day[AMOUNT_SHOW], spent[AMOUNT_SHOW];
	uint64_t            today = 0;
	int32_t             rc;

	if (!credential_listed(&l->list, &t->key))
		return B3IQ_OK;
	rc = spend_today(l->store, t->key.id, clock_wall_ms(), &today, NULL);
	if (rc)
		return rc;
	show_cap(t->per_tx, per_tx);
	show_cap(t->per_day, per_day);
	amount_show(today, spent);
	row = credential_row(&l->list, &t->key);
	term_cell(table, per_tx);
	term_cell(table, per_day);
	term_cell(table, spent);
	put_amount(row, "per_tx", t->per_tx);
	put_amount(row, "per_day", t->per_day);
	put_amount(row, "spent_today", today);
	json_put_int(row, "created_ms", (int64_t)t->key.created_ms);
	json_put_int(row, "expires_ms", (int64_t)t->key.expires_ms);
	return credential_row_end(&l->list, &t->key, row);
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "ID",    "NAME",    "STATE", "A TX", "A DAY",
		                            "TODAY", "WALLETS", "VERBS", NULL };
	struct listing           l;
	struct b3iq_error        err = NO_ERROR;
	struct purse             p;
	int32_t                  rc;
	int                      exit = purse_open(cli, &p);

	if (exit)
		return exit;
	l.store = p.store;
	credential_list_init(&l.list, cli, head, "verbs", "wallets");
	rc = token_list(p.store, add_token, &l, &err);
	purse_close(&p);
	credential_list_finish(&l.list, cli, "tokens");
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_command token_list_command = {
	.name = "list",
	.summary = "the tokens, their caps, and what they spent today",
	.about = "Lists the tokens by id and name. The tokens themselves are not stored. The one named own "
	         "is this home's command line.",
	.options = credential_list_options,
	.examples = { { "b3iq wallet token list", "the tokens that work" },
	              { "b3iq wallet token list --all --json", "every token, for a program" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = list,
};

/* ---- revoke --------------------------------------------------------------------------- */

static int
revoke(struct cli *cli)
{
	struct b3iq_error err = NO_ERROR;
	struct purse      p;
	int32_t           rc;
	int               exit = purse_open(cli, &p);

	if (exit)
		return exit;
	rc = token_revoke(p.store, cli_word(cli, 0), &err);
	purse_close(&p);
	return credential_revoked(cli, rc, &err);
}

static const struct cli_command token_revoke_command = {
	.name = "revoke",
	.summary = "make a token worthless, at once",
	.words = "ID|NAME",
	.least = 1,
	.most = 1,
	.about = "From now on the token is refused, also by a running daemon. What it signed before stays "
	         "signed.",
	.examples = { { "b3iq wallet token revoke coordinator", "by its name" },
	              { "b3iq wallet token revoke key_0123456789abcdef", "by its id" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = revoke,
};

const struct cli_command wallet_token = {
	.name = "token",
	.summary = "who may sign through the daemon: create, list, revoke",
	.about = "A role or program signs through the wallet daemon with a token: for some wallets, some "
	         "verbs, and within caps that are counted before a signature leaves.",
	.examples = { { "b3iq wallet token create ci --per-tx 0.1 --per-day 1", "a narrow token" },
	              { "b3iq wallet token list", "which tokens there are" } },
	.subs = (const struct cli_command *const[]){ &token_create_command, &token_list_command,
	                                             &token_revoke_command, NULL },
};
