#include "cli/network.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/backoff.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/crypto/secret.h"
#include "core/role/home.h"

#define ANSWER_MAX   (64u << 20)
#define CALL_MS      30000u
#define SILENCE_MS   (2u * 60 * 1000) /* of a stream: it is pinged more often */
#define PAUSE_FIRST  500
#define PAUSE_MOST   8000
#define RETRY_MOST_S 60 /* a longer Retry-After is not waited for */

/* ---- where, and with which key ------------------------------------------ */

static const char *
env(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value && *value)
			return value;
	}
	return NULL;
}

/* A key that the home's own coordinator made for this command line; "" if there is none. */
static int
own_key(struct cli *cli, enum network_role role, struct buf *out)
{
	const char       *name = role == NETWORK_ADMIN ? "admin.key" : "client.key";
	struct b3iq_error err = NO_ERROR;
	char              file[PATH_SIZE];
	struct home       home;
	int32_t           rc = home_open(&home, cli->home, &err);

	if (rc)
		return cli_fail(cli, rc, &err);
	rc = home_path(&home, file, &err, "keys", name, NULL);
	if (!rc && path_exists(file))
		rc = path_read(file, out, &err);
	home_close(&home);
	if (!rc && out->len)
		out->data[strcspn(out->data, "\r\n")] = '\0';
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

static int
find_key(struct cli *cli, struct network *n, enum network_role role, bool own)
{
	static const char *const names[][4] = {
		[NETWORK_CLIENT] = { "CLIENT_API_KEY", "CLIENT_KEY", "AITBC_API_KEY", NULL },
		[NETWORK_ADMIN] = { "ADMIN_API_KEY", "ADMIN_KEY", NULL },
	};
	const char *given = env(names[role]);
	struct buf  kept;
	int         exit = CLI_OK;

	buf_init(&kept, 512);
	if (!given && own)
		exit = own_key(cli, role, &kept);
	given = given ? given : kept.len ? kept.data : "";
	if (!exit && (strlen(given) > 400 || given[strcspn(given, "\r\n")]))
		exit = cli_error(cli, CLI_DENIED, "the API key in %s is no key", names[role][0]);
	if (!exit && *given)
		snprintf(n->key_header, sizeof n->key_header, "X-Api-Key: %s", given);
	buf_wipe(&kept);
	return exit;
}

/* Where the coordinator of this home listens, "" if none runs. */
static void
own_url(const struct cli *cli, char url[HOME_URL_SIZE])
{
	struct home home;

	url[0] = '\0';
	if (home_open(&home, cli->home, NULL) != B3IQ_OK)
		return;
	if (!home_locked_by(&home, "coordinator", url))
		url[0] = '\0';
	home_close(&home);
}

int
network_open(struct cli *cli, struct network *n, enum network_role role)
{
	const char       *given = cli_text(cli, "url", env((const char *[]){ "AITBC_URL", NULL }));
	struct b3iq_error err = NO_ERROR;
	char              own[HOME_URL_SIZE];
	int32_t           rc;
	int               exit;

	memset(n, 0, sizeof *n);
	own_url(cli, own);
	if (!given)
		given = own[0] ? own : NETWORK_URL_DEFAULT;
	if (snprintf(n->url, sizeof n->url, "%s", given) >= (int)sizeof n->url)
		return cli_error(cli, CLI_USAGE, "the URL of the coordinator is too long");
	for (size_t i = strlen(n->url); i && n->url[i - 1] == '/'; i--)
		n->url[i - 1] = '\0';
	exit = find_key(cli, n, role, own[0] && strcmp(n->url, own) == 0);
	if (exit)
		return exit;
	rc = client_create(&n->client, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

void
network_close(struct network *n)
{
	client_destroy(n->client);
	secret_wipe(n->key_header, sizeof n->key_header);
	memset(n, 0, sizeof *n);
}

/* ---- refusals ------------------------------------------------------------ */

/* {"error":{"message"}} as everybody has it, or {"detail"} as AITBC's coordinator alone. */
static void
refusal_text(const struct client_reply *reply, char *out, size_t size)
{
	struct json_object *doc = NULL;
	const char         *detail = NULL;

	client_reply_message(reply, out, size);
	if (!reply->body.len ||
	    json_parse(reply->body.data, reply->body.len, "the answer", &doc, NULL))
		return;
	if (json_object_is_type(doc, json_type_object) && !json_object_object_get_ex(doc, "error", NULL) &&
	    json_get_string(doc, "detail", NULL, &detail, NULL) == B3IQ_OK && detail)
		snprintf(out, size, "%s", detail);
	json_object_put(doc);
}

static int
refused(struct cli *cli, const struct network *n, const struct client_reply *reply)
{
	char text[512];

	refusal_text(reply, text, sizeof text);
	switch (reply->status) {
	case 401:
		if (!n->key_header[0])
			return cli_error(cli, CLI_DENIED,
			                 "the coordinator wants an API key: set CLIENT_API_KEY (as "
			                 "an administrator ADMIN_API_KEY)");
		return cli_error(cli, CLI_DENIED, "the coordinator refuses the key: %s", text);
	case 402:
		return cli_error(cli, CLI_UNPAID, "%s", text);
	case 403:
		return cli_error(cli, CLI_DENIED, "the coordinator refuses: %s", text);
	case 404:
		return cli_error(cli, CLI_NOT_FOUND, "%s", text);
	case 409:
		return cli_error(cli, CLI_FAILED, "%s", text);
	case 425:
		return cli_error(cli, CLI_NOT_READY, "%s", text);
	default:
		return cli_error(cli, CLI_FAILED, "%s (HTTP %d)", text, reply->status);
	}
}

static int
unreached(struct cli *cli, const struct network *n, int32_t rc, const struct b3iq_error *err)
{
	if (rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_TIMEOUT)
		return cli_error(cli, CLI_NO_NODE, "no coordinator answers at %s: %s", n->url,
		                 err->text);
	if (rc == B3IQ_E_CANCELLED)
		return cli_error(cli, CLI_CANCELLED, "stopped");
	return cli_fail(cli, rc, err);
}

/* ---- calls --------------------------------------------------------------- */

bool
network_pause(uint32_t ms)
{
	struct pollfd p = { .fd = cli_interrupt_fd(), .events = POLLIN };

	return poll(&p, 1, (int)ms) <= 0;
}

/* May pass if it is tried again: then *pause says when. */
static bool
may_pass(const struct client_reply *reply, int32_t rc, struct backoff *b, uint32_t *pause)
{
	const bool again = rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_TIMEOUT ||
	                   (rc == B3IQ_OK && (reply->status >= 500 || reply->status == 429));

	if (!again || b->failures >= NETWORK_RETRIES)
		return false;
	*pause = backoff_next(b);
	if (rc == B3IQ_OK && reply->retry_after_s > RETRY_MOST_S)
		return false;
	if (rc == B3IQ_OK && reply->retry_after_s)
		*pause = reply->retry_after_s * 1000 + *pause % 250;
	return true;
}

struct flow { /* a stream, and whether some of it has come */
	const struct network_call *call;
	bool                       begun;
};

static int32_t
on_data(void *ctx, const char *bytes, size_t n)
{
	struct flow *f = ctx;

	f->begun = true;
	return f->call->on_data(f->call->ctx, bytes, n);
}

/* Tries until there is an answer that will not change. */
static int32_t
ask(struct network *n, const struct network_call *call, struct client_request *rq, struct flow *flow,
    struct client_reply *reply, struct b3iq_error *err)
{
	const bool     safe = !call->method || strcmp(call->method, "GET") == 0 || call->once;
	struct backoff b = { .first_ms = PAUSE_FIRST, .most_ms = PAUSE_MOST };
	uint32_t       pause = 0;
	int32_t        rc;

	for (;;) {
		rc = client_call(n->client, rq, reply, err);
		if (!safe || flow->begun || !may_pass(reply, rc, &b, &pause))
			return rc;
		if (!network_pause(pause))
			return fail(err, B3IQ_E_CANCELLED, "stopped");
	}
}

static int
settle(struct cli *cli, const struct network *n, const struct network_call *call,
       const struct client_reply *reply, struct json_object **out)
{
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;

	if (reply->status == call->quiet_status)
		return CLI_FAILED;
	if (reply->status < 200 || reply->status > 299)
		return refused(cli, n, reply);
	if (!out || call->on_data)
		return CLI_OK;
	rc = json_parse(reply->body.data ? reply->body.data : "", reply->body.len,
	                "the coordinator's answer", out, &err);
	if (!rc && !json_object_is_type(*out, json_type_object)) {
		json_object_put(*out);
		*out = NULL;
		rc = fail(&err, B3IQ_E_INTERNAL, "the coordinator's answer is no object");
	}
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

int
network_json(struct cli *cli, struct network *n, const struct network_call *call, int *status,
             struct json_object **out)
{
	struct flow           flow = { .call = call };
	const char           *headers[4];
	char                  url[2048], once[320];
	size_t                lines = 0;
	struct buf            text;
	struct client_reply   reply;
	struct b3iq_error     err = NO_ERROR;
	struct client_request rq = {
		.method = call->method, .url = url, .headers = headers, .cancel_fd = cli_interrupt_fd(),
		.total_ms = call->on_data ? 0 : CALL_MS + call->wait_ms,
		.silence_ms = call->on_data ? SILENCE_MS : 0,
		.on_data = call->on_data ? on_data : NULL, .ctx = &flow
	};
	int32_t rc = B3IQ_OK;
	int     exit;

	if (out)
		*out = NULL;
	buf_init(&text, ANSWER_MAX);
	client_reply_init(&reply, ANSWER_MAX);
	if (n->key_header[0])
		headers[lines++] = n->key_header;
	if (call->once && snprintf(once, sizeof once, "Idempotency-Key: %s", call->once) > 0)
		headers[lines++] = once;
	if (call->body) {
		headers[lines++] = "Content-Type: application/json";
		rc = json_write(call->body, &text);
		rq.body = text.data;
		rq.body_len = text.len;
	}
	headers[lines] = NULL;
	if (snprintf(url, sizeof url, "%s%s", n->url, call->path) >= (int)sizeof url)
		rc = fail(&err, B3IQ_E_INVALID, "the URL is too long");
	if (!rc)
		rc = ask(n, call, &rq, &flow, &reply, &err);
	if (status)
		*status = rc ? 0 : reply.status;
	if (rc == B3IQ_DECLINED && call->on_data) /* it has said why */
		exit = CLI_FAILED;
	else
		exit = rc ? unreached(cli, n, rc, &err) : settle(cli, n, call, &reply, out);
	buf_wipe(&text);
	client_reply_finish(&reply);
	return exit;
}
