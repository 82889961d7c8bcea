/* Money: what a wallet has, what it pays, what it did. */
#include <stdio.h>
#include <string.h>

#include "cli/commands/wallet.h"
#include "cli/term.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "wallet/sender.h"

#define WAIT_S 60

static int
chain_of(struct cli *cli, char url[RPC_URL_SIZE])
{
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = wallet_chain_url(cli_text(cli, "chain-url", NULL), url, RPC_URL_SIZE, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static void
put_amount(struct json_object *o, const char *key, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	amount_write(amount, text);
	json_put_string(o, key, text);
}

static void
say_amount(struct cli *cli, const char *what, uint64_t amount)
{
	char text[AMOUNT_SHOW];

	amount_show(amount, text);
	cli_say(cli, "%-14s %s\n", what, text);
}

/* ---- balance ----------------------------------------------------------------------- */

static int
balance(struct cli *cli)
{
	char                  url[RPC_URL_SIZE];
	struct b3iq_error     err = NO_ERROR;
	struct rpc_account    a;
	struct keystore_entry e;
	struct purse          p;
	uint64_t              held, count;
	int32_t               rc;
	int                   exit = purse_open(cli, &p);

	if (exit)
		return exit;
	exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	purse_close(&p);
	if (!exit)
		exit = chain_of(cli, url);
	if (exit)
		return exit;
	rc = rpc_account(url, &e.address, &a, &err);
	if (!rc)
		rc = rpc_held(url, &e.address, &held, &count, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	say_amount(cli, "available", a.available);
	say_amount(cli, "balance", a.balance);
	say_amount(cli, "in escrow", held);
	say_amount(cli, "stake", a.stake);
	say_amount(cli, "unbonding", a.unbonding);
	if (cli->json) {
		cli_put_text(cli, "name", e.name); /* makes the result */
		wallet_put_entry(cli->result, &e);
		put_amount(cli->result, "available", a.available);
		put_amount(cli->result, "balance", a.balance);
		put_amount(cli->result, "held", held);
		json_put_int(cli->result, "open_escrows", (int64_t)count);
		put_amount(cli->result, "stake", a.stake);
		put_amount(cli->result, "unbonding", a.unbonding);
		json_put_int(cli->result, "nonce", (int64_t)a.nonce);
		json_put_int(cli->result, "pending_nonce", (int64_t)a.pending_nonce);
	}
	return CLI_OK;
}

static const struct cli_option chain_options[] = { PURSE_CHAIN, { .name = NULL } };

const struct cli_command wallet_balance = {
	.name = "balance",
	.summary = "what a wallet has: free, in escrow, staked",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Asks the chain. Available is the balance less what waiting transactions spend; what is "
	         "locked in escrows, staked or unbonding is no part of it.",
	.options = chain_options,
	.examples = { { "b3iq wallet balance alice", "in AITBC" },
	              { "b3iq wallet balance alice --json", "in micro-AITBC, for a program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = balance,
};

/* ---- send, stake, unstake ------------------------------------------------------------- */

struct payment {
	struct sender_wish wish;
	const char        *to;          /* as it was typed */
	char               url[RPC_URL_SIZE];
	uint8_t            hash[TX_HASH];
};

struct local_key {
	struct ed25519_key *key;
};

static int32_t
sign_here(void *ctx, const char *wallet, struct tx *tx, struct b3iq_error *err)
{
	const struct local_key *k = ctx;

	(void)wallet;
	return tx_sign(tx, k->key, err);
}

static int
send_here(struct cli *cli, struct purse *p, struct payment *pay)
{
	struct local_key    k = { NULL };
	const struct sender sender = { pay->url, p->store, sign_here, &k };
	struct b3iq_error   err = NO_ERROR;
	struct outbox_entry entry;
	int32_t             rc;
	int                 exit = purse_key(cli, p, pay->wish.from, &k.key);

	if (exit)
		return exit;
	rc = sender_send(&sender, &pay->wish, &entry, &err);
	ed25519_free(k.key);
	memcpy(pay->hash, entry.hash, TX_HASH);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static bool
is_unlocked(struct purse *p, const char *name)
{
	struct json_object *answer = NULL;
	char                path[128];
	bool                locked = true;
	int                 status;

	snprintf(path, sizeof path, "/v1/wallets/%s", name);
	if (purse_call(p, "GET", path, NULL, &status, &answer, NULL) == B3IQ_OK && status == 200)
		(void)json_get_bool(answer, "locked", true, &locked, NULL);
	json_object_put(answer);
	return !locked;
}

static struct json_object *
wish_body(const struct payment *pay)
{
	struct json_object *body = json_object_new_object();

	if (!body)
		return NULL;
	json_put_string(body, "to", pay->to);
	put_amount(body, "amount", pay->wish.amount);
	if (pay->wish.has_fee)
		put_amount(body, "fee", pay->wish.fee);
	if (pay->wish.memo)
		json_put_string(body, "memo", pay->wish.memo);
	if (pay->wish.idempotency)
		json_put_string(body, "idempotency_key", pay->wish.idempotency);
	return body;
}

static int
send_through(struct cli *cli, struct purse *p, struct payment *pay)
{
	struct json_object *body = wish_body(pay), *answer = NULL;
	struct b3iq_error   err = NO_ERROR;
	const char         *hash = NULL;
	char                path[128];
	int                 status, exit = CLI_OK;
	int32_t             rc;

	snprintf(path, sizeof path, "/v1/wallets/%s/send", pay->wish.from->name);
	rc = purse_call(p, "POST", path, body, &status, &answer, &err);
	json_object_put(body);
	if (rc)
		exit = cli_fail(cli, rc, &err);
	else if (status != 200)
		exit = purse_refused(cli, status, answer);
	else if (json_get_string(answer, "hash", "", &hash, NULL) || !tx_hash_parse(hash, pay->hash))
		exit = cli_error(cli, CLI_FAILED, "the wallet daemon's answer has no hash");
	json_object_put(answer);
	return exit;
}

static int
read_payment(struct cli *cli, enum tx_kind kind, struct payment *pay)
{
	const char       *fee = cli_text(cli, "fee", NULL);
	struct b3iq_error err = NO_ERROR;
	int32_t           rc = B3IQ_OK;
	size_t            word = 1;

	pay->wish.kind = kind;
	if (kind == TX_TRANSFER) {
		pay->to = cli_word(cli, word++);
		rc = address_parse(pay->to, &pay->wish.to, &err);
	}
	if (!rc)
		rc = amount_parse(cli_word(cli, word), &pay->wish.amount, &err);
	if (!rc && fee)
		rc = amount_parse(fee, &pay->wish.fee, &err);
	pay->wish.has_fee = fee != NULL;
	pay->wish.memo = cli_text(cli, "memo", NULL);
	pay->wish.idempotency = cli_text(cli, "idempotency-key", NULL);
	return rc ? cli_error(cli, CLI_USAGE, "%s", err.text) : chain_of(cli, pay->url);
}

/* It is in a block, or the user does not want to know. */
static int
await(struct cli *cli, const struct payment *pay)
{
	struct b3iq_error err = NO_ERROR;
	char              hash[TX_HASH_TEXT], amount[AMOUNT_SHOW];
	uint64_t          height = 0;
	int32_t           rc = B3IQ_OK;

	tx_hash_write(pay->hash, hash);
	amount_show(pay->wish.amount, amount);
	cli_put_text(cli, "hash", hash);
	if (!cli_flag(cli, "no-wait"))
		rc = sender_wait(pay->url, pay->hash, (uint32_t)cli_int(cli, "wait", WAIT_S) * 1000,
		                 &height, &err);
	if (rc) {
		cli_say(cli, "%s %s\n", tx_kind_name(pay->wish.kind), hash);
		return cli_fail(cli, rc, &err);
	}
	cli_say(cli, "%s of %s %s", tx_kind_name(pay->wish.kind), amount, hash);
	if (cli_flag(cli, "no-wait"))
		cli_say(cli, " waits for its block\n");
	else
		cli_say(cli, " is in block %llu\n", (unsigned long long)height);
	if (!cli_flag(cli, "no-wait"))
		cli_put(cli, "height", json_object_new_int64((int64_t)height));
	return CLI_OK;
}

static int
pay_out(struct cli *cli, enum tx_kind kind)
{
	struct payment        pay = { .to = NULL };
	struct keystore_entry e;
	struct purse          p;
	int                   exit = read_payment(cli, kind, &pay);

	if (!exit)
		exit = purse_open(cli, &p);
	if (exit)
		return exit;
	exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	pay.wish.from = &e;
	if (!exit)
		exit = kind == TX_TRANSFER && is_unlocked(&p, e.name) ? send_through(cli, &p, &pay) :
		                                                        send_here(cli, &p, &pay);
	purse_close(&p);
	return exit ? exit : await(cli, &pay);
}

static int
send_money(struct cli *cli)
{
	return pay_out(cli, TX_TRANSFER);
}

static int
stake(struct cli *cli)
{
	return pay_out(cli, TX_STAKE);
}

static int
unstake(struct cli *cli)
{
	return pay_out(cli, TX_UNSTAKE);
}

#define PAY_OPTIONS                                                                            \
	{ .name = "fee", .kind = CLI_TEXT, .value = "AMOUNT",                                  \
	  .help = "default: the least that the chain takes" },                                 \
	{ .name = "idempotency-key", .kind = CLI_TEXT, .value = "KEY",                         \
	  .help = "asking again with the same key pays once" },                                \
	{ .name = "no-wait", .kind = CLI_FLAG, .help = "do not wait for the block" },          \
	{ .name = "wait", .kind = CLI_INT, .value = "SECONDS",                                 \
	  .help = "wait so long for the block; default 60", .least = 1, .most = 3600 },        \
	PURSE_CHAIN, PURSE_PASSWORD

static const struct cli_option send_options[] = {
	{ .name = "memo", .kind = CLI_TEXT, .value = "TEXT",
	  .help = "at most 128 bytes; everybody can read it" },
	PAY_OPTIONS,
	{ .name = NULL },
};
static const struct cli_option stake_options[] = { PAY_OPTIONS, { .name = NULL } };

const struct cli_command wallet_send = {
	.name = "send",
	.summary = "pay somebody, and wait until it is in a block",
	.words = "NAME ADDRESS AMOUNT",
	.least = 3,
	.most = 3,
	.about = "Signs a transfer and hands it to the chain: through the daemon where it runs with the "
	         "wallet unlocked, else after asking for the password. When the chain does not answer, "
	         "the same transaction is sent again, never a second one.",
	.options = send_options,
	.examples = { { "b3iq wallet send alice ait1... 0.25", "a quarter AITBC" },
	              { "b3iq wallet send alice ait1... \"10 AITBC\" --memo rent --idempotency-key rent-07",
	                "safe to repeat" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = send_money,
};

const struct cli_command wallet_stake = {
	.name = "stake",
	.summary = "lock money as a pledge of good service",
	.words = "NAME AMOUNT",
	.least = 2,
	.most = 2,
	.about = "Moves money from the balance to the stake, where it can be taken for bad service. It "
	         "comes back by b3iq wallet unstake, after the chain's unbonding time.",
	.options = stake_options,
	.examples = { { "b3iq wallet stake node 100", "a hundred AITBC" },
	              { "b3iq wallet stake node 100 --no-wait --json", "in a script" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = stake,
};

const struct cli_command wallet_unstake = {
	.name = "unstake",
	.summary = "take money out of the stake",
	.words = "NAME AMOUNT",
	.least = 2,
	.most = 2,
	.about = "The amount leaves the stake at once, is unbonding for the time of the chain's genesis, "
	         "and is then free.",
	.options = stake_options,
	.examples = { { "b3iq wallet unstake node 100", "a hundred AITBC" },
	              { "b3iq wallet balance node", "what is unbonding" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = unstake,
};

/* ---- history ------------------------------------------------------------------------------ */

static const char *
text_of(struct json_object *o, const char *key)
{
	const char *text = NULL;

	return json_get_string(o, key, "", &text, NULL) == B3IQ_OK ? text : "";
}

static void
add_row(struct term_table *table, struct json_object *item, const char *self)
{
	const char *amount = text_of(item, "amount"), *from = text_of(item, "from");
	const bool  out = strcmp(from, self) == 0, in = strcmp(text_of(item, "to"), self) == 0;
	char        shown[AMOUNT_SHOW] = "", height[24] = "waits", time[25];
	uint64_t    value;
	int64_t     block;

	if (amount_read(amount, strlen(amount), &value))
		amount_show(value, shown);
	if (json_get_int(item, "block_height", 0, INT64_MAX, -1, &block, NULL) == B3IQ_OK && block >= 0)
		snprintf(height, sizeof height, "%lld", (long long)block);
	snprintf(time, sizeof time, "%.19s", text_of(item, "timestamp"));
	term_cell(table, height);
	term_cell(table, time);
	term_cell(table, text_of(item, "kind"));
	term_cell(table, out ? "out" : in ? "in" : ""); /* else it names us: an escrow of ours ended */
	term_cell(table, shown);
	term_cell(table, out ? text_of(item, "to") : from);
	term_cell(table, text_of(item, "hash"));
}

struct local_rows {
	struct json_object *list;
	struct term_table  *table;
};

/* What the chain has taken it shows itself. */
static int32_t
add_local(void *arg, const struct outbox_entry *entry)
{
	struct local_rows  *l = arg;
	struct json_object *o = json_object_new_object();
	char                hash[TX_HASH_TEXT], amount[AMOUNT_SHOW], to[ADDRESS_SIZE] = "";

	tx_hash_write(entry->hash, hash);
	amount_show(tx_outlay(&entry->tx), amount);
	if (entry->tx.kind == TX_TRANSFER)
		address_write(&entry->tx.transfer.to, to);
	json_put_string(o, "hash", hash);
	json_put_string(o, "state", outbox_state_name(entry->state));
	json_put_string(o, "note", entry->note);
	put_amount(o, "amount", tx_outlay(&entry->tx));
	if (entry->state == OUTBOX_SENT)
		return json_add(l->list, o);
	term_cell(l->table, outbox_state_name(entry->state));
	term_cell(l->table, "");
	term_cell(l->table, tx_kind_name(entry->tx.kind));
	term_cell(l->table, "out");
	term_cell(l->table, amount);
	term_cell(l->table, to);
	term_cell(l->table, hash);
	return json_add(l->list, o);
}

static int32_t
fill_history(struct purse *p, const char *url, const struct keystore_entry *e, int64_t limit,
             struct local_rows *l, struct json_object **chain, struct b3iq_error *err)
{
	char    self[ADDRESS_SIZE];
	int32_t rc = outbox_list(p->store, e->name, -1, (uint32_t)limit, add_local, l, err);

	address_write(&e->address, self);
	if (!rc)
		rc = rpc_history(url, &e->address, (uint64_t)limit, chain, err);
	for (size_t i = 0; !rc && i < json_object_array_length(*chain); i++)
		add_row(l->table, json_object_array_get_idx(*chain, i), self);
	return rc;
}

static int
history(struct cli *cli)
{
	static const char *const head[] = { "BLOCK", "TIME", "KIND", "", "AMOUNT", "WITH", "HASH", NULL };
	char                  url[RPC_URL_SIZE];
	struct b3iq_error     err = NO_ERROR;
	struct json_object   *chain = NULL;
	struct term_table     table;
	struct local_rows     l = { NULL, &table };
	struct keystore_entry e;
	struct purse          p;
	int32_t               rc;
	int                   exit = chain_of(cli, url);

	if (!exit)
		exit = purse_open(cli, &p);
	if (exit)
		return exit;
	exit = purse_entry(cli, &p, cli_word(cli, 0), &e);
	if (!exit) {
		l.list = json_object_new_array();
		term_table_init(&table, head);
		rc = fill_history(&p, url, &e, cli_int(cli, "limit", 20), &l, &chain, &err);
		term_table_finish(&table, cli->json || rc ? NULL : stdout);
		cli_put(cli, "sent", l.list);
		if (!rc)
			cli_put(cli, "transactions", chain);
		exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
	}
	purse_close(&p);
	return exit;
}

static const struct cli_option history_options[] = {
	{ .name = "limit", .letter = 'n', .kind = CLI_INT, .value = "N",
	  .help = "at most so many; default 20", .least = 1, .most = 100 },
	PURSE_CHAIN,
	{ .name = NULL },
};

const struct cli_command wallet_history = {
	.name = "history",
	.summary = "what went in and out, newest first",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "The account's transactions as the chain has them, and what this home has signed and the "
	         "chain has refused or not answered for.",
	.options = history_options,
	.examples = { { "b3iq wallet history alice", "the latest twenty" },
	              { "b3iq wallet history alice -n 100 --json", "for a program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = history,
};
