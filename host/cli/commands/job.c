#include <stdio.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/jobs.h"
#include "cli/term.h"
#include "cli/ticket.h"
#include "core/base/json.h"

/* Runs fn with a coordinator at hand. */
static int
with_network(struct cli *cli, int (*fn)(struct cli *, struct network *))
{
	struct network n;
	int            exit = network_open(cli, &n, NETWORK_CLIENT);

	if (!exit)
		exit = fn(cli, &n);
	network_close(&n);
	return exit;
}

/* ---- status, result, cancel ---------------------------------------------- */

static int
do_status(struct cli *cli, struct network *n)
{
	struct json_object *view = NULL;
	int                 exit = jobs_get(cli, n, cli_word(cli, 0), &view);

	if (!exit)
		jobs_show(cli, view, NULL, false);
	json_object_put(view);
	return exit;
}

static int
do_result(struct cli *cli, struct network *n)
{
	const char         *id = cli_word(cli, 0);
	struct json_object *view = NULL;
	int                 exit;

	if (cli_flag(cli, "wait"))
		exit = jobs_wait(cli, n, id, cli_int(cli, "timeout", 0), &view);
	else
		exit = jobs_get(cli, n, id, &view);
	if (!exit && !jobs_ended(view))
		exit = cli_error(cli, CLI_NOT_READY, "the job is %s: b3iq result %s --wait waits",
		                 jobs_status(view), id);
	else if (!exit)
		exit = jobs_finish(cli, n, view, true);
	json_object_put(view);
	return exit;
}

static int
do_cancel(struct cli *cli, struct network *n)
{
	const char         *id = cli_word(cli, 0);
	struct json_object *view = NULL;
	char                path[256];
	int                 exit;

	if (!ticket_id_valid(id))
		return cli_error(cli, CLI_USAGE, "\"%.60s\" is no id of a job", id);
	snprintf(path, sizeof path, "/v1/jobs/%s/cancel", id);
	exit = network_json(cli, n, &(struct network_call){ .method = "POST", .path = path }, NULL,
	                    &view);
	if (!exit)
		jobs_show(cli, view, NULL, false);
	json_object_put(view);
	return exit;
}

/* ---- lists --------------------------------------------------------------- */

/* Letters, digits and a few marks pass as they are. */
static void
append_query(struct buf *path, const char *key, const char *value)
{
	buf_printf(path, "%c%s=", memchr(path->data, '?', path->len) ? '&' : '?', key);
	for (const unsigned char *c = (const unsigned char *)value; *c; c++)
		if ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		    strchr("-_.", *c))
			buf_append(path, c, 1);
		else
			buf_printf(path, "%%%02X", *c);
}

/* GET base?limit&offset&..., shown. */
static int
show_list(struct cli *cli, struct network *n, const char *base, const struct jobs_column *columns,
          const char *member)
{
	static const struct {
		const char *option, *field;
	} filters[] = { { "limit", "limit" }, { "offset", "offset" }, { "status", "status" },
		        { "type", "job_type" } };
	struct json_object *doc = NULL;
	struct buf          path;
	int                 exit;

	buf_init(&path, 1024);
	buf_puts(&path, base);
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
		if (cli_text(cli, filters[i].option, NULL))
			append_query(&path, filters[i].field, cli_text(cli, filters[i].option, ""));
	exit = path.rc ? cli_error(cli, CLI_USAGE, "the options are too long")
	               : network_json(cli, n, &(struct network_call){ .path = path.data }, NULL, &doc);
	buf_free(&path);
	if (!exit)
		exit = jobs_table(cli, doc, columns, member);
	json_object_put(doc);
	return exit;
}

static int
do_jobs(struct cli *cli, struct network *n)
{
	static const struct jobs_column columns[] = {
		{ .head = "JOB", .key = "job_id" },
		{ .head = "STATUS", .read = jobs_status },
		{ .head = "SUBMITTED (UTC)", .key = "submitted_at", .other = "requested_at", .most = 19 },
		{ .head = "RECEIPT", .key = "receipt_id" },
		{ .head = NULL },
	};

	return show_list(cli, n, "/v1/jobs", columns, "jobs");
}

