/* commands.h - the commands, one file each; main.c puts them into one table. */
#ifndef CLI_COMMANDS_COMMANDS_H
#define CLI_COMMANDS_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command command_node, command_run, command_chat, command_model, command_key,
	command_plugin, command_receipt, command_doctor, command_selftest, command_version, command_wallet,
	command_submit, command_status, command_result, command_cancel, command_jobs,
	command_receipts, command_pay, command_up, command_admin, command_chain, command_coordinator,
	command_help,
	command_completion;

#endif
