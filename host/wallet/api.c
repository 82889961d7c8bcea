#include "wallet/api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/role/prometheus.h"
#include "wallet/context.h"
#include "wallet/sender.h"
#include "wallet/signer.h"

#define BODY_MAX      131072
#define UNLOCK_MOST_S 604800 /* a week */
#define HISTORY_MOST  100

/* ---- errors ------------------------------------------------------------------------------ */

static const struct {
	int32_t     rc;
	int         status;
	const char *code;
} statuses[] = {
	{ B3IQ_E_INVALID, 400, "invalid" },
	{ B3IQ_E_DENIED, 403, "denied" },
	{ B3IQ_E_NOT_FOUND, 404, "not_found" },
	{ B3IQ_E_BUSY, 429, "try_later" },
	{ B3IQ_E_UNAVAILABLE, 503, "unavailable" },
	{ B3IQ_E_TIMEOUT, 504, "timeout" },
	{ B3IQ_E_UNKNOWN_OUTCOME, 502, "unknown_outcome" },
};

static void
refuse(struct http_response *rs, int32_t rc, const struct b3iq_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].rc == rc)
			break;
	if (i == sizeof(statuses) / sizeof(*statuses))
		response_error(rs, 500, "internal", NULL, "%s", err->text);
	else
		response_error(rs, statuses[i].status, statuses[i].code, NULL, "%s", err->text);
	if (rc == B3IQ_E_BUSY && err->retry_ms)
		response_set(rs, "Retry-After", "%u", (err->retry_ms + 999) / 1000);
}

static void
answer(struct http_response *rs, int status, struct json_object *doc, int32_t rc)
{
	if (rc == B3IQ_OK) {
		response_json(rs, status, doc);
		return;
	}
	json_object_put(doc);
	response_json(rs, 500, NULL);
}

/* ---- who asks ----------------------------------------------------------------------------- */

static const char *
bearer(const struct http_request *rq)
{
	const char *value = request_header(rq, "Authorization");

	return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 : NULL;
}

bool
api_wallet_gate(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	const char *credential = bearer(rq);
	struct b3iq_error err = NO_ERROR;
	struct token *token;
	int32_t rc;

	if (!rq->route->scope)
		return true;
	token = calloc(1, sizeof(*token));
	rq->principal = token;
	if (!token) {
		response_json(rs, 500, NULL);
		return false;
	}
	rc = credential ? token_check(w->store, credential, clock_wall_ms(), token, &err) :
	                  B3IQ_DECLINED;
	if (rc == B3IQ_OK && token_may(token, rq->route->scope, NULL))
		return true;
	if (rc == B3IQ_OK)
		response_error(rs, 403, "denied", NULL, "this token may not %s", rq->route->scope);
	else if (rc == B3IQ_DECLINED || rc == B3IQ_E_DENIED)
		response_error(rs, 401, "unauthorized", NULL,
		               "a valid token is needed: Authorization: Bearer " TOKEN_PREFIX "... "
		               "(b3iq wallet token create makes one)");
	else
		refuse(rs, rc, &err);
	if (rc == B3IQ_DECLINED || rc == B3IQ_E_DENIED)
		response_set(rs, "WWW-Authenticate", "Bearer");
	return false;
}

void
api_wallet_leave(struct http_request *rq)
{
	free(rq->principal);
	rq->principal = NULL;
}

/* The wallet that the path names, if this token may see it; else the answer is given. */
static bool
find(struct http_request *rq, struct http_response *rs, struct keystore_entry *e)
{
	struct wallet *w = rq->context;
	const char *name = request_param(rq, "name");
	struct b3iq_error err = NO_ERROR;
	int32_t rc = B3IQ_E_NOT_FOUND;

	if (token_may(rq->principal, rq->route->scope, name))
		rc = keystore_read(&w->keystore, name, e, &err);
	else
		fail(&err, rc, "there is no wallet %s for this token", name);
	if (rc != B3IQ_OK)
		refuse(rs, rc, &err);
	return rc == B3IQ_OK;
}

/* The JSON object of the body, or NULL and the answer is given. */
static struct json_object *
body_of(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc = NULL;
	int32_t rc = json_parse(rq->body, rq->body_len, "the body", &doc, &err);

	if (rc == B3IQ_OK && !json_object_is_type(doc, json_type_object)) {
		json_object_put(doc);
		rc = fail(&err, B3IQ_E_INVALID, "the body is not a JSON object");
	}
	if (rc == B3IQ_OK)
		return doc;
	refuse(rs, rc, &err);
	return NULL;
}