/* Of one job its receipt; else the jobs that have one. */
static int
do_receipts(struct cli *cli, struct network *n)
{
	static const struct jobs_column columns[] = {
		{ .head = "RECEIPT", .key = "receipt_id" },
		{ .head = "JOB", .key = "job_id" },
		{ .head = "PAID", .key = "amount_paid" },
		{ .head = "TIME (UTC)", .key = "timestamp", .other = "completed_at", .most = 19 },
		{ .head = NULL },
	};
	const char *id = cli_text(cli, "job-id", NULL);
	char        path[256] = "/v1/jobs?status=completed";

	if (id && !ticket_id_valid(id))
		return cli_error(cli, CLI_USAGE, "\"%.60s\" is no id of a job", id);
	if (id)
		snprintf(path, sizeof path, "/v1/jobs/%s/receipts", id);
	return show_list(cli, n, path, columns, "receipts");
}

/* ---- pay ----------------------------------------------------------------- */

static void
show_payment(struct cli *cli, struct json_object *payment)
{
	static const struct {
		const char *label, *key;
	} lines[] = { { "Payment ID", "payment_id" }, { "Job ID", "job_id" }, { "Amount", "amount" },
		      { "Currency", "currency" },     { "Status", "status" },
		      { "Transaction", "transaction_hash" },
		      { "Refund", "refund_transaction_hash" } };

	cli_put(cli, "payment", json_object_get(payment));
	for (size_t i = 0; !cli->json && i < sizeof lines / sizeof *lines; i++) {
		const char *text = jobs_text(payment, lines[i].key);

		if (!*text)
			continue;
		printf("%s: ", lines[i].label);
		term_word(stdout, text);
		putchar('\n');
	}
}

static int
do_pay(struct cli *cli, struct network *n)
{
	const char         *id = cli_word(cli, 0), *amount = cli_word(cli, 1);
	struct json_object *body = NULL, *payment = NULL;
	char                path[256], once[300];
	int                 exit;

	if (!ticket_id_valid(id))
		return cli_error(cli, CLI_USAGE, "\"%.60s\" is no id of a job", id);
	snprintf(path, sizeof path, "/v1/jobs/%s/payment", id);
	snprintf(once, sizeof once, "pay-%s", id);
	if (amount) {
		body = json_object_new_object();
		if (!body || json_put_string(body, "job_id", id) ||
		    json_put_string(body, "amount", amount) ||
		    json_put_string(body, "currency", "AITBC")) {
			json_object_put(body);
			return cli_error(cli, CLI_FAILED, "no memory");
		}
	}
	exit = network_json(cli, n, body ? &(struct network_call){ .method = "POST", .body = body,
	                                                           .path = "/v1/payments", .once = once }
	                                 : &(struct network_call){ .path = path }, NULL, &payment);
	if (!exit)
		show_payment(cli, payment);
	json_object_put(body);
	json_object_put(payment);
	return exit;
}

/* ---- the tables ---------------------------------------------------------- */

static int run_status(struct cli *cli) { return with_network(cli, do_status); }
static int run_result(struct cli *cli) { return with_network(cli, do_result); }
static int run_cancel(struct cli *cli) { return with_network(cli, do_cancel); }
static int run_jobs(struct cli *cli) { return with_network(cli, do_jobs); }
static int run_receipts(struct cli *cli) { return with_network(cli, do_receipts); }
static int run_pay(struct cli *cli) { return with_network(cli, do_pay); }

static const struct cli_option plain[] = {
	NETWORK_OPTIONS,
	{ .name = NULL },
};

static const struct cli_option result_options[] = {
	{ .name = "wait", .letter = 'w', .kind = CLI_FLAG, .help = "until the job has ended" },
	{ .name = "timeout", .kind = CLI_INT, .value = "SECONDS", .help = "wait no longer",
	  .least = 1, .most = 86400 },
	NETWORK_OPTIONS,
	{ .name = NULL },
};

