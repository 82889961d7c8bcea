#include "cli/commands/wallet.h"

#include "cli/commands/commands.h"
#include "core/base/log.h"

static int
run(struct cli *cli)
{
	const struct wallet_options options = { .home = cli->home,
		                                .address = cli_text(cli, "address", NULL),
		                                .port = (int32_t)cli_int(cli, "port", -1),
		                                .chain_url = cli_text(cli, "chain-url", NULL),
		                                .unlock = cli_text(cli, "unlock", NULL),
		                                .password_file = cli_text(cli, "password-file", NULL),
		                                .json = cli->json,
		                                .quiet = cli_flag(cli, "quiet") };
	const int32_t               level = log_level(cli_text(cli, "log-level", "info"));
	struct b3iq_error           err = NO_ERROR;
	int32_t                     rc;

	if (level < 0)
		return cli_error(cli, CLI_USAGE, "--log-level is debug, info, warn or error");
	log_setup(level, cli_flag(cli, "log-json") ? LOG_JSON : LOG_TEXT);
	rc = wallet_main(&options, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_option options[] = {
	{ .name = "port", .letter = 'p', .kind = CLI_INT, .value = "PORT",
	  .help = "listen there instead of 8015; 0 takes any free one", .most = 65535 },
	{ .name = "address", .kind = CLI_TEXT, .value = "ADDRESS",
	  .help = "another loopback address than 127.0.0.1" },
	{ .name = "unlock", .kind = CLI_TEXT, .value = "NAMES",
	  .help = "wallets that may sign from the start until the end, between spaces" },
	{ .name = "password-file", .kind = CLI_PATH, .value = "FILE",
	  .help = "their password: the first line of this file (mode 0600)" },
	PURSE_CHAIN,
	{ .name = "log-level", .kind = CLI_TEXT, .value = "LEVEL",
	  .help = "debug, info (the default), warn or error" },
	{ .name = "log-json", .kind = CLI_FLAG, .help = "log lines as JSON" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no line when it is ready" },
	{ .name = NULL },
};

const struct cli_command command_wallet = {
	.name = "wallet",
	.summary = "keys and money: the wallets of this home, and the daemon that signs",
	.about = "Alone it runs the wallet daemon in the foreground, on loopback port 8015, until Ctrl-C "
	         "or SIGTERM. Programs sign through it with tokens and within caps; the keys stay "
	         "in it. The verbs below work with and without it.",
	.options = options,
	.examples = { { "b3iq wallet create alice", "a new wallet" },
	              { "b3iq wallet send alice ait1... 0.25", "pay somebody" },
	              { "b3iq wallet", "run the daemon" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.subs = (const struct cli_command *const[]){ &wallet_create, &wallet_import, &wallet_export,
	                                             &wallet_list, &wallet_show, &wallet_address,
	                                             &wallet_balance, &wallet_send, &wallet_stake,
	                                             &wallet_unstake, &wallet_history, &wallet_sign,
	                                             &wallet_unlock, &wallet_lock, &wallet_password,
	                                             &wallet_delete, &wallet_token, &wallet_backup,
	                                             &wallet_restore, NULL },
	.run = run,
};
