/* main.c - the commands of the program.  Each is a table in cli/commands/. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "core/plugin/sandbox/child.h"

static const struct cli_command program = {
	.name = "b3iq",
	.summary = "an inference node whose work anybody can check",
	.about = "b3iq runs language models behind the OpenAI API, on this machine, and signs a "
	         "receipt for every answer. With its own engine (det-v1) a receipt can be "
	         "re-executed to the bit, on any machine that has the model. Any other name runs "
	         "the program b3iq-NAME from PATH.",
	.examples = { { "b3iq node", "start the node" },
	              { "b3iq run \"What is a receipt?\"", "ask it something" },
	              { "b3iq doctor", "when something is wrong" } },
	.subs = (const struct cli_command *const[]){
		&command_up, &command_node, &command_run, &command_chat, &command_model,
		&command_key, &command_plugin, &command_receipt, &command_submit, &command_status,
		&command_result, &command_cancel, &command_jobs, &command_receipts, &command_pay,
		&command_admin, &command_chain, &command_wallet, &command_coordinator,
		&command_doctor, &command_selftest, &command_version, &command_help,
		&command_completion, NULL,
	},
};

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
		return plugin_child_main(argc, argv);
	return cli_main(&program, argc, argv);
}
