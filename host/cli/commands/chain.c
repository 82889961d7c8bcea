#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/chain.h"
#include "chain/ledger/replay.h"
#include "chain/state/witness.h"
#include "cli/commands/commands.h"
#include "cli/term.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/http/client.h"
#include "core/role/home.h"

#define REPLY_MAX (32u << 20)
#define SILENCE_MS 30000

/* ---- where the chain is ---------------------------------------------------- */

#define URL_OPTION                                                                            \
	{ .name = "url", .kind = CLI_TEXT, .value = "URL",                                    \
	  .help = "the chain; default $B3IQ_CHAIN_URL, or the one that runs in this home" }

static int32_t
find_url(struct cli *cli, char out[HOME_URL_SIZE], struct b3iq_error *err)
{
	const char *url = cli_text(cli, "url", getenv("B3IQ_CHAIN_URL"));
	struct home home;
	int32_t     rc;

	if (url) {
		if (snprintf(out, HOME_URL_SIZE, "%s", url) >= HOME_URL_SIZE)
			return fail(err, B3IQ_E_INVALID, "the URL of the chain is too long");
	} else {
		rc = home_open(&home, cli->home, err);
		if (rc)
			return rc;
		if (!home_locked_by(&home, "chain", out) || !out[0])
			snprintf(out, HOME_URL_SIZE, "http://127.0.0.1:%d", CHAIN_PORT);
		home_close(&home);
	}
	for (size_t n = strlen(out); n && out[n - 1] == '/'; n--)
		out[n - 1] = '\0';
	return B3IQ_OK;
}

static int
say_status(struct cli *cli, const struct client_reply *reply)
{
	char message[512];

	client_reply_message(reply, message, sizeof message);
	if (reply->status == 404)
		return cli_error(cli, CLI_NOT_FOUND, "%s", message);
	if (reply->status == 403)
		return cli_error(cli, CLI_DENIED, "%s", message);
	return cli_error(cli, CLI_FAILED, "%s (HTTP %d)", message, reply->status);
}

/* One call; the exit code, said. */
static int
call(struct cli *cli, const char *path, const char *body, size_t len, struct json_object **out)
{
	static const char *const json[] = { "Content-Type: application/json", NULL };
	char                  base[HOME_URL_SIZE], url[HOME_URL_SIZE + 512];
	struct client_request rq = { .method = body ? "POST" : "GET", .url = url, .body = body,
		                     .body_len = len, .headers = body ? json : NULL,
		                     .silence_ms = SILENCE_MS, .cancel_fd = cli_interrupt_fd() };
	struct client_reply   reply;
	struct client        *client = NULL;
	struct b3iq_error     err = NO_ERROR;
	int32_t               rc = find_url(cli, base, &err);
	int                   exit = CLI_OK;

	*out = NULL;
	client_reply_init(&reply, REPLY_MAX);
	if (!rc)
		rc = client_create(&client, &err);
	if (!rc && snprintf(url, sizeof url, "%s%s", base, path) >= (int)sizeof url)
		rc = fail(&err, B3IQ_E_INVALID, "the path is too long");
	if (!rc)
		rc = client_call(client, &rq, &reply, &err);
	if (rc == B3IQ_E_UNAVAILABLE)
		exit = cli_error(cli, CLI_NO_NODE, "no chain answers at %s: start one with b3iq chain",
		                 base);
	else if (rc)
		exit = cli_fail(cli, rc, &err);
	else if (reply.status < 200 || reply.status > 299)
		exit = say_status(cli, &reply);
	else if ((rc = json_parse(reply.body.data ? reply.body.data : "", reply.body.len,
	                          "the chain's answer", out, &err)))
		exit = cli_fail(cli, rc, &err);
	client_destroy(client);
	client_reply_finish(&reply);
	return exit;
}

/* ---- showing ---------------------------------------------------------------- */

/* Every member into the result; those of `names` (up to NULL) as lines. */
static void
show(struct cli *cli, struct json_object *o, const char *const *names)
{
	json_object_object_foreach(o, key, value)
		cli_put(cli, key, json_object_get(value));
	for (; !cli->json && *names; names++) {
		struct json_object *member = json_object_object_get(o, *names);

		if (!member)
			continue;
		printf("%-18s ", *names);
		term_word(stdout, json_object_get_string(member));
		putchar('\n');
	}
}

