/* wallet.h - the nouns of `b3iq wallet`, each in its file: keys, money, tokens. */
#ifndef CLI_COMMANDS_WALLET_H
#define CLI_COMMANDS_WALLET_H

#include "cli/purse.h"

extern const struct cli_command wallet_create, wallet_import, wallet_export, wallet_list,
	wallet_show, wallet_address, wallet_password, wallet_delete, wallet_backup, wallet_restore;
extern const struct cli_command wallet_balance, wallet_send, wallet_stake, wallet_unstake,
	wallet_history;
extern const struct cli_command wallet_sign, wallet_unlock, wallet_lock;
extern const struct cli_command wallet_token;

/* Name, address and key of an entry as the result's members. */
void wallet_put_entry(struct json_object *, const struct keystore_entry *);

#endif