/* A password leaves no copy in what was read: neither in the parsed body nor in its bytes. */
static void
drop_secret_body(struct http_request *rq, struct json_object *doc)
{
	struct json_object *password = NULL;

	if (json_object_object_get_ex(doc, "password", &password) &&
	    json_object_is_type(password, json_type_string))
		secret_wipe((void *)(uintptr_t)json_object_get_string(password),
		            (size_t)json_object_get_string_len(password));
	secret_wipe((void *)(uintptr_t)rq->body, rq->body_len);
	json_object_put(doc);
}

/* ---- is it alive ----------------------------------------------------------------------------- */

static void
health(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	response_text(rs, 200, "application/json", "{\"status\":\"ok\"}");
}

static void
ready(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;

	if (atomic_load(&w->ready))
		response_text(rs, 200, "application/json", "{\"status\":\"ready\"}");
	else
		response_error(rs, 503, "not_ready", NULL, "the wallet starts or stops");
}

static void
metrics(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;

	rs->type = "text/plain; version=0.0.4; charset=utf-8";
	traffic_write(w->traffic, &rs->body);
	prometheus_single(&rs->body, "b3iq_wallet_unlocked", "gauge", "Wallets that may sign now",
	                  unlocked_count(w->unlocked));
	prometheus_single(&rs->body, "b3iq_wallet_signatures_total", "counter", "Signatures given",
	                  atomic_load(&w->signatures));
	prometheus_single(&rs->body, "b3iq_wallet_refusals_total", "counter", "Signatures refused",
	                  atomic_load(&w->refusals));
	prometheus_single(&rs->body, "b3iq_wallet_wrong_passwords_total", "counter",
	                  "Passwords that did not open their wallet",
	                  atomic_load(&w->wrong_passwords));
	if (rs->body.rc != B3IQ_OK)
		response_json(rs, 500, NULL);
}

/* ---- wallets ----------------------------------------------------------------------------------- */

static struct json_object *
show(struct wallet *w, const struct keystore_entry *e)
{
	char address[ADDRESS_SIZE], key[ED25519_NAME_SIZE];
	struct json_object *o = json_object_new_object();
	uint64_t left_ms;
	const bool open = unlocked_is(w->unlocked, e->name, &left_ms);

	address_write(&e->address, address);
	ed25519_name(e->pub, key);
	if (o && (json_put_string(o, "name", e->name) | json_put_string(o, "address", address) |
	          json_put_string(o, "public_key", key) | json_put_bool(o, "locked", !open) |
	          json_put_int(o, "created_ms", (int64_t)e->created_ms) |
	          (left_ms ? json_put_int(o, "locks_in_s", (int64_t)(left_ms + 999) / 1000) : 0))) {
		json_object_put(o);
		return NULL;
	}
	return o;
}

struct listing {
	struct wallet      *w;
	const struct token *token;
	struct json_object *list;
};

static int32_t
list_one(void *arg, const char *name, const struct keystore_entry *e, const struct b3iq_error *why)
{
	struct listing *l = arg;
	struct json_object *o;

	if (!token_may(l->token, "read", name))
		return B3IQ_OK;
	if (e)
		return json_add(l->list, show(l->w, e));
	o = json_object_new_object(); /* a damaged one is told, not hidden */
	if (o && (json_put_string(o, "name", name) | json_put_string(o, "error", why->text)) == 0)
		return json_add(l->list, o);
	json_object_put(o);
	return B3IQ_E_NO_MEMORY;
}

static void
list(struct http_request *rq, struct http_response *rs)
{
	struct listing l = { rq->context, rq->principal, json_object_new_array() };
	struct json_object *doc = json_object_new_object();
	struct b3iq_error err = NO_ERROR;
	int32_t rc = doc ? json_put(doc, "wallets", l.list) : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = keystore_each(&l.w->keystore, list_one, &l, &err);
	answer(rs, 200, doc, rc);
}

