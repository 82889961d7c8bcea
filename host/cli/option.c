#include "cli/option.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cli_option cli_common[] = {
	{ .name = "json", .kind = CLI_FLAG, .help = "print one JSON object on stdout" },
	{ .name = "home", .kind = CLI_PATH, .value = "DIR",
	  .help = "the B3IQ home; default $B3IQ_HOME, or ~/.b3iq" },
	{ .name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "explain the command" },
	{ .name = NULL },
};

/* ---- looking up --------------------------------------------------------- */

static const struct cli_option *
in_table(const struct cli_option *table, const char *name, size_t len)
{
	for (; table && table->name; table++)
		if (strncmp(table->name, name, len) == 0 && !table->name[len])
			return table;
	return NULL;
}

const struct cli_option *
option_find(const struct cli_command *c, const char *name, size_t len)
{
	const struct cli_option *found = in_table(c->options, name, len);

	return found ? found : in_table(cli_common, name, len);
}

/* ---- which command ------------------------------------------------------ */

static const struct cli_command *
sub_of(const struct cli_command *c, const char *name)
{
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		if (strcmp(c->subs[i]->name, name) == 0)
			return c->subs[i];
	return NULL;
}

/* The first word that is no option; common options may stand before a command. */
static int
next_word(int argc, char **argv)
{
	const struct cli_option *o;
	int                      i = 0;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		o = strncmp(argv[i], "--", 2) == 0
		            ? in_table(cli_common, argv[i] + 2, strlen(argv[i] + 2))
		            : NULL;
		if (o && o->kind != CLI_FLAG)
			i++;
	}
	return i;
}

void
option_command(struct cli *cli, int *argc, char ***argv)
{
	const struct cli_command *next;
	int                       at;

	cli->command = cli->root;
	snprintf(cli->path, sizeof cli->path, "%s", cli->root->name);
	while ((at = next_word(*argc, *argv)) < *argc &&
	       (next = sub_of(cli->command, (*argv)[at])) != NULL) {
		const size_t n = strlen(cli->path);

		snprintf(cli->path + n, sizeof cli->path - n, " %s", next->name);
		cli->command = next;
		memmove(*argv + 1, *argv,
		        (size_t)at * sizeof **argv); /* the options that stood before it */
		++*argv;
		--*argc;
	}
}

/* ---- letters and near misses -------------------------------------------- */

