#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/local.h"
#include "cli/settled.h"
#include "cli/term.h"
#include "cli/ticket.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/receipt/bundle.h"
#include "core/receipt/receipt_audit.h"
#include "core/receipt/receipt_log.h"
#include "core/receipt/receipt_verify.h"
#include "node/state.h"

#define KEYS_MAX 16 /* pinned keys of one verification */

/* ---- reading a bundle --------------------------------------------------- */

/* "-" is stdin. */
static int
read_file(struct cli *cli, const char *file, struct buf *out)
{
	struct b3iq_error err = NO_ERROR;
	char              piece[16384];
	size_t            n;
	int32_t           rc = B3IQ_OK;

	buf_init(out, BUNDLE_MAX);
	if (strcmp(file, "-") == 0) {
		while (!rc && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
			rc = buf_append(out, piece, n);
		return rc ? cli_error(cli, CLI_FAILED, "stdin is longer than a bundle can be")
		          : CLI_OK;
	}
	rc = path_read(file, out, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* ---- list --------------------------------------------------------------- */

struct listing {
	struct json_object *rows;
	struct term_table   table;
	uint64_t            before;
	uint32_t            limit;
};

static int32_t
list_entry(void *arg, const struct receipt_entry *e)
{
	static const char *const kinds[] = { "final", "prefix", "failure" };
	struct listing          *l = arg;
	struct json_object      *row = json_object_new_object();
	struct receipt           r;
	char                     time[25], hash[65];

	if (!row || receipt_read(e->body, e->body_len, &r, NULL)) {
		json_object_put(row);
		return row ? B3IQ_OK : B3IQ_E_NO_MEMORY; /* a damaged one is for verify to name */
	}
	clock_iso(r.start_ms, time);
	hex_encode(e->hash, sizeof e->hash, hash);
	time[19] = '\0';
	term_cellf(&l->table, "%llu", (unsigned long long)e->seq);
	term_cell(&l->table, e->id);
	term_cell(&l->table, time);
	term_cell(&l->table, kinds[r.kind]);
	term_cellf(&l->table, "T%d", (int)r.tier);
	term_cell(&l->table, r.model);
	term_cellf(&l->table, "%llu", (unsigned long long)r.prompt_tokens);
	term_cellf(&l->table, "%llu", (unsigned long long)r.output_tokens);
	json_put_int(row, "seq", (int64_t)e->seq);
	json_put_string(row, "id", e->id);
	json_put_string(row, "hash", hash);
	json_put(row, "receipt", json_tokener_parse(e->body));
	return json_object_array_add(l->rows, row) ? B3IQ_E_NO_MEMORY : B3IQ_OK;
}

static int32_t
list_all(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct listing *l = arg;

	return receipt_log_list(tx, l->before, l->limit, list_entry, l, err);
}

/* Runs a closure on the home's state.db. */
static int
with_state(struct cli *cli, store_fn *fn, void *arg)
{
	struct b3iq_error err = NO_ERROR;
	struct home       home;
	struct store     *store = NULL;
	int32_t           rc = home_open(&home, cli->home, &err);

	if (!rc) {
		rc = state_open(&home, &store, &err);
		if (!rc)
			rc = store_read(store, fn, arg, &err);
		store_close(store);
		home_close(&home);
	}
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "SEQ", "RECEIPT", "TIME (UTC)", "KIND", "TIER", "MODEL",
		                            "PROMPT", "OUTPUT", NULL };
	struct listing l = { .rows = json_object_new_array(),
		             .limit = (uint32_t)cli_int(cli, "limit", 20),
		             .before = (uint64_t)cli_int(cli, "before", 0) };
	int            exit;

	term_table_init(&l.table, head);
	exit = with_state(cli, list_all, &l);
	term_table_finish(&l.table, cli->json || exit ? NULL : stdout);
	if (exit)
		json_object_put(l.rows);
	else
		cli_put(cli, "receipts", l.rows);
	return exit;
}

/* ---- show --------------------------------------------------------------- */

struct lookup {
	const char *id;
	struct buf  envelope;
};

static int32_t
look_up(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct lookup *l = arg;

	return receipt_log_get(tx, l->id, &l->envelope, err);
}

/* What the client kept of a job: by the id of its receipt, or its own, under which the other stands. */
static int
fetch_kept(struct cli *cli, const char *id, struct buf *out)
{
	struct json_object *doc = NULL;
	const char         *receipt = NULL;
	int                 exit = ticket_load(cli, id, &doc);
	int32_t             rc = B3IQ_OK;

	buf_init(out, BUNDLE_MAX);
	if (!exit && doc && !json_get_string(doc, "receipt_id", NULL, &receipt, NULL) && receipt) {
		struct json_object *ticket = doc;

		exit = ticket_load(cli, receipt, &doc);
		json_object_put(ticket);
	}
	if (!exit && !doc)
		exit = cli_error(cli, CLI_NOT_FOUND,
		                 "this home has no receipt of %.60s: b3iq result fetches it", id);
	if (!exit)
		rc = json_write(doc, out);
	json_object_put(doc);
	return rc ? cli_error(cli, CLI_FAILED, "the receipt is longer than a bundle can be") : exit;
}

/* A file, stdin, a receipt of this node by its id, or that of a job of this client. */
static int
fetch(struct cli *cli, const char *what, struct buf *out)
{
	struct lookup l = { .id = what };
	int           exit;

	if ((strncmp(what, "job_", 4) == 0 || strncmp(what, "receipt_", 8) == 0) &&
	    !path_exists(what))
		return fetch_kept(cli, what, out);
	if (strncmp(what, "rcpt_", 5) != 0 || path_exists(what))
		return read_file(cli, what, out);
	buf_init(&l.envelope, RECEIPT_MAX);
	exit = with_state(cli, look_up, &l);
	*out = l.envelope;
	return exit;
}

static void
show_hex(const char *label, const uint8_t *bytes)
{
	char hex[65];

	hex_encode(bytes, 32, hex);
	printf("%-12s%s\n", label, hex);
}

static void
show_text(const char *label, const char *text)
{
	printf("%-12s", label);
	term_word(stdout, text);
	putchar('\n');
}

static const char *
what_tier(const struct receipt *r)
{
	static const char *const tiers[] = { "T0, a signed claim: nobody can re-execute it",
		                             "T1, audited by canaries",
		                             "T2, re-executable to the bit",
		                             "T3, a TEE quote bound to the node's key" };

	return tiers[r->tier];
}

static const char *
what_finish(const struct receipt *r)
{
	static const char *const stops[] = { "",          "end",      "length", "stop sequence",
		                             "tool call", "cancelled" };

	return r->kind == RECEIPT_FAILURE ? result_text(r->failure)
	       : r->finish < 6            ? stops[r->finish]
	                                  : "?";
}

static void
show_receipt(const struct receipt_signed *s)
{
	const struct receipt *r = &s->body;
	char                  start[25];

	clock_iso(r->start_ms, start);
	show_text("receipt", r->id);
	show_hex("hash", s->hash);
	show_text("node", r->node);
	printf("%-12s%llu\n", "seq", (unsigned long long)r->seq);
	show_text("model", r->model);
	if (r->has_root)
		show_hex("root", r->root);
	show_text("engine", r->engine);
	show_text("profile", r->profile);
	show_text("tier", what_tier(r));
	printf("%-12s%llu, chosen by the %s\n", "seed", (unsigned long long)r->seed,
	       r->seed_by_client ? "client" : "node");
	printf("%-12s%llu prompt (%llu cached), %llu output\n", "tokens",
	       (unsigned long long)r->prompt_tokens, (unsigned long long)r->cached_tokens,
	       (unsigned long long)r->output_tokens);
	show_text("finish", what_finish(r));
	printf("%-12s%s, %llu ms", "time", start, (unsigned long long)(r->end_ms - r->start_ms));
	if (r->first_ms)
		printf(", first token after %llu ms",
		       (unsigned long long)(r->first_ms - r->start_ms));
	putchar('\n');
}

static int
show(struct cli *cli)
{
	struct b3iq_error err = NO_ERROR;
	struct bundle     b;
	struct buf        text;
	int32_t           rc;
	int               exit = fetch(cli, cli_word(cli, 0), &text);

	if (!exit) {
		rc = bundle_read(text.data ? text.data : "", text.len, &b, &err);
		if (rc) {
			exit = cli_error(cli, CLI_FAILED, "%s", err.text);
		} else {
			if (!cli->json)
				show_receipt(&b.receipt);
			cli_put(cli, "bundle", json_object_get(b.doc));
			bundle_free(&b);
		}
	}
	buf_wipe(&text);
	return exit;
}

/* ---- which keys are believed -------------------------------------------- */

struct pins {
	uint8_t keys[KEYS_MAX][ED25519_PUBLIC];
	size_t  n;
};

/* "ed25519:..." itself, or a file that begins with it. */
static int
pin(struct cli *cli, struct pins *p, const char *what)
{
	struct b3iq_error err = NO_ERROR;
	struct buf        text;
	int               exit = CLI_OK;
	int32_t           rc;

	if (p->n == KEYS_MAX)
		return cli_error(cli, CLI_USAGE, "at most %d keys", KEYS_MAX);
	if (ed25519_parse(what, p->keys[p->n])) {
		p->n++;
		return CLI_OK;
	}
	buf_init(&text, 4096);
	rc = path_read(what, &text, &err);
	if (!rc && text.len)
		text.data[strcspn(text.data, " \t\r\n")] = '\0';
	if (rc)
		exit = cli_fail(cli, rc, &err);
	else if (text.len && ed25519_parse(text.data, p->keys[p->n]))
		p->n++;
	else
		exit = cli_error(cli, CLI_USAGE, "%s holds no key of the form ed25519:HEX", what);
	buf_free(&text);
	return exit;
}

/* What the option says, as often as it was given. */
static int
pins_given(struct cli *cli, const char *option, struct pins *p)
{
	int exit = CLI_OK;

	memset(p, 0, sizeof *p);
	for (size_t i = 0; !exit && i < cli->n_given; i++)
		if (strcmp(cli->given[i].option->name, option) == 0)
			exit = pin(cli, p, cli->given[i].value);
	return exit;
}

/* What the option says, else a public key of this home, if it is there. */
static int
pins_or_own(struct cli *cli, const char *option, const char *name, struct pins *p)
{
	struct b3iq_error err = NO_ERROR;
	char              file[PATH_SIZE];
	struct home       home;
	int32_t           rc;
	int               exit = pins_given(cli, option, p);

	if (exit || p->n)
		return exit;
	rc = home_open(&home, cli->home, &err);
	if (!rc) {
		rc = home_path(&home, file, &err, "keys", name, NULL);
		home_close(&home);
	}
	if (rc)
		return cli_fail(cli, rc, &err);
	return path_exists(file) ? pin(cli, p, file) : CLI_OK;
}

/* What --key says, else the key of this home's own node. */
static int
pins(struct cli *cli, struct pins *p)
{
	const int exit = pins_or_own(cli, "key", "node.pub", p);

	return exit || p->n ? exit
	                    : cli_error(cli, CLI_USAGE,
	                                "whose receipt is it? Name the node's key: --key "
	                                "ed25519:HEX or its node.pub");
}

/* ---- verify ------------------------------------------------------------- */

static void
show_checks(struct cli *cli, const struct receipt_check *check, size_t n, bool valid)
{
	static const enum term_colour colours[] = { TERM_DIM, TERM_GREEN, TERM_RED };
	struct json_object           *checks = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		const struct receipt_check *c = &check[i];
		struct json_object         *one = json_object_new_object();

		json_put_string(one, "name", c->name);
		json_put_string(one, "result", receipt_result_text(c->result));
		json_put_string(one, "text", c->text);
		json_object_array_add(checks, one);
		if (cli->json)
			continue;
		printf("%-11s%s%-12s%s", c->name, term_colour(stdout, colours[c->result]),
		       receipt_result_text(c->result), term_colour(stdout, TERM_PLAIN));
		term_word(stdout, c->text);
		putchar('\n');
	}
	cli_put(cli, "checks", checks);
	cli_put(cli, "valid", json_object_new_boolean(valid));
	cli_say(cli, valid ? "valid\n" : "NOT VALID\n");
}

static void
show_report(struct cli *cli, const struct receipt_report *report)
{
	show_checks(cli, report->check, report->n, report->valid);
}

/* The report is the caller's to read; its exit code is CLI_UNVERIFIED when it is not valid. */
static int
check(struct cli *cli, const struct buf *text, struct receipt_report *report)
{
	struct b3iq_error err = NO_ERROR;
	struct pins       p;
	int32_t           rc;
	int               exit = pins(cli, &p);

	if (exit)
		return exit;
	rc = receipt_verify(text->data ? text->data : "", text->len, p.keys[0], p.n, report, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	return report->valid ? CLI_OK : CLI_UNVERIFIED;
}

/* ---- verify --chain ----------------------------------------------------- */

struct chain {
	const uint8_t    *pub;
	uint64_t          count, seq;
	uint8_t           hash[RECEIPT_HASH_SIZE];
	int32_t           rc; /* B3IQ_E_INVALID: broken, err says where */
	struct b3iq_error err;
};

static int32_t
check_chain(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct chain *c = arg;

	c->rc = receipt_log_verify(tx, c->pub, &c->count, &c->err);
	return receipt_log_head(tx, &c->seq, c->hash, err);
}

/* Every receipt of this home: number, link, hash, signature. */
static int
verify_chain(struct cli *cli)
{
	struct chain c = { .rc = B3IQ_OK };
	struct pins  p;
	char         head[2 * RECEIPT_HASH_SIZE + 1];
	int          exit = pins(cli, &p);

	if (exit)
		return exit;
	if (p.n != 1)
		return cli_error(cli, CLI_USAGE, "a chain is of one node: give one --key");
	c.pub = p.keys[0];
	exit = with_state(cli, check_chain, &c);
	if (exit)
		return exit;
	cli_put(cli, "valid", json_object_new_boolean(c.rc == B3IQ_OK));
	cli_put(cli, "receipts", json_object_new_int64((int64_t)c.count));
	if (c.rc == B3IQ_E_INVALID)
		return cli_error(cli, CLI_UNVERIFIED, "the chain is good up to receipt %llu, then: %s",
		                 (unsigned long long)c.count, c.err.text);
	if (c.rc)
		return cli_fail(cli, c.rc, &c.err);
	hex_encode(c.hash, sizeof c.hash, head);
	cli_put_text(cli, "head", head);
	cli_say(cli, "%llu receipts, head %s\nvalid\n", (unsigned long long)c.count, head);
	return CLI_OK;
}

/* --seed: was it the client's seed, or, with "node", did the client leave it to the node? */
static int
check_seed(struct cli *cli, struct receipt_report *report)
{
	const struct receipt *r = &report->body;
	const char           *given = cli_text(cli, "seed", NULL);
	const bool            client = given && strcmp(given, "node") != 0;
	unsigned long long    seed = 0;
	char                 *end = NULL;

	if (!given)
		return CLI_OK;
	errno = 0;
	if (client)
		seed = strtoull(given, &end, 10);
	if (client && (errno || *end || given[0] < '0' || given[0] > '9'))
		return cli_error(cli, CLI_USAGE, "--seed is a number, or node");
	if (!report->readable || (r->seed_by_client == client && (!client || r->seed == seed)))
		return CLI_OK;
	report->valid = false;
	return cli_error(cli, CLI_UNVERIFIED, "the receipt says seed %llu, chosen by the %s; you say %s",
	                 (unsigned long long)r->seed, r->seed_by_client ? "client" : "node", given);
}

/* ---- verify what a coordinator gave -------------------------------------- */

/* What was asked, if this home has kept it; the caller's. */
static int
kept_question(struct cli *cli, struct json_object *doc, struct json_object **ticket,
              const char **prompt)
{
	struct json_object *receipt = NULL;
	const char         *job = NULL;
	int                 exit;

	*ticket = NULL;
	*prompt = NULL;
	json_object_object_get_ex(doc, "receipt", &receipt);
	json_get_string(receipt, "job_id", NULL, &job, NULL);
	if (!job || !ticket_id_valid(job))
		return CLI_OK;
	exit = ticket_load(cli, job, ticket);
	if (!exit && *ticket)
		json_get_string(*ticket, "prompt", NULL, prompt, NULL);
	return exit;
}

static int
verify_settled(struct cli *cli, struct json_object *doc)
{
	struct settled_report *report = calloc(1, sizeof *report);
	struct json_object    *ticket = NULL;
	const char            *prompt = NULL;
	struct b3iq_error      err = NO_ERROR;
	struct pins            coordinators, nodes;
	int32_t                rc;
	int exit = report ? CLI_OK : cli_error(cli, CLI_FAILED, "no memory");

	if (!exit)
		exit = pins_or_own(cli, "coordinator", "coordinator.pub", &coordinators);
	if (!exit)
		exit = pins_given(cli, "key", &nodes);
	if (!exit && !coordinators.n)
		exit = cli_error(cli, CLI_USAGE, "whose verdict is it? Name the coordinator's key: "
		                                 "--coordinator ed25519:HEX or its coordinator.pub");
	if (!exit)
		exit = kept_question(cli, doc, &ticket, &prompt);
	if (!exit) {
		rc = settled_verify(doc, prompt,
		                    &(struct settled_pins){ .coordinators = coordinators.keys[0],
		                                            .n_coordinators = coordinators.n,
		                                            .nodes = nodes.keys[0],
		                                            .n_nodes = nodes.n },
		                    report, &err);
		exit = rc ? cli_fail(cli, rc, &err) : report->valid ? CLI_OK : CLI_UNVERIFIED;
		if (!rc)
			show_checks(cli, report->check, report->n, report->valid);
	}
	json_object_put(ticket);
	free(report);
	return exit;
}

/* A coordinator's, or a node's own?  Of the first *doc is the caller's. */
static bool
is_settled(const struct buf *text, struct json_object **doc)
{
	*doc = NULL;
	if (text->len && json_parse(text->data, text->len, "the receipt", doc, NULL) == B3IQ_OK &&
	    settled_is(*doc))
		return true;
	json_object_put(*doc);
	*doc = NULL;
	return false;
}

static int
verify_one(struct cli *cli)
{
	struct receipt_report *report = calloc(1, sizeof *report);
	struct json_object    *doc;
	struct buf             text;
	int                    exit = fetch(cli, cli_word(cli, 0), &text);

	if (!exit && is_settled(&text, &doc)) {
		exit = verify_settled(cli, doc);
		json_object_put(doc);
		buf_wipe(&text);
		free(report);
		return exit;
	}
	if (!exit)
		exit = report ? check(cli, &text, report) : cli_error(cli, CLI_FAILED, "no memory");
	if (!exit)
		exit = check_seed(cli, report);
	if (report && (exit == CLI_OK || exit == CLI_UNVERIFIED))
		show_report(cli, report);
	buf_wipe(&text);
	free(report);
	return exit;
}

static int
verify(struct cli *cli)
{
	if (cli_flag(cli, "chain") == (cli->n_words == 1))
		return cli_error(cli, CLI_USAGE, "what is to be verified? Name a bundle or a receipt, "
		                                 "or give --chain for all of this home");
	return cli->n_words ? verify_one(cli) : verify_chain(cli);
}

/* ---- audit -------------------------------------------------------------- */

/* The id under which the local plugin knows the model: as said, as in the receipt, without the name
 * of an instance before it, or the built-in one where a client asked for "default". */
static const char *
local_id(struct cli *cli, struct json_object *models, const struct receipt *r)
{
	const char *slash = strchr(r->model, '/');
	const char *names[] = { cli_text(cli, "model", r->model), slash ? slash + 1 : r->model };
	const char *id = NULL;
	bool        builtin = false;

	for (size_t i = 0; i < 2; i++)
		if (local_model(models, names[i]))
			return names[i];
	for (size_t i = 0; !cli_flag(cli, "model") && i < json_object_array_length(models); i++) {
		struct json_object *m = json_object_array_get_idx(models, i);

		json_get_bool(m, "builtin", false, &builtin, NULL);
		if (builtin && strcmp(r->model, "default") == 0 &&
		    json_get_string(m, "id", NULL, &id, NULL) == B3IQ_OK)
			return id;
	}
	return NULL;
}

/* Loads the model, which also makes its root known. */
static int
load(struct cli *cli, struct local *l, const struct receipt *r, char id[257], uint8_t root[32])
{
	struct json_object *models = NULL;
	struct b3iq_error   err = NO_ERROR;
	const char         *name, *hex = NULL;
	int32_t             rc;
	int                 exit = local_models(cli, l, &models);

	if (exit)
		return exit;
	name = local_id(cli, models, r);
	snprintf(id, 257, "%s", name ? name : "");
	json_object_put(models);
	if (!name)
		return cli_error(cli, CLI_NOT_FOUND,
		                 "the model %s is not here: add it (b3iq model add), or name yours "
		                 "with --model",
		                 r->model);
	rc = instance_inference(l->instance)->load(l->instance, id, NULL, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	exit = local_models(cli, l, &models);
	if (exit)
		return exit;
	json_get_string(local_model(models, id), "root", NULL, &hex, NULL);
	if (!hex || !hex_decode(hex, strlen(hex), root, 32))
		exit = cli_error(cli, CLI_UNAUDITABLE, "the plugin does not say the root of %s",
		                 id);
	json_object_put(models);
	return exit;
}

static int
show_audit(struct cli *cli, const struct receipt_audit *a)
{
	static const struct {
		const char *word;
		int         exit;
	} verdicts[] = { [RECEIPT_EQUAL] = { "equal", CLI_OK },
		         [RECEIPT_DIFFERS] = { "DIFFERS", CLI_DIFFERS },
		         [RECEIPT_CANNOT] = { "cannot be audited", CLI_UNAUDITABLE } };

	cli_put_text(cli, "verdict", verdicts[a->verdict].word);
	cli_put_text(cli, "text", a->text);
	cli_put(cli, "positions", json_object_new_int64((int64_t)a->positions));
	if (a->has_position) {
		cli_put(cli, "position", json_object_new_int64((int64_t)a->position));
		cli_put(cli, "claimed", json_object_new_int(a->claimed));
		cli_put(cli, "replayed", json_object_new_int(a->replayed));
	}
	cli_say(cli, "%s: ", verdicts[a->verdict].word);
	if (!cli->json) {
		term_word(stdout, a->text);
		putchar('\n');
	}
	if (a->has_position && a->claimed != a->replayed)
		cli_say(cli,
		        "first at position %llu: the receipt claims token %d, this machine "
		        "computes %d\n",
		        (unsigned long long)a->position, a->claimed, a->replayed);
	return verdicts[a->verdict].exit;
}

static int
replay(struct cli *cli, struct local *l, const struct buf *text, const struct receipt *r)
{
	struct receipt_audit   audit = { .verdict = RECEIPT_CANNOT };
	struct b3iq_error      err = NO_ERROR;
	uint8_t                root[32];
	char                   id[257];
	struct receipt_auditor auditor;
	int32_t                rc;
	int                    exit = load(cli, l, r, id, root);

	if (exit)
		return exit;
	auditor = (struct receipt_auditor){ .self = l->instance, .model = id, .root = root,
		                            .inference = instance_inference(l->instance),
		                            .replay = instance_replay(l->instance),
		                            .cancel_fd = cli_interrupt_fd() };
	rc = receipt_audit(text->data, text->len, &auditor, &audit, &err);
	return rc ? cli_fail(cli, rc, &err) : show_audit(cli, &audit);
}

static int
audit_text(struct cli *cli, const struct buf *text)
{
	struct receipt_report *report = calloc(1, sizeof *report);
	struct local           l = { .instance = NULL };
	bool                   opened = false;
	int exit = report ? check(cli, text, report) : cli_error(cli, CLI_FAILED, "no memory");

	if (exit == CLI_UNVERIFIED) {
		show_report(cli, report);
		cli_error(cli, exit, "what does not verify is not worth an audit");
	} else if (!exit && report->body.tier != RECEIPT_T2 && report->body.tier != RECEIPT_T3) {
		exit = cli_error(cli, CLI_UNAUDITABLE, "the receipt is of tier %s",
		                 what_tier(&report->body));
	}
	if (!exit) {
		opened = true;
		exit = local_open(cli, &l);
	}
	if (!exit)
		exit = local_start(cli, &l, cli_text(cli, "instance", NULL), "cpu", NULL);
	if (!exit)
		exit = replay(cli, &l, text, &report->body);
	if (opened)
		local_close(&l);
	free(report);
	return exit;
}

static int
audit(struct cli *cli)
{
	struct buf text;
	int        exit = read_file(cli, cli_word(cli, 0), &text);

	if (!exit)
		exit = audit_text(cli, &text);
	buf_wipe(&text);
	return exit;
}

/* ---- the tables --------------------------------------------------------- */

#define KEY_OPTION                                                                                \
	{                                                                                         \
		.name = "key", .letter = 'k', .kind = CLI_PATH, .value = "KEY",                   \
		.help = "whose signature is believed: ed25519:HEX or a .pub file; default: this " \
		        "home's node; may be "                                                    \
			"given several times"                                                     \
	}

static const struct cli_option list_options[] = {
	{ .name = "limit",
	  .letter = 'n',
	  .kind = CLI_INT,
	  .value = "N",
	  .help = "at most N; default 20",
	  .least = 1,
	  .most = 100000 },
	{ .name = "before",
	  .kind = CLI_INT,
	  .value = "SEQ",
	  .help = "only those with a smaller number",
	  .least = 1,
	  .most = 9007199254740991.0 },
	{ .name = NULL },
};

static const struct cli_command receipt_list = {
	.name = "list",
	.summary = "the newest receipts of this node",
	.about = "Every answer has a receipt in the node's chain, failures too. Receipts hold "
	         "commitments only: no prompt and no answer is in the list, or in state.db.",
	.options = list_options,
	.examples = { { "b3iq receipt list", "the last twenty" },
	              { "b3iq receipt list -n 1000 --json", "many, for a program" } },
	.run = list,
};

static const struct cli_command receipt_show = {
	.name = "show",
	.summary = "one receipt, in words",
	.words = "ID|FILE|-",
	.least = 1,
	.most = 1,
	.about = "Shows what a receipt says; it checks nothing. An id is looked up in this node's "
	         "chain, a file is what b3iq run --receipt saved or the API returned.",
	.examples = { { "b3iq receipt show a.json", "a saved one" },
	              { "b3iq receipt show rcpt_0123456789abcdef0123456789abcdef",
	                "one of this node" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = show,
};

static const struct cli_option verify_options[] = {
	{ .name = "chain", .kind = CLI_FLAG,
	  .help = "every receipt of this home's state.db: none missing, none changed" },
	{ .name = "seed", .kind = CLI_TEXT, .value = "N|node",
	  .help = "the seed that you gave, or node if you gave none: so that the node cannot have tried "
	          "many and call one yours" },
	{ .name = "coordinator", .letter = 'c', .kind = CLI_PATH, .value = "KEY",
	  .help = "whose verdict is believed: ed25519:HEX or a .pub file; default: this home's coordinator" },
	KEY_OPTION,
	{ .name = NULL },
};

static const struct cli_command receipt_verify_command = {
	.name = "verify",
	.summary = "check a receipt offline: form, hash, signature, openings",
	.words = "[FILE|ID|-]",
	.least = 0,
	.most = 1,
	.about = "Needs no network and no node. The signature must be by a key that you name, or "
	         "by this home's own node: a key that travels inside a receipt is never believed. "
	         "What is not opened is reported as not checked. Of a job, name its id or its receipt's: "
	         "then the coordinator's verdict is checked as well, and vouches for the node.",
	.options = verify_options,
	.examples = { { "b3iq receipt verify a.json", "of this node" },
	              { "b3iq receipt verify a.json --key their-node.pub", "of another" },
	              { "b3iq receipt verify job_0123 --coordinator their.pub", "of a job that you submitted" },
	              { "b3iq receipt verify --chain", "all receipts of this home" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_UNVERIFIED, 0 },
	.run = verify,
};

static const struct cli_option audit_options[] = {
	{ .name = "model", .letter = 'm', .kind = CLI_TEXT, .value = "MODEL",
	  .help = "the local model to re-execute with; default: that of the same name" },
	{ .name = "instance", .kind = CLI_TEXT, .value = "NAME",
	  .help = "the plugin instance to do it; default: the first of the cpu plugin" },
	KEY_OPTION,
	{ .name = NULL },
};

static const struct cli_command receipt_audit_command = {
	.name = "audit",
	.summary = "re-execute what a receipt claims, to the bit",
	.words = "FILE|-",
	.least = 1,
	.most = 1,
	.about = "Verifies the receipt, then runs its prompt through the local model with the "
	         "claimed output forced (one prefill, in a sandbox, no node needed), and compares "
	         "every token, the text, its end and the logits by equality. It says equal, or names the first "
	         "position that differs.",
	.options = audit_options,
	.examples = { { "b3iq receipt audit a.json", "with the model of the same name" },
	              { "b3iq receipt audit a.json -m my-copy --key their-node.pub",
	                "somebody else's work, with your copy of the model" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_UNVERIFIED, CLI_DIFFERS, CLI_UNAUDITABLE,
	                        CLI_CANCELLED, 0 },
	.run = audit,
};

const struct cli_command command_receipt = {
	.name = "receipt",
	.summary = "receipts: list, show, verify, audit",
	.about = "A receipt is the node's signed statement of what it computed for one request. "
	         "Anybody can verify it offline, and re-execute it if it is of tier T2.",
	.examples = { { "b3iq run \"Hello\" --receipt a.json", "get one" },
	              { "b3iq receipt verify a.json && b3iq receipt audit a.json", "check it" } },
	.subs = (const struct cli_command *const[]){ &receipt_list, &receipt_show,
	                                             &receipt_verify_command,
	                                             &receipt_audit_command, NULL },
};
