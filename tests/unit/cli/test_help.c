/* help.c, and what the program's own tables must have for it to teach. */
#include "../check.h"

#include "cli/help.c"
#include "cli/commands/commands.h"
#include "cli/option.h"
#include "core/base/buf.h"
#include "core/base/path.h"
#include "sample.h"

#define main program_main
#include "../../../host/main.c"
#undef main

static char *
text_of(void (*print)(const struct cli_command *, FILE *), const struct cli_command *c)
{
	char  *text = NULL;
	size_t n;
	FILE  *f = open_memstream(&text, &n);

	print(c, f);
	fclose(f);
	return text;
}

static void
print_help(const struct cli_command *c, FILE *out)
{
	help_print(c, "b3iq thing add", out);
}

static void
print_man(const struct cli_command *c, FILE *out)
{
	help_man(c, "1.2", out);
}

static void
has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
test_help_shows_the_table(void **state)
{
	char *text = text_of(print_help, &sample_add);

	(void)state;
	has(text, "b3iq thing add NAME [MORE]");
	has(text, "-m, --model NAME");
	has(text, "--json");
	has(text, "b3iq thing add -- -x");
	has(text, "    3  no such model");
	free(text);
	text = text_of(print_help, &sample);
	has(text, "  thing         things");
	free(text);
}

static void
test_man_escapes(void **state)
{
	char *text = text_of(print_man, &sample);

	(void)state;
	has(text, ".TH B3IQ 1 \"\" \"b3iq 1.2\"");
	has(text, ".SS \"b3iq thing add NAME [MORE]\"");
	has(text, "\\fB\\-m, \\-\\-model NAME\\fR");
	has(text, "\\&.dots 'quotes' \\ebackslash");
	has(text, ".SH EXIT STATUS");
	for (const struct cli_exit_entry *e = cli_exits; e->name; e++)
		assert_true(strlen(e->text) > 3);
	free(text);
}

static void
test_long_lines_are_wrapped(void **state)
{
	char  *text = NULL;
	size_t n;
	FILE  *f = open_memstream(&text, &n);

	(void)state;
	wrap(f,
	     "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm nnnn oooo pppp qqqq",
	     2);
	fclose(f);
	assert_string_equal(text, "  aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll "
	                          "mmmm nnnn oooo\n"
	                          "  pppp qqqq\n");
	free(text);
}

/* ---- the program's own tables ------------------------------------------- */

static void
check_options(const struct cli_command *c)
{
	for (const struct cli_option *o = c->options; o && o->name; o++) {
		assert_true(o->help && strlen(o->help) > 3);
		if ((o->kind == CLI_FLAG) != (o->value == NULL))
			fail_msg("--%s of %s: a flag has no value, all else has", o->name, c->name);
		if ((o->kind == CLI_INT || o->kind == CLI_NUMBER) && !(o->most > o->least))
			fail_msg("--%s of %s has no range", o->name, c->name);
		for (const struct cli_option *p = o + 1; p->name; p++)
			if (strcmp(p->name, o->name) == 0 || (o->letter && p->letter == o->letter))
				fail_msg("%s has two options --%s", c->name, o->name);
		for (const struct cli_option *p = cli_common; p->name; p++)
			if (strcmp(p->name, o->name) == 0 || (o->letter && p->letter == o->letter))
				fail_msg("--%s of %s is a common option", o->name, c->name);
	}
}

static void
check_command(const struct cli_command *c)
{
	const size_t n = c->summary ? strlen(c->summary) : 0;

	if (n < 3 || n > 68 || c->summary[n - 1] == '.')
		fail_msg("%s: the summary is one line without a full stop", c->name);
	if (!c->about || strlen(c->about) < 40 || c->about[strlen(c->about) - 1] != '.')
		fail_msg("%s: about is a paragraph", c->name);
	if (!c->examples[0].line || !c->examples[1].line || c->examples[4].line)
		fail_msg("%s: two to four examples", c->name);
	for (const struct cli_example *e = c->examples; e->line; e++)
		if (!strstr(e->line, "b3iq") || !e->what || !*e->what)
			fail_msg("%s: an example shows the program and says what it does", c->name);
	if (!c->run && !c->subs) /* a role does both: alone it runs */
		fail_msg("%s: runs, or has commands", c->name);
	if ((c->most > 0) != (c->words != NULL) || c->least > c->most)
		fail_msg("%s: words and their number disagree", c->name);
	for (const int *e = c->exits; e && *e; e++)
		assert_true(*exit_text(*e) != '\0');
	check_options(c);
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		check_command(c->subs[i]);
}

static void
test_every_command_teaches(void **state)
{
	(void)state;
	check_command(&program);
}

/* Does this line, an example, parse?  Only the part of the first b3iq on it. */
static void
try_example(const struct cli_command *root, const char *line)
{
	char             *argv[32], text[256], *save = NULL, *at;
	int               argc = 0;
	char            **words = argv;
	struct cli        cli = { .root = root };
	struct b3iq_error err = NO_ERROR;

	snprintf(text, sizeof text, "%s", strstr(line, "b3iq ") + 5);
	text[strcspn(text, "|&<>#;)")] = '\0';
	for (at = text; *at; at++) /* a quoted part is one word */
		if (*at == '"' || *at == '\'') {
			char *end = strchr(at + 1, *at);

			assert_non_null(end);
			for (char *c = at; c <= end; c++)
				*c = *c == ' ' || *c == '"' || *c == '\'' ? '_' : *c;
			at = end;
		}
	for (char *w = strtok_r(text, " ", &save); w && argc < 32; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	option_command(&cli, &argc, &words);
	if (option_parse(&cli, argc, words, &err))
		fail_msg("example \"%s\": %s", line, err.text);
	if (cli.command->run &&
	    (cli.n_words < cli.command->least || cli.n_words > cli.command->most))
		fail_msg("example \"%s\" has %zu words for %s", line, cli.n_words,
		         cli.command->name);
	if (!cli.command->run && cli.n_words)
		fail_msg("example \"%s\" is no command", line);
}

static void
try_examples(const struct cli_command *c)
{
	for (const struct cli_example *e = c->examples; e->line; e++)
		try_example(&program, e->line);
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		try_examples(c->subs[i]);
}

static void
test_every_example_parses(void **state)
{
	(void)state;
	try_examples(&program);
}

static void
test_the_document_is_the_tables(void **state)
{
	char      *text = text_of(help_markdown, &program);
	struct buf file;

	(void)state;
	buf_init(&file, 1u << 20);
	assert_int_equal(path_read(SOURCE_DIR "/docs/cli.md", &file, NULL), B3IQ_OK);
	if (strcmp(text, file.data) != 0)
		fail_msg("docs/cli.md is old: b3iq help --markdown > docs/cli.md");
	buf_free(&file);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_shows_the_table),
		cmocka_unit_test(test_man_escapes),
		cmocka_unit_test(test_long_lines_are_wrapped),
		cmocka_unit_test(test_every_command_teaches),
		cmocka_unit_test(test_every_example_parses),
		cmocka_unit_test(test_the_document_is_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
