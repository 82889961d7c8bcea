#include "node/worker/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/http/client.h"

#define URL_MAX    2048
#define ANSWER_MAX (32u << 20)
#define CALL_MS    15000  /* of a small call                                 */
#define REPORT_MS  120000 /* of a result, which may be large                 */
#define NONCE_HEX  64

struct uplink {
	struct client *client;
	char          *url, *key_header;
	int            cancel_fd;
	struct buf     body;
	struct client_reply reply;
};

int32_t
uplink_create(const char *url, const char *key, struct uplink **out, struct b3iq_error *err)
{
	struct uplink *u = calloc(1, sizeof *u);

	*out = NULL;
	if (!u)
		return fail_memory(err, "calling the coordinator");
	u->cancel_fd = -1;
	buf_init(&u->body, SPOOL_BODY_MAX);
	client_reply_init(&u->reply, ANSWER_MAX);
	u->url = strdup(url);
	if (asprintf(&u->key_header, "X-Api-Key: %s", key) < 0)
		u->key_header = NULL;
	if (!u->url || !u->key_header || client_create(&u->client, err) != B3IQ_OK) {
		uplink_destroy(u);
		return fail_memory(err, "calling the coordinator");
	}
	*out = u;
	return B3IQ_OK;
}

void
uplink_destroy(struct uplink *u)
{
	if (!u)
		return;
	client_destroy(u->client);
	client_reply_finish(&u->reply);
	buf_wipe(&u->body);
	if (u->key_header)
		secret_wipe(u->key_header, strlen(u->key_header));
	free(u->key_header);
	free(u->url);
	free(u);
}

void
uplink_cancel_fd(struct uplink *u, int fd)
{
	u->cancel_fd = fd;
}

/* ---- a call -------------------------------------------------------------- */

static int32_t
refused(struct uplink *u, struct b3iq_error *err)
{
	const int status = u->reply.status;
	char text[200];

	client_reply_message(&u->reply, text, sizeof text);
	if (status == 401 || status == 403)
		return fail(err, B3IQ_E_DENIED, "%s (HTTP %d)", text, status);
	if (status == 404)
		return fail(err, B3IQ_E_NOT_FOUND, "%s", text);
	if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429)
		return fail(err, B3IQ_E_INVALID, "%s (HTTP %d)", text, status);
	fail(err, B3IQ_E_UNAVAILABLE, "%s (HTTP %d)", text, status);
	if (u->reply.retry_after_s < 3600)
		err->retry_ms = u->reply.retry_after_s * 1000;
	return B3IQ_E_UNAVAILABLE;
}

/* The body is what stands in u->body; *out (may be NULL) is NULL for an answer without one. */
static int32_t
call(struct uplink *u, const char *method, const char *path, uint32_t total_ms,
     struct json_object **out, struct b3iq_error *err)
{
	const char *const headers[] = { u->key_header, "Content-Type: application/json", NULL };
	char url[URL_MAX];
	int32_t rc;

	if (out)
		*out = NULL;
	err->retry_ms = 0;
	if (snprintf(url, sizeof url, "%s%s", u->url, path) >= (int)sizeof url)
		return fail(err, B3IQ_E_INVALID, "the coordinator's URL is too long");
	rc = client_call(u->client, &(struct client_request){
		.method = method, .url = url, .headers = headers,
		.body = u->body.len ? u->body.data : NULL, .body_len = u->body.len,
		.total_ms = total_ms, .cancel_fd = u->cancel_fd }, &u->reply, err);
	buf_wipe(&u->body);
	if (rc == B3IQ_E_INVALID) /* no HTTP, or too much of it: a proxy's page, perhaps */
		return fail(err, B3IQ_E_UNAVAILABLE, "what answers is no coordinator");
	if (rc != B3IQ_OK)
		return rc;
	if (u->reply.status < 200 || u->reply.status > 299)
		return refused(u, err);
	if (!out || !u->reply.body.len)
		return B3IQ_OK;
	if (json_parse(u->reply.body.data, u->reply.body.len, "the coordinator's answer", out,
	               err) != B3IQ_OK || !json_object_is_type(*out, json_type_object)) {
		json_object_put(*out);
		*out = NULL;
		return fail(err, B3IQ_E_UNAVAILABLE, "the coordinator's answer is no JSON object");
	}
	return B3IQ_OK;
}

/* The same with a document, which is taken over; NULL counts as no memory. */
static int32_t
post(struct uplink *u, const char *path, struct json_object *body, uint32_t total_ms,
     struct json_object **out, struct b3iq_error *err)
{
	const int32_t rc = body ? json_write(body, &u->body) : B3IQ_E_NO_MEMORY;

