#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/commands/commands.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/receipt/bundle.h"

#define PROMPT_MAX (8u << 20)

/* The words, or stdin for "-" and when there are none. */
static int32_t
read_prompt(struct cli *cli, struct buf *prompt, struct b3iq_error *err)
{
	char   piece[16384];
	size_t n;

	if (cli->n_words && strcmp(cli->words[0], "-") != 0) {
		for (size_t i = 0; i < cli->n_words; i++)
			buf_printf(prompt, "%s%s", i ? " " : "", cli->words[i]);
		return prompt->rc;
	}
	if (!cli->n_words && isatty(STDIN_FILENO))
		return fail(err, B3IQ_E_INVALID,
		            "there is no prompt: b3iq run \"What is a receipt?\"");
	while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
		if (buf_append(prompt, piece, n))
			return fail(err, prompt->rc, "the prompt is longer than %u MiB",
			            PROMPT_MAX >> 20);
	return prompt->len ? B3IQ_OK : fail(err, B3IQ_E_INVALID, "the prompt is empty");
}

/* Is the receipt about what was asked and what came?  Only who asked can tell: a good receipt of
 * another request verifies as well.  Returns what it is not about, or NULL. */
static const char *
other_than(struct cli *cli, const struct bundle *b, const struct answer *a,
           struct json_object *messages)
{
	const struct receipt *r = &b->receipt.body;
	const bool            seeded = cli_flag(cli, "seed");
	struct json_object   *asked = NULL, *list = NULL;
	const char           *what = NULL;

	if (!b->prompt || json_parse(b->prompt, b->prompt_len, "prompt", &asked, NULL) ||
	    !json_object_object_get_ex(asked, "messages", &list) ||
	    !json_object_equal(list, messages))
		what = "request";
	else if (!b->output || b->output_len != a->text.len ||
	         (a->text.len && memcmp(b->output, a->text.data, a->text.len) != 0))
		what = "answer";
	else if (r->seed_by_client != seeded ||
	         (seeded && r->seed != (uint64_t)cli_int(cli, "seed", 0)))
		what = "seed";
	json_object_put(asked);
	return what;
}

static int
check_bundle(struct cli *cli, const struct buf *text, const struct answer *a,
             struct json_object *messages)
{
	struct b3iq_error err = NO_ERROR;
	struct bundle     b;
	const char       *what;

	if (bundle_read(text->data, text->len, &b, &err))
		return cli_error(cli, CLI_UNVERIFIED, "the node sent a receipt that is none: %s",
		                 err.text);
	what = other_than(cli, &b, a, messages);
	bundle_free(&b);
	return what ? cli_error(cli, CLI_UNVERIFIED,
	                        "the node sent a receipt of another %s: do not trust it", what)
	            : CLI_OK;
}

/* Saved also when it is a wrong one: it is signed evidence. */
static int
save_bundle(struct cli *cli, const struct answer *a, struct json_object *messages,
            const char *file)
{
	struct b3iq_error err = NO_ERROR;
	struct buf        text;
	int32_t           rc;
	int               exit;

	if (!a->own)
		return cli_error(cli, CLI_FAILED, "the node sent no receipt");
	buf_init(&text, BUNDLE_MAX);
	rc = json_write(a->own, &text);
	if (!rc)
		rc = buf_puts(&text, "\n");
	if (!rc) /* it opens what was said: for nobody else's eyes */
		rc = path_write(file, text.data, text.len, 0600, &err);
	exit = rc ? cli_fail(cli, rc, &err) : check_bundle(cli, &text, a, messages);
	buf_wipe(&text);
	return exit;
}

static void
put_answer(struct cli *cli, const struct answer *a)
{
	cli_put(cli, "text",
	        json_object_new_string_len(a->text.data ? a->text.data : "", (int)a->text.len));
	cli_put_text(cli, "model", a->model);
	cli_put_text(cli, "finish_reason", a->finish);
	if (a->usage)
		cli_put(cli, "usage", json_object_get(a->usage));
	if (a->own)
		cli_put(cli, "b3iq", json_object_get(a->own));
}

static int
ask(struct cli *cli, struct remote *remote, struct json_object *messages)
{
	struct json_object *request = answer_request(cli, messages);
	const char         *file = cli_text(cli, "receipt", NULL);
	struct answer       a;
	int                 exit;

	if (!request)
		return cli_error(cli, CLI_FAILED, "no memory for the request");
	answer_init(&a);
	exit = answer_ask(cli, remote, request, &a);
	if (cli->json)
		put_answer(cli, &a);
	if (!exit && file)
		exit = save_bundle(cli, &a, messages, file);
	answer_finish(&a);
	json_object_put(request);
	return exit;
}

static int
run(struct cli *cli)
{
	struct b3iq_error   err = NO_ERROR;
	struct json_object *messages = answer_messages(cli);
	struct remote       remote;
	struct buf          prompt;
	int32_t             rc;
	int                 exit;

	buf_init(&prompt, PROMPT_MAX);
	rc = read_prompt(cli, &prompt, &err);
	if (rc)
		exit = cli_error(cli, rc == B3IQ_E_INVALID ? CLI_USAGE : CLI_FAILED, "%s",
		                 err.text);
	else if (!messages || !answer_message(messages, "user", prompt.data, prompt.len))
		exit = cli_error(cli, CLI_FAILED, "no memory for the prompt");
	else {
		exit = remote_open(cli, &remote);
		if (!exit)
			exit = ask(cli, &remote, messages);
		remote_close(&remote);
	}
	json_object_put(messages);
	buf_wipe(&prompt);
	return exit;
}

static const struct cli_option options[] = {
	ANSWER_OPTIONS,
	{ .name = "receipt", .letter = 'r', .kind = CLI_PATH, .value = "FILE",
	  .help = "save receipt and openings, for b3iq receipt verify and audit" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

const struct cli_command command_run = {
	.name = "run",
	.summary = "ask one question, see the answer as it is written",
	.words = "[PROMPT... | -]",
	.most = 1000,
	.about = "Sends the prompt to the node and prints the answer as it comes; without a "
	         "prompt, or for -, it is read from stdin. Ctrl-C stops the answer, also in the "
	         "node. With --receipt the signed receipt and what opens it are saved; the file "
	         "holds prompt and answer, so it is readable by you alone.",
	.options = options,
	.examples = { { "b3iq run \"What is machine learning?\"",
	                "one answer of the default model" },
	              { "b3iq run -t 0 --receipt a.json \"Say hello\" && b3iq receipt audit a.json",
	                "greedy, and then re-executed to the bit" },
	              { "git diff | b3iq run --system \"Summarise this diff\" -",
	                "a prompt from stdin" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_UNVERIFIED,
	                        CLI_CANCELLED, 0 },
	.run = run,
};