static int
show_path(struct cli *cli, const char *path, const char *const *names)
{
	struct json_object *o;
	int                 exit = call(cli, path, NULL, 0, &o);

	if (!exit)
		show(cli, o, names);
	json_object_put(o);
	return exit;
}

/* A word that goes into a path: what no id needs is refused. */
static int
path_word(struct cli *cli, const char *before, const char *word, const char *behind, char *out,
          size_t size)
{
	if (word[strspn(word, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/")] ||
	    snprintf(out, size, "%s%s%s", before, word, behind) >= (int)size)
		return cli_error(cli, CLI_USAGE, "that is no height, hash, address or key");
	return CLI_OK;
}

/* ---- reads ------------------------------------------------------------------- */

static const char *const block_names[] = { "height", "hash", "parent_hash", "timestamp", "tx_count",
	                                   "proposer", "state_root", "transactions_root",
	                                   "receipts_root", "chain_id", NULL };

static int
head(struct cli *cli)
{
	static const char *const names[] = { "height", "hash", "timestamp", "chain_id", "state_root",
		                             "total_transactions", "total_receipts", "supply_aitbc",
		                             "min_fee", "mempool_size", "proposes", NULL };

	return show_path(cli, "/rpc/info", names);
}

static int
block(struct cli *cli)
{
	char path[256];
	int  exit = path_word(cli, "/rpc/blocks/", cli_word(cli, 0), "", path, sizeof path);

	return exit ? exit : show_path(cli, path, block_names);
}

static int
tx(struct cli *cli)
{
	static const char *const names[] = { "hash", "status", "block_height", "index", "kind", "from",
		                             "to", "amount", "fee", "nonce", "timestamp", NULL };
	char path[256];
	int  exit = path_word(cli, "/rpc/tx/", cli_word(cli, 0), "", path, sizeof path);

	return exit ? exit : show_path(cli, path, names);
}

/* With --prove the answer is a proof, on stdout as it goes into a file. */
static int
prove(struct cli *cli, const char *path)
{
	struct json_object *o;
	struct buf          text;
	int                 exit = call(cli, path, NULL, 0, &o);

	if (!exit && cli->json) {
		show(cli, o, (const char *const[]){ NULL });
	} else if (!exit) {
		buf_init(&text, REPLY_MAX);
		if (json_write(o, &text) == B3IQ_OK)
			printf("%s\n", text.data);
		buf_free(&text);
	}
	json_object_put(o);
	return exit;
}

static int
account(struct cli *cli)
{
	static const char *const names[] = { "address", "balance_aitbc", "balance", "available", "nonce",
		                             "pending_nonce", "stake", "exists", NULL };
	char path[256];
	const bool proof = cli_flag(cli, "prove");
	int  exit = path_word(cli, proof ? "/rpc/entry/account/" : "/rpc/accounts/", cli_word(cli, 0),
	                      proof ? "?prove=true" : "", path, sizeof path);

	if (exit)
		return exit;
	return proof ? prove(cli, path) : show_path(cli, path, names);
}

static int
escrow(struct cli *cli)
{
	static const char *const names[] = { "id", "state", "amount", "buyer", "arbiter", "deadline",
		                             "to", "paid", "cut", "digest", NULL };
	char path[256];
	const bool proof = cli_flag(cli, "prove");
	int  exit = path_word(cli, proof ? "/rpc/entry/escrow/" : "/rpc/escrow/", cli_word(cli, 0),
	                      proof ? "?prove=true" : "", path, sizeof path);

	if (exit)
		return exit;
	return proof ? prove(cli, path) : show_path(cli, path, names);
}

static int
entry(struct cli *cli)
{
	static const char *const names[] = { "key", "value", NULL };
	char path[256];
	const bool proof = cli_flag(cli, "prove");
	int  exit = path_word(cli, "/rpc/entry/", cli_word(cli, 0), proof ? "?prove=true" : "", path,
	                      sizeof path);

	if (exit)
		return exit;
	return proof ? prove(cli, path) : show_path(cli, path, names);
}

static const struct cli_option url_options[] = { URL_OPTION, { .name = NULL } };
static const struct cli_option prove_options[] = {
	URL_OPTION,
	{ .name = "prove", .kind = CLI_FLAG,
	  .help = "print a proof for b3iq chain proof instead, of presence or of absence" },
	{ .name = NULL },
};
static const int read_exits[] = { CLI_NOT_FOUND, CLI_NO_NODE, 0 };

static const struct cli_command chain_head = {
	.name = "head", .summary = "the latest block and what the chain counts",
	.about = "Shows the head of the chain: height, hashes, supply, and what waits for a block.",
	.options = url_options,
	.examples = { { "b3iq chain head", "of the chain in this home" },
	              { "b3iq chain head --url http://127.0.0.1:8006 --json", "of another one" } },
	.exits = read_exits, .run = head,
};
static const struct cli_command chain_block = {
	.name = "block", .summary = "one block", .words = "HEIGHT|HASH", .least = 1, .most = 1,
	.about = "Shows the header of a block; with --json its transactions as well.",
	.options = url_options,
	.examples = { { "b3iq chain block 12", "by height" },
	              { "b3iq chain block latest --json", "the head, with its transactions" } },
	.exits = read_exits, .run = block,
};
static const struct cli_command chain_tx = {
	.name = "tx", .summary = "one transaction: pending, or in which block", .words = "HASH",
	.least = 1, .most = 1,
	.about = "Shows a transaction by its hash, with or without 0x.",
	.options = url_options,
	.examples = { { "b3iq chain tx 0x5f..", "is it in a block?" },
	              { "b3iq chain tx 0x5f.. --json", "all of it" } },
	.exits = read_exits, .run = tx,
};
static const struct cli_command chain_account = {
	.name = "account", .summary = "balance, nonce and stake of an address", .words = "ADDRESS",
	.least = 1, .most = 1,
	.about = "Shows an account as of the head. available is the balance without what waits to be "
	         "spent.",
	.options = prove_options,
	.examples = { { "b3iq chain account ait1..", "what it has" },
	              { "b3iq chain account ait1.. --prove > proof.json",
	                "a proof that needs no trust in this chain's RPC" } },
	.exits = read_exits, .run = account,
};
static const struct cli_command chain_escrow = {
	.name = "escrow", .summary = "one escrow: open, released or refunded", .words = "ID",
	.least = 1, .most = 1,
	.about = "Shows an escrow by its id of 64 hex digits.",
	.options = prove_options,
	.examples = { { "b3iq chain escrow 5f..", "who locked what, until when" },
	              { "b3iq chain escrow 5f.. --prove", "the same as a proof" } },
	.exits = read_exits, .run = escrow,
};
static const struct cli_command chain_entry = {
	.name = "entry", .summary = "any entry of the state by its key", .words = "KEY", .least = 1,
	.most = 1,
	.about = "Keys are account/ADDRESS, escrow/ID, unbonding/ADDRESS/NONCE, node/KEY, model/ROOT, "
	         "supply and genesis; with --prove also tx/HASH and receipt/ROOT.",
	.options = prove_options,
	.examples = { { "b3iq chain entry supply", "all the money there is" },
	              { "b3iq chain entry receipt/5f.. --prove > proof.json",
	                "a proof that a block commits to this receipt root" } },
	.exits = read_exits, .run = entry,
};

/* ---- send-raw ---------------------------------------------------------------- */

static int
send_raw(struct cli *cli)
{
	static const char *const names[] = { "tx_hash", "status", NULL };
	const char         *file = cli_word(cli, 0);
	struct b3iq_error   err = NO_ERROR;
	struct json_object *o = NULL;
	struct buf          text;
	size_t              n;
	int32_t             rc = B3IQ_OK;
	int                 exit;

	buf_init(&text, 16384);
	if (strcmp(file, "-") == 0) {
		char piece[4096];

		while (!rc && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
			rc = buf_append(&text, piece, n);
		if (rc)
			fail(&err, rc, "stdin is longer than a transaction can be");
	} else {
		rc = path_read(file, &text, &err);
	}
	exit = rc ? cli_fail(cli, rc, &err) :
	            call(cli, "/rpc/transaction", text.data ? text.data : "", text.len, &o);
	if (!exit)
		show(cli, o, names);
	json_object_put(o);
	buf_free(&text);
	return exit;
}

static const struct cli_command chain_send_raw = {
	.name = "send-raw", .summary = "send a signed transaction", .words = "FILE|-", .least = 1,
	.most = 1,
	.about = "Sends a transaction that was signed elsewhere, {\"body\",\"key\",\"signature\"}, and "
	         "prints its hash. b3iq wallet send makes, signs and sends one in a single step.",
	.options = url_options,
	.examples = { { "b3iq chain send-raw tx.json", "from a file" },
	              { "b3iq chain send-raw - < tx.json", "from stdin" } },
	.exits = (const int[]){ CLI_DENIED, CLI_NO_NODE, 0 }, .run = send_raw,
};

/* ---- verify ------------------------------------------------------------------ */

static int
chain_file(struct cli *cli, char out[PATH_SIZE])
{
	const char       *given = cli_text(cli, "file", NULL);
	struct b3iq_error err = NO_ERROR;
	struct home       home;
	int32_t           rc;

	if (given)
		rc = path_join(out, &err, given, NULL);
	else if (!(rc = home_open(&home, cli->home, &err))) {
		rc = home_path(&home, out, &err, "chain.db", NULL);
		home_close(&home);
	}
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static void
put_hash(struct cli *cli, const char *key, const uint8_t hash[32])
{
	char text[65];

	hex_encode(hash, 32, text);
	cli_put_text(cli, key, text);
	cli_say(cli, "%-18s %s\n", key, text);
}

static void
put_count(struct cli *cli, const char *key, uint64_t value)
{
	cli_put(cli, key, json_object_new_int64((int64_t)value));
	cli_say(cli, "%-18s %llu\n", key, (unsigned long long)value);
}

static int
verify(struct cli *cli)
{
	struct replay_report report;
	struct b3iq_error    err = NO_ERROR;
	char                 file[PATH_SIZE];
	int32_t              rc;
	int                  exit = chain_file(cli, file);

	if (exit)
		return exit;
	rc = replay_verify(file, &report, &err);
	if (rc == B3IQ_E_INTERNAL || rc == B3IQ_E_DENIED || rc == B3IQ_E_INVALID)
		return cli_error(cli, CLI_UNVERIFIED, "%s", err.text);
	if (rc)
		return cli_fail(cli, rc, &err);
	put_count(cli, "height", report.height);
	put_count(cli, "transactions", report.transactions);
	put_count(cli, "entries", report.entries);
	put_count(cli, "supply", report.supply);
	put_hash(cli, "head", report.head);
	put_hash(cli, "state", report.state);
	put_hash(cli, "genesis", report.genesis);
	cli_put(cli, "verified", json_object_new_boolean(1));
	cli_say(cli, "every block was executed again: signatures, roots and supply hold\n");
	return CLI_OK;
}

static const struct cli_option verify_options[] = {
	{ .name = "file", .kind = CLI_PATH, .value = "FILE",
	  .help = "a chain.db; default: that of this home" },
	{ .name = NULL },
};
static const struct cli_command chain_verify = {
	.name = "verify", .summary = "execute every block again and compare",
	.about = "Reads chain.db, also beside a running chain, executes all blocks from the genesis, "
	         "and compares headers, signatures, roots, supply and every entry of the state.",
	.options = verify_options,
	.examples = { { "b3iq chain verify", "the chain of this home" },
	              { "b3iq chain verify --file backup/chain.db", "a backup" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_UNVERIFIED, 0 }, .run = verify,
};

/* ---- genesis ----------------------------------------------------------------- */

static int
genesis(struct cli *cli)
{
	struct json_object *o, *doc;
	struct buf          text;
	int                 exit = call(cli, "/rpc/genesis", NULL, 0, &o);

	if (!exit && cli->json) {
		show(cli, o, (const char *const[]){ NULL });
	} else if (!exit && json_object_object_get_ex(o, "genesis", &doc)) {
		buf_init(&text, REPLY_MAX);
		if (json_canonical(doc, &text, NULL) == B3IQ_OK)
			printf("%s\n", text.data);
		buf_free(&text);
	}
	json_object_put(o);
	return exit;
}

static const struct cli_command chain_genesis = {
	.name = "genesis", .summary = "the genesis, for b3iq chain --genesis on another machine",
	.about = "Prints block 0 of the chain: accounts, proposers, fees.",
	.options = url_options,
	.examples = { { "b3iq chain genesis > genesis.json", "to follow this chain elsewhere" },
	              { "b3iq chain genesis --json", "with its hash" } },
	.exits = read_exits, .run = genesis,
};

/* ---- proof ------------------------------------------------------------------- */

#define PINNED_MAX 16

/* --proposer may be several keys between commas. */
static int
read_pins(struct cli *cli, uint8_t (*keys)[ED25519_PUBLIC], size_t *n)
{
	const char *at = cli_text(cli, "proposer", "");
	char        name[ED25519_NAME_SIZE];

	for (*n = 0; *at; (*n)++) {
		const size_t len = strcspn(at, ",");

		if (*n == PINNED_MAX || len >= sizeof name)
			return cli_error(cli, CLI_USAGE, "--proposer is ed25519:<64 hex>");
		memcpy(name, at, len);
		name[len] = '\0';
		if (!ed25519_parse(name, keys[*n]))
			return cli_error(cli, CLI_USAGE, "--proposer is ed25519:<64 hex>");
		at += len + (at[len] == ',');
	}
	return CLI_OK;
}

static int
read_witness(struct cli *cli, struct witness *w)
{
	struct b3iq_error   err = NO_ERROR;
	struct json_object *doc = NULL;
	struct buf          text;
	char                piece[4096];
	size_t              n;
	int32_t             rc = B3IQ_OK;

	buf_init(&text, WITNESS_MAX);
	if (strcmp(cli_word(cli, 0), "-") == 0) {
		while (!rc && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
			rc = buf_append(&text, piece, n);
	} else {
		rc = path_read(cli_word(cli, 0), &text, &err);
	}
	if (!rc)
		rc = json_parse(text.data ? text.data : "", text.len, "the proof", &doc, &err);
	if (!rc)
		rc = witness_read(doc, w, &err);
	json_object_put(doc);
	buf_free(&text);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static void
say_witness(struct cli *cli, const struct witness *w)
{
	static const char *const kinds[] = { "state", "transaction", "receipt" };

	cli_put(cli, "verified", json_object_new_boolean(1));
	cli_put_text(cli, "kind", kinds[w->kind]);
	put_count(cli, "height", w->header.height);
	put_count(cli, "time_ms", w->header.time);
	if (w->kind != WITNESS_STATE) {
		put_hash(cli, w->kind == WITNESS_RECEIPT ? "root" : "hash", w->hash);
		cli_say(cli, "block %llu commits to this %s\n", (unsigned long long)w->header.height,
		        kinds[w->kind]);
		return;
	}
	cli_put_text(cli, "key", w->key);
	cli_put(cli, "value", w->present ? json_object_new_string_len(w->value, (int)w->value_len) :
	                                   NULL);
	cli_say(cli, "%s %s%s\n", w->key, w->present ? "is " : "is not in the state",
	        w->present ? w->value : "");
}

static int
proof(struct cli *cli)
{
	const char       *hash = cli_text(cli, "block", NULL);
	uint8_t           keys[PINNED_MAX][ED25519_PUBLIC], block_hash[32];
	struct b3iq_error err = NO_ERROR;
	struct witness   *w = calloc(1, sizeof *w);
	size_t            n = 0;
	int32_t           rc;
	int               exit = w ? read_pins(cli, keys, &n) : CLI_FAILED;

	if (!exit && hash && !tx_hash_parse(hash, block_hash))
		exit = cli_error(cli, CLI_USAGE, "--block is a hash of 64 hex digits");
	if (!exit)
		exit = read_witness(cli, w);
	if (!exit) {
		rc = witness_check(w, (const uint8_t (*)[ED25519_PUBLIC])keys, n,
		                   hash ? block_hash : NULL, &err);
		if (rc == B3IQ_OK)
			say_witness(cli, w);
		else
			exit = cli_error(cli, rc == B3IQ_E_INVALID ? CLI_USAGE : CLI_UNVERIFIED, "%s",
			                 err.text);
	}
	free(w);
	return exit;
}

static const struct cli_option proof_options[] = {
	{ .name = "proposer", .kind = CLI_TEXT, .value = "KEY",
	  .help = "trust blocks that this key signed: ed25519:<hex>; several between commas" },
	{ .name = "block", .kind = CLI_TEXT, .value = "HASH", .help = "trust the block of this hash" },
	{ .name = NULL },
};
static const struct cli_command chain_proof = {
	.name = "proof", .summary = "check a proof of an account, a transaction or a receipt, offline",
	.words = "FILE|-", .least = 1, .most = 1,
	.about = "Checks a document of --prove without any network. It trusts nothing in it: the "
	         "header must be signed by the key that you name, or have the hash that you name.",
	.options = proof_options,
	.examples = { { "b3iq chain proof proof.json --proposer ed25519:5f..", "by a pinned key" },
	              { "b3iq chain account ait1.. --prove | b3iq chain proof - --proposer ed25519:5f..",
	                "in one go" } },
	.exits = (const int[]){ CLI_UNVERIFIED, 0 }, .run = proof,
};

/* ---- the role ----------------------------------------------------------------- */

static int
run(struct cli *cli)
{
	const struct chain_options options = {
		.home = cli->home,
		.address = cli_text(cli, "address", NULL),
		.port = (int32_t)cli_int(cli, "port", -1),
		.comet_port = cli_flag(cli, "no-comet") ? -2 : (int32_t)cli_int(cli, "comet-port", -1),
		.genesis = cli_text(cli, "genesis", NULL),
		.name = cli_text(cli, "chain-id", NULL),
		.idle_s = (uint32_t)cli_int(cli, "idle", 0),
		.remote = cli_flag(cli, "allow-remote"),
		.json = cli->json,
		.quiet = cli_flag(cli, "quiet"),
	};
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = chain_main(&options, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static const struct cli_option options[] = {
	{ .name = "port", .letter = 'p', .kind = CLI_INT, .value = "PORT",
	  .help = "listen there instead of 8006; 0 takes any free one", .most = 65535 },
	{ .name = "comet-port", .kind = CLI_INT, .value = "PORT",
	  .help = "the same RPC there instead of 26657; 0 takes any free one", .most = 65535 },
	{ .name = "no-comet", .kind = CLI_FLAG, .help = "no second port" },
	{ .name = "address", .kind = CLI_TEXT, .value = "ADDRESS",
	  .help = "numeric; default 127.0.0.1; another needs --allow-remote" },
	{ .name = "allow-remote", .kind = CLI_FLAG, .help = "other machines may connect" },
	{ .name = "genesis", .kind = CLI_PATH, .value = "FILE",
	  .help = "begin or follow the chain of this genesis; default: a development network" },
	{ .name = "chain-id", .kind = CLI_TEXT, .value = "NAME",
	  .help = "of a new development network; default ait-devnet" },
	{ .name = "idle", .kind = CLI_INT, .value = "SECONDS",
	  .help = "make an empty block after so long without one; default: never", .least = 1,
	  .most = 86400 },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "no line when it is ready" },
	{ .name = NULL },
};

const struct cli_command command_chain = {
	.name = "chain",
	.summary = "run the local chain, or ask one: blocks, accounts, proofs",
	.about = "Without a command: runs the chain in the foreground until Ctrl-C or SIGTERM. It "
	         "keeps accounts, escrows, stakes and receipt roots in signed blocks, and serves "
	         "JSON-RPC and REST on loopback, port 8006 (and 26657). The first start makes a "
	         "development network with a faucet. docs/chain.md has the formats.",
	.options = options,
	.examples = { { "b3iq chain", "run it on http://127.0.0.1:8006" },
	              { "b3iq chain head", "what the running one has" },
	              { "b3iq chain verify", "execute every block again" } },
	.exits = (const int[]){ CLI_DENIED, 0 },
	.subs = (const struct cli_command *const[]){ &chain_head, &chain_block, &chain_tx,
	                                             &chain_account, &chain_escrow, &chain_entry,
	                                             &chain_send_raw, &chain_verify, &chain_genesis,
	                                             &chain_proof, NULL },
	.run = run,
};
