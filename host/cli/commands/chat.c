#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/commands/commands.h"
#include "cli/term.h"

struct chat {
	struct cli         *cli;
	struct remote       remote;
	struct json_object *messages;
	char               *line;
	size_t              cap;
};

/* One line of the user; -1: no more. */
static ssize_t
read_line(struct chat *c)
{
	ssize_t n;

	if (isatty(STDIN_FILENO) && !c->cli->json) {
		printf("%s>>> %s", term_colour(stdout, TERM_BOLD), term_colour(stdout, TERM_PLAIN));
		fflush(stdout);
	}
	n = getline(&c->line, &c->cap, stdin);
	if (n > 0 && c->line[n - 1] == '\n')
		c->line[--n] = '\0';
	return n;
}

static int
reset(struct chat *c)
{
	json_object_put(c->messages);
	c->messages = answer_messages(c->cli);
	return c->messages ? CLI_OK
	                   : cli_error(c->cli, CLI_FAILED, "no memory for the conversation");
}

/* One turn.  A turn that was stopped or failed is taken out again, so that the talk can go on. */
static int
turn(struct chat *c, size_t len)
{
	const size_t        before = json_object_array_length(c->messages);
	struct json_object *request;
	struct answer       a;
	int                 exit;

	if (!answer_message(c->messages, "user", c->line, len) ||
	    !(request = answer_request(c->cli, c->messages)))
		return cli_error(c->cli, CLI_FAILED, "no memory for the message");
	answer_init(&a);
	exit = answer_ask(c->cli, &c->remote, request, &a);
	if (exit)
		json_object_array_del_idx(c->messages, before, 1);
	else if (!answer_message(c->messages, "assistant", a.text.data ? a.text.data : "",
	                         a.text.len))
		exit = cli_error(c->cli, CLI_FAILED, "no memory for the answer");
	answer_finish(&a);
	json_object_put(request);
	return exit;
}

/* Returns true when the talk is over. */
static bool
slash(struct chat *c, int *exit)
{
	if (strcmp(c->line, "/quit") == 0 || strcmp(c->line, "/exit") == 0)
		return true;
	if (strcmp(c->line, "/reset") == 0) {
		*exit = reset(c);
		cli_say(c->cli, "forgotten\n");
		return *exit != CLI_OK;
	}
	cli_say(c->cli, "/reset   forget the conversation\n/quit    leave (also Ctrl-D)\n"
	                "Ctrl-C   stop the answer; at the prompt, leave\n");
	return false;
}

static int
converse(struct chat *c)
{
	int     exit = CLI_OK;
	ssize_t n;

	while ((n = read_line(c)) >= 0) {
		if (n == 0)
			continue;
		if (c->line[0] == '/') {
			if (slash(c, &exit))
				return exit;
			continue;
		}
		cli_interrupt_reset();
		exit = turn(c, (size_t)n);
		if (exit == CLI_NO_NODE || exit == CLI_DENIED || exit == CLI_NOT_FOUND)
			return exit;
		cli_interrupt_release();
	}
	cli_say(c->cli, isatty(STDIN_FILENO) ? "\n" : "");
	return isatty(STDIN_FILENO) ? CLI_OK : exit;
}

static int
run(struct cli *cli)
{
	struct chat c = { .cli = cli };
	int         exit = reset(&c);

	if (!exit)
		exit = remote_open(cli, &c.remote);
	if (!exit && isatty(STDIN_FILENO))
		cli_say(cli, "Ask away; /help says what else you can do.\n");
	if (!exit)
		exit = converse(&c);
	if (cli->json)
		cli_put(cli, "messages", json_object_get(c.messages));
	remote_close(&c.remote);
	json_object_put(c.messages);
	free(c.line);
	return exit;
}

static const struct cli_option options[] = { ANSWER_OPTIONS, REMOTE_OPTIONS, { .name = NULL } };

const struct cli_command command_chat = {
	.name = "chat",
	.summary = "talk with a model in the terminal",
	.about = "A conversation of many turns: each question goes to the node with all that was "
	         "said before. Ctrl-C stops an answer, and leaves at the prompt; /reset forgets, "
	         "/quit leaves, /help says so. Nothing is kept when you leave.",
	.options = options,
	.examples = { { "b3iq chat", "with the default model" },
	              { "b3iq chat -m qwen2.5:7b --system \"Answer in one sentence.\"",
	                "with another model, on other terms" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_CANCELLED, 0 },
	.run = run,
};