static const struct cli_option *
by_letter(const struct cli_command *c, char letter)
{
	for (const struct cli_option *o = c->options; o && o->name; o++)
		if (o->letter == letter)
			return o;
	for (const struct cli_option *o = cli_common; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static unsigned
least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, change, or swap two neighbours. */
unsigned
option_distance(const char *a, const char *b)
{
	unsigned rows[3][64] = { { 0 } }, *before = rows[0], *last = rows[1], *row = rows[2],
		 *spare;
	const size_t na = strlen(a), nb = strlen(b);

	if (na >= 64 || nb >= 64)
		return 9;
	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		spare = before, before = last, last = row, row = spare;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = least_of(last[j] + 1, row[j - 1] + 1);
			row[j] = least_of(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least_of(row[j], before[j - 2] + 1);
		}
	}
	return least_of(row[nb], 9);
}

static const char *
close_option(const struct cli_command *c, const char *name)
{
	const struct cli_option *tables[] = { c->options, cli_common };
	const char              *best = NULL;
	unsigned                 least = 3;

	for (size_t t = 0; t < 2; t++)
		for (const struct cli_option *o = tables[t]; o && o->name; o++)
			if (option_distance(name, o->name) < least) {
				least = option_distance(name, o->name);
				best = o->name;
			}
	return best;
}

/* ---- values ------------------------------------------------------------- */

static int32_t
check_value(const struct cli_option *o, const char *value, struct b3iq_error *err)
{
	char  *end;
	double number;

	if (o->kind != CLI_INT && o->kind != CLI_NUMBER)
		return B3IQ_OK;
	errno = 0;
	number = o->kind == CLI_INT ? (double)strtoll(value, &end, 10) : strtod(value, &end);
	if (!*value || *end || errno || !isfinite(number))
		return fail(err, B3IQ_E_INVALID, "--%s: \"%.40s\" is no %s", o->name, value,
		            o->kind == CLI_INT ? "whole number" : "number");
	if (number < o->least || number > o->most)
		return fail(err, B3IQ_E_INVALID, "--%s must be between %.15g and %.15g", o->name,
		            o->least, o->most);
	return B3IQ_OK;
}

static int32_t
take(struct cli *cli, const struct cli_option *o, const char *value, struct b3iq_error *err)
{
	const int32_t rc = value ? check_value(o, value, err) : B3IQ_OK;

	if (rc)
		return rc;
	if (cli->n_given == CLI_GIVEN)
		return fail(err, B3IQ_E_INVALID, "more than %d options", CLI_GIVEN);
	cli->given[cli->n_given].option = o;
	cli->given[cli->n_given++].value = value;
	return B3IQ_OK;
}

/* --name, --name=value, --name value; *used counts a value that stood in the next word. */
static int32_t
long_option(struct cli *cli, const char *word, const char *next, int *used, struct b3iq_error *err)
{
	const char              *name = word + 2, *equals = strchr(name, '=');
	const size_t             len = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *o = option_find(cli->command, name, len);
	const char              *near = o ? NULL : close_option(cli->command, name);

	if (!o)
		return fail(err, B3IQ_E_INVALID, "no option --%.*s%s%s: see %s --help",
		            (int)(len < 40 ? len : 40), name, near ? ", perhaps --" : "",
		            near ? near : "", cli->path);
	if (o->kind == CLI_FLAG && equals)
		return fail(err, B3IQ_E_INVALID, "--%s takes no value", o->name);
	if (o->kind == CLI_FLAG || equals)
		return take(cli, o, equals ? equals + 1 : NULL, err);
	if (!next)
		return fail(err, B3IQ_E_INVALID, "--%s needs a value: --%s %s", o->name, o->name,
		            o->value);
	*used = 1;
	return take(cli, o, next, err);
}

/* -x, -xvalue, -x value, -ab */
static int32_t
short_options(struct cli *cli, const char *word, const char *next, int *used,
              struct b3iq_error *err)
{
	for (const char *at = word + 1; *at; at++) {
		const struct cli_option *o = by_letter(cli->command, *at);
		int32_t                  rc;

		if (!o)
			return fail(err, B3IQ_E_INVALID, "no option -%c: see %s --help", *at,
			            cli->path);
		if (o->kind == CLI_FLAG) {
			rc = take(cli, o, NULL, err);
			if (rc)
				return rc;
			continue;
		}
		if (at[1])
			return take(cli, o, at + 1, err);
		if (!next)
			return fail(err, B3IQ_E_INVALID, "-%c needs a value: -%c %s", *at, *at,
			            o->value);
		*used = 1;
		return take(cli, o, next, err);
	}
	return B3IQ_OK;
}

int32_t
option_parse(struct cli *cli, int argc, char **argv, struct b3iq_error *err)
{
	bool only_words = false;

	cli->words = argv;
	cli->n_words = 0;
	for (int i = 0; i < argc; i++) {
		char   *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		int     used = 0;
		int32_t rc = B3IQ_OK;

		if (only_words || word[0] != '-' || !word[1])
			cli->words[cli->n_words++] = word;
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (word[1] == '-')
			rc = long_option(cli, word, next, &used, err);
		else
			rc = short_options(cli, word, next, &used, err);
		if (rc)
			return rc;
		i += used;
	}
	return B3IQ_OK;
}

/* ---- what was given ----------------------------------------------------- */

static const char *
given(const struct cli *cli, const char *name, bool *found)
{
	for (size_t i = cli->n_given; i-- > 0;)
		if (strcmp(cli->given[i].option->name, name) == 0) {
			*found = true;
			return cli->given[i].value;
		}
	*found = false;
	return NULL;
}

bool
cli_flag(const struct cli *cli, const char *name)
{
	bool found;

	given(cli, name, &found);
	return found;
}

const char *
cli_text(const struct cli *cli, const char *name, const char *otherwise)
{
	bool        found;
	const char *value = given(cli, name, &found);

	return found ? value : otherwise;
}

int64_t
cli_int(const struct cli *cli, const char *name, int64_t otherwise)
{
	const char *value = cli_text(cli, name, NULL);

	return value ? strtoll(value, NULL, 10) : otherwise;
}

double
cli_number(const struct cli *cli, const char *name, double otherwise)
{
	const char *value = cli_text(cli, name, NULL);

	return value ? strtod(value, NULL) : otherwise;
}

const char *
cli_word(const struct cli *cli, size_t i)
{
	return i < cli->n_words ? cli->words[i] : NULL;
}
