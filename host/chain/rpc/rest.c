#include "chain/rpc/rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/rpc/faucet.h"
#include "chain/rpc/query.h"
#include "chain/rpc/rpc.h"
#include "chain/rpc/wire.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/role/prometheus.h"

#define SMALL_BODY 16384
#define RANGE_MAX  1000 /* blocks of one answer       */
#define RICH_MAX   1000 /* accounts of one answer     */

/* ---- errors: both shapes at once ----------------------------------------- */

__attribute__((format(printf, 4, 5))) static void
refuse(struct http_response *rs, int status, const char *code, const char *fmt, ...)
{
	struct json_object *o;
	char text[sizeof((struct b3iq_error *)0)->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	o = response_error_object(status, code, NULL, text);
	if (o && json_put_string(o, "detail", text) != B3IQ_OK) {
		json_object_put(o);
		o = NULL;
	}
	response_json(rs, status, o);
	if (status == 503)
		response_set(rs, "Retry-After", "1");
}

static void
refuse_rc(struct http_response *rs, int32_t rc, const struct b3iq_error *err)
{
	switch (rc) {
	case B3IQ_E_INVALID:
		refuse(rs, 400, "invalid", "%s", err->text);
		break;
	case B3IQ_E_NOT_FOUND:
		refuse(rs, 404, "not_found", "%s", err->text);
		break;
	case B3IQ_E_DENIED:
		refuse(rs, 403, "denied", "%s", err->text);
		break;
	default:
		refuse(rs, rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_BUSY ? 503 : 500, "unavailable",
		       "%s", err->text);
	}
}

static void
answer(struct http_response *rs, struct json_object *doc, int32_t rc,
       const struct b3iq_error *err)
{
	if (rc == B3IQ_OK)
		response_json(rs, 200, doc);
	else
		refuse_rc(rs, rc, err);
}

/* Clients of other chains ask by name: ?chain_id= must be ours. */
static bool
right_chain(struct http_request *rq, struct http_response *rs)
{
	const struct chain *c = rq->context;
	const char *id = request_query(rq, "chain_id");

	if (!id || strcmp(id, ledger_genesis(c->ledger)->chain) == 0)
		return true;
	refuse(rs, 404, "unknown_chain", "this is the chain \"%s\"",
	       ledger_genesis(c->ledger)->chain);
	return false;
}

static bool
address_param(struct http_request *rq, struct http_response *rs, struct address *out)
{
	struct b3iq_error err = NO_ERROR;

	if (!right_chain(rq, rs))
		return false;
	if (address_parse(request_param(rq, "address"), out, &err) == B3IQ_OK)
		return true;
	refuse(rs, 400, "invalid_address", "%s", err.text);
	return false;
}

static bool
hash_param(struct http_request *rq, struct http_response *rs, uint8_t out[32])
{
	if (!right_chain(rq, rs))
		return false;
	if (wire_hash(request_param(rq, "hash"), out))
		return true;
	refuse(rs, 400, "invalid_hash", "a hash is 64 hex digits, with or without 0x");
	return false;
}

static bool
count_query(struct http_request *rq, struct http_response *rs, const char *name, int64_t most,
            int64_t otherwise, uint64_t *out)
{
	struct b3iq_error err = NO_ERROR;
	int64_t value;

	if (request_query_int(rq, name, 0, most, otherwise, &value, &err) == B3IQ_OK) {
		*out = (uint64_t)value;
		return true;
	}
	refuse(rs, 400, "invalid", "%s", err.text);
	return false;
}

/* ---- what there is -------------------------------------------------------- */

static void
show_info(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = NULL;
	struct json_object *names;
	int32_t rc;

	if (!right_chain(rq, rs))
		return;
	rc = query_info(rq->context, &o, &err);
	if (rc == B3IQ_OK) { /* what status, syncStatus and network-info have besides */
		names = json_object_new_array();
		rc = json_put(o, "supported_chains", names) | json_put_bool(o, "synced", true) |
		     json_put_bool(o, "syncing", false) | json_put_int(o, "peers", 0) |
		     json_put_string(o, "status", "healthy") |
		     json_add(names, json_object_new_string(
				     ledger_genesis(((struct chain *)rq->context)->ledger)->chain));
	}
	answer(rs, o, rc, &err);
}

static void
show_head(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o;
	int32_t rc;

	if (!right_chain(rq, rs))
		return;
	rc = query_block(rq->context, UINT64_MAX, false, &o, &err);
	answer(rs, o, rc, &err);
}

static void
show_height(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct json_object *o = json_object_new_object();
	struct ledger_head head;

	ledger_head(c->ledger, &head);
	if (o && (json_put_int(o, "height", (int64_t)head.header.height) |
	          query_put_hash(o, "hash", head.hash)) == B3IQ_OK) {
		response_json(rs, 200, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

/* By height or hash, or "latest". */
static void
show_block(struct http_request *rq, struct http_response *rs)
{
	const char *name = request_param(rq, "block");
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = NULL;
	uint8_t hash[32];
	uint64_t height;
	int32_t rc;

	if (!right_chain(rq, rs))
		return;
	if (amount_read(name, strlen(name), &height))
		rc = query_block(rq->context, height, true, &o, &err);
	else if (strcmp(name, "latest") == 0)
		rc = query_block(rq->context, UINT64_MAX, true, &o, &err);
	else if (wire_hash(name, hash))
		rc = query_block_named(rq->context, hash, &o, &err);
	else
		rc = fail(&err, B3IQ_E_INVALID, "a block has a height or a hash");
	answer(rs, o, rc, &err);
}

struct raw {
	uint64_t    height;
	struct buf *out;
};

static int32_t
read_raw(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct raw *raw = arg;
	struct archive_block b;
	const int32_t rc = archive_block(tx, raw->height, &b, err);

	return rc == B3IQ_OK ? ledger_block_text(tx, &b, raw->out, err) : rc;
}

/* As importBlock takes it. */
static void
export_block(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	const char *name = request_param(rq, "block");
	struct b3iq_error err = NO_ERROR;
	struct raw raw = { .out = &rs->body };
	int32_t rc;

	if (!amount_read(name, strlen(name), &raw.height)) {
		refuse(rs, 400, "invalid", "a block has a height");
		return;
	}
	rc = ledger_read(c->ledger, read_raw, &raw, &err);
	if (rc == B3IQ_OK)
		return;
	response_clear(rs);
	refuse_rc(rs, rc, &err);
}

static void
show_blocks(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = json_object_new_object(), *list = NULL;
	struct ledger_head head;
	uint64_t first, last;
	int32_t rc;

	ledger_head(c->ledger, &head);
	if (!o || !right_chain(rq, rs) ||
	    !count_query(rq, rs, "start", INT64_MAX, 0, &first) ||
	    !count_query(rq, rs, "end", INT64_MAX, (int64_t)head.header.height, &last)) {
		json_object_put(o);
		return;
	}
	if (last > head.header.height)
		last = head.header.height;
	if (last >= first && last - first >= RANGE_MAX) {
		json_object_put(o);
		refuse(rs, 400, "invalid", "at most %d blocks at once", RANGE_MAX);
		return;
	}
	rc = query_blocks(c, first, last, &list, &err);
	if (rc == B3IQ_OK)
		rc = json_put_bool(o, "success", true) |
		     json_put_int(o, "count", (int64_t)json_object_array_length(list)) |
		     json_put(o, "blocks", list);
	if (rc != B3IQ_OK) {
		json_object_put(o);
		o = NULL;
	}
	answer(rs, o, rc, &err);
}

static void
show_genesis(struct http_request *rq, struct http_response *rs)
{
	const struct chain *c = rq->context;
	const struct genesis *g = ledger_genesis(c->ledger);
	struct json_object *o = json_object_new_object(), *doc = NULL;

	if (o && json_parse(g->text, g->text_len, "the genesis", &doc, NULL) == B3IQ_OK &&
	    (json_put(o, "genesis", doc) | query_put_hash(o, "hash", g->hash) |
	     json_put_string(o, "chain_id", g->chain)) == B3IQ_OK) {
		response_json(rs, 200, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

/* ---- transactions --------------------------------------------------------- */

static void
show_tx(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o;
	uint8_t hash[32];
	int32_t rc;

	if (!hash_param(rq, rs, hash))
		return;
	rc = query_tx(rq->context, hash, &o, &err);
	answer(rs, o, rc, &err);
}

static void
list(struct http_request *rq, struct http_response *rs, bool commits)
{
	const char *who = request_query(rq, "address");
	struct b3iq_error err = NO_ERROR;
	struct address address;
	struct query_page page = { .account = who ? &address : NULL, .commits = commits };
	struct json_object *o = NULL;
	int32_t rc;

	if (!right_chain(rq, rs) ||
	    !count_query(rq, rs, "limit", QUERY_LIST_MAX, 20, &page.limit) ||
	    !count_query(rq, rs, "offset", 1000000, 0, &page.offset) ||
	    !count_query(rq, rs, "before", INT64_MAX, INT64_MAX, &page.before))
		return;
	rc = who ? address_parse(who, &address, &err) : B3IQ_OK;
	if (rc == B3IQ_OK)
		rc = query_txs(rq->context, &page, &o, &err);
	answer(rs, o, rc, &err);
}

static void
list_txs(struct http_request *rq, struct http_response *rs)
{
	list(rq, rs, false);
}

static void
list_receipts(struct http_request *rq, struct http_response *rs)
{
	list(rq, rs, true);
}

static void
show_receipt(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o;
	uint8_t root[32];
	int32_t rc;

	if (!hash_param(rq, rs, root))
		return;
	rc = query_receipt(rq->context, root, &o, &err);
	answer(rs, o, rc, &err);
}

static void
add_waiting(void *arg, const struct block_tx *t)
{
	const struct archive_row row = { .height = UINT64_MAX, .hash = t->hash, .wire = t->wire,
		                         .len = t->len };

	json_add(arg, query_show_tx(&row)); /* a list that is short of memory is shorter */
}

static void
show_mempool(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct json_object *o = json_object_new_object(), *waiting = json_object_new_array();
	struct mempool_counts counts;

	mempool_count(ledger_mempool(c->ledger), &counts);
	if (waiting)
		mempool_each(ledger_mempool(c->ledger), QUERY_LIST_MAX, add_waiting, waiting);
	if (o && (json_put(o, "transactions", waiting) |
	          json_put_int(o, "count", (int64_t)counts.txs) |
	          json_put_int(o, "bytes", (int64_t)counts.bytes) |
	          json_put_int(o, "accounts", (int64_t)counts.accounts)) == B3IQ_OK) {
		response_json(rs, 200, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

/* The signed transaction as the body, or {"tx": base64}. */
static bool
read_body(struct http_request *rq, struct http_response *rs, struct buf *wire)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc, *tx = NULL;
	char bytes[TX_MAX];
	ptrdiff_t n = -1;
	int32_t rc;

	rc = json_parse(rq->body, rq->body_len, "the transaction", &doc, &err);
	if (rc != B3IQ_OK) {
		refuse(rs, 400, "malformed", "%s", err.text);
		return false;
	}
	if (json_object_object_get_ex(doc, "tx", &tx) && json_object_is_type(tx, json_type_string)) {
		n = wire_decode(json_object_get_string(tx), (size_t)json_object_get_string_len(tx),
		                bytes, sizeof bytes);
		rc = n < 0 ? fail(&err, B3IQ_E_INVALID, "\"tx\" is not base64 of a transaction") :
		             buf_append(wire, bytes, (size_t)n);
	} else {
		rc = json_canonical(doc, wire, &err);
	}
	json_object_put(doc);
	if (rc == B3IQ_OK)
		return true;
	refuse(rs, 400, "malformed", "%s", err.text);
	return false;
}

static void
accepted(struct http_response *rs, const uint8_t hash[TX_HASH])
{
	struct json_object *o = json_object_new_object();

	if (o && (json_put_bool(o, "success", true) | query_put_hash(o, "tx_hash", hash) |
	          query_put_hash(o, "transaction_hash", hash) | query_put_hash(o, "hash", hash) |
	          json_put_string(o, "status", "pending") |
	          json_put_string(o, "message", "the transaction waits for a block")) == B3IQ_OK) {
		response_json(rs, 200, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

static void
send_tx(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct b3iq_error err = NO_ERROR;
	uint8_t hash[TX_HASH];
	struct buf wire;
	enum refusal why;

	if (!right_chain(rq, rs))
		return;
	buf_init(&wire, SMALL_BODY);
	if (read_body(rq, rs, &wire)) {
		why = ledger_submit(c->ledger, wire.data ? wire.data : "", wire.len, hash, &err);
		if (why)
			refuse(rs, refusal_status(why), refusal_word(why), "%s", err.text);
		else
			accepted(rs, hash);
	}
	buf_free(&wire);
}

static void
estimate_fee(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	const struct genesis *g = ledger_genesis(c->ledger);
	struct json_object *doc = NULL, *o = json_object_new_object();
	struct b3iq_error err = NO_ERROR;
	const char *type = "transfer";

	if (rq->body_len > 0 &&
	    (json_parse(rq->body, rq->body_len, "the request", &doc, &err) != B3IQ_OK ||
	     json_get_string(doc, "type", "transfer", &type, &err) != B3IQ_OK)) {
		json_object_put(doc);
		json_object_put(o);
		refuse(rs, 400, "invalid", "%s", err.text);
		return;
	}
	if (o && (json_put_string(o, "type", type) | query_put_amount(o, "base_fee", g->min_fee) |
	          json_put_int(o, "payload_bytes", (int64_t)rq->body_len) |
	          query_put_amount(o, "estimated_fee", g->min_fee)) == B3IQ_OK) {
		response_json(rs, 200, json_object_get(o));
	} else {
		response_json(rs, 500, NULL);
	}
	json_object_put(o);
	json_object_put(doc);
}

static void
import_block(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = ledger_import(c->ledger, rq->body, rq->body_len, &err);

	if (rc == B3IQ_OK)
		show_head(rq, rs);
	else if (rc == B3IQ_E_INVALID)
		refuse(rs, 409, "block_refused", "%s", err.text);
	else
		refuse_rc(rs, rc, &err);
}

/* ---- accounts and entries -------------------------------------------------- */

static void
show_account(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct address address;
	struct json_object *o;
	int32_t rc;

	if (!address_param(rq, rs, &address))
		return;
	rc = query_account(rq->context, &address, &o, &err);
	answer(rs, o, rc, &err);
}

struct counting {
	const struct address *address;
	uint64_t              n;
};

static int32_t
count_history(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct counting *c = arg;

	return archive_history_count(tx, c->address, &c->n, err);
}

/* The account with its latest transactions. */
static void
show_address(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = NULL, *txs = NULL;
	struct address address;
	struct counting counting = { .address = &address };
	const struct query_page latest = { .account = &address, .before = INT64_MAX, .limit = 20 };
	int32_t rc;

	if (!address_param(rq, rs, &address))
		return;
	rc = query_account(c, &address, &o, &err);
	if (rc == B3IQ_OK)
		rc = query_txs(c, &latest, &txs, &err);
	if (rc == B3IQ_OK)
		rc = ledger_read(c->ledger, count_history, &counting, &err);
	if (rc == B3IQ_OK)
		rc = json_put_int(o, "total_transactions", (int64_t)counting.n) |
		     json_put(o, "recent_transactions",
		              json_object_get(json_object_object_get(txs, "items")));
	json_object_put(txs);
	if (rc != B3IQ_OK) {
		json_object_put(o);
		o = NULL;
	}
	answer(rs, o, rc, &err);
}

static void
list_addresses(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = json_object_new_object(), *items = NULL;
	uint64_t least, limit;
	int32_t rc;

	if (!o || !right_chain(rq, rs) ||
	    !count_query(rq, rs, "min_balance", INT64_MAX, 0, &least) ||
	    !count_query(rq, rs, "limit", RICH_MAX, 100, &limit)) {
		json_object_put(o);
		return;
	}
	rc = query_accounts(rq->context, least, limit ? (size_t)limit : 1, &items, &err);
	if (rc == B3IQ_OK)
		rc = json_put_int(o, "count", (int64_t)json_object_array_length(items)) |
		     json_put(o, "addresses", items);
	if (rc != B3IQ_OK) {
		json_object_put(o);
		o = NULL;
	}
	answer(rs, o, rc, &err);
}

static void
show_validators(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *info, *o = json_object_new_object();
	int32_t rc = query_info(rq->context, &info, &err);

	if (rc == B3IQ_OK && o)
		rc = json_put(o, "validators",
		              json_object_get(json_object_object_get(info, "proposers"))) |
		     json_put_string(o, "consensus", "proof of authority: the genesis names them");
	json_object_put(info);
	if (rc != B3IQ_OK) {
		json_object_put(o);
		o = NULL;
	}
	answer(rs, o, rc, &err);
}

/* Any entry of the state by its key, and with ?prove=true the proof of it or of its absence. */
static void
show_entry(struct http_request *rq, struct http_response *rs)
{
	const char *key = request_param(rq, "key"), *prove = request_query(rq, "prove");
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = NULL;
	struct witness *w;
	uint8_t hash[32];
	int32_t rc;

	if (!right_chain(rq, rs))
		return;
	if (!prove || strcmp(prove, "true") != 0) {
		rc = query_entry(rq->context, key, &o, &err);
		answer(rs, o, rc, &err);
		return;
	}
	w = calloc(1, sizeof *w);
	if (!w)
		rc = fail_memory(&err, "proving");
	else if (strncmp(key, "receipt/", 8) == 0 && wire_hash(key + 8, hash))
		rc = query_receipt_witness(rq->context, hash, w, &err);
	else if (strncmp(key, "tx/", 3) == 0 && wire_hash(key + 3, hash))
		rc = query_tx_witness(rq->context, hash, w, &err);
	else
		rc = query_state_witness(rq->context, key, w, &err);
	if (rc == B3IQ_OK)
		rc = witness_write(w, &o, &err);
	free(w);
	answer(rs, o, rc, &err);
}

static void
show_escrow(struct http_request *rq, struct http_response *rs)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *o = NULL;
	char key[RECORD_KEY_SIZE];
	struct record_id id = { .nonce = 0 };
	int32_t rc;

	if (!hash_param(rq, rs, id.hash))
		return;
	record_key(RECORD_ESCROW, &id, key);
	rc = query_entry(rq->context, key, &o, &err);
	if (rc == B3IQ_OK) { /* the record itself is what clients look for */
		struct json_object *value = json_object_get(json_object_object_get(o, "value"));

		json_object_put(o);
		o = value;
		rc = query_put_hash(o, "id", id.hash);
	}
	answer(rs, o, rc, &err);
}

/* ---- what is only done by a signed transaction ----------------------------- */

struct unsigned_path {
	const char *pattern, *kind;
};

static const struct unsigned_path unsigned_paths[] = {
	{ "/rpc/escrow/create", "escrow_open" },
	{ "/rpc/escrow/{hash}/release", "escrow_release" },
	{ "/rpc/escrow/{hash}/refund", "escrow_refund" },
	{ "/rpc/staking/stake", "stake" },
	{ "/rpc/staking/unstake", "unstake" },
	{ "/rpc/submitReceipt", "commit" },
};

static void
need_signature(struct http_request *rq, struct http_response *rs)
{
	for (size_t i = 0; i < sizeof unsigned_paths / sizeof *unsigned_paths; i++)
		if (strcmp(rq->route->pattern, unsigned_paths[i].pattern) == 0) {
			refuse(rs, 403, "unsigned",
			       "money moves by signed transactions only: send a transaction of kind "
			       "\"%s\" to POST /rpc/transaction (docs/chain.md)",
			       unsigned_paths[i].kind);
			return;
		}
	response_json(rs, 500, NULL);
}

/* ---- faucet ---------------------------------------------------------------- */

static int32_t
read_wish(struct http_request *rq, const struct genesis *g, struct address *to, uint64_t *amount,
          struct b3iq_error *err)
{
	struct json_object *doc;
	const char *address, *text;
	int32_t rc = json_parse(rq->body, rq->body_len, "the request", &doc, err);

	if (rc != B3IQ_OK)
		return rc;
	*amount = g->faucet_max;
	rc = json_get_string(doc, "address", "", &address, err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "amount", NULL, &text, err);
	if (rc == B3IQ_OK)
		rc = address_parse(address, to, err);
	if (rc == B3IQ_OK && text && !amount_read(text, strlen(text), amount))
		rc = fail(err, B3IQ_E_INVALID,
		          "\"amount\" is a decimal text in micro-AITBC, such as \"1000000\"");
	json_object_put(doc);
	return rc;
}

static void
drip(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	const struct genesis *g = ledger_genesis(c->ledger);
	struct b3iq_error err = NO_ERROR;
	struct address to;
	uint8_t hash[TX_HASH];
	uint64_t amount;
	enum refusal why;

	if (!g->has_faucet) {
		refuse(rs, 403, "no_faucet",
		       "this chain has no faucet: its genesis is not a development network's");
		return;
	}
	if (read_wish(rq, g, &to, &amount, &err) != B3IQ_OK) {
		refuse(rs, 400, "invalid", "%s", err.text);
		return;
	}
	why = faucet_give(c, &to, amount, hash, &err);
	if (why)
		refuse(rs, refusal_status(why), refusal_word(why), "%s", err.text);
	else
		accepted(rs, hash);
}

/* ---- is it well ------------------------------------------------------------ */

static void
health(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;
	const struct genesis *g = ledger_genesis(c->ledger);
	struct json_object *o = json_object_new_object(), *chains = json_object_new_array();
	char name[ED25519_NAME_SIZE];

	ed25519_name(g->proposers[0], name);
	if (o && chains &&
	    (json_put_string(o, "status", "ok") | json_add(chains, json_object_new_string(g->chain)) |
	     json_put(o, "supported_chains", chains) | json_put_string(o, "proposer_id", name)) ==
	            B3IQ_OK) {
		response_json(rs, 200, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

static void
ready(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;

	if (atomic_load(&c->ready))
		response_text(rs, 200, "application/json", "{\"status\":\"ready\"}");
	else
		refuse(rs, 503, "not_ready", "the chain is starting or stopping");
}

static void
put_counters(struct buf *out, struct ledger *l)
{
	struct mempool_counts pool;
	struct ledger_counts n;
	struct ledger_head head;

	ledger_head(l, &head);
	ledger_count(l, &n);
	mempool_count(ledger_mempool(l), &pool);
	prometheus_single(out, "b3iq_chain_height", "gauge", "Height of the head",
	                  head.header.height);
	prometheus_single(out, "b3iq_chain_transactions_total", "counter",
	                  "Transactions in blocks, since the genesis", head.transactions);
	prometheus_single(out, "b3iq_chain_blocks_made_total", "counter",
	                  "Blocks written since the start", n.blocks);
	prometheus_single(out, "b3iq_chain_block_microseconds_total", "counter",
	                  "Time of making blocks since the start", n.build_us);
	prometheus_single(out, "b3iq_chain_write_microseconds_total", "counter",
	                  "Part of it that was spent writing", n.write_us);
	prometheus_single(out, "b3iq_chain_block_failures_total", "counter",
	                  "Blocks that could not be written", n.failures);
	prometheus_single(out, "b3iq_chain_mempool_transactions", "gauge", "Waiting transactions",
	                  pool.txs);
	prometheus_single(out, "b3iq_chain_mempool_bytes", "gauge", "Their bytes", pool.bytes);
	prometheus_single(out, "b3iq_chain_mempool_dropped_total", "counter",
	                  "Transactions that did not hold when their turn came", pool.dropped);
	prometheus_single(out, "b3iq_chain_mempool_evicted_total", "counter",
	                  "Transactions that had to make room", pool.evicted);
}

static void
metrics(struct http_request *rq, struct http_response *rs)
{
	struct chain *c = rq->context;

	rs->type = "text/plain; version=0.0.4; charset=utf-8";
	put_counters(&rs->body, c->ledger);
	traffic_write(c->traffic, &rs->body);
	if (rs->body.rc != B3IQ_OK)
		response_json(rs, 500, NULL);
}

static void
no_peers(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	response_text(rs, 200, "application/json", "{\"peers\":[],\"count\":0}");
}

/* ---- the table -------------------------------------------------------------- */

static const struct http_route routes[] = {
	{ "POST", "/", rpc_post, NULL, RPC_BODY },
	{ "GET", "/health", health, NULL, 0 },
	{ "GET", "/ready", ready, NULL, 0 },
	{ "GET", "/metrics", metrics, NULL, 0 },
	{ "GET", "/{method}", rpc_get, NULL, 0 },

	{ "GET", "/rpc/head", show_head, NULL, 0 },
	{ "GET", "/rpc/height", show_height, NULL, 0 },
	{ "GET", "/rpc/info", show_info, NULL, 0 },
	{ "GET", "/rpc/status", show_info, NULL, 0 },
	{ "GET", "/rpc/syncStatus", show_info, NULL, 0 },
	{ "GET", "/rpc/network-info", show_info, NULL, 0 },
	{ "GET", "/rpc/supply", show_info, NULL, 0 },
	{ "GET", "/rpc/state", show_info, NULL, 0 },
	{ "GET", "/rpc/validators", show_validators, NULL, 0 },
	{ "GET", "/rpc/peers", no_peers, NULL, 0 },
	{ "GET", "/rpc/getGenesisBlock", show_genesis, NULL, 0 },
	{ "GET", "/rpc/genesis", show_genesis, NULL, 0 },
	{ "GET", "/rpc/blocks/{block}", show_block, NULL, 0 },
	{ "GET", "/rpc/blocks/by_hash/{block}", show_block, NULL, 0 },
	{ "GET", "/rpc/blocks/{block}/export", export_block, NULL, 0 },
	{ "GET", "/rpc/blocks-range", show_blocks, NULL, 0 },
	{ "GET", "/rpc/tx/{hash}", show_tx, NULL, 0 },
	{ "GET", "/rpc/transaction/{hash}", show_tx, NULL, 0 },
	{ "GET", "/rpc/transactions", list_txs, NULL, 0 },
	{ "GET", "/rpc/receipts", list_receipts, NULL, 0 },
	{ "GET", "/rpc/receipts/{hash}", show_receipt, NULL, 0 },
	{ "GET", "/rpc/mempool", show_mempool, NULL, 0 },
	{ "GET", "/rpc/getBalance/{address}", show_account, NULL, 0 },
	{ "GET", "/rpc/balance/{address}", show_account, NULL, 0 },
	{ "GET", "/rpc/account/{address}", show_account, NULL, 0 },
	{ "GET", "/rpc/accounts/{address}", show_account, NULL, 0 },
	{ "GET", "/rpc/address/{address}", show_address, NULL, 0 },
	{ "GET", "/rpc/addresses", list_addresses, NULL, 0 },
	{ "GET", "/rpc/escrow/{hash}", show_escrow, NULL, 0 },
	{ "GET", "/rpc/entry/{key...}", show_entry, NULL, 0 },

	{ "POST", "/rpc/sendTx", send_tx, NULL, SMALL_BODY },
	{ "POST", "/rpc/transaction", send_tx, NULL, SMALL_BODY },
	{ "POST", "/rpc/estimateFee", estimate_fee, NULL, SMALL_BODY },
	{ "POST", "/rpc/importBlock", import_block, NULL, BLOCK_TEXT },
	{ "POST", "/rpc/admin/mintFaucet", drip, NULL, SMALL_BODY },
	{ "POST", "/rpc/faucet", drip, NULL, SMALL_BODY },

	{ "POST", "/rpc/escrow/create", need_signature, NULL, SMALL_BODY },
	{ "POST", "/rpc/escrow/{hash}/release", need_signature, NULL, SMALL_BODY },
	{ "POST", "/rpc/escrow/{hash}/refund", need_signature, NULL, SMALL_BODY },
	{ "POST", "/rpc/staking/stake", need_signature, NULL, SMALL_BODY },
	{ "POST", "/rpc/staking/unstake", need_signature, NULL, SMALL_BODY },
	{ "POST", "/rpc/submitReceipt", need_signature, NULL, SMALL_BODY },
};

const struct http_route *
rest_routes(size_t *n)
{
	*n = sizeof routes / sizeof *routes;
	return routes;
}
