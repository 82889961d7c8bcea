#include <stdio.h>

#include "cli/commands/commands.h"

static int
run(struct cli *cli)
{
	char abi[32];

	snprintf(abi, sizeof abi, "%u.%u", B3IQ_ABI_MAJOR, B3IQ_ABI_MINOR);
	cli_say(cli, "b3iq %s (plugin ABI %s)\n", B3IQ_VERSION, abi);
	cli_put_text(cli, "version", B3IQ_VERSION);
	cli_put_text(cli, "abi", abi);
	return CLI_OK;
}

const struct cli_command command_version = {
	.name = "version",
	.summary = "the version of this program and of its plugin interface",
	.about = "Plugins load when the major number of their ABI is this one.",
	.examples = { { "b3iq version", "for people" }, { "b3iq version --json", "for programs" } },
	.run = run,
};
