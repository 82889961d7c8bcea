#include "cli/help.h"

#include <string.h>

#include "cli/term.h"

#define WIDTH 80

/* ---- pieces ------------------------------------------------------------- */

/* Text wrapped at WIDTH behind an indent; a word is never broken. */
static void
wrap(FILE *out, const char *text, size_t indent)
{
	size_t at = indent;

	fprintf(out, "%*s", (int)indent, "");
	while (*text) {
		const size_t word = strcspn(text, " ");

		if (at > indent && at + 1 + word > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, word, out);
		at += word;
		text += word + (text[word] == ' ');
	}
	fputc('\n', out);
}

/* "-m, --model NAME" */
static void
spell(const struct cli_option *o, char *out, size_t size)
{
	const char letter[] = { '-', o->letter, ',', ' ', '\0' };

	snprintf(out, size, "%s--%s%s%s", o->letter ? letter : "", o->name, o->value ? " " : "",
	         o->value ? o->value : "");
}

static const char *
exit_text(int code)
{
	for (const struct cli_exit_entry *e = cli_exits; e->name; e++)
		if (e->code == code)
			return e->text;
	return "";
}

/* The path of a sub-command. */
static void
join(const char *path, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s %s", path, name);
}

/* ---- --help ------------------------------------------------------------- */

static void
heading(FILE *out, const char *text)
{
	fprintf(out, "\n%s%s%s\n", term_colour(out, TERM_BOLD), text, term_colour(out, TERM_PLAIN));
}

static void
print_options(FILE *out, const struct cli_option *table)
{
	char name[64];

	for (; table && table->name; table++) {
		spell(table, name, sizeof name);
		if (strlen(name) <= 24)
			fprintf(out, "  %-24s  ", name);
		else
			fprintf(out, "  %s\n%28s", name, "");
		fprintf(out, "%s\n", table->help);
	}
}

static void
print_subs(FILE *out, const struct cli_command *c)
{
	for (size_t i = 0; c->subs[i]; i++)
		fprintf(out, "  %-12s  %s\n", c->subs[i]->name, c->subs[i]->summary);
}

static void
print_exits(FILE *out, const struct cli_command *c)
{
	static const int usual[] = { CLI_OK, CLI_FAILED, CLI_USAGE };

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		fprintf(out, "  %3d  %s\n", usual[i], exit_text(usual[i]));
	for (const int *e = c->exits; e && *e; e++)
		fprintf(out, "  %3d  %s\n", *e, exit_text(*e));
}

void
help_print(const struct cli_command *c, const char *path, FILE *out)
{
	fprintf(out, "%s%s%s: %s\n", term_colour(out, TERM_BOLD), path,
	        term_colour(out, TERM_PLAIN), c->summary);
	heading(out, "Usage");
	fprintf(out, "  %s%s%s%s\n", path, c->subs ? " COMMAND" : "", c->words ? " " : "",
	        c->words ? c->words : "");
	fputc('\n', out);
	wrap(out, c->about, 0);
	if (c->subs) {
		heading(out, "Commands");
		print_subs(out, c);
	}
	heading(out, "Options");
	print_options(out, c->options);
	print_options(out, cli_common);
	heading(out, "Examples");
	for (const struct cli_example *e = c->examples; e->line; e++)
		fprintf(out, "  %s\n      %s\n", e->line, e->what);
	if (!c->subs || c->run) {
		heading(out, "Exit codes");
		print_exits(out, c);
	}
}

/* ---- man page ----------------------------------------------------------- */

/* roff: a backslash, a dash, and a dot or quote at the start of a line mean something. */
static void
roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void
roff_line(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	roff(out, text);
	fputs(after, out);
}

static void
man_options(FILE *out, const struct cli_option *table)
{
	char name[64];

	for (; table && table->name; table++) {
		spell(table, name, sizeof name);
		roff_line(out, ".TP\n\\fB", name, "\\fR\n");
		roff_line(out, "", table->help, "\n");
	}
}

