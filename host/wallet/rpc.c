#include "wallet/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/http/client.h"

#define REPLY_MAX  (4u << 20)
#define TOTAL_MS   20000
#define PAGE       100
#define PAGES      10

/* ---- calls ------------------------------------------------------------------------- */

static int32_t
no_chain(struct b3iq_error *err)
{
	return fail(err, B3IQ_E_INVALID,
	            "what answers at the chain's URL is no chain; check AITBC_BLOCKCHAIN_RPC_URL");
}

static int32_t
away(int32_t rc, struct b3iq_error *err)
{
	char why[160];

	if (rc != B3IQ_E_UNAVAILABLE || !err)
		return rc;
	snprintf(why, sizeof(why), "%.150s", err->text);
	return fail(err, rc, "the chain is away: %s; start one with `b3iq chain`, or set "
	            "AITBC_BLOCKCHAIN_RPC_URL", why);
}

/* One call; the JSON of a 2xx answer, which the caller puts.  body NULL: GET. */
static int32_t
call(const char *url, const char *path, const struct buf *body, struct json_object **out,
     struct b3iq_error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct client_request rq = { .method = body ? "POST" : "GET", .total_ms = TOTAL_MS,
		                     .headers = body ? headers : NULL, .cancel_fd = -1 };
	char whole[RPC_URL_SIZE + 256], message[200];
	struct client_reply reply;
	struct client *client;
	int32_t rc;

	*out = NULL;
	if (snprintf(whole, sizeof(whole), "%s%s", url, path) >= (int)sizeof(whole))
		return fail(err, B3IQ_E_INVALID, "the chain's URL is too long");
	rc = client_create(&client, err);
	if (rc != B3IQ_OK)
		return rc;
	client_reply_init(&reply, REPLY_MAX);
	rq.url = whole;
	if (body) {
		rq.body = body->data;
		rq.body_len = body->len;
	}
	rc = away(client_call(client, &rq, &reply, err), err);
	if (rc == B3IQ_OK && reply.status / 100 != 2) {
		client_reply_message(&reply, message, sizeof(message));
		rc = fail(err, reply.status == 404 ? B3IQ_E_NOT_FOUND : B3IQ_E_UNAVAILABLE,
		          "the chain says: %s (HTTP %d)", message, reply.status);
	}
	if (rc == B3IQ_OK && json_parse(reply.body.len ? reply.body.data : "", reply.body.len,
	                                "the chain's answer", out, NULL) != B3IQ_OK)
		rc = no_chain(err);
	client_reply_finish(&reply);
	client_destroy(client);
	return rc;
}

/* Amounts and numbers come as decimal strings or as integers. */
static bool
number(struct json_object *o, const char *key, uint64_t *out)
{
	struct json_object *v = NULL;
	const char *text;

	if (!json_object_object_get_ex(o, key, &v) || !v)
		return false;
	text = json_object_get_string(v);
	return text && amount_read(text, strlen(text), out);
}

