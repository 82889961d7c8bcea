#include "cli/answer.h"

#include <stdio.h>
#include <string.h>

#include "cli/term.h"
#include "core/base/json.h"
#include "core/http/sse.h"

#define EVENT_MAX (32u << 20) /* a bundle with probes is large */

struct reader {
	struct cli       *cli;
	struct answer    *answer;
	struct sse_parser parser;
	bool              shown; /* stdout got some of it    */
	bool              said;  /* an error was reported    */
	bool              ended; /* [DONE] came              */
};

void
answer_init(struct answer *a)
{
	memset(a, 0, sizeof *a);
	buf_init(&a->text, ANSWER_MAX);
}

void
answer_finish(struct answer *a)
{
	buf_wipe(&a->text);
	json_object_put(a->own);
	json_object_put(a->usage);
	a->own = a->usage = NULL;
}

/* ---- what is asked ------------------------------------------------------ */

bool
answer_message(struct json_object *messages, const char *role, const char *content, size_t len)
{
	struct json_object *m = json_object_new_object();

	return m && json_object_array_add(messages, m) == 0 && !json_put_string(m, "role", role) &&
	       !json_put(m, "content", json_object_new_string_len(content, (int)len));
}

struct json_object *
answer_messages(const struct cli *cli)
{
	struct json_object *messages = json_object_new_array();
	const char         *system = cli_text(cli, "system", NULL);

	if (!messages || !system || answer_message(messages, "system", system, strlen(system)))
		return messages;
	json_object_put(messages);
	return NULL;
}

/* What of the sampling was asked for; what was not is left to the node. */
static bool
put_sampling(const struct cli *cli, struct json_object *rq)
{
	static const struct {
		const char *option, *field;
	} numbers[] = { { "temperature", "temperature" }, { "top-p", "top_p" } },
	  integers[] = { { "seed", "seed" }, { "max-tokens", "max_completion_tokens" } };
	bool ok = true;

	for (size_t i = 0; i < 2; i++) {
		if (cli_flag(cli, numbers[i].option))
			ok = ok && !json_put(rq, numbers[i].field,
			                     json_object_new_double(
						     cli_number(cli, numbers[i].option, 0)));
		if (cli_flag(cli, integers[i].option))
			ok = ok && !json_put_int(rq, integers[i].field,
			                         cli_int(cli, integers[i].option, 0));
	}
	return ok;
}

struct json_object *
answer_request(const struct cli *cli, struct json_object *messages)
{
	struct json_object *rq = json_object_new_object(), *options = json_object_new_object();

	if (rq && options && !json_put_string(rq, "model", cli_text(cli, "model", "default")) &&
	    !json_put(rq, "messages", json_object_get(messages)) &&
	    !json_put_bool(rq, "stream", true) && !json_put_bool(options, "include_usage", true) &&
	    !json_put(rq, "stream_options", json_object_get(options)) && put_sampling(cli, rq)) {
		json_object_put(options);
		return rq;
	}
	json_object_put(options);
	json_object_put(rq);
	return NULL;
}

/* ---- what comes --------------------------------------------------------- */

static int32_t
take_text(struct reader *r, struct json_object *choice)
{
	struct json_object *delta = NULL, *text = NULL;
	const char         *finish = NULL;

	json_get(choice, "delta", json_type_object, &delta, NULL);
	if (json_get_string(choice, "finish_reason", NULL, &finish, NULL) == B3IQ_OK && finish)
		snprintf(r->answer->finish, sizeof r->answer->finish, "%s", finish);
	if (!delta || json_get(delta, "content", json_type_string, &text, NULL) || !text)
		return B3IQ_OK;
	if (!r->cli->json) {
		const char  *bytes = json_object_get_string(text);
		const size_t len = (size_t)json_object_get_string_len(text);

		term_text(stdout, bytes, len);
		fflush(stdout);
		r->shown = r->shown || len;
	}
	return buf_append(&r->answer->text, json_object_get_string(text),
	                  (size_t)json_object_get_string_len(text));
}

static int32_t
take_error(struct reader *r, struct json_object *error)
{
	const char *message = "the node broke off";

	json_get_string(error, "message", message, &message, NULL);
	if (r->shown)
		fputc('\n', stdout);
	cli_error(r->cli, CLI_FAILED, "%s", message);
	r->said = true;
	return B3IQ_DECLINED;
}

static int32_t
take_event(struct reader *r, struct json_object *event)
{
	struct json_object *part = NULL;
	const char         *model = NULL;

	if (json_object_object_get_ex(event, "error", &part) && part)
		return take_error(r, part);
	if (json_get_string(event, "model", NULL, &model, NULL) == B3IQ_OK && model)
		snprintf(r->answer->model, sizeof r->answer->model, "%s", model);
	if (json_object_object_get_ex(event, "usage", &part) && part) {
		json_object_put(r->answer->usage);
		r->answer->usage = json_object_get(part);
	}
	if (json_object_object_get_ex(event, "b3iq", &part) && part) {
		json_object_put(r->answer->own);
		r->answer->own = json_object_get(part);
	}
	if (json_get(event, "choices", json_type_array, &part, NULL) || !part ||
	    !json_object_array_length(part))
		return B3IQ_OK;
	return take_text(r, json_object_array_get_idx(part, 0));
}

static int32_t
on_event(void *ctx, const char *name, const char *data, size_t len)
{
	struct reader      *r = ctx;
	struct json_object *event;
	struct b3iq_error   err = NO_ERROR;
	int32_t             rc;

	(void)name;
	if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
		r->ended = true;
		return B3IQ_OK;
	}
	rc = json_parse(data, len, "an event of the node", &event, &err);
	if (rc) {
		cli_fail(r->cli, rc, &err);
		r->said = true;
		return B3IQ_DECLINED;
	}
	rc = take_event(r, event);
	json_object_put(event);
	return rc;
}

static int32_t
on_data(void *ctx, const char *data, size_t len)
{
	struct reader *r = ctx;

	return sse_parse(&r->parser, data, len, on_event, r);
}

int
answer_ask(struct cli *cli, struct remote *remote, struct json_object *request, struct answer *a)
{
	struct reader       r = { .cli = cli, .answer = a };
	struct client_reply reply;
	int                 exit;

	sse_parser_init(&r.parser, EVENT_MAX);
	client_reply_init(&reply, REMOTE_REPLY_MAX);
	exit = remote_stream(cli, remote, "/v1/chat/completions", request, "X-B3IQ-Bundle: 1",
	                     on_data, &r, &reply);
	if (!cli->json && !r.said && (r.shown || exit == CLI_OK))
		fputc('\n', stdout);
	fflush(stdout);
	if (exit == CLI_OK && !r.ended)
		exit = cli_error(cli, CLI_FAILED, "the answer was cut off: look at the node's log");
	client_reply_finish(&reply);
	sse_parser_finish(&r.parser);
	return exit;
}
