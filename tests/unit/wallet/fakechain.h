/* fakechain.h - a chain of one account that does what a test tells it, over real HTTP. */
#ifndef TESTS_UNIT_WALLET_FAKECHAIN_H
#define TESTS_UNIT_WALLET_FAKECHAIN_H

#include <stdatomic.h>

#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/http/server.h"
#include "core/tx/tx.h"

#define FAKE_TXS 64

static struct {
	struct server *server;
	char           url[64];
	/* what it is told */
	atomic_int  refuse;      /* a refusal for every transaction, or 0            */
	atomic_int  mute;        /* so many broadcasts take the transaction and fail  */
	atomic_int  deaf;        /* so many broadcasts fail before it is read         */
	atomic_int  steal;       /* so many times another takes the nonce first       */
	atomic_bool garbage;     /* answers that no chain gives                       */
	atomic_uint min_fee;
	/* what it has */
	uint64_t   nonce, balance;
	uint8_t    hashes[FAKE_TXS][TX_HASH];
	struct tx  txs[FAKE_TXS];
	size_t     n;
	atomic_int broadcasts;
} fake;

static void
fake_info(struct http_request *rq, struct http_response *rs)
{
	char text[160];

	(void)rq;
	snprintf(text, sizeof(text), "{\"chain_id\":\"ait-test\",\"min_fee\":\"%u\",\"height\":7}",
	         atomic_load(&fake.min_fee));
	response_text(rs, 200, "application/json", atomic_load(&fake.garbage) ? "{}" : text);
}

static void
fake_account(struct http_request *rq, struct http_response *rs)
{
	char text[320];

	(void)rq;
	if (fake.balance == 0) {
		response_error(rs, 404, "not_found", NULL, "nobody");
		return;
	}
	snprintf(text, sizeof(text),
	         "{\"balance\":\"%llu\",\"available\":\"%llu\",\"nonce\":%llu,\"pending_nonce\":%"
	         "llu,"
	         "\"stake\":\"5\",\"unbonding\":[{\"amount\":\"3\"},{\"amount\":\"4\"}]}",
	         (unsigned long long)fake.balance, (unsigned long long)fake.balance - 1,
	         (unsigned long long)fake.nonce, (unsigned long long)fake.nonce);
	response_text(rs, 200, "application/json", atomic_load(&fake.garbage) ? "[]" : text);
}

static bool
fake_knows(const uint8_t hash[TX_HASH])
{
	size_t i;

	for (i = 0; i < fake.n; i++)
		if (memcmp(fake.hashes[i], hash, TX_HASH) == 0)
			return true;
	return false;
}

static int
fake_take(const char *base64)
{
	uint8_t wire[TX_MAX], hash[TX_HASH];
	char text[2 * TX_MAX];
	ptrdiff_t n;
	struct tx tx;
	size_t i;

	snprintf(text, sizeof(text), "%s", base64);
	for (i = 0; text[i]; i++)
		text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
	text[strcspn(text, "=")] = '\0';
	n = base64_decode(text, strlen(text), wire, sizeof(wire));
	if (n < 0 || tx_parse(wire, (size_t)n, &tx, NULL) != B3IQ_OK ||
	    tx_check(&tx, NULL) != B3IQ_OK || tx_hash(&tx, hash, NULL) != B3IQ_OK)
		return 1;
	if (fake_knows(hash))
		return 7;
	if (atomic_load(&fake.refuse))
		return atomic_load(&fake.refuse);
	if (atomic_load(&fake.steal) > 0) {
		atomic_fetch_sub(&fake.steal, 1);
		fake.nonce++;
	}
	if (tx.nonce != fake.nonce)
		return 5;
	fake.nonce++;
	fake.txs[fake.n] = tx;
	memcpy(fake.hashes[fake.n++], hash, TX_HASH);
	return 0;
}