static void
create(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	struct json_object *doc = body_of(rq, rs);
	const char *name = NULL, *password = NULL;
	struct b3iq_error err = NO_ERROR;
	struct keystore_entry e;
	int32_t rc;

	if (!doc)
		return;
	rc = json_get_string(doc, "name", "", &name, &err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "password", "", &password, &err);
	if (rc == B3IQ_OK && !token_may(rq->principal, "admin", name))
		rc = fail(&err, B3IQ_E_DENIED, "this token may not make a wallet of that name");
	if (rc == B3IQ_OK) {
		pthread_mutex_lock(&w->opening);
		rc = keystore_create(&w->keystore, name, password, &e, &err);
		pthread_mutex_unlock(&w->opening);
	}
	drop_secret_body(rq, doc);
	if (rc == B3IQ_OK)
		response_json(rs, 201, show(w, &e));
	else if (rc == B3IQ_E_BUSY)
		response_error(rs, 409, "exists", "name", "%s", err.text);
	else
		refuse(rs, rc, &err);
}

static void
show_one(struct http_request *rq, struct http_response *rs)
{
	struct keystore_entry e;

	if (find(rq, rs, &e))
		response_json(rs, 200, show(rq->context, &e));
}

static void
unlock(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	const char *password = NULL;
	struct b3iq_error err = NO_ERROR;
	struct keystore_entry e;
	struct ed25519_key *key;
	struct json_object *doc;
	int64_t seconds;
	int32_t rc;

	if (!find(rq, rs, &e) || !(doc = body_of(rq, rs)))
		return;
	rc = json_get_int(doc, "seconds", 0, UNLOCK_MOST_S, 300, &seconds, &err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "password", "", &password, &err);
	if (rc == B3IQ_OK)
		rc = wallet_open_key(w, &e, password, &key, &err);
	drop_secret_body(rq, doc);
	if (rc == B3IQ_OK)
		rc = unlocked_put(w->unlocked, e.name, key, (uint64_t)seconds, &err);
	if (rc != B3IQ_OK) {
		log_event(B3IQ_LOG_WARN, "wallet.unlock", "wallet=%s result=%s", e.name,
		          result_name(rc));
		refuse(rs, rc, &err);
		return;
	}
	log_event(B3IQ_LOG_INFO, "wallet.unlock", "wallet=%s result=OK seconds=%lld", e.name,
	          (long long)seconds);
	response_json(rs, 200, show(w, &e));
}

static void
lock(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	const char *name = request_param(rq, "name");

	/* Also for one whose file is gone: it must not sign on. */
	if (!token_may(rq->principal, rq->route->scope, name)) {
		response_error(rs, 404, "not_found", NULL, "there is no wallet %s for this token",
		               name);
		return;
	}
	if (unlocked_lock(w->unlocked, name))
		log_event(B3IQ_LOG_INFO, "wallet.locked", "wallet=%s why=asked", name);
	response_text(rs, 200, "application/json", "{\"locked\":true}");
}

/* ---- signatures -------------------------------------------------------------------------------- */

/* Base64 of either alphabet, with or without padding; NULL if it is none.  The caller frees. */
static uint8_t *
decode(const char *text, size_t *n)
{
	char *copy = strdup(text);
	uint8_t *out;
	ptrdiff_t got;
	size_t len;

	if (!copy)
		return NULL;
	len = strlen(copy);
	while (len > 0 && copy[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++)
		copy[i] = (char)(copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i]);
	out = malloc(len + 1);
	got = out ? base64_decode(copy, len, out, len + 1) : -1;
	free(copy);
	if (got < 0) {
		free(out);
		return NULL;
	}
	*n = (size_t)got;
	return out;
}

static void
show_signature(struct http_response *rs, const struct keystore_entry *e,
               const uint8_t sig[ED25519_SIGNATURE])
{
	char text[2 * ED25519_SIGNATURE + 1], key[2 * ED25519_PUBLIC + 1];
	struct json_object *o = json_object_new_object();
	int32_t rc = o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	hex_encode(sig, ED25519_SIGNATURE, text);
	hex_encode(e->pub, ED25519_PUBLIC, key);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "signature", text);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "public_key", key);
	answer(rs, 200, o, rc);
}

static void
sign(struct http_request *rq, struct http_response *rs)
{
	const char *text = NULL, *alg = NULL;
	struct b3iq_error err = NO_ERROR;
	uint8_t sig[ED25519_SIGNATURE];
	struct keystore_entry e;
	struct json_object *doc;
	uint8_t *message = NULL;
	size_t n = 0;
	int32_t rc;

	if (!find(rq, rs, &e) || !(doc = body_of(rq, rs)))
		return;
	rc = json_get_string(doc, "message", "", &text, &err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "alg", "ed25519", &alg, &err);
	if (rc == B3IQ_OK && strcmp(alg, "ed25519") != 0)
		rc = fail(&err, B3IQ_E_INVALID, "a wallet signs with alg \"ed25519\" only");
	if (rc == B3IQ_OK && (!*text || !(message = decode(text, &n))))
		rc = fail(&err, B3IQ_E_INVALID, "\"message\" is not base64");
	if (rc == B3IQ_OK)
		rc = signer_sign(rq->context, rq->principal, &e, message, n, sig, &err);
	free(message);
	json_object_put(doc);
	if (rc == B3IQ_OK)
		show_signature(rs, &e, sig);
	else
		refuse(rs, rc, &err);
}

