#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/role/endpoint.h"
#include "node/config.h"
#include "node/keys.h"

#define SILENCE_MS (10u * 60 * 1000) /* a large model may take long to its first token */

/* ---- where, and with which key ------------------------------------------ */

int32_t
remote_configured(const struct cli *cli, char *out, size_t size, struct b3iq_error *err)
{
	struct home    home;
	struct config *config = NULL;
	const char    *address = "127.0.0.1";
	char           running[HOME_URL_SIZE];
	uint16_t       port = 8008;
	int32_t        rc = home_open(&home, cli->home, err);

	if (rc)
		return rc;
	if (home_locked_by(&home, "node", running) &&
	    running[0]) { /* it may have been started with --port */
		snprintf(out, size, "%s", running);
		home_close(&home);
		return B3IQ_OK;
	}
	rc = config_load(&home, &config, err);
	if (!rc) {
		address = config->address;
		port = config->port;
	}
	/* Who listens everywhere is reached on loopback. */
	if (strcmp(address, "0.0.0.0") == 0)
		address = "127.0.0.1";
	else if (strcmp(address, "::") == 0)
		address = "::1";
	endpoint_url(address, port, out, size);
	config_free(config);
	home_close(&home);
	return rc == B3IQ_E_NOT_FOUND ? B3IQ_OK : rc; /* no config yet: the defaults */
}

/* Is that where this home's own node listens now?  A home that is not there is not made. */
static bool
is_own(const struct cli *cli, const char *url)
{
	char        dir[PATH_SIZE], running[HOME_URL_SIZE] = "";
	struct home home;

	if (cli->home ? !path_exists(cli->home)
	              : path_home(dir, NULL) != B3IQ_OK || !path_exists(dir))
		return false;
	if (home_open(&home, cli->home, NULL) != B3IQ_OK)
		return false;
	home_locked_by(&home, "node", running);
	home_close(&home);
	return running[0] && strcmp(running, url) == 0;
}

/* The home's own key is not sent to a node that somebody else named. */
static int
find_key(struct cli *cli, struct remote *r, bool foreign)
{
	const char       *given = getenv("B3IQ_API_KEY");
	char              own[KEYS_SECRET_SIZE] = "";
	struct b3iq_error err = NO_ERROR;
	struct home       home;
	int32_t           rc = B3IQ_OK;

	if (!given && !foreign) {
		rc = home_open(&home, cli->home, &err);
		if (!rc) {
			rc = keys_cli_read(&home, own, &err);
			home_close(&home);
		}
	}
	if (rc && rc != B3IQ_E_NOT_FOUND)
		return cli_fail(cli, rc, &err);
	given = given ? given : own;
	if (strlen(given) > 400 || given[strcspn(given, "\r\n")])
		return cli_error(cli, CLI_DENIED, "the API key in B3IQ_API_KEY is no key");
	if (*given)
		snprintf(r->key_header, sizeof r->key_header, "Authorization: Bearer %s", given);
	secret_wipe(own, sizeof own);
	return CLI_OK;
}