	json_object_put(body);
	if (out)
		*out = NULL;
	return rc == B3IQ_OK ? call(u, "POST", path, total_ms, out, err)
	                     : fail_memory(err, "calling the coordinator");
}

/* ---- registration -------------------------------------------------------- */

static bool
put_given(struct json_object *to, const char *key, const char *value)
{
	return !*value || json_put_string(to, key, value) == B3IQ_OK;
}

static struct json_object *
registration(const struct uplink_self *self, const char *nonce, const char *proof)
{
	struct json_object *o = json_object_new_object(), *able = json_object_new_object();
	char name[ED25519_NAME_SIZE];

	ed25519_name(ed25519_public(self->identity), name);
	if (o && able && json_put_string(able, "software", "b3iq") == B3IQ_OK &&
	    json_put(o, "capabilities", json_object_get(able)) == B3IQ_OK &&
	    json_put_int(o, "concurrency", self->concurrency) == B3IQ_OK &&
	    json_put(o, "models", json_object_get(self->models)) == B3IQ_OK &&
	    json_put_string(o, "node", name) == B3IQ_OK &&
	    json_put_string(o, "nonce", nonce) == B3IQ_OK &&
	    json_put_string(o, "proof", proof) == B3IQ_OK &&
	    put_given(o, "miner_id", self->miner_id) && put_given(o, "region", self->region) &&
	    put_given(o, "address", self->address) && put_given(o, "push_url", self->push_url) &&
	    put_given(o, "push_key", self->push_key)) {
		json_object_put(able);
		return o;
	}
	json_object_put(able);
	json_object_put(o);
	return NULL;
}

/* proof = Ed25519("b3iq.worker/1\n" || nonce || key id): shows that the node key is here, now, and
 * together with this API key. */
static int32_t
prove(const struct uplink_self *self, struct json_object *challenge, const char **nonce,
      char proof[2 * ED25519_SIGNATURE + 1], struct b3iq_error *err)
{
	char message[14 + NONCE_HEX + SPOOL_ID_SIZE];
	uint8_t sig[ED25519_SIGNATURE];
	const char *key = NULL;
	int len;
	int32_t rc = json_get_string(challenge, "nonce", NULL, nonce, err);

	if (rc == B3IQ_OK)
		rc = json_get_string(challenge, "key", NULL, &key, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!*nonce || !key || strlen(*nonce) != NONCE_HEX || strlen(key) >= SPOOL_ID_SIZE ||
	    strspn(*nonce, "0123456789abcdef") != NONCE_HEX)
		return fail(err, B3IQ_E_UNAVAILABLE, "the coordinator's challenge is none");
	len = snprintf(message, sizeof message, "b3iq.worker/1\n%s%s", *nonce, key);
	rc = ed25519_sign(self->identity, message, (size_t)len, sig, err);
	if (rc == B3IQ_OK)
		hex_encode(sig, sizeof sig, proof);
	return rc;
}

