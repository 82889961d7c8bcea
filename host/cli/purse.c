#include "cli/purse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/term.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/http/client.h"
#include "wallet/lockout.h"
#include "wallet/token.h"

#define REPLY_MAX (8u << 20)
#define TOTAL_MS  120000

/* ---- files ------------------------------------------------------------------------- */

int
purse_open(struct cli *cli, struct purse *p)
{
	struct b3iq_error err = NO_ERROR;
	int32_t rc;

	memset(p, 0, sizeof *p);
	rc = home_open(&p->home, cli->home, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	rc = keystore_open(&p->keystore, &p->home, &err);
	if (!rc)
		rc = wallet_store_open(&p->home, &p->store, &err);
	if (!rc)
		return CLI_OK;
	home_close(&p->home);
	return cli_fail(cli, rc, &err);
}

void
purse_close(struct purse *p)
{
	store_close(p->store);
	home_close(&p->home);
	memset(p, 0, sizeof *p);
}

int
purse_entry(struct cli *cli, struct purse *p, const char *name, struct keystore_entry *e)
{
	struct b3iq_error err = NO_ERROR;
	const int32_t     rc = keystore_read(&p->keystore, name, e, &err);

	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

/* ---- passwords ----------------------------------------------------------------------- */

static int32_t
from_fd(int fd, char *out, struct b3iq_error *err)
{
	size_t  n = 0;
	ssize_t got;
	char    c;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
		if (n == PURSE_PASSWORD_SIZE - 1)
			return fail(err, B3IQ_E_INVALID, "the password is too long");
		out[n++] = c;
	}
	out[n] = '\0';
	if (got < 0)
		return fail(err, B3IQ_E_INVALID, "descriptor %d cannot be read", fd);
	return n ? B3IQ_OK : fail(err, B3IQ_E_INVALID, "there is no password on descriptor %d", fd);
}

static int32_t
from_prompt(const char *prompt, char *out, struct b3iq_error *err)
{
	struct buf text;
	int32_t    rc;

	buf_init(&text, PURSE_PASSWORD_SIZE - 1);
	if (!buf_reserve(&text, PURSE_PASSWORD_SIZE - 1)) /* one place, which is wiped */
		return fail_memory(err, "reading a password");
	rc = term_secret(prompt, &text, err);
	if (!rc)
		memcpy(out, text.data, text.len + 1);
	buf_wipe(&text);
	return rc;
}

static int32_t
ask(const char *prompt, bool fresh, char *out, struct b3iq_error *err)
{
	char   *again;
	int32_t rc = from_prompt(prompt, out, err);

	if (rc || !fresh || !isatty(STDIN_FILENO))
		return rc;
	again = secret_alloc(PURSE_PASSWORD_SIZE);
	if (!again)
		return fail_memory(err, "reading a password");
	rc = from_prompt("The same again", again, err);
	if (!rc && strcmp(out, again) != 0)
		rc = fail(err, B3IQ_E_INVALID, "the two passwords differ; nothing was changed");
	secret_free(again, PURSE_PASSWORD_SIZE);
	return rc;
}

int
purse_password(struct cli *cli, const char *prompt, const char *file, bool fresh, char *out)
{
	const char       *from = cli_text(cli, file, NULL);
	const int64_t     fd = cli_int(cli, "password-fd", -1);
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;

	if (!out)
		rc = fail_memory(&err, "reading a password");
	else if (from)
		rc = wallet_password_file(from, out, PURSE_PASSWORD_SIZE, &err);
	else if (fd >= 0)
		rc = from_fd((int)fd, out, &err);
	else
		rc = ask(prompt, fresh, out, &err);
	if (!rc && fresh)
		rc = keystore_password_good(out, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

int
purse_key(struct cli *cli, struct purse *p, const struct keystore_entry *e,
          struct ed25519_key **out)
{
	char             *password = secret_alloc(PURSE_PASSWORD_SIZE), prompt[128];
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;
	int               exit;

	*out = NULL;
	snprintf(prompt, sizeof prompt, "Password of wallet %s", e->name);
	exit = purse_password(cli, prompt, "password-file", false, password);
	if (!exit) {
		rc = lockout_unlock(p->store, e, password, out, &err);
		if (rc)
			exit = cli_fail(cli, rc, &err);
	}
	secret_free(password, PURSE_PASSWORD_SIZE);
	return exit;
}

/* ---- the daemon ---------------------------------------------------------------------- */

static int32_t
request(struct client *client, const char *url, const char *method, const char *key,
        const struct buf *body, struct client_reply *reply, struct b3iq_error *err)
{
	char        header[TOKEN_SECRET_SIZE + 32];
	const char *headers[] = { header, body->len ? "Content-Type: application/json" : NULL,
		                  NULL };
	const struct client_request rq = { .method = method, .url = url, .headers = headers,
		                           .body = body->data, .body_len = body->len,
		                           .total_ms = TOTAL_MS, .cancel_fd = -1 };
	int32_t rc;

	snprintf(header, sizeof header, "Authorization: Bearer %s", key);
	rc = client_call(client, &rq, reply, err);
	secret_wipe(header, sizeof header);
	return rc;
}

int32_t
purse_call(struct purse *p, const char *method, const char *path, struct json_object *body,
           int *status, struct json_object **out, struct b3iq_error *err)
{
	char url[HOME_URL_SIZE + 256], base[HOME_URL_SIZE], key[TOKEN_SECRET_SIZE] = "";
	struct client_reply reply;
	struct client      *client = NULL;
	struct buf          text;
	int32_t             rc;

	*out = NULL;
	*status = 0;
	if (!home_locked_by(&p->home, "wallet", base) || !base[0])
		return fail(err, B3IQ_E_NOT_FOUND,
		            "no wallet daemon runs in this home; start one with `b3iq wallet`");
	snprintf(url, sizeof url, "%s%s", base, path);
	buf_init(&text, REPLY_MAX);
	client_reply_init(&reply, REPLY_MAX);
	rc = token_own_read(&p->home, key, err);
	if (!rc && body && (rc = json_write(body, &text)))
		fail_memory(err, "asking the wallet");
	if (!rc)
		rc = client_create(&client, err);
	if (!rc)
		rc = request(client, url, method, key, &text, &reply, err);
	if (!rc) {
		*status = reply.status;
		(void)json_parse(reply.body.len ? reply.body.data : "", reply.body.len,
		                 "the answer", out, NULL); /* NULL stands for no JSON */
	}
	secret_wipe(key, sizeof key);
	buf_wipe(&text);
	client_reply_finish(&reply);
	client_destroy(client);
	return rc;
}

int
purse_refused(struct cli *cli, int status, struct json_object *answer)
{
	struct json_object *error = NULL, *message = NULL;

	if (json_object_object_get_ex(answer, "error", &error))
		json_object_object_get_ex(error, "message", &message);
	return cli_error(cli,
	                 status == 401 || status == 403 ? CLI_DENIED
	                 : status == 404                ? CLI_NOT_FOUND
	                                                : CLI_FAILED,
	                 "%s (HTTP %d)",
	                 message ? json_object_get_string(message) : "the wallet daemon refuses",
	                 status);
}