static void
fake_rpc(struct http_request *rq, struct http_response *rs)
{
	struct json_object *doc = NULL, *params = NULL;
	const char *wire = "";
	char text[128];
	int code;

	atomic_fetch_add(&fake.broadcasts, 1);
	if (atomic_load(&fake.deaf) > 0) {
		atomic_fetch_sub(&fake.deaf, 1);
		response_error(rs, 503, "busy", NULL, "not now");
		return;
	}
	if (json_parse(rq->body, rq->body_len, "call", &doc, NULL) == B3IQ_OK &&
	    json_object_object_get_ex(doc, "params", &params))
		json_get_string(params, "tx", "", &wire, NULL);
	code = fake_take(wire);
	json_object_put(doc);
	snprintf(text, sizeof(text),
	         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"code\":%d,\"log\":\"because %d\"}}",
	         code, code);
	if (atomic_load(&fake.garbage)) {
		response_text(rs, 200, "application/json", "{\"result\":{}}");
	} else if (atomic_load(&fake.mute) > 0) {
		atomic_fetch_sub(&fake.mute, 1);
		response_error(rs, 500, "lost", NULL, "the answer is lost");
	} else {
		response_text(rs, 200, "application/json", text);
	}
}

static void
fake_find(struct http_request *rq, struct http_response *rs)
{
	uint8_t hash[TX_HASH];

	if (tx_hash_parse(request_param(rq, "hash"), hash) && fake_knows(hash))
		response_text(rs, 200, "application/json", "{\"block_height\":9}");
	else
		response_error(rs, 404, "not_found", NULL, "unknown");
}

static void
fake_list(struct http_request *rq, struct http_response *rs)
{
	struct json_object *doc = json_object_new_object(), *items = json_object_new_array();
	struct buf body;
	size_t i;

	(void)rq;
	json_put(doc, "items", items);
	for (i = fake.n; i-- > 0;) {
		struct json_object *item = json_object_new_object(), *tx = NULL;

		buf_init(&body, TX_MAX);
		assert_int_equal(tx_format(&fake.txs[i], &body, NULL), B3IQ_OK);
		assert_int_equal(json_parse(body.data, body.len, "tx", &tx, NULL), B3IQ_OK);
		buf_free(&body);
		json_put(item, "transaction", tx);
		json_put_int(item, "seq", (int64_t)i + 1);
		json_add(items, item);
	}
	if (atomic_load(&fake.garbage)) {
		json_object_put(doc);
		doc = json_object_new_array();
	}
	response_json(rs, 200, doc);
}

/* Escrows whose id begins with 0 are open. */
static void
fake_escrow(struct http_request *rq, struct http_response *rs)
{
	if (request_param(rq, "id")[0] == '0')
		response_text(rs, 200, "application/json",
		              "{\"state\":\"open\",\"amount\":\"100\"}");
	else if (request_param(rq, "id")[0] == '1')
		response_text(rs, 200, "application/json",
		              "{\"state\":\"released\",\"amount\":\"100\"}");
	else
		response_error(rs, 404, "not_found", NULL, "unknown");
}

static inline void
fake_start(void)
{
	static const struct http_route routes[] = {
		{ "GET", "/rpc/info", fake_info, NULL, 0 },
		{ "GET", "/rpc/accounts/{address}", fake_account, NULL, 0 },
		{ "GET", "/rpc/transactions", fake_list, NULL, 0 },
		{ "GET", "/rpc/tx/{hash}", fake_find, NULL, 0 },
		{ "GET", "/rpc/escrow/{id}", fake_escrow, NULL, 0 },
		{ "POST", "/", fake_rpc, NULL, 65536 },
	};
	const struct server_options options = { .routes = routes, .workers = 2,
		                                .n_routes = sizeof(routes) / sizeof(*routes) };
	struct b3iq_error err = NO_ERR;

	memset(&fake, 0, sizeof(fake));
	fake.balance = 1000000;
	fake.min_fee = 10;
	assert_ok(server_create(&fake.server, &options, &err), err);
	snprintf(fake.url, sizeof(fake.url), "http://127.0.0.1:%u", server_port(fake.server));
}

static inline void
fake_stop(void)
{
	assert_int_equal(server_destroy(fake.server, 5000), B3IQ_OK);
}

#endif