static void
man_command(FILE *out, const struct cli_command *c, const char *path)
{
	char sub[128];

	roff_line(out, ".SS \"", path, "");
	if (c->words)
		roff_line(out, " ", c->words, "");
	fputs("\"\n", out);
	roff_line(out, "", c->about, "\n");
	man_options(out, c->options);
	for (const struct cli_example *e = c->examples; e->line; e++) {
		roff_line(out, ".PP\n", e->what, ":\n.RS\n.EX\n");
		roff_line(out, "", e->line, "\n.EE\n.RE\n");
	}
	for (size_t i = 0; c->subs && c->subs[i]; i++) {
		join(path, c->subs[i]->name, sub, sizeof sub);
		man_command(out, c->subs[i], sub);
	}
}

void
help_man(const struct cli_command *root, const char *version, FILE *out)
{
	char path[128];

	fprintf(out, ".\\\" Made by b3iq help --man from the command tables.\n");
	fprintf(out, ".TH B3IQ 1 \"\" \"b3iq %s\" \"User Commands\"\n.SH NAME\n", version);
	roff_line(out, "b3iq \\- ", root->summary,
	          "\n.SH SYNOPSIS\n\\fBb3iq\\fR \\fICOMMAND\\fR ...\n");
	roff_line(out, ".SH DESCRIPTION\n", root->about, "\n.SH COMMANDS\n");
	for (size_t i = 0; root->subs[i]; i++) {
		join(root->name, root->subs[i]->name, path, sizeof path);
		man_command(out, root->subs[i], path);
	}
	fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
	man_options(out, cli_common);
	fputs(".SH EXIT STATUS\n", out);
	for (const struct cli_exit_entry *e = cli_exits; e->name; e++) {
		fprintf(out, ".TP\n%d\n", e->code);
		roff_line(out, "", e->text, "\n");
	}
	fputs(".SH ENVIRONMENT\n.TP\nB3IQ_HOME\nThe B3IQ home, where \\-\\-home does not say.\n"
	      ".TP\nB3IQ_URL\nThe node to talk to, where \\-\\-url does not say.\n"
	      ".TP\nB3IQ_API_KEY\nThe API key; else the home's own, which the node makes at its "
	      "first start.\n"
	      ".TP\nNO_COLOR\nNo colours.\n",
	      out);
}

/* ---- Markdown ----------------------------------------------------------- */

static void
markdown_command(FILE *out, const struct cli_command *c, const char *path)
{
	char name[128];

	fprintf(out, "\n### %s\n\n    %s%s%s\n\n%s\n", path, path, c->words ? " " : "",
	        c->words ? c->words : c->subs ? " COMMAND" : "", c->about);
	if (c->options && c->options->name) {
		fputs("\n| option | meaning |\n|---|---|\n", out);
		for (const struct cli_option *o = c->options; o->name; o++) {
			spell(o, name, sizeof name);
			fprintf(out, "| `%s` | %s |\n", name, o->help);
		}
	}
	fputc('\n', out);
	for (const struct cli_example *e = c->examples; e->line; e++)
		fprintf(out, "    %s\n        %s\n", e->line, e->what);
	for (size_t i = 0; c->subs && c->subs[i]; i++) {
		join(path, c->subs[i]->name, name, sizeof name);
		markdown_command(out, c->subs[i], name);
	}
}

void
help_markdown(const struct cli_command *root, FILE *out)
{
	char name[128];

	fprintf(out,
	        "# The command line\n\nMade by `b3iq help --markdown` from the command "
	        "tables.\n\n%s\n",
	        root->about);
	fputs("\n## Exit codes\n\n| code | meaning |\n|---|---|\n", out);
	for (const struct cli_exit_entry *e = cli_exits; e->name; e++)
		fprintf(out, "| %d | %s |\n", e->code, e->text);
	fputs("\n## Options of every command\n\n| option | meaning |\n|---|---|\n", out);
	for (const struct cli_option *o = cli_common; o->name; o++) {
		spell(o, name, sizeof name);
		fprintf(out, "| `%s` | %s |\n", name, o->help);
	}
	fputs("\n## Commands\n", out);
	for (size_t i = 0; root->subs[i]; i++) {
		join(root->name, root->subs[i]->name, name, sizeof name);
		markdown_command(out, root->subs[i], name);
	}
}