int
remote_open(struct cli *cli, struct remote *r)
{
	const char       *url = cli_text(cli, "url", getenv("B3IQ_URL"));
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;
	int               exit;

	memset(r, 0, sizeof *r);
	if (url && snprintf(r->url, sizeof r->url, "%s", url) >= (int)sizeof r->url)
		return cli_error(cli, CLI_USAGE, "the URL of the node is too long");
	rc = url ? B3IQ_OK : remote_configured(cli, r->url, sizeof r->url, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	for (size_t n = strlen(r->url); n && r->url[n - 1] == '/'; n--)
		r->url[n - 1] = '\0';
	exit = find_key(cli, r, url && !is_own(cli, r->url));
	if (exit)
		return exit;
	rc = client_create(&r->client, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

void
remote_close(struct remote *r)
{
	client_destroy(r->client);
	secret_wipe(r->key_header, sizeof r->key_header);
	memset(r, 0, sizeof *r);
}

/* ---- calls -------------------------------------------------------------- */

static int
transport_error(struct cli *cli, const struct remote *r, int32_t rc, const struct b3iq_error *err)
{
	if (rc == B3IQ_E_UNAVAILABLE)
		return cli_error(cli, CLI_NO_NODE,
		                 "no node answers at %s: start one with b3iq node", r->url);
	if (rc == B3IQ_E_CANCELLED)
		return cli_error(cli, CLI_CANCELLED, "stopped");
	return cli_fail(cli, rc, err);
}

static int
status_error(struct cli *cli, const struct remote *r, const struct client_reply *reply)
{
	char message[512];

	client_reply_message(reply, message, sizeof message);
	if (reply->status == 401 && !r->key_header[0])
		return cli_error(
			cli, CLI_DENIED,
			"the node wants an API key: set B3IQ_API_KEY (b3iq key create makes one)");
	if (reply->status == 401 || reply->status == 403)
		return cli_error(cli, CLI_DENIED, "the node refuses: %s", message);
	if (reply->status == 404)
		return cli_error(cli, CLI_NOT_FOUND, "%s", message);
	return cli_error(cli, CLI_FAILED, "%s (HTTP %d)", message, reply->status);
}

/* One call; the exit code, said. */
static int
call(struct cli *cli, struct remote *r, struct client_request *rq, const char *path,
     struct json_object *body, const char *header, struct client_reply *reply)
{
	const char       *headers[4];
	size_t            n = 0;
	char              url[2048];
	struct buf        text;
	struct b3iq_error err = NO_ERROR;
	int32_t           rc = B3IQ_OK;

	buf_init(&text, REMOTE_REPLY_MAX);
	if (r->key_header[0])
		headers[n++] = r->key_header;
	if (body) {
		headers[n++] = "Content-Type: application/json";
		rc = json_write(body, &text);
		rq->body = text.data;
		rq->body_len = text.len;
	}
	if (header)
		headers[n++] = header;
	headers[n] = NULL;
	rq->headers = headers;
	rq->url = url;
	if (snprintf(url, sizeof url, "%s%s", r->url, path) >= (int)sizeof url)
		rc = fail(&err, B3IQ_E_INVALID, "the URL of the node is too long");
	if (!rc)
		rc = client_call(r->client, rq, reply, &err);
	buf_wipe(&text);
	if (rc)
		return rq->on_data && rc == B3IQ_DECLINED ? CLI_FAILED
		                                          : transport_error(cli, r, rc, &err);
	return reply->status < 200 || reply->status > 299 ? status_error(cli, r, reply) : CLI_OK;
}

int
remote_json(struct cli *cli, struct remote *r, const char *method, const char *path,
            struct json_object *body, struct json_object **out)
{
	struct client_request rq = { .method = method, .silence_ms = SILENCE_MS,
		                     .cancel_fd = cli_interrupt_fd() };
	struct client_reply   reply;
	struct b3iq_error     err = NO_ERROR;
	int                   exit;

	client_reply_init(&reply, REMOTE_REPLY_MAX);
	exit = call(cli, r, &rq, path, body, NULL, &reply);
	if (!exit && out) {
		const int32_t rc = json_parse(reply.body.data ? reply.body.data : "",
		                              reply.body.len, "the node's answer", out, &err);

		exit = rc ? cli_fail(cli, rc, &err) : CLI_OK;
	}
	client_reply_finish(&reply);
	return exit;
}

int
remote_stream(struct cli *cli, struct remote *r, const char *path, struct json_object *body,
              const char *header, int32_t (*on_data)(void *, const char *, size_t), void *ctx,
              struct client_reply *reply)
{
	struct client_request rq = { .method = "POST", .silence_ms = SILENCE_MS, .on_data = on_data,
		                     .ctx = ctx, .cancel_fd = cli_interrupt_fd() };

	return call(cli, r, &rq, path, body, header, reply);
}

bool
remote_alive(struct remote *r)
{
	struct client_request rq = { .connect_ms = 1000, .total_ms = 3000, .cancel_fd = -1 };
	struct client_reply   reply;
	char                  url[2048];
	bool                  alive;

	client_reply_init(&reply, 1u << 20);
	snprintf(url, sizeof url, "%s/health", r->url);
	rq.url = url;
	alive = client_call(r->client, &rq, &reply, NULL) == B3IQ_OK && reply.status == 200;
	client_reply_finish(&reply);
	return alive;
}

int
remote_reload(struct cli *cli, bool *told)
{
	struct remote r;
	int           exit = remote_open(cli, &r);

	*told = false;
	if (!exit && remote_alive(&r)) {
		exit = remote_json(cli, &r, "POST", "/api/reload", NULL, NULL);
		*told = exit == CLI_OK;
	}
	remote_close(&r);
	return exit;
}
