#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/option.h"
#include "cli/term.h"
#include "core/base/json.h"
#include "core/base/log.h"

const struct cli_exit_entry cli_exits[] = {
#define CLI_EXIT_ENTRY(name, code, text) { code, #name, text },
	CLI_EXITS(CLI_EXIT_ENTRY)
#undef CLI_EXIT_ENTRY
	{ 0, NULL, NULL },
};

/* ---- output ------------------------------------------------------------- */

void
cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

void
cli_put(struct cli *cli, const char *key, struct json_object *value)
{
	if (!cli->result)
		cli->result = json_object_new_object();
	json_put(cli->result, key, value);
}

void
cli_put_text(struct cli *cli, const char *key, const char *value)
{
	cli_put(cli, key, json_object_new_string(value));
}

static const char *
exit_name(int exit)
{
	for (const struct cli_exit_entry *e = cli_exits; e->name; e++)
		if (e->code == exit)
			return e->name;
	return "FAILED";
}

int
cli_error(struct cli *cli, int exit, const char *fmt, ...)
{
	struct json_object *error = json_object_new_object();
	char                text[1024], code[32];
	va_list             args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fprintf(stderr, "%s%s:%s ", term_colour(stderr, TERM_RED), cli->path,
	        term_colour(stderr, TERM_PLAIN));
	term_word(stderr, text);
	fputc('\n', stderr);
	snprintf(code, sizeof code, "%s", exit_name(exit));
	for (char *c = code; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	json_put_string(error, "code", code);
	json_put_string(error, "message", text);
	cli_put(cli, "error", error);
	return exit;
}

int
cli_fail(struct cli *cli, int32_t rc, const struct b3iq_error *err)
{
	const int exit = rc == B3IQ_E_NOT_FOUND     ? CLI_NOT_FOUND
	                 : rc == B3IQ_E_DENIED      ? CLI_DENIED
	                 : rc == B3IQ_E_CANCELLED   ? CLI_CANCELLED
	                                            : CLI_FAILED;

	return cli_error(cli, exit, "%s", err->text[0] ? err->text : result_text(rc));
}

/* ---- Ctrl-C ------------------------------------------------------------- */

/* What a signal handler may touch; the one global of this role. */
static struct {
	volatile sig_atomic_t count;
	int                   fd;
} interrupt = { 0, -1 };

static void
on_interrupt(int sig)
{
	const int      saved = errno;
	const uint64_t one = 1;

	(void)sig;
	if (interrupt.count++)
		_exit(CLI_CANCELLED);
	if (write(interrupt.fd, &one, sizeof one) < 0)
		_exit(CLI_CANCELLED);
	errno = saved;
}

int
cli_interrupt_fd(void)
{
	const struct sigaction act = { .sa_handler = on_interrupt };

	if (interrupt.fd < 0)
		interrupt.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (interrupt.fd >= 0)
		sigaction(SIGINT, &act, NULL);
	return interrupt.fd;
}

void
cli_interrupt_release(void)
{
	const struct sigaction act = { .sa_handler = SIG_DFL };

	cli_interrupt_reset();
	sigaction(SIGINT, &act, NULL);
}

void
cli_interrupt_reset(void)
{
	uint64_t count;

	interrupt.count = 0;
	if (interrupt.fd >= 0 && read(interrupt.fd, &count, sizeof count) < 0)
		return; /* it was not readable */
}

/* ---- the program -------------------------------------------------------- */

/* `b3iq foo` runs b3iq-foo from PATH; returns only if there is none. */
static void
run_extension(const char *name, char **argv)
{
	char  program[128];
	char *word = argv[0];

	if (strchr(name, '/') || strlen(name) > 100)
		return;
	snprintf(program, sizeof program, "b3iq-%s", name);
	argv[0] = program;
	execvp(program, argv);
	argv[0] = word;
}

static int
unknown_command(struct cli *cli, const char *name)
{
	const char *near = NULL;
	unsigned    least = 3;

	for (size_t i = 0; cli->command->subs[i]; i++) {
		const char *other = cli->command->subs[i]->name;

		if (option_distance(name, other) < least) {
			least = option_distance(name, other);
			near = other;
		}
	}
	return cli_error(cli, CLI_USAGE, "no command \"%.40s\"%s%s: %s help lists them", name,
	                 near ? ", perhaps " : "", near ? near : "", cli->root->name);
}

static int
check_words(struct cli *cli)
{
	const struct cli_command *c = cli->command;

	if (cli->n_words < c->least)
		return cli_error(cli, CLI_USAGE, "something is missing: %s %s", cli->path,
		                 c->words);
	if (cli->n_words > c->most)
		return cli_error(cli, CLI_USAGE, "\"%.40s\" is one word too many: %s %s",
		                 cli->words[c->most], cli->path, c->words ? c->words : "");
	return CLI_OK;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct b3iq_error err = NO_ERROR;
	int               exit;

	option_command(cli, &argc, &argv);
	for (int i = 0; i < argc; i++) /* also when the command line is wrong */
		cli->json = cli->json || strcmp(argv[i], "--json") == 0;
	if (cli->command->subs && cli->command == cli->root && argc > 0 && argv[0][0] != '-')
		run_extension(argv[0], argv);
	if (option_parse(cli, argc, argv, &err))
		return cli_error(cli, CLI_USAGE, "%s", err.text);
	if (cli->command->subs && cli->n_words)
		return unknown_command(cli, cli->words[0]);
	cli->json = cli_flag(cli, "json");
	cli->home = cli_text(cli, "home", NULL);
	if (cli_flag(cli, "help") || (cli->command->subs && !cli->command->run)) {
		help_print(cli->command, cli->path, stdout);
		return cli_flag(cli, "help") || cli->command == cli->root ? CLI_OK : CLI_USAGE;
	}
	exit = check_words(cli);
	return exit ? exit : cli->command->run(cli);
}

int
cli_main(const struct cli_command *root, int argc, char **argv)
{
	struct cli  cli = { .root = root };
	const char *text;
	int         exit;

	log_setup(B3IQ_LOG_WARN, LOG_TEXT); /* of plugins started here; the node sets its own */
	exit = run(&cli, argc > 0 ? argc - 1 : 0, argv + 1);
	if (cli.json && cli.result) {
		text = json_object_to_json_string_ext(
			cli.result, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE);
		term_text(stdout, text, strlen(text));
		fputc('\n', stdout);
	}
	json_object_put(cli.result);
	if ((fflush(stdout) || ferror(stdout)) && exit == CLI_OK) {
		fprintf(stderr, "%s: stdout cannot be written\n", cli.path);
		exit = CLI_FAILED;
	}
	return exit;
}
