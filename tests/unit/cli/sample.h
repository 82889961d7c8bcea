/* sample.h - a small tree of commands for the tests of the machinery. */
#ifndef TEST_CLI_SAMPLE_H
#define TEST_CLI_SAMPLE_H

#include "cli/cli.h"

static int sample_runs;

static int
sample_run(struct cli *cli)
{
	(void)cli;
	sample_runs++;
	return CLI_OK;
}

static const struct cli_option sample_options[] = {
	{ .name = "model", .letter = 'm', .kind = CLI_TEXT, .value = "NAME", .help = "a model" },
	{ .name = "count",
	  .letter = 'n',
	  .kind = CLI_INT,
	  .value = "N",
	  .help = "how many",
	  .least = 1,
	  .most = 9 },
	{ .name = "warmth",
	  .kind = CLI_NUMBER,
	  .value = "X",
	  .help = "how warm",
	  .least = -1,
	  .most = 2 },
	{ .name = "file", .kind = CLI_PATH, .value = "FILE", .help = "it's a file" },
	{ .name = "all", .letter = 'a', .kind = CLI_FLAG, .help = "all" },
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "quiet" },
	{ .name = NULL },
};

static const struct cli_command sample_add = {
	.name = "add",
	.summary = "add one",
	.words = "NAME [MORE]",
	.least = 1,
	.most = 2,
	.about = "Adds a thing.",
	.options = sample_options,
	.examples = { { "b3iq thing add x", "one" },
	              { "b3iq thing add -- -x", ".dots 'quotes' \\backslash" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = sample_run,
};
static const struct cli_command sample_thing = {
	.name = "thing", .summary = "things", .about = "Things.",
	.examples = { { "b3iq thing add x", "one" }, { "b3iq thing add y", "two" } },
	.subs = (const struct cli_command *const[]){ &sample_add, NULL },
};
static const struct cli_command sample_go = {
	.name = "go", .summary = "go", .words = "[WORD...]", .most = 9, .about = "Goes.",
	.examples = { { "b3iq go", "goes" }, { "b3iq go far", "goes far" } }, .run = sample_run,
};
static const struct cli_command sample = {
	.name = "b3iq", .summary = "a sample", .about = "A sample of a program.",
	.examples = { { "b3iq go", "goes" }, { "b3iq thing", "things" } },
	.subs = (const struct cli_command *const[]){ &sample_thing, &sample_go, NULL },
};

#endif
