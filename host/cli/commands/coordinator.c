#include <stdio.h>

#include "cli/commands/commands.h"
#include "cli/credential.h"
#include "coordinator/coordinator.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"

static int
run(struct cli *cli)
{
	const struct coordinator_options options = {
		.home = cli->home,
		.address = cli_text(cli, "address", NULL),
		.port = (int32_t)cli_int(cli, "port", -1),
		.json = cli->json,
		.quiet = cli_flag(cli, "quiet"),
	};
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = coordinator_main(&options, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* ---- keys: rows of coordinator.db, also beside a running coordinator -------------------- */

static void
show_new(struct cli *cli, const struct key *key, const char *secret)
{
	credential_put(cli, key, "role");
	cli_put_text(cli, "wallet", key->account);
	cli_put_text(cli, "key", secret);
	credential_show(cli, "API key", key, secret, "of a %s", key->scopes);
}

static int
create(struct cli *cli)
{
	struct key_spec   spec = credential_spec(cli);
	char              secret[KEYRING_SECRET_SIZE];
	struct b3iq_error err = NO_ERROR;
	struct store     *store;
	struct keyring    ring;
	struct key        key;
	int32_t           rc = coordinator_keys(cli->home, &store, &err);

	if (rc)
		return cli_fail(cli, rc, &err);
	ring = coordinator_ring(store);
	spec.scopes = cli_text(cli, "role", "client");
	spec.account = cli_text(cli, "wallet", NULL);
	rc = keyring_create(&ring, &spec, &key, secret, &err);
	store_close(store);
	if (rc)
		return cli_fail(cli, rc, &err);
	show_new(cli, &key, secret);
	secret_wipe(secret, sizeof secret);
	return CLI_OK;
}

static const struct cli_option create_options[] = {
	{ .name = "role", .kind = CLI_TEXT, .value = "ROLE",
	  .help = "client (the default), miner or admin" },
	{ .name = "wallet", .kind = CLI_TEXT, .value = "NAME",
	  .help = "of a client: the wallet that pays for its jobs" },
	CREDENTIAL_DAYS,
	{ .name = "rate", .kind = CLI_INT, .value = "N",
	  .help = "submissions a minute; default: as configured", .least = 1, .most = 1000000000 },
	{ .name = "burst", .kind = CLI_INT, .value = "N",
	  .help = "submissions at once; default: as --rate", .least = 1, .most = 1000000000 },
	CREDENTIAL_QUIET("key"),
	{ .name = NULL },
};

static const struct cli_command command_create = {
	.name = "create",
	.summary = "make an API key for a client, a worker or an administrator",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Makes a key of 256 random bits and shows it this once; only its hash is stored. A "
	         "client sends jobs, a worker (miner) takes them, an administrator sees and stops "
	         "them. It works at once, also in a running coordinator.",
	.options = create_options,
	.examples = { { "b3iq coordinator key create alice --role client --wallet alice",
	                "a client whose jobs are paid from the wallet alice" },
	              { "b3iq coordinator key create gpu0 --role miner", "a worker" } },
	.run = create,
};

struct listing {
	struct cli         *cli;
	struct json_object *rows;
};

static int32_t
add_key(void *arg, const struct key *key)
{
	struct listing     *l = arg;
	struct json_object *o;

	if (!l->cli->json) {
		printf("%s  %-8s %-20s %s%s\n", key->id, key->scopes, key->name, key->account,
		       key->revoked_ms ? " (revoked)" : "");
		return B3IQ_OK;
	}
	o = json_object_new_object();
	if (!o || json_put_string(o, "id", key->id) || json_put_string(o, "name", key->name) ||
	    json_put_string(o, "role", key->scopes) ||
	    json_put_string(o, "wallet", key->account) ||
	    json_put_bool(o, "revoked", key->revoked_ms != 0)) {
		json_object_put(o);
		return B3IQ_E_NO_MEMORY;
	}
	return json_add(l->rows, o);
}

static int
list(struct cli *cli)
{
	struct listing    l = { .cli = cli, .rows = json_object_new_array() };
	struct b3iq_error err = NO_ERROR;
	struct store     *store;
	struct keyring    ring;
	int32_t           rc = coordinator_keys(cli->home, &store, &err);

	if (!rc) {
		ring = coordinator_ring(store);
		rc = keyring_list(&ring, add_key, &l, &err);
		store_close(store);
	}
	if (!rc && cli->json)
		cli_put(cli, "keys", json_object_get(l.rows));
	json_object_put(l.rows);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_command command_list = {
	.name = "list",
	.summary = "list the API keys, revoked ones too",
	.about = "Names and roles of all keys, newest first. The keys themselves are not stored.",
	.examples = { { "b3iq coordinator key list", "a line for each key" },
	              { "b3iq coordinator key list --json", "for a program" } },
	.run = list,
};

static int
revoke(struct cli *cli)
{
	struct b3iq_error err = NO_ERROR;
	struct store     *store;
	struct keyring    ring;
	int32_t           rc = coordinator_keys(cli->home, &store, &err);

	if (rc)
		return cli_fail(cli, rc, &err);
	ring = coordinator_ring(store);
	rc = keyring_revoke(&ring, cli_word(cli, 0), &err);
	store_close(store);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_command command_revoke = {
	.name = "revoke",
	.summary = "take an API key back; it counts within a second",
	.words = "ID|NAME",
	.least = 1,
	.most = 1,
	.about = "The key is refused from then on. Jobs that were accepted with it go on.",
	.examples = { { "b3iq coordinator key revoke alice", "by its name" },
	              { "b3iq coordinator key revoke key_0123456789abcdef", "by its id" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = revoke,
};

static const struct cli_command command_keys = {
	.name = "key",
	.summary = "API keys of the coordinator",
	.about = "Who may send jobs, take them, or look after them. Works on the home's files, also "
	         "beside a running coordinator.",
	.examples = { { "b3iq coordinator key create alice --role client", "make one" },
	              { "b3iq coordinator key list", "see them" } },
	.subs = (const struct cli_command *const[]){ &command_create, &command_list,
	                                             &command_revoke, NULL },
};

static const struct cli_option options[] = {
	{ .name = "port", .letter = 'p', .kind = CLI_INT, .value = "PORT",
	  .help = "listen there instead; 0 takes any free one", .most = 65535 },
	{ .name = "address", .kind = CLI_TEXT, .value = "ADDRESS",
	  .help = "numeric; other than loopback needs allow_remote in coordinator.json" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no line when it is ready" },
	{ .name = NULL },
};

const struct cli_command command_coordinator = {
	.name = "coordinator",
	.summary = "run the coordinator: jobs, workers, settlement",
	.about = "Starts the coordinator in the foreground, on loopback, port 8000, until Ctrl-C or "
	         "SIGTERM. Without a ledger in coordinator.json every job is free. Clients and "
	         "workers need keys: `b3iq coordinator key create`.",
	.options = options,
	.subs = (const struct cli_command *const[]){ &command_keys, NULL },
	.examples = { { "b3iq coordinator", "serve http://127.0.0.1:8000" },
	              { "b3iq coordinator --port 0 --json",
	                "any free port; the ready line on stdout as JSON" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = run,
};
