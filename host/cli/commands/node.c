#include <stdlib.h>

#include "cli/commands/commands.h"
#include "cli/remote.h"
#include "node/node.h"

/* As AITBC's miners are told; NULL: what lies in the home. */
static const char *
miner_key(void)
{
	const char *key = getenv("MINER_API_KEY");

	key = key && *key ? key : getenv("MINER_KEY");
	return key && *key ? key : NULL;
}

static int
run(struct cli *cli)
{
	const struct node_options options = { .home = cli->home,
		                              .address = cli_text(cli, "address", NULL),
		                              .port = (int32_t)cli_int(cli, "port", -1),
		                              .coordinator = cli_text(cli, "coordinator", NULL),
		                              .coordinator_key = miner_key(),
		                              .payout = cli_text(cli, "payout", NULL),
		                              .json = cli->json,
		                              .quiet = cli_flag(cli, "quiet") };
	struct b3iq_error err = NO_ERROR;
	char              url[128];
	int32_t           rc;

	if (cli_flag(cli, "print-url")) {
		rc = remote_configured(cli, url, sizeof url, &err);
		if (rc)
			return cli_fail(cli, rc, &err);
		cli_say(cli, "%s\n", url);
		cli_put_text(cli, "url", url);
		return CLI_OK;
	}
	rc = cli_flag(cli, "init") ? node_init(cli->home, &err) : node_main(&options, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_option options[] = {
	{ .name = "port", .letter = 'p', .kind = CLI_INT, .value = "PORT",
	  .help = "listen there instead; 0 takes any free one", .most = 65535 },
	{ .name = "address", .kind = CLI_TEXT, .value = "ADDRESS",
	  .help = "numeric; other than loopback needs node.allow_remote in config.json" },
	{ .name = "coordinator", .letter = 'c', .kind = CLI_TEXT, .value = "URL",
	  .help = "work for this coordinator; its API key: $MINER_API_KEY, or secrets/worker/key" },
	{ .name = "payout", .kind = CLI_TEXT, .value = "ADDRESS",
	  .help = "where payment for that work goes, on the coordinator's ledger" },
	{ .name = "print-url", .kind = CLI_FLAG, .help = "print the configured URL and end" },
	{ .name = "init", .kind = CLI_FLAG,
	  .help = "make home, identity and config as a first start does, and end" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no line when it is ready" },
	{ .name = NULL },
};

const struct cli_command command_node = {
	.name = "node",
	.summary = "run the local node: the OpenAI API, plugins, receipts",
	.about = "Starts the node in the foreground and serves the OpenAI API on loopback, port "
	         "8008, until Ctrl-C or SIGTERM; running answers get ten seconds to finish. The "
	         "first start makes the home: identity, config.json, state.db and a key for this "
	         "command line. SIGHUP reads config.json again. With a coordinator the node also works "
	         "for others: it asks for jobs over outgoing connections, and opens no port for them.",
	.options = options,
	.examples = { { "b3iq node", "serve http://127.0.0.1:8008/v1" },
	              { "b3iq node --port 0 --json",
	                "any free port; the ready line on stdout as JSON" },
	              { "MINER_API_KEY=... b3iq node --coordinator http://127.0.0.1:8000",
	                "work for a coordinator" },
	              { "b3iq node --init",
	                "make the home, to edit config.json before the first start" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.run = run,
};