/* ---- money ------------------------------------------------------------------------------------- */

struct signing {
	struct wallet               *w;
	const struct token          *token;
	const struct keystore_entry *e;
};

/* sender.sign: through the same decision as every other signature. */
static int32_t
sign_tx(void *ctx, const char *name, struct tx *tx, struct b3iq_error *err)
{
	const struct signing *s = ctx;
	struct buf message;
	int32_t rc;

	(void)name;
	buf_init(&message, TX_MAX);
	rc = tx_message(tx, &message, err);
	if (rc == B3IQ_OK)
		rc = signer_sign(s->w, s->token, s->e, message.data, message.len, tx->signature,
		                 err);
	if (rc == B3IQ_OK)
		memcpy(tx->key, s->e->pub, ED25519_PUBLIC);
	buf_free(&message);
	return rc;
}

static int32_t
put_amount(struct json_object *o, const char *key, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	amount_write(amount, text);
	return json_put_string(o, key, text);
}

static struct json_object *
show_sent(const struct outbox_entry *entry)
{
	struct json_object *o = json_object_new_object();
	char hash[TX_HASH_TEXT], from[ADDRESS_SIZE], to[ADDRESS_SIZE];
	int32_t rc = o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	tx_hash_write(entry->hash, hash);
	address_write(&entry->tx.from, from);
	address_write(&entry->tx.transfer.to, to);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "hash", hash) |
		     json_put_string(o, "state", outbox_state_name(entry->state)) |
		     json_put_string(o, "kind", tx_kind_name(entry->tx.kind)) |
		     json_put_string(o, "from", from) |
		     put_amount(o, "amount", tx_outlay(&entry->tx)) |
		     put_amount(o, "fee", entry->tx.fee) |
		     json_put_int(o, "nonce", (int64_t)entry->tx.nonce) |
		     json_put_int(o, "created_ms", (int64_t)entry->created_ms);
	if (rc == B3IQ_OK && entry->tx.kind == TX_TRANSFER)
		rc = json_put_string(o, "to", to);
	if (rc == B3IQ_OK && entry->note[0])
		rc = json_put_string(o, "note", entry->note);
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

/* An amount as the chain's JSON has it ("250000"), or for people ("0.25 AITBC"). */
static int32_t
read_amount(struct json_object *doc, const char *key, bool *there, uint64_t *out,
            struct b3iq_error *err)
{
	const char *text = NULL;
	int32_t rc = json_get_string(doc, key, NULL, &text, err);

	*there = text != NULL;
	if (rc != B3IQ_OK || !text || amount_read(text, strlen(text), out))
		return rc;
	if (!strpbrk(text, "aA"))
		return fail(err, B3IQ_E_INVALID,
		            "\"%s\" is a text of whole micro-AITBC (\"250000\") or with its unit "
		            "(\"0.25 AITBC\")",
		            key);
	return amount_parse(text, out, err);
}

static int32_t
read_wish(struct http_request *rq, struct json_object *doc, struct sender_wish *wish,
          struct b3iq_error *err)
{
	const char *to = NULL;
	bool has_amount;
	int32_t rc = json_get_string(doc, "to", "", &to, err);

	if (rc == B3IQ_OK)
		rc = address_parse(to, &wish->to, err);
	if (rc == B3IQ_OK)
		rc = read_amount(doc, "amount", &has_amount, &wish->amount, err);
	if (rc == B3IQ_OK && !has_amount)
		rc = fail(err, B3IQ_E_INVALID, "\"amount\" is missing");
	if (rc == B3IQ_OK)
		rc = read_amount(doc, "fee", &wish->has_fee, &wish->fee, err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "memo", NULL, &wish->memo, err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "idempotency_key", request_header(rq, "Idempotency-Key"),
		                     &wish->idempotency, err);
	return rc;
}