/* The list of what is unbonding, in one sum. */
static uint64_t
sum_unbonding(struct json_object *o)
{
	struct json_object *list = NULL;
	uint64_t sum = 0, one;
	size_t i;

	if (!json_object_object_get_ex(o, "unbonding", &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (i = 0; i < json_object_array_length(list); i++)
		if (number(json_object_array_get_idx(list, i), "amount", &one) &&
		    !amount_add(sum, one, &sum))
			return AMOUNT_MAX;
	return sum;
}

/* ---- reads ------------------------------------------------------------------------- */

int32_t
rpc_account(const char *url, const struct address *address, struct rpc_account *out,
            struct b3iq_error *err)
{
	char path[64 + ADDRESS_SIZE], text[ADDRESS_SIZE];
	struct json_object *o;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	address_write(address, text);
	snprintf(path, sizeof(path), "/rpc/accounts/%s", text);
	rc = call(url, path, NULL, &o, err);
	if (rc == B3IQ_E_NOT_FOUND)
		return B3IQ_OK; /* an account that nobody paid yet */
	if (rc != B3IQ_OK)
		return rc;
	if (!number(o, "balance", &out->balance) || !number(o, "nonce", &out->nonce))
		rc = no_chain(err);
	out->available = out->balance;
	out->pending_nonce = out->nonce;
	number(o, "available", &out->available);
	number(o, "pending_nonce", &out->pending_nonce);
	number(o, "stake", &out->stake);
	out->unbonding = sum_unbonding(o);
	json_object_put(o);
	return rc;
}

int32_t
rpc_rules(const char *url, struct rpc_rules *out, struct b3iq_error *err)
{
	const char *chain = NULL;
	struct json_object *o;
	int32_t rc = call(url, "/rpc/info", NULL, &o, err);

	memset(out, 0, sizeof(*out));
	if (rc != B3IQ_OK)
		return rc;
	if (json_get_string(o, "chain_id", "", &chain, NULL) != B3IQ_OK ||
	    !form_chain(chain, strlen(chain)) || !number(o, "min_fee", &out->min_fee))
		rc = no_chain(err);
	else
		memcpy(out->chain, chain, strlen(chain) + 1);
	number(o, "height", &out->height);
	json_object_put(o);
	return rc;
}

int32_t
rpc_find(const char *url, const uint8_t hash[TX_HASH], struct rpc_found *out,
         struct b3iq_error *err)
{
	char path[64 + TX_HASH_TEXT], text[TX_HASH_TEXT];
	struct json_object *o;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	tx_hash_write(hash, text);
	snprintf(path, sizeof(path), "/rpc/tx/%s", text);
	rc = call(url, path, NULL, &o, err);
	if (rc != B3IQ_OK)
		return rc;
	out->in_block = number(o, "block_height", &out->height);
	json_object_put(o);
	return B3IQ_OK;
}

/* A page of an account's transactions, older than seq `before` (0: from the newest). */
static int32_t
page(const char *url, const struct address *address, uint64_t limit, uint64_t before,
     struct json_object **out, struct json_object **items, struct b3iq_error *err)
{
	char path[256], text[ADDRESS_SIZE], older[32] = "";
	int32_t rc;

	address_write(address, text);
	if (before)
		snprintf(older, sizeof(older), "&before=%" PRIu64, before);
	snprintf(path, sizeof(path), "/rpc/transactions?address=%s&limit=%" PRIu64 "%s", text,
	         limit, older);
	rc = call(url, path, NULL, out, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!json_object_object_get_ex(*out, "items", items) ||
	    !json_object_is_type(*items, json_type_array)) {
		json_object_put(*out);
		return no_chain(err);
	}
	return B3IQ_OK;
}

int32_t
rpc_history(const char *url, const struct address *address, uint64_t limit,
            struct json_object **out, struct b3iq_error *err)
{
	struct json_object *doc, *items;
	const int32_t rc = page(url, address, limit < PAGE ? limit : PAGE, 0, &doc, &items, err);

	*out = NULL;
	if (rc != B3IQ_OK)
		return rc;
	*out = json_object_get(items);
	json_object_put(doc);
	return B3IQ_OK;
}

/* Is the escrow that this transaction opened still open?  Then its amount. */
static int32_t
open_amount(const char *url, const char *self, struct json_object *item, uint64_t *out,
            struct b3iq_error *err)
{
	struct json_object *tx = NULL, *body = NULL, *escrow;
	const char *id = NULL, *state = NULL, *from = NULL, *kind = NULL;
	char path[128];
	int32_t rc;

	*out = 0;
	if (!json_object_object_get_ex(item, "transaction", &tx) ||
	    !json_object_object_get_ex(tx, "body", &body) ||
	    json_get_string(body, "kind", "", &kind, NULL) != B3IQ_OK ||
	    strcmp(kind, tx_kind_name(TX_ESCROW_OPEN)) != 0 ||
	    json_get_string(body, "id", "", &id, NULL) != B3IQ_OK || strlen(id) != 64 ||
	    json_get_string(body, "from", "", &from, NULL) != B3IQ_OK || strcmp(from, self) != 0)
		return B3IQ_OK; /* no escrow, or another's with us as its arbiter */
	snprintf(path, sizeof(path), "/rpc/escrow/%s", id);
	rc = call(url, path, NULL, &escrow, err);
	if (rc != B3IQ_OK) /* not there: it waits for its block, and `available` knows */
		return rc == B3IQ_E_NOT_FOUND ? B3IQ_OK : rc;
	if (json_get_string(escrow, "state", "", &state, NULL) == B3IQ_OK &&
	    strcmp(state, "open") == 0)
		number(escrow, "amount", out);
	json_object_put(escrow);
	return B3IQ_OK;
}

int32_t
rpc_held(const char *url, const struct address *address, uint64_t *amount, uint64_t *count,
         struct b3iq_error *err)
{
	struct json_object *doc, *items;
	char self[ADDRESS_SIZE];
	uint64_t before = 0, one;
	int32_t rc = B3IQ_OK;
	size_t i, n = PAGE;
	int pages;

	*amount = *count = 0;
	address_write(address, self);
	for (pages = 0; rc == B3IQ_OK && n == PAGE && pages < PAGES; pages++) {
		rc = page(url, address, PAGE, before, &doc, &items, err);
		if (rc != B3IQ_OK)
			return rc;
		n = json_object_array_length(items);
		for (i = 0; rc == B3IQ_OK && i < n; i++) {
			struct json_object *item = json_object_array_get_idx(items, i);

			rc = open_amount(url, self, item, &one, err);
			*count += one > 0;
			if (rc == B3IQ_OK && !amount_add(*amount, one, amount))
				rc = no_chain(err);
			number(item, "seq", &before);
		}
		json_object_put(doc);
	}
	return rc;
}

/* ---- sending --------------------------------------------------------------------------- */

/* Base64 of RFC 4648 section 4, as JSON-RPC dialects of this kind have it. */
static int32_t
put_base64(struct buf *out, const struct buf *bytes)
{
	char *text = buf_reserve(out, BASE64_SIZE(bytes->len) + 4);
	size_t i, n;

	if (!text)
		return out->rc;
	base64_encode(bytes->data, bytes->len, text);
	n = strlen(text);
	for (i = 0; i < n; i++)
		text[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	while (n % 4)
		text[n++] = '=';
	buf_grew(out, n);
	return B3IQ_OK;
}

/* {"result":{"code","log"}}, or an error of JSON-RPC. */
static int32_t
verdict(struct json_object *answer, int64_t *code, struct b3iq_error *err)
{
	struct json_object *result = NULL, *wrong = NULL;
	const char *log = NULL;

	if (json_object_object_get_ex(answer, "error", &wrong) && wrong) {
		if (json_get_string(wrong, "data", NULL, &log, NULL) != B3IQ_OK || !log)
			json_get_string(wrong, "message", "", &log, NULL);
		return fail(err, B3IQ_E_UNAVAILABLE, "the chain says: %.160s", log ? log : "");
	}
	if (!json_object_object_get_ex(answer, "result", &result) ||
	    json_get_int(result, "code", 0, INT32_MAX, -1, code, NULL) != B3IQ_OK || *code < 0)
		return no_chain(err);
	if (json_get_string(result, "log", "", &log, NULL) == B3IQ_OK && *code != RPC_TAKEN)
		fail(err, B3IQ_OK, "the chain refuses: %.200s", log);
	return B3IQ_OK;
}

int32_t
rpc_send(const char *url, const struct buf *wire, int64_t *code, struct b3iq_error *err)
{
	struct json_object *answer;
	struct buf body;
	int32_t rc;

	*code = -1;
	buf_init(&body, 4 * TX_MAX);
	buf_puts(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"broadcast_tx_sync\",\"params\":"
	                "{\"tx\":\"");
	rc = put_base64(&body, wire);
	if (rc == B3IQ_OK)
		rc = buf_puts(&body, "\"}}");
	rc = rc == B3IQ_OK ? call(url, "/", &body, &answer, err) :
	                     fail_memory(err, "sending a transaction");
	buf_free(&body);
	if (rc != B3IQ_OK)
		return rc;
	rc = verdict(answer, code, err);
	json_object_put(answer);
	return rc;
}
