#include "cli/completion.h"

#include <string.h>

/* ---- bash (zsh runs the same through bashcompinit) ---------------------- */

/* A case for each command: its path, and the words that may follow. */
static void
bash_cases(const struct cli_command *c, const char *path, FILE *out)
{
	char sub[128];

	fprintf(out, "\t\"%s\") words=\"", path);
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		fprintf(out, "%s ", c->subs[i]->name);
	for (const struct cli_option *o = c->options; o && o->name; o++)
		fprintf(out, "--%s ", o->name);
	for (const struct cli_option *o = cli_common; o->name; o++)
		fprintf(out, "--%s ", o->name);
	fputs("\" ;;\n", out);
	for (size_t i = 0; c->subs && c->subs[i]; i++) {
		snprintf(sub, sizeof sub, "%s %s", path, c->subs[i]->name);
		bash_cases(c->subs[i], sub, out);
	}
}

/* The paths of commands that have commands of their own. */
static void
bash_groups(const struct cli_command *c, const char *path, FILE *out)
{
	char sub[128];

	if (!c->subs)
		return;
	fprintf(out, "\"%s\"", path);
	for (size_t i = 0; c->subs[i]; i++)
		if (c->subs[i]->subs) {
			snprintf(sub, sizeof sub, "%s %s", path, c->subs[i]->name);
			fputc('|', out);
			bash_groups(c->subs[i], sub, out);
		}
}

static void
bash(const struct cli_command *root, FILE *out)
{
	fputs("# Made by b3iq completion.\n"
	      "_b3iq() {\n"
	      "\tlocal at=b3iq words i cur=${COMP_WORDS[COMP_CWORD]}\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase \"$at\" in ", out);
	bash_groups(root, root->name, out);
	fputs(") [[ ${COMP_WORDS[i]} == -* ]] || at=\"$at ${COMP_WORDS[i]}\" ;; esac\n"
	      "\tdone\n"
	      "\tcase \"$at\" in\n", out);
	bash_cases(root, root->name, out);
	fputs("\tesac\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "\t[[ ${#COMPREPLY[@]} -gt 0 || $cur == -* ]] || COMPREPLY=($(compgen -f -- "
	      "\"$cur\"))\n"
	      "}\n"
	      "complete -o filenames -F _b3iq b3iq\n",
	      out);
}

static void
zsh(const struct cli_command *root, FILE *out)
{
	fputs("#compdef b3iq\n"
	      "autoload -U +X bashcompinit && bashcompinit\n", out);
	bash(root, out);
}

/* ---- fish --------------------------------------------------------------- */

/* A single-quoted word of fish. */
static void
fish_quote(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void
fish_option(const struct cli_option *o, const char *when, FILE *out)
{
	fprintf(out, "complete -c b3iq %s -l %s", when, o->name);
	if (o->letter)
		fprintf(out, " -s %c", o->letter);
	if (o->kind != CLI_FLAG)
		fputs(o->kind == CLI_PATH ? " -r -F" : " -x", out);
	fputs(" -d ", out);
	fish_quote(o->help, out);
	fputc('\n', out);
}

/* `when`: the condition under which this command is the one being typed. */
static void
fish_command(const struct cli_command *c, const char *when, FILE *out)
{
	char sub[256];

	for (size_t i = 0; c->subs && c->subs[i]; i++) {
		fprintf(out, "complete -c b3iq -f %s -a %s -d ", when, c->subs[i]->name);
		fish_quote(c->subs[i]->summary, out);
		fputc('\n', out);
	}
	for (const struct cli_option *o = c->options; o && o->name; o++)
		fish_option(o, when, out);
	for (size_t i = 0; c->subs && c->subs[i]; i++) {
		snprintf(sub, sizeof sub, "-n '__fish_seen_subcommand_from %s'", c->subs[i]->name);
		fish_command(c->subs[i], sub, out);
	}
}

static void
fish(const struct cli_command *root, FILE *out)
{
	fputs("# Made by b3iq completion.\n", out);
	for (const struct cli_option *o = cli_common; o->name; o++)
		fish_option(o, "", out);
	fish_command(root, "-n __fish_use_subcommand", out);
}

int32_t
completion_print(const struct cli_command *root, const char *shell, FILE *out,
                 struct b3iq_error *err)
{
	static const struct {
		const char *name;
		void      (*print)(const struct cli_command *, FILE *);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].print(root, out);
			return B3IQ_OK;
		}
	return fail(err, B3IQ_E_NOT_FOUND,
	            "no completion for \"%.40s\": bash, zsh and fish are known", shell);
}
