#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/jobs.h"
#include "cli/term.h"
#include "cli/ticket.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/base/random.h"
#include "core/http/sse.h"

#define PROMPT_MAX (8u << 20)
#define EVENT_MAX  (16u << 20)

/* ---- what is asked ------------------------------------------------------- */

static int
read_file(struct cli *cli, const char *file, struct buf *out)
{
	struct b3iq_error err = NO_ERROR;
	char              piece[16384];
	size_t            n;
	int32_t           rc = B3IQ_OK;

	if (strcmp(file, "-") == 0)
		while (!rc && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
			rc = buf_append(out, piece, n);
	else
		rc = path_read(file, out, &err);
	if (rc == B3IQ_E_INVALID)
		return cli_error(cli, CLI_USAGE, "the prompt is longer than %u MiB",
		                 PROMPT_MAX >> 20);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* --prompt, or --prompt-file, or the words behind the type.  What is wrong with it, the coordinator
 * says: it has to check it anyhow. */
static int
read_prompt(struct cli *cli, struct buf *out)
{
	const char *text = cli_text(cli, "prompt", NULL);
	const char *file = cli_text(cli, "prompt-file", NULL);

	if ((text != NULL) + (file != NULL) + (cli->n_words > 1) > 1)
		return cli_error(cli, CLI_USAGE,
		                 "one prompt: --prompt, or --prompt-file, or the words");
	if (file)
		return read_file(cli, file, out);
	if (text)
		buf_puts(out, text);
	for (size_t i = 1; i < cli->n_words; i++)
		buf_printf(out, "%s%s", i > 1 ? " " : "", cli->words[i]);
	if (!text && cli->n_words < 2)
		return cli_error(cli, CLI_USAGE,
		                 "there is no prompt: %s %s --prompt \"What is a receipt?\"",
		                 cli->path, cli->words[0]);
	return out->rc ? cli_error(cli, CLI_USAGE, "the prompt is longer than %u MiB",
	                           PROMPT_MAX >> 20)
	               : CLI_OK;
}

static bool
put_options(const struct cli *cli, struct json_object *o)
{
	const char *model = cli_text(cli, "model", NULL), *pay = cli_text(cli, "payment", NULL);
	bool        ok = true;

	if (model)
		ok = ok && !json_put_string(o, "model", model);
	if (pay)
		ok = ok && !json_put_string(o, "payment_amount", pay);
	if (cli_flag(cli, "ttl"))
		ok = ok && !json_put_int(o, "ttl_seconds", cli_int(cli, "ttl", 0));
	if (cli_flag(cli, "max-tokens"))
		ok = ok && !json_put_int(o, "max_tokens", cli_int(cli, "max-tokens", 0));
	if (cli_flag(cli, "seed"))
		ok = ok && !json_put_int(o, "seed", cli_int(cli, "seed", 0));
	if (cli_flag(cli, "temperature"))
		ok = ok && !json_put(o, "temperature",
		                     json_object_new_double(cli_number(cli, "temperature", 0)));
	if (cli_flag(cli, "stream"))
		ok = ok && !json_put_bool(o, "stream", true);
	return ok;
}

/* The seed's flat body. */
static struct json_object *
body_of(const struct cli *cli, const struct buf *prompt)
{
	struct json_object *o = json_object_new_object();
	const char         *text = prompt->data ? prompt->data : "";

	if (o && !json_put_string(o, "type", cli->words[0]) &&
	    !json_put(o, "prompt", json_object_new_string_len(text, (int)prompt->len)) &&
	    put_options(cli, o))
		return o;
	json_object_put(o);
	return NULL;
}

/* ---- what is kept -------------------------------------------------------- */

static int
keep(struct cli *cli, const struct network *n, struct json_object *body, const char *once,
     const char *id)
{
	static const char *const keys[] = { "type", "prompt", "model" };
	struct json_object      *ticket = json_object_new_object(), *v;
	int                      exit;

	bool ok = ticket && !json_put_string(ticket, "job_id", id) &&
	          !json_put_string(ticket, "url", n->url) &&
	          !json_put_string(ticket, "idempotency_key", once) &&
	          !json_put_int(ticket, "submitted_ms", (int64_t)clock_wall_ms());

	for (size_t i = 0; i < 3; i++)
		if (json_object_object_get_ex(body, keys[i], &v))
			ok = ok && !json_put(ticket, keys[i], json_object_get(v));
	exit = ok ? ticket_save(cli, id, ticket) : cli_error(cli, CLI_FAILED, "no memory");
	json_object_put(ticket);
	return exit;
}

/* ---- a stream ------------------------------------------------------------ */

struct reader {
	struct cli       *cli;
	struct sse_parser parser;
	bool              shown, ended;
};

/* {"text": ...} of whatever event; the end is known from the job itself. */
static int32_t
on_event(void *ctx, const char *name, const char *data, size_t len)
{
	struct reader      *r = ctx;
	struct json_object *event = NULL, *text = NULL;

	if (strcmp(name, "end") == 0 || strcmp(name, "done") == 0 ||
	    (len == 6 && memcmp(data, "[DONE]", 6) == 0)) {
		r->ended = true;
		return B3IQ_OK;
	}
	if (json_parse(data, len, "an event", &event, NULL) != B3IQ_OK)
		return B3IQ_OK;
	if (strcmp(name, "restart") == 0 && r->shown && !r->cli->json)
		fputs("\n[another worker begins again]\n", stdout);
	if (json_get(event, "text", json_type_string, &text, NULL) == B3IQ_OK && text &&
	    !r->cli->json) {
		term_text(stdout, json_object_get_string(text),
		          (size_t)json_object_get_string_len(text));
		fflush(stdout);
		r->shown = r->shown || json_object_get_string_len(text) > 0;
	}
	json_object_put(event);
	return B3IQ_OK;
}

static int32_t
on_data(void *ctx, const char *data, size_t len)
{
	struct reader *r = ctx;

	return sse_parse(&r->parser, data, len, on_event, r);
}

/* Shows the answer as it comes; *shown: some of it.  A stream that breaks is no failure of the job. */
static int
follow(struct cli *cli, struct network *n, const char *id, bool *shown)
{
	struct reader r = { .cli = cli };
	char          path[256];
	int           exit;

	sse_parser_init(&r.parser, EVENT_MAX);
	snprintf(path, sizeof path, "/v1/jobs/%s/stream", id);
	exit = network_json(cli, n, &(struct network_call){ .path = path, .on_data = on_data,
	                                                    .ctx = &r }, NULL, NULL);
	sse_parser_finish(&r.parser);
	if (r.shown)
		putchar('\n');
	*shown = r.shown && r.ended;
	return exit == CLI_CANCELLED ? exit : CLI_OK;
}

/* ---- submit -------------------------------------------------------------- */

static int
see_it_through(struct cli *cli, struct network *n, const char *id)
{
	struct json_object *view = NULL;
	bool                shown = false;
	int                 exit = CLI_OK;

	if (cli_flag(cli, "stream"))
		exit = follow(cli, n, id, &shown);
	if (!exit)
		exit = jobs_wait(cli, n, id, cli_int(cli, "timeout", 0), &view);
	if (!exit)
		exit = jobs_finish(cli, n, view, !shown);
	json_object_put(view);
	return exit;
}

static int
submit(struct cli *cli, struct network *n, struct json_object *body, const char *once)
{
	struct json_object *view = NULL;
	const char         *id = NULL;
	int exit = network_json(cli, n, &(struct network_call){ .method = "POST", .path = "/v1/jobs",
	                                                        .body = body, .once = once }, NULL, &view);

	if (exit)
		return exit;
	json_get_string(view, "job_id", NULL, &id, NULL);
	if (!id || !ticket_id_valid(id))
		exit = cli_error(cli, CLI_FAILED, "the coordinator's answer has no job id");
	if (!exit)
		exit = keep(cli, n, body, once, id);
	if (!exit && (cli_flag(cli, "wait") || cli_flag(cli, "stream")))
		exit = see_it_through(cli, n, id);
	else if (!exit)
		jobs_show(cli, view, NULL, false);
	json_object_put(view);
	return exit;
}

static int
run(struct cli *cli)
{
	char                fresh[40] = "";
	const char         *once = cli_text(cli, "idempotency-key", fresh);
	struct json_object *body = NULL;
	struct network      n;
	struct buf          prompt;
	int                 exit;

	random_id(fresh, sizeof fresh, "idem_", 16);
	if (strlen(once) > 255 || once[strcspn(once, "\r\n")])
		return cli_error(cli, CLI_USAGE, "an idempotency key is one line of at most 255 bytes");
	buf_init(&prompt, PROMPT_MAX);
	exit = read_prompt(cli, &prompt);
	if (!exit && !(body = body_of(cli, &prompt)))
		exit = cli_error(cli, CLI_FAILED, "no memory for the prompt");
	if (!exit) {
		exit = network_open(cli, &n, NETWORK_CLIENT);
		if (!exit)
			exit = submit(cli, &n, body, once);
		network_close(&n);
	}
	json_object_put(body);
	buf_wipe(&prompt);
	return exit;
}

static const struct cli_option options[] = {
	{ .name = "prompt", .letter = 'p', .kind = CLI_TEXT, .value = "TEXT", .help = "what to ask" },
	{ .name = "prompt-file", .letter = 'f', .kind = CLI_PATH, .value = "FILE",
	  .help = "the prompt from a file; - is stdin" },
	{ .name = "model", .letter = 'm', .kind = CLI_TEXT, .value = "MODEL",
	  .help = "default: the coordinator's" },
	{ .name = "wait", .letter = 'w', .kind = CLI_FLAG, .help = "until the job has ended" },
	{ .name = "stream", .kind = CLI_FLAG, .help = "show the answer as it comes, and wait" },
	{ .name = "timeout", .kind = CLI_INT, .value = "SECONDS",
	  .help = "wait no longer; the job goes on", .least = 1, .most = 86400 },
	{ .name = "payment", .kind = CLI_TEXT, .value = "AMOUNT",
	  .help = "what it may cost at most, in AITBC: 0.25; locked until the job has ended" },
	{ .name = "ttl", .kind = CLI_INT, .value = "SECONDS",
	  .help = "the job expires, and is refunded, after so long", .least = 1, .most = 31536000 },
	{ .name = "idempotency-key", .kind = CLI_TEXT, .value = "KEY",
	  .help = "the same key is the same job, however often it is sent; default: a fresh one" },
	{ .name = "max-tokens", .letter = 'n', .kind = CLI_INT, .value = "N",
	  .help = "stop after N tokens", .least = 1, .most = 1048576 },
	{ .name = "temperature", .letter = 't', .kind = CLI_NUMBER, .value = "N",
	  .help = "0 takes the likeliest token always, 2 is wild", .most = 2 },
	{ .name = "seed", .letter = 's', .kind = CLI_INT, .value = "N",
	  .help = "the same seed gives the same answer on a det-v1 model", .most = 9007199254740991.0 },
	NETWORK_OPTIONS,
	{ .name = NULL },
};

const struct cli_command command_submit = {
	.name = "submit",
	.summary = "give a job to a coordinator",
	.words = "TYPE [PROMPT...]",
	.least = 1,
	.most = 1000,
	.about = "Sends a job of that type (inference) to the coordinator, where a worker does it for "
	         "payment out of escrow. A submission that meets a network failure is repeated under "
	         "the same idempotency key, three times, and is one job all the same. Question, result "
	         "and receipt are kept in the home, in jobs/, for b3iq receipt verify.",
	.options = options,
	.examples = { { "b3iq submit inference --prompt \"What is machine learning?\" --model llama3.2:latest",
	                "prints the job's id" },
	              { "b3iq submit inference -p \"Hello\" --wait --payment 0.5",
	                "until it is done, for at most 0.5 AITBC" },
	              { "git diff | b3iq submit inference -f - --stream", "a prompt from stdin" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_NO_NODE, CLI_UNPAID, CLI_NOT_READY,
	                        CLI_JOB_ENDED_BADLY, CLI_CANCELLED, 0 },
	.run = run,
};
