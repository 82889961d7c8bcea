#include <string.h>

#include "cli/commands/commands.h"
#include "cli/credential.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "node/keys.h"
#include "node/node.h"
#include "node/state.h"

/* The keys are rows of state.db: a running node looks each one up, so changes count at once. */
static int
open_state(struct cli *cli, struct home *home, struct store **store)
{
	struct b3iq_error err = NO_ERROR;
	int32_t           rc = node_init(cli->home, &err);

	*store = NULL;
	if (!rc)
		rc = home_open(home, cli->home, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	rc = state_open(home, store, &err);
	if (!rc)
		return CLI_OK;
	home_close(home);
	return cli_fail(cli, rc, &err);
}

static void
close_state(struct home *home, struct store *store)
{
	store_close(store);
	home_close(home);
}

/* ---- create ------------------------------------------------------------- */

static void
show_new(struct cli *cli, const struct key *key, const char *secret)
{
	credential_put(cli, key, "scopes");
	cli_put_text(cli, "key", secret);
	credential_show(cli, "API key", key, secret, "may %s", key->scopes);
}

static int
create(struct cli *cli)
{
	struct key_spec   spec = credential_spec(cli);
	char              secret[KEYS_SECRET_SIZE];
	struct b3iq_error err = NO_ERROR;
	struct home       home;
	struct store     *store;
	struct key        key;
	int32_t           rc;
	int               exit = open_state(cli, &home, &store);

	if (exit)
		return exit;
	spec.scopes = cli_text(cli, "scopes", NULL);
	spec.models = cli_text(cli, "models", NULL);
	rc = keys_create(store, &spec, &key, secret, &err);
	close_state(&home, store);
	if (rc)
		return cli_fail(cli, rc, &err);
	show_new(cli, &key, secret);
	secret_wipe(secret, sizeof secret);
	return CLI_OK;
}

static const struct cli_option create_options[] = {
	{ .name = "scopes",
	  .kind = CLI_TEXT,
	  .value = "WORDS",
	  .help = "what it may: \"models.read chat completions receipts\" (the default), metrics, "
	          "admin" },
	{ .name = "models",
	  .kind = CLI_TEXT,
	  .value = "GLOBS",
	  .help = "only these models: names or patterns between spaces" },
	CREDENTIAL_DAYS,
	{ .name = "rate",
	  .kind = CLI_INT,
	  .value = "N",
	  .help = "requests a minute; default: no limit",
	  .least = 1,
	  .most = 1000000 },
	{ .name = "burst",
	  .kind = CLI_INT,
	  .value = "N",
	  .help = "requests at once; default: as --rate",
	  .least = 1,
	  .most = 1000000 },
	CREDENTIAL_QUIET("key"),
	{ .name = NULL },
};

static const struct cli_command key_create = {
	.name = "create",
	.summary = "make an API key; it is shown once",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Makes a key of 256 random bits for one program or person. Only its hash is "
	         "stored, so note it now. It works at once, also in a running node.",
	.options = create_options,
	.examples = { { "b3iq key create laptop", "a key for all that is not administration" },
	              { "b3iq key create ci --scopes chat --models 'b3iq-*' --days 30 --rate 60",
	                "a narrow key" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = create,
};

/* ---- list --------------------------------------------------------------- */

static void
day(uint64_t ms, char out[25])
{
	if (ms) {
		clock_iso(ms, out);
		out[10] = '\0';
	} else {
		memcpy(out, "never", 6);
	}
}

static int32_t
add_key(void *arg, const struct key *k)
{
	struct credential_list *l = arg;
	struct json_object     *row;
	char                    created[25], expires[25];

	if (!credential_listed(l, k))
		return B3IQ_OK;
	day(k->created_ms, created);
	day(k->expires_ms, expires);
	row = credential_row(l, k);
	term_cell(&l->table, created);
	term_cell(&l->table, expires);
	json_put_int(row, "created_ms", (int64_t)k->created_ms);
	json_put_int(row, "expires_ms", (int64_t)k->expires_ms);
	json_put_int(row, "revoked_ms", (int64_t)k->revoked_ms);
	json_put_int(row, "rate_per_minute", k->rate_per_minute);
	json_put_int(row, "burst", k->burst);
	return credential_row_end(l, k, row);
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "ID",      "NAME",   "STATE",  "CREATED",
		                            "EXPIRES", "MODELS", "SCOPES", NULL };
	struct credential_list   l;
	struct b3iq_error        err = NO_ERROR;
	struct home              home;
	struct store            *store;
	int32_t                  rc;
	int                      exit = open_state(cli, &home, &store);

	if (exit)
		return exit;
	credential_list_init(&l, cli, head, "scopes", "models");
	rc = keys_list(store, add_key, &l, &err);
	close_state(&home, store);
	credential_list_finish(&l, cli, "keys");
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_command key_list = {
	.name = "list",
	.summary = "the API keys of this node",
	.about = "Lists the keys by id and name, with what they may. The keys themselves are not "
	         "stored.",
	.options = credential_list_options,
	.examples = { { "b3iq key list", "the keys that work" },
	              { "b3iq key list --all --json",
	                "every key that was ever made, for a program" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = list,
};

/* ---- revoke ------------------------------------------------------------- */

static int
revoke(struct cli *cli)
{
	struct b3iq_error err = NO_ERROR;
	struct home       home;
	struct store     *store;
	int32_t           rc;
	int               exit = open_state(cli, &home, &store);

	if (exit)
		return exit;
	rc = keys_revoke(store, cli_word(cli, 0), &err);
	close_state(&home, store);
	return credential_revoked(cli, rc, &err);
}

static const struct cli_command key_revoke = {
	.name = "revoke",
	.summary = "make a key worthless, at once",
	.words = "ID|NAME",
	.least = 1,
	.most = 1,
	.about = "From now on the key is refused, also by a running node; running answers are not "
	         "stopped. It stays in b3iq key list --all.",
	.examples = { { "b3iq key revoke laptop", "by its name" },
	              { "b3iq key revoke key_0123456789abcdef", "by its id" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = revoke,
};

const struct cli_command command_key = {
	.name = "key",
	.summary = "API keys: create, list, revoke",
	.about = "Programs use the node with an API key each. A key has a name, scopes, perhaps "
	         "models, an end and a rate; the home's own key, which this command line uses, is "
	         "one of them.",
	.examples = { { "b3iq key create laptop", "a new key, shown once" },
	              { "b3iq key list", "which keys there are" } },
	.subs = (const struct cli_command *const[]){ &key_create, &key_list, &key_revoke, NULL },
};
