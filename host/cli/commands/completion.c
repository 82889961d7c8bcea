#include "cli/completion.h"
#include "cli/commands/commands.h"

static int
run(struct cli *cli)
{
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = completion_print(cli->root, cli_word(cli, 0), stdout, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

const struct cli_command command_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.words = "bash|zsh|fish",
	.least = 1,
	.most = 1,
	.about = "The installed package has these scripts in place; this command prints them for a "
	         "shell that does not look there.",
	.examples = { { "source <(b3iq completion bash)", "in this bash, or in ~/.bashrc" },
	              { "b3iq completion fish > ~/.config/fish/completions/b3iq.fish",
	                "for fish, for good" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = run,
};