static int32_t
read_terms(struct json_object *answer, struct uplink_terms *t, struct b3iq_error *err)
{
	const char *id = "";
	int64_t beat = 0, wait = 0;
	int32_t rc = json_get_string(answer, "miner_id", "", &id, err);

	if (rc == B3IQ_OK)
		rc = json_get_int(answer, "heartbeat_seconds", 1, 3600, 15, &beat, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(answer, "poll_seconds", 1, 60, 15, &wait, err);
	if (rc == B3IQ_OK)
		rc = json_get_bool(answer, "verified", false, &t->verified, err);
	if (rc == B3IQ_OK && !spool_id_valid(id))
		rc = fail(err, B3IQ_E_UNAVAILABLE, "the coordinator gave no worker id");
	snprintf(t->miner_id, sizeof t->miner_id, "%s", id);
	t->heartbeat_ms = (uint32_t)beat * 1000;
	t->poll_s = (uint32_t)wait;
	return rc;
}

int32_t
uplink_register(struct uplink *u, const struct uplink_self *self, struct uplink_terms *terms,
                struct b3iq_error *err)
{
	struct json_object *challenge = NULL, *answer = NULL;
	char proof[2 * ED25519_SIGNATURE + 1];
	const char *nonce = NULL;
	int32_t rc = post(u, "/v1/miners/challenge", json_object_new_object(), CALL_MS, &challenge,
	                  err);

	memset(terms, 0, sizeof *terms);
	if (rc == B3IQ_OK)
		rc = prove(self, challenge, &nonce, proof, err);
	if (rc == B3IQ_OK)
		rc = post(u, "/v1/miners/register", registration(self, nonce, proof), CALL_MS,
		          &answer, err);
	if (rc == B3IQ_OK)
		rc = read_terms(answer, terms, err);
	json_object_put(challenge);
	json_object_put(answer);
	return rc;
}

/* ---- life ---------------------------------------------------------------- */

int32_t
uplink_heartbeat(struct uplink *u, uint32_t inflight, bool draining, struct json_object *leases,
                 struct json_object **lost, struct b3iq_error *err)
{
	struct json_object *body = json_object_new_object(), *answer = NULL;
	int32_t rc;

	*lost = NULL;
	if (!body || json_put_int(body, "inflight", inflight) != B3IQ_OK ||
	    json_put_string(body, "status", draining ? "DRAINING" : "ONLINE") != B3IQ_OK ||
	    json_put(body, "leases", json_object_get(leases)) != B3IQ_OK) {
		json_object_put(body);
		body = NULL;
	}
	rc = post(u, "/v1/miners/heartbeat", body, CALL_MS, &answer, err);
	if (rc == B3IQ_OK)
		rc = json_get(answer, "lost", json_type_array, lost, err);
	json_object_get(*lost);
	json_object_put(answer);
	return rc;
}

int32_t
uplink_poll(struct uplink *u, uint32_t wait_s, struct json_object **job, struct b3iq_error *err)
{
	struct json_object *body = json_object_new_object();

	if (body && json_put_int(body, "max_wait_seconds", wait_s) != B3IQ_OK) {
		json_object_put(body);
		body = NULL;
	}
	return post(u, "/v1/miners/poll", body, wait_s * 1000 + CALL_MS, job, err);
}

int32_t
uplink_leave(struct uplink *u, const char *miner_id, struct b3iq_error *err)
{
	char path[SPOOL_ID_SIZE + 32];

	snprintf(path, sizeof path, "/v1/miners/%s", miner_id);
	buf_clear(&u->body);
	return call(u, "DELETE", path, CALL_MS, NULL, err);
}

/* ---- a job --------------------------------------------------------------- */

/* {"lease": ...} as the start of a body; NULL: no memory. */
static struct json_object *
about(const char *lease)
{
	struct json_object *o = json_object_new_object();

	if (o && json_put_string(o, "lease", lease) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

int32_t
uplink_running(struct uplink *u, const char *job, const char *lease, struct b3iq_error *err)
{
	struct json_object *body = about(lease);
	char path[SPOOL_ID_SIZE + 32];

	if (body && json_put_string(body, "status", "running") != B3IQ_OK) {
		json_object_put(body);
		body = NULL;
	}
	snprintf(path, sizeof path, "/v1/miners/%s/status", job);
	return post(u, path, body, CALL_MS, NULL, err);
}

int32_t
uplink_delta(struct uplink *u, const char *job, const char *lease, uint64_t seq, const char *text,
             size_t len, int64_t *listeners, struct b3iq_error *err)
{
	struct json_object *body = about(lease), *answer = NULL;
	char path[SPOOL_ID_SIZE + 32];
	int32_t rc;

	*listeners = 1;
	if (body && (json_put_int(body, "seq", (int64_t)seq) != B3IQ_OK ||
	             json_put(body, "text", json_object_new_string_len(text, (int)len)) !=
	                     B3IQ_OK)) {
		json_object_put(body);
		body = NULL;
	}
	snprintf(path, sizeof path, "/v1/miners/%s/delta", job);
	rc = post(u, path, body, CALL_MS, &answer, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(answer, "listeners", 0, INT64_MAX, 1, listeners, err);
	json_object_put(answer);
	return rc;
}

/* 401, and whatever may pass, is not the last word; every other answer is. */
static bool
is_last(int32_t rc, int status)
{
	return status != 0 &&
	       (rc == B3IQ_OK || rc == B3IQ_E_NOT_FOUND || rc == B3IQ_E_INVALID ||
	        (rc == B3IQ_E_DENIED && status == 403));
}

int32_t
uplink_report(struct uplink *u, const struct spool_item *item, bool *last, struct b3iq_error *err)
{
	char path[SPOOL_ID_SIZE + 32];
	int32_t rc;

	snprintf(path, sizeof path, "/v1/miners/%s/%s", item->job,
	         item->kind == SPOOL_RESULT ? "result" : "fail");
	buf_clear(&u->body);
	rc = buf_append(&u->body, item->body.data, item->body.len);
	u->reply.status = 0;
	rc = rc == B3IQ_OK ? call(u, "POST", path, REPORT_MS, NULL, err)
	                   : fail_memory(err, "handing a result in");
	*last = is_last(rc, u->reply.status);
	return rc;
}
