#include "coordinator/settle/walletd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/crypto/ed25519.h"
#include "core/crypto/secret.h"
#include "core/http/client.h"

#define ANSWER_MAX 65536
#define WAIT_MS    10000

struct walletd {
	pthread_mutex_t lock; /* one call at a time: a client keeps one connection */
	struct client  *client;
	char            url[256], bearer[320];
};

int32_t
walletd_create(const char *url, const char *token, struct walletd **out, struct b3iq_error *err)
{
	struct walletd *s = calloc(1, sizeof *s);
	int32_t rc = s ? client_create(&s->client, err) : fail_memory(err, "reaching the wallet");

	*out = NULL;
	if (rc == B3IQ_OK && (strlen(url) >= sizeof s->url || strlen(token) > 256))
		rc = fail(err, B3IQ_E_INVALID, "the wallet's URL or token is too long");
	if (rc != B3IQ_OK) {
		if (s)
			client_destroy(s->client);
		free(s);
		return rc;
	}
	snprintf(s->url, sizeof s->url, "%s", url);
	snprintf(s->bearer, sizeof s->bearer, "Authorization: Bearer %s", token);
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return B3IQ_OK;
}

void
walletd_destroy(struct walletd *s)
{
	if (!s)
		return;
	client_destroy(s->client);
	pthread_mutex_destroy(&s->lock);
	secret_wipe(s->bearer, sizeof s->bearer);
	free(s);
}

/* body NULL: GET.  The answer is a JSON object, or the wallet's reason as an error. */
static int32_t
ask(struct walletd *s, const char *wallet, const char *what, const struct buf *body,
    struct json_object **out, struct b3iq_error *err)
{
	const char *const headers[] = { s->bearer, "Content-Type: application/json", NULL };
	struct client_reply reply;
	char url[512], reason[160];
	int32_t rc;

	if (strspn(wallet, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
	            strlen(wallet) ||
	    strlen(wallet) > 64)
		return fail(err, B3IQ_E_INVALID, "this is no name of a wallet");
	snprintf(url, sizeof url, "%s/v1/wallets/%s%s", s->url, wallet, what);
	client_reply_init(&reply, ANSWER_MAX);
	pthread_mutex_lock(&s->lock);
	rc = client_call(s->client,
	                 &(struct client_request){ .method = body ? "POST" : "GET", .url = url,
	                                           .headers = headers,
	                                           .body = body ? body->data : NULL,
	                                           .body_len = body ? body->len : 0,
	                                           .total_ms = WAIT_MS },
	                 &reply, err);
	pthread_mutex_unlock(&s->lock);
	if (rc == B3IQ_OK && reply.status / 100 != 2) {
		client_reply_message(&reply, reason, sizeof reason);
		rc = fail(err, reply.status / 100 == 5 ? B3IQ_E_UNAVAILABLE : B3IQ_E_DENIED,
		          "the wallet refuses: %s", reason);
	}
	if (rc == B3IQ_OK)
		rc = json_parse(reply.body.data ? reply.body.data : "", reply.body.len,
		                "the wallet's answer", out, err);
	client_reply_finish(&reply);
	return rc;
}

static int32_t
write_hex(struct json_object *answer, const char *key, size_t n, struct b3iq_writer *out)
{
	uint8_t bytes[64];
	const char *hex;

	if (json_get_string(answer, key, "", &hex, NULL) != B3IQ_OK ||
	    !hex_decode(hex, strlen(hex), bytes, n))
		return B3IQ_E_UNAVAILABLE;
	return out->write(out, bytes, n);
}

int32_t
walletd_sign(struct walletd *s, const char *wallet, const char *alg, const void *message, size_t len,
            struct b3iq_writer *sig)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *answer = NULL;
	struct buf body;
	char *text;
	int32_t rc;

	if (strcmp(alg, "ed25519") != 0)
		return B3IQ_E_UNSUPPORTED;
	buf_init(&body, 2 * B3IQ_SIGN_MAX);
	buf_puts(&body, "{\"alg\":\"ed25519\",\"message\":\"");
	text = buf_reserve(&body, BASE64_SIZE(len) + 3);
	if (text) {
		base64_encode(message, len, text);
		buf_grew(&body, strlen(text));
	}
	rc = buf_puts(&body, "\"}");
	if (rc == B3IQ_OK)
		rc = ask(s, wallet, "/sign", &body, &answer, &err);
	if (rc == B3IQ_E_DENIED) { /* by the wallet, not by the ledger, which would mean: no money */
		log_event(B3IQ_LOG_WARN, "wallet.refused", "wallet=%s reason=\"%s\"", wallet,
		          err.text);
		rc = B3IQ_E_UNSUPPORTED;
	}
	if (rc == B3IQ_OK)
		rc = write_hex(answer, "signature", ED25519_SIGNATURE, sig);
	json_object_put(answer);
	buf_wipe(&body);
	return rc;
}

int32_t
walletd_public_key(struct walletd *s, const char *wallet, const char *alg, struct b3iq_writer *out)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *answer = NULL;
	uint8_t key[ED25519_PUBLIC];
	const char *text = "";
	int32_t rc = strcmp(alg, "ed25519") == 0 ? ask(s, wallet, "", NULL, &answer, &err)
	                                         : B3IQ_E_UNSUPPORTED;

	if (rc == B3IQ_OK)
		rc = json_get_string(answer, "public_key", "", &text, &err);
	if (rc == B3IQ_OK && ed25519_parse(text, key))
		rc = out->write(out, key, sizeof key);
	else if (rc == B3IQ_OK)
		rc = write_hex(answer, "public_key", sizeof key, out);
	json_object_put(answer);
	return rc;
}

int32_t
walletd_address(struct walletd *s, const char *wallet, char out[129], struct b3iq_error *err)
{
	struct json_object *answer = NULL;
	const char *text = "";
	int32_t rc = ask(s, wallet, "", NULL, &answer, err);

	if (rc == B3IQ_OK)
		rc = json_get_string(answer, "address", "", &text, err);
	if (rc == B3IQ_OK && (!text[0] || strlen(text) > 128))
		rc = fail(err, B3IQ_E_UNAVAILABLE, "the wallet says no address");
	if (rc == B3IQ_OK)
		snprintf(out, 129, "%s", text);
	json_object_put(answer);
	return rc;
}
