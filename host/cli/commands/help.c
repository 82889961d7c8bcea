#include <stdio.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/help.h"
#include "cli/option.h"

static int
run(struct cli *cli)
{
	struct cli other = { .root = cli->root };
	int        argc = (int)cli->n_words;
	char     **argv = cli->words;

	if (cli_flag(cli, "man")) {
		help_man(cli->root, B3IQ_VERSION, stdout);
		return CLI_OK;
	}
	if (cli_flag(cli, "markdown")) {
		help_markdown(cli->root, stdout);
		return CLI_OK;
	}
	option_command(&other, &argc, &argv);
	if (argc)
		return cli_error(cli, CLI_NOT_FOUND, "no command \"%.40s\"; b3iq help lists them",
		                 argv[0]);
	help_print(other.command, other.path, stdout);
	return CLI_OK;
}

static const struct cli_option options[] = {
	{ .name = "man", .kind = CLI_FLAG, .help = "the manual page, as roff" },
	{ .name = "markdown", .kind = CLI_FLAG, .help = "docs/cli.md" },
	{ .name = NULL },
};

const struct cli_command command_help = {
	.name = "help",
	.summary = "explain a command, or list them all",
	.words = "[COMMAND...]",
	.most = 4,
	.about = "The same as --help behind a command, and the sources of the manual page and of "
	         "docs/cli.md.",
	.options = options,
	.examples = { { "b3iq help receipt audit", "what an audit does" },
	              { "b3iq help --man | man -l -", "everything, as a manual page" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = run,
};
