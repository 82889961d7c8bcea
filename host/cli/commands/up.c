#include "cli/commands/commands.h"
#include "cli/devnet/devnet.h"

static int
run(struct cli *cli)
{
	const struct devnet_options options = { .home = cli->home,
		                                .any_ports = cli_flag(cli, "any-ports"),
		                                .json = cli->json,
		                                .quiet = cli_flag(cli, "quiet") };
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = devnet_main(&options, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_option options[] = {
	{ .name = "any-ports", .kind = CLI_FLAG,
	  .help = "take any free ports instead of 8006, 26657, 8015, 8000 and 8008" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no lines when it is ready" },
	{ .name = NULL },
};

const struct cli_command command_up = {
	.name = "up",
	.summary = "a whole network on this machine: chain, wallet, coordinator, node",
	.about = "Starts all roles in one process, on loopback, with a funded wallet of a development "
	         "network, until Ctrl-C or SIGTERM. Then b3iq submit sends a job through the whole "
	         "flow: coordinator, escrow on the chain, lease, node, receipt, payment. Its money "
	         "is worth nothing, and the password of its wallets lies beside them.",
	.options = options,
	.examples = { { "b3iq up", "all roles, at their usual ports" },
	              { "b3iq up --any-ports --json", "any free ports; the addresses as JSON" },
	              { "b3iq submit inference --prompt \"What is a receipt?\" --wait",
	                "in another terminal: a job, paid and answered" } },
	.run = run,
};