static void
send_money(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	struct keystore_entry e;
	struct signing signing = { w, rq->principal, &e };
	const struct sender sender = { w->chain_url, w->store, sign_tx, &signing };
	struct sender_wish wish = { .from = &e, .kind = TX_TRANSFER };
	struct b3iq_error err = NO_ERROR;
	struct outbox_entry entry;
	struct json_object *doc;
	int32_t rc;

	if (!find(rq, rs, &e) || !(doc = body_of(rq, rs)))
		return;
	rc = read_wish(rq, doc, &wish, &err);
	if (rc == B3IQ_OK) {
		pthread_mutex_lock(&w->sending);
		rc = sender_send(&sender, &wish, &entry, &err);
		pthread_mutex_unlock(&w->sending);
	}
	json_object_put(doc);
	if (rc == B3IQ_OK)
		response_json(rs, 200, show_sent(&entry));
	else
		refuse(rs, rc, &err);
}

static void
balance(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct rpc_account a;
	struct keystore_entry e;
	struct json_object *o;
	uint64_t held, escrows;
	int32_t rc;

	if (!find(rq, rs, &e))
		return;
	rc = rpc_account(w->chain_url, &e.address, &a, &err);
	if (rc == B3IQ_OK)
		rc = rpc_held(w->chain_url, &e.address, &held, &escrows, &err);
	if (rc != B3IQ_OK) {
		refuse(rs, rc, &err);
		return;
	}
	o = show(w, &e);
	rc = o ? put_amount(o, "balance", a.balance) | put_amount(o, "available", a.available) |
	                 put_amount(o, "held", held) |
	                 json_put_int(o, "open_escrows", (int64_t)escrows) |
	                 put_amount(o, "stake", a.stake) | put_amount(o, "unbonding", a.unbonding) |
	                 json_put_int(o, "nonce", (int64_t)a.nonce) |
	                 json_put_int(o, "pending_nonce", (int64_t)a.pending_nonce) :
	         B3IQ_E_NO_MEMORY;
	answer(rs, 200, o, rc);
}

static int32_t
add_sent(void *arg, const struct outbox_entry *entry)
{
	return json_add(arg, show_sent(entry));
}

static void
history(struct http_request *rq, struct http_response *rs)
{
	struct wallet *w = rq->context;
	struct json_object *doc = json_object_new_object(), *sent = json_object_new_array(), *chain;
	struct b3iq_error err = NO_ERROR;
	struct keystore_entry e;
	int64_t limit = 50;
	int32_t rc = doc ? json_put(doc, "sent", sent) : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK && !find(rq, rs, &e)) {
		json_object_put(doc);
		return;
	}
	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "limit", 1, HISTORY_MOST, 50, &limit, &err);
	if (rc == B3IQ_OK)
		rc = outbox_list(w->store, e.name, -1, (uint32_t)limit, add_sent, sent, &err);
	if (rc == B3IQ_OK)
		rc = rpc_history(w->chain_url, &e.address, (uint64_t)limit, &chain, &err);
	if (rc == B3IQ_OK)
		rc = json_put(doc, "transactions", chain);
	if (rc == B3IQ_OK) {
		response_json(rs, 200, doc);
		return;
	}
	json_object_put(doc);
	refuse(rs, rc, &err);
}

/* ---- the table ---------------------------------------------------------------------------------- */

static const struct http_route routes[] = {
	{ "GET", "/health", health, NULL, 0 },
	{ "GET", "/ready", ready, NULL, 0 },
	{ "GET", "/metrics", metrics, NULL, 0 },
	{ "GET", "/v1/wallets", list, "read", 0 },
	{ "POST", "/v1/wallets", create, "admin", BODY_MAX },
	{ "GET", "/v1/wallets/{name}", show_one, "read", 0 },
	{ "POST", "/v1/wallets/{name}/unlock", unlock, "unlock", BODY_MAX },
	{ "POST", "/v1/wallets/{name}/lock", lock, "unlock", BODY_MAX },
	{ "POST", "/v1/wallets/{name}/sign", sign, "sign", BODY_MAX },
	{ "POST", "/v1/wallets/{name}/send", send_money, "send", BODY_MAX },
	{ "GET", "/v1/wallets/{name}/balance", balance, "read", 0 },
	{ "GET", "/v1/wallets/{name}/history", history, "read", 0 },
};

const struct http_route *
api_wallet_routes(size_t *n)
{
	*n = sizeof(routes) / sizeof(*routes);
	return routes;
}