#define PAGE_OPTIONS                                                                          \
	{ .name = "limit", .letter = 'n', .kind = CLI_INT, .value = "N", .help = "at most N", \
	  .least = 1, .most = 1000 },                                                         \
	{ .name = "offset", .kind = CLI_INT, .value = "N", .help = "leave out the first N",   \
	  .most = 1e9 }

static const struct cli_option jobs_options[] = {
	PAGE_OPTIONS,
	{ .name = "status", .kind = CLI_TEXT, .value = "STATUS",
	  .help = "only those: pending, running, completed, failed, cancelled, expired" },
	{ .name = "type", .kind = CLI_TEXT, .value = "TYPE", .help = "only those of the type" },
	NETWORK_OPTIONS,
	{ .name = NULL },
};

static const struct cli_option receipts_options[] = {
	PAGE_OPTIONS,
	{ .name = "job-id", .kind = CLI_TEXT, .value = "ID", .help = "only those of the job" },
	NETWORK_OPTIONS,
	{ .name = NULL },
};

#define EXITS (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_CANCELLED, 0 }

const struct cli_command command_status = {
	.name = "status",
	.summary = "how far a job is",
	.words = "ID",
	.least = 1,
	.most = 1,
	.about = "Asks the coordinator for the state of one of your jobs; somebody else's is not found.",
	.options = plain,
	.examples = { { "b3iq status job_0123", "its status" },
	              { "b3iq status job_0123 --json", "all that the coordinator says" } },
	.exits = EXITS,
	.run = run_status,
};

const struct cli_command command_result = {
	.name = "result",
	.summary = "what came of a job",
	.words = "ID",
	.least = 1,
	.most = 1,
	.about = "Fetches result and receipt of a job that has ended, keeps them in the home and shows "
	         "them, with the time it took and what it cost.",
	.options = result_options,
	.examples = { { "b3iq result job_0123", "if it has ended" },
	              { "b3iq result job_0123 --wait --timeout 120", "wait for it, two minutes at most" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_NOT_READY,
	                        CLI_JOB_ENDED_BADLY, CLI_CANCELLED, 0 },
	.run = run_result,
};

const struct cli_command command_cancel = {
	.name = "cancel",
	.summary = "stop a job and get the money back",
	.words = "ID",
	.least = 1,
	.most = 1,
	.about = "A job that waits or runs is cancelled and refunded; the worker is told to stop. One that "
	         "has ended stays as it is.",
	.options = plain,
	.examples = { { "b3iq cancel job_0123", "one job" },
	              { "b3iq jobs --status pending --json", "which could be cancelled" } },
	.exits = EXITS,
	.run = run_cancel,
};

const struct cli_command command_jobs = {
	.name = "jobs",
	.summary = "your jobs at the coordinator",
	.about = "Lists the jobs of your key, newest first.",
	.options = jobs_options,
	.examples = { { "b3iq jobs", "the newest" },
	              { "b3iq jobs --status failed --limit 100", "those that failed" } },
	.exits = EXITS,
	.run = run_jobs,
};

const struct cli_command command_receipts = {
	.name = "receipts",
	.summary = "receipts of your jobs, as the coordinator has them",
	.about = "Lists what was paid for which job. b3iq receipt verify checks one, and b3iq receipt list "
	         "shows what this home's own node has signed.",
	.options = receipts_options,
	.examples = { { "b3iq receipts", "the newest" },
	              { "b3iq receipts --job-id job_0123", "of one job" } },
	.exits = EXITS,
	.run = run_receipts,
};

const struct cli_command command_pay = {
	.name = "pay",
	.summary = "the payment of a job",
	.words = "ID [AMOUNT]",
	.least = 1,
	.most = 2,
	.about = "Shows where the money of a job is: locked, released or refunded, and in which transaction. "
	         "With an amount it asks the coordinator to lock that for it; b3iq's own locks what b3iq "
	         "submit --payment says, when the job is submitted, and takes no other amount later.",
	.options = plain,
	.examples = { { "b3iq pay job_0123", "where its money is" },
	              { "b3iq pay job_0123 0.25", "be sure that 0.25 AITBC are locked for it" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_UNPAID, CLI_CANCELLED, 0 },
	.run = run_pay,
};
