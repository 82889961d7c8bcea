#include <stdio.h>

#include "cli/commands/commands.h"
#include "cli/jobs.h"
#include "cli/term.h"

/* GET or POST as an administrator. */
static int
ask(struct cli *cli, const char *method, const char *path, struct json_object **doc)
{
	struct network n;
	int            exit = network_open(cli, &n, NETWORK_ADMIN);

	*doc = NULL;
	if (!exit)
		exit = network_json(cli, &n, &(struct network_call){ .method = method, .path = path },
		                    NULL, doc);
	network_close(&n);
	return exit;
}

/* Every plain member as "name: value"; with --json the whole answer. */
static void
show_members(struct cli *cli, struct json_object *doc)
{
	json_object_object_foreach(doc, key, value) {
		cli_put(cli, key, json_object_get(value));
		if (cli->json || !value || json_object_is_type(value, json_type_object) ||
		    json_object_is_type(value, json_type_array))
			continue;
		term_word(stdout, key);
		fputs(": ", stdout);
		term_word(stdout, json_object_get_string(value));
		putchar('\n');
	}
}

static int
show_plain(struct cli *cli, const char *method, const char *path)
{
	struct json_object *doc = NULL;
	const int           exit = ask(cli, method, path, &doc);

	if (!exit)
		show_members(cli, doc);
	json_object_put(doc);
	return exit;
}

static int
show_items(struct cli *cli, const char *path, const struct jobs_column *columns)
{
	struct json_object *doc = NULL;
	int                 exit = ask(cli, "GET", path, &doc);

	if (!exit)
		exit = jobs_table(cli, doc, columns, "items");
	json_object_put(doc);
	return exit;
}

static int
run_stats(struct cli *cli)
{
	return show_plain(cli, "GET", "/v1/admin/stats");
}

static int
run_status(struct cli *cli)
{
	return show_plain(cli, "GET", "/v1/admin/status");
}

static int
run_cancel_running(struct cli *cli)
{
	return show_plain(cli, "POST", "/v1/admin/cancel-running");
}

static int
run_jobs(struct cli *cli)
{
	static const struct jobs_column columns[] = {
		{ .head = "JOB", .key = "job_id" },   { .head = "STATUS", .key = "status" },
		{ .head = "MODEL", .key = "model" },  { .head = "WORKER", .key = "assigned_miner_id" },
		{ .head = "ATTEMPT", .key = "attempt" }, { .head = NULL },
	};

	return show_items(cli, "/v1/admin/jobs", columns);
}

static int
run_miners(struct cli *cli)
{
	static const struct jobs_column columns[] = {
		{ .head = "WORKER", .key = "miner_id" },   { .head = "STATUS", .key = "status" },
		{ .head = "INFLIGHT", .key = "inflight" }, { .head = "CONCURRENCY", .key = "concurrency" },
		{ .head = "REGION", .key = "region" },     { .head = NULL },
	};

	return show_items(cli, "/v1/admin/miners", columns);
}

static const struct cli_option options[] = {
	NETWORK_OPTIONS,
	{ .name = NULL },
};

#define EXITS (const int[]){ CLI_DENIED, CLI_NO_NODE, 0 }

static const struct cli_command admin_stats = {
	.name = "stats",
	.summary = "how many jobs and workers there are",
	.about = "Counts since the coordinator's start, and what waits and runs now.",
	.options = options,
	.examples = { { "b3iq admin stats", "for people" }, { "b3iq admin stats --json", "for programs" } },
	.exits = EXITS,
	.run = run_stats,
};

static const struct cli_command admin_status = {
	.name = "status",
	.summary = "how the coordinator is",
	.about = "Version, ledger and state of the coordinator itself.",
	.options = options,
	.examples = { { "b3iq admin status", "for people" }, { "b3iq admin status --json", "for programs" } },
	.exits = EXITS,
	.run = run_status,
};

static const struct cli_command admin_jobs = {
	.name = "jobs",
	.summary = "jobs of all clients, without their content",
	.about = "Lists jobs with their state and the worker that has them. Prompts and results are for "
	         "their clients alone.",
	.options = options,
	.examples = { { "b3iq admin jobs", "a table" }, { "b3iq admin jobs --json", "all members" } },
	.exits = EXITS,
	.run = run_jobs,
};

static const struct cli_command admin_miners = {
	.name = "miners",
	.summary = "workers: who is online, with how much work",
	.about = "Lists workers with what the coordinator has measured of them.",
	.options = options,
	.examples = { { "b3iq admin miners", "a table" }, { "b3iq admin miners --json", "all members" } },
	.exits = EXITS,
	.run = run_miners,
};

static const struct cli_command admin_cancel_running = {
	.name = "cancel-running",
	.summary = "cancel and refund every job that waits or runs",
	.about = "For emergencies: ends all jobs of all clients that have not ended; each is refunded.",
	.options = options,
	.examples = { { "b3iq admin cancel-running", "all of them" },
	              { "b3iq admin jobs --json", "look first" } },
	.exits = EXITS,
	.run = run_cancel_running,
};

const struct cli_command command_admin = {
	.name = "admin",
	.summary = "a coordinator's administrator: stats, jobs, miners",
	.about = "Talks with a coordinator as its administrator: the key is $ADMIN_API_KEY, or that of this "
	         "home's own coordinator.",
	.examples = { { "b3iq admin stats", "the numbers" }, { "b3iq admin miners", "the workers" } },
	.subs = (const struct cli_command *const[]){ &admin_stats, &admin_jobs, &admin_miners,
	                                             &admin_status, &admin_cancel_running, NULL },
};
