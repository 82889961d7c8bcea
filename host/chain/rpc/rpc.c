#include "chain/rpc/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/rpc/query.h"
#include "chain/rpc/wire.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"

#define COMMIT_WAIT_MS 10000
#define COMMIT_WAITS   192   /* broadcast_tx_commit that wait at once; threads stay for the others */
#define SHOWN          10000 /* transactions, headers and such in one answer, a batch's too        */
#define METAS          20    /* headers of one "blockchain" answer, as CometBFT limits it */

/* Codes of JSON-RPC 2.0. */
enum {
	RPC_PARSE = -32700,
	RPC_REQUEST = -32600,
	RPC_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603
};

/* What the calls of one request share. */
struct budget {
	uint64_t until_ms; /* to which all of them may wait; monotonic */
	uint64_t left;     /* of SHOWN                                 */
};

struct call {
	struct chain        *chain;
	struct budget       *budget;
	struct json_object  *params; /* an object, or NULL */
	struct json_object  *result;
	int                  code;   /* 0: result is set   */
	struct b3iq_error    err;
};

/* ---- parameters ---------------------------------------------------------- */

static bool
bad_param(struct call *c, const char *name, const char *what)
{
	c->code = RPC_PARAMS;
	fail(&c->err, B3IQ_E_INVALID, "the parameter \"%s\" %s", name, what);
	return false;
}

/* NULL if it is absent; without the quotes that CometBFT's URIs put around a text. */
static const char *
param_text(struct call *c, const char *name, char *scratch, size_t size)
{
	struct json_object *o = NULL;
	const char *text;
	size_t len;

	if (!c->params || !json_object_object_get_ex(c->params, name, &o) || !o)
		return NULL;
	text = json_object_get_string(o);
	len = strlen(text);
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (len >= size)
		return NULL;
	memcpy(scratch, text, len);
	scratch[len] = '\0';
	return scratch;
}

/* A number, or its decimal text, as CometBFT writes heights. */
static bool
param_count(struct call *c, const char *name, uint64_t otherwise, uint64_t *out)
{
	char scratch[32];
	const char *text = param_text(c, name, scratch, sizeof scratch);

	*out = otherwise;
	if (!text || !*text)
		return true;
	return amount_read(text, strlen(text), out) ? true : bad_param(c, name, "is no number");
}

static bool
param_flag(struct call *c, const char *name)
{
	char scratch[8];
	const char *text = param_text(c, name, scratch, sizeof scratch);

	return text && strcmp(text, "true") == 0;
}

static bool
param_hash(struct call *c, const char *name, uint8_t out[32])
{
	char scratch[80];
	const char *text = param_text(c, name, scratch, sizeof scratch);

	if (text && wire_hash(text, out))
		return true;
	return bad_param(c, name, "is no hash of 32 bytes in hex or base64");
}

static struct budget
budget_new(void)
{
	return (struct budget){ .until_ms = clock_mono_ms() + COMMIT_WAIT_MS, .left = SHOWN };
}

/* Is there room for n more in the answer?  The first one always has. */
static bool
spend(struct call *c, uint64_t n)
{
	uint64_t *left = &c->budget->left;

	if (n <= *left || *left == SHOWN) {
		*left -= n < *left ? n : *left;
		return true;
	}
	c->code = RPC_REQUEST;
	fail(&c->err, B3IQ_E_INVALID, "a batch shows at most %d transactions or headers; ask in parts",
	     SHOWN);
	return false;
}

/* ---- answers ------------------------------------------------------------- */

static void
done(struct call *c, struct json_object *o, int32_t rc)
{
	if (o && rc == B3IQ_OK) {
		c->result = o;
		return;
	}
	json_object_put(o);
	c->code = RPC_INTERNAL;
	fail_memory(&c->err, "answering");
}

static bool
failed(struct call *c, int32_t rc)
{
	if (rc == B3IQ_OK)
		return false;
	c->code = rc == B3IQ_E_INVALID ? RPC_PARAMS : RPC_INTERNAL;
	return true;
}

static int32_t
put_count(struct json_object *o, const char *key, uint64_t value)
{
	return query_put_amount(o, key, value); /* CometBFT writes 64-bit numbers as texts */
}

static int32_t
put_upper(struct json_object *o, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * 64 + 1];

	wire_hex(bytes, n, text);
	return json_put_string(o, key, text);
}

static int32_t
put_base64(struct json_object *o, const char *key, const void *bytes, size_t n)
{
	char *text = malloc(WIRE_SIZE(n));
	int32_t rc;

	if (!text)
		return B3IQ_E_NO_MEMORY;
	wire_encode(bytes, n, text);
	rc = json_put_string(o, key, text);
	free(text);
	return rc;
}

static int32_t
put_iso(struct json_object *o, const char *key, uint64_t ms)
{
	char iso[25];

	clock_iso(ms, iso);
	return json_put_string(o, key, iso);
}

/* {"code","codespace","data","log","word"}: 0 and "ok", or a refusal. */
static struct json_object *
verdict(enum refusal why, const char *text)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	if ((json_put_int(o, "code", why) | json_put_string(o, "data", "") |
	     json_put_string(o, "log", why ? text : "") |
	     json_put_string(o, "codespace", why ? "b3iq" : "") |
	     json_put_string(o, "word", refusal_word(why))) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

/* ---- transactions -------------------------------------------------------- */

/* Base64 of the transaction; the wire length, or -1 with the error set. */
static ptrdiff_t
param_tx(struct call *c, char wire[TX_MAX + 1])
{
	char text[WIRE_SIZE(TX_MAX) + 8];
	const char *tx = param_text(c, "tx", text, sizeof text);
	const ptrdiff_t n = tx ? wire_decode(tx, strlen(tx), wire, TX_MAX) : -1;

	if (n < 0)
		bad_param(c, "tx", "is not the base64 of a transaction of at most 4096 bytes");
	return n;
}

static void
broadcast_sync(struct call *c)
{
	char wire[TX_MAX + 1];
	uint8_t hash[TX_HASH];
	const ptrdiff_t n = param_tx(c, wire);
	struct json_object *o;
	enum refusal why;

	if (n < 0)
		return;
	why = ledger_submit(c->chain->ledger, wire, (size_t)n, hash, &c->err);
	o = verdict(why, c->err.text);
	done(c, o, o ? query_put_hash(o, "hash", hash) : B3IQ_E_NO_MEMORY);
}

/* Until its block, for what the request has left of its time; not at all if many wait already. */
static void
wait_for_block(struct call *c, const uint8_t hash[TX_HASH], struct mempool_fate *fate)
{
	const uint64_t now = clock_mono_ms(), until = c->budget->until_ms;
	uint32_t ms = until > now ? (uint32_t)(until - now) : 0;

	if (atomic_fetch_add(&c->chain->waiting, 1) >= COMMIT_WAITS)
		ms = 0;
	ledger_wait(c->chain->ledger, hash, ms, fate);
	atomic_fetch_sub(&c->chain->waiting, 1);
}

static void
broadcast_commit(struct call *c)
{
	struct mempool_fate fate = { .why = REFUSED_NOT };
	struct json_object *o = json_object_new_object();
	char wire[TX_MAX + 1];
	uint8_t hash[TX_HASH];
	const ptrdiff_t n = param_tx(c, wire);
	enum refusal why;

	if (n < 0) {
		json_object_put(o);
		return;
	}
	why = ledger_submit(c->chain->ledger, wire, (size_t)n, hash, &c->err);
	if (!why || why == REFUSED_DUPLICATE) {
		why = REFUSED_NOT; /* the same transaction again: its own end is the answer */
		wait_for_block(c, hash, &fate);
	}
	done(c, o,
	     !o ? B3IQ_E_NO_MEMORY :
	          json_put(o, "check_tx", verdict(why, c->err.text)) |
	                  json_put(o, "tx_result", verdict(fate.why, fate.text)) |
	                  json_put(o, "deliver_tx", verdict(fate.why, fate.text)) |
	                  query_put_hash(o, "hash", hash) | put_count(o, "height", fate.height) |
	                  json_put_int(o, "index", (int64_t)fate.index));
}

static void
check_tx(struct call *c)
{
	struct b3iq_error why = NO_ERROR;
	char wire[TX_MAX + 1];
	const ptrdiff_t n = param_tx(c, wire);
	struct block_tx *t;
	enum refusal refusal = REFUSED_NOT;

	if (n < 0)
		return;
	if (block_tx_read(wire, (size_t)n, &t, &why) != B3IQ_OK)
		refusal = REFUSED_FORM;
	else if (tx_check(&t->tx, &why) != B3IQ_OK)
		refusal = REFUSED_SIGNATURE;
	if (refusal != REFUSED_FORM)
		free(t);
	done(c, verdict(refusal, why.text), B3IQ_OK);
}

static void
show_tx(struct call *c)
{
	struct json_object *tx = NULL, *height, *o, *proof;
	struct witness *witness;
	uint8_t hash[TX_HASH];
	int32_t rc;

	if (!param_hash(c, "hash", hash))
		return;
	if (failed(c, query_tx(c->chain, hash, &tx, &c->err)))
		return;
	o = json_object_new_object();
	height = json_object_object_get(tx, "block_height");
	rc = !o ? B3IQ_E_NO_MEMORY :
	          query_put_hash(o, "hash", hash) |
	                  put_count(o, "height", (uint64_t)json_object_get_int64(height)) |
	                  json_put_bool(o, "pending", !height) |
	                  json_put_int(o, "index", json_object_get_int64(
	                                                   json_object_object_get(tx, "index"))) |
	                  json_put(o, "tx_result", verdict(REFUSED_NOT, ""));
	if (rc == B3IQ_OK) {
		struct json_object *wire = json_object_object_get(tx, "transaction");
		struct buf text;

		buf_init(&text, TX_MAX);
		rc = json_canonical(wire, &text, NULL);
		if (rc == B3IQ_OK)
			rc = put_base64(o, "tx", text.data, text.len);
		buf_free(&text);
	}
	if (rc == B3IQ_OK && height && param_flag(c, "prove")) {
		witness = malloc(sizeof *witness);
		rc = witness ? query_tx_witness(c->chain, hash, witness, &c->err) :
		               B3IQ_E_NO_MEMORY;
		if (rc == B3IQ_OK)
			rc = witness_write(witness, &proof, &c->err);
		if (rc == B3IQ_OK)
			rc = json_put(o, "proof", proof);
		free(witness);
	}
	if (rc == B3IQ_OK)
		rc = json_put(o, "b3iq", json_object_get(tx));
	json_object_put(tx);
	done(c, o, rc);
}

/* ---- blocks -------------------------------------------------------------- */

struct wanted {
	uint64_t             height;
	struct archive_block block;
	struct json_object  *txs;
};

static int32_t
add_tx(void *arg, const struct archive_row *row)
{
	char text[WIRE_SIZE(TX_MAX)];
	struct wanted *w = arg;

	if (row->len > TX_MAX)
		return B3IQ_E_INTERNAL;
	wire_encode(row->wire, row->len, text);
	return json_add(w->txs, json_object_new_string(text));
}

static int32_t
read_block(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted *w = arg;
	int32_t rc = archive_block(tx, w->height, &w->block, err);

	if (rc == B3IQ_OK && w->txs)
		rc = archive_range(tx, w->block.first, w->block.header.count, add_tx, w, err);
	return rc;
}

static struct json_object *
block_id(const uint8_t hash[32])
{
	struct json_object *o = json_object_new_object();
	struct json_object *parts = json_object_new_object();
	int32_t rc;

	if (!o || !parts) {
		json_object_put(parts);
		json_object_put(o);
		return NULL;
	}
	rc = put_upper(parts, "hash", hash, 32) | json_put_int(parts, "total", 1) |
	     put_upper(o, "hash", hash, 32) | json_put(o, "parts", parts);
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

/* Our header under CometBFT's names. */
static struct json_object *
comet_header(const struct header *h)
{
	struct json_object *o = json_object_new_object();
	struct address proposer;
	int32_t rc;

	if (!o || address_of(h->proposer, &proposer) != B3IQ_OK) {
		json_object_put(o);
		return NULL;
	}
	rc = json_put_string(o, "chain_id", h->chain) | put_count(o, "height", h->height) |
	     put_iso(o, "time", h->time) | json_put(o, "last_block_id", block_id(h->parent)) |
	     put_upper(o, "data_hash", h->transactions, 32) |
	     put_upper(o, "app_hash", h->state, 32) |
	     put_upper(o, "last_results_hash", h->receipts, 32) |
	     put_upper(o, "proposer_address", proposer.bytes, ADDRESS_BYTES);
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static void
show_block(struct call *c)
{
	struct wanted w = { .block.header.count = 0, .txs = json_object_new_array() };
	struct json_object *o = json_object_new_object(), *block = json_object_new_object();
	struct json_object *data = json_object_new_object();
	int32_t rc = o && block && data && w.txs ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	if (!param_count(c, "height", UINT64_MAX, &w.height) ||
	    (rc == B3IQ_OK && failed(c, ledger_read(c->chain->ledger, read_block, &w, &c->err))) ||
	    !spend(c, w.block.header.count + 1)) {
		json_object_put(w.txs);
		json_object_put(data);
		json_object_put(block);
		json_object_put(o);
		return;
	}
	if (rc != B3IQ_OK) {
		json_object_put(w.txs);
		json_object_put(data);
		json_object_put(block);
		done(c, o, rc);
		return;
	}
	rc = json_put(data, "txs", w.txs) | json_put(block, "data", data) |
	     json_put(block, "header", comet_header(&w.block.header)) |
	     json_put(o, "block_id", block_id(w.block.hash)) | json_put(o, "block", block) |
	     json_put(o, "b3iq", query_show_block(&w.block));
	done(c, o, rc);
}

static struct json_object *
block_meta(const struct archive_block *b)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	if ((json_put(o, "block_id", block_id(b->hash)) |
	     json_put(o, "header", comet_header(&b->header)) |
	     put_count(o, "num_txs", b->header.count)) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static void
blockchain(struct call *c)
{
	struct json_object *o = json_object_new_object(), *metas = json_object_new_array();
	struct ledger_head head;
	uint64_t least, most;
	int32_t rc = o && metas ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	ledger_head(c->chain->ledger, &head);
	if (!param_count(c, "minHeight", 0, &least) ||
	    !param_count(c, "maxHeight", head.header.height, &most) || !spend(c, METAS)) {
		json_object_put(metas);
		json_object_put(o);
		return;
	}
	if (most > head.header.height)
		most = head.header.height;
	if (least + METAS <= most)
		least = most - METAS + 1;
	for (uint64_t h = most; rc == B3IQ_OK && h >= least; h--) { /* newest first, as CometBFT */
		struct wanted w = { .height = h };

		rc = ledger_read(c->chain->ledger, read_block, &w, &c->err);
		if (rc == B3IQ_OK)
			rc = json_add(metas, block_meta(&w.block));
		if (h == 0)
			break;
	}
	if (rc == B3IQ_OK)
		rc = put_count(o, "last_height", head.header.height) |
		     json_put(o, "block_metas", json_object_get(metas));
	json_object_put(metas);
	done(c, o, rc);
}

/* ---- about the node ------------------------------------------------------ */

static int32_t
put_validator(struct json_object *o, const uint8_t key[ED25519_PUBLIC])
{
	struct json_object *pub = json_object_new_object();
	struct address address;

	if (!pub || address_of(key, &address) != B3IQ_OK) {
		json_object_put(pub);
		return B3IQ_E_NO_MEMORY;
	}
	return json_put_string(pub, "type", "tendermint/PubKeyEd25519") |
	       put_base64(pub, "value", key, ED25519_PUBLIC) | json_put(o, "pub_key", pub) |
	       put_upper(o, "address", address.bytes, ADDRESS_BYTES) |
	       query_put_address(o, "account", &address) | json_put_string(o, "voting_power", "1");
}

static void
status(struct call *c)
{
	const struct genesis *g = ledger_genesis(c->chain->ledger);
	struct json_object *o = json_object_new_object(), *node = json_object_new_object();
	struct json_object *sync = json_object_new_object(), *validator = json_object_new_object();
	struct json_object *info = NULL;
	struct ledger_head head;
	int32_t rc = o && node && sync && validator ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	ledger_head(c->chain->ledger, &head);
	if (rc == B3IQ_OK)
		rc = query_info(c->chain, &info, &c->err);
	if (rc == B3IQ_OK)
		rc = json_put_string(node, "network", g->chain) |
		     json_put_string(node, "version", B3IQ_VERSION) |
		     json_put_string(node, "moniker", "b3iq") |
		     put_upper(sync, "latest_block_hash", head.hash, 32) |
		     put_upper(sync, "latest_app_hash", head.header.state, 32) |
		     put_count(sync, "latest_block_height", head.header.height) |
		     put_iso(sync, "latest_block_time", head.header.time) |
		     put_count(sync, "earliest_block_height", 0) |
		     put_iso(sync, "earliest_block_time", g->time) |
		     json_put_bool(sync, "catching_up", false) |
		     put_validator(validator, c->chain->proposer ? ed25519_public(c->chain->proposer) :
		                                                   g->proposers[0]) |
		     json_put(o, "node_info", json_object_get(node)) |
		     json_put(o, "sync_info", json_object_get(sync)) |
		     json_put(o, "validator_info", json_object_get(validator)) |
		     json_put(o, "b3iq", json_object_get(info));
	json_object_put(node);
	json_object_put(sync);
	json_object_put(validator);
	json_object_put(info);
	done(c, o, rc);
}

static void
health(struct call *c)
{
	done(c, json_object_new_object(), B3IQ_OK);
}

static void
show_genesis(struct call *c)
{
	const struct genesis *g = ledger_genesis(c->chain->ledger);
	struct json_object *o, *doc = NULL;
	int32_t rc;

	if (!spend(c, g->n_accounts + 1))
		return;
	o = json_object_new_object();
	rc = o ? json_parse(g->text, g->text_len, "the genesis", &doc, &c->err) : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = json_put(o, "genesis", doc);
	if (rc == B3IQ_OK)
		rc = query_put_hash(o, "hash", g->hash);
	done(c, o, rc);
}

static void
validators(struct call *c)
{
	const struct genesis *g = ledger_genesis(c->chain->ledger);
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct ledger_head head;
	int32_t rc = o && list ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	ledger_head(c->chain->ledger, &head);
	for (size_t i = 0; rc == B3IQ_OK && i < g->n_proposers; i++) {
		struct json_object *one = json_object_new_object();

		rc = json_add(list, one);
		if (rc == B3IQ_OK)
			rc = put_validator(one, g->proposers[i]);
	}
	if (rc == B3IQ_OK)
		rc = put_count(o, "block_height", head.header.height) |
		     json_put(o, "validators", json_object_get(list)) |
		     put_count(o, "count", g->n_proposers) | put_count(o, "total", g->n_proposers);
	json_object_put(list);
	done(c, o, rc);
}

static void
unconfirmed(struct call *c)
{
	struct json_object *o = json_object_new_object();
	struct mempool_counts counts;

	mempool_count(ledger_mempool(c->chain->ledger), &counts);
	done(c, o,
	     !o ? B3IQ_E_NO_MEMORY :
	          put_count(o, "n_txs", counts.txs) | put_count(o, "total", counts.txs) |
	                  put_count(o, "total_bytes", counts.bytes));
}

static void
abci_info(struct call *c)
{
	struct json_object *o = json_object_new_object(), *response = json_object_new_object();
	struct ledger_head head;
	int32_t rc = o && response ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	ledger_head(c->chain->ledger, &head);
	if (rc == B3IQ_OK)
		rc = json_put_string(response, "data", "b3iq") |
		     json_put_string(response, "version", B3IQ_VERSION) |
		     put_count(response, "last_block_height", head.header.height) |
		     put_base64(response, "last_block_app_hash", head.header.state, 32) |
		     json_put(o, "response", json_object_get(response));
	json_object_put(response);
	done(c, o, rc);
}

/* ---- abci_query ---------------------------------------------------------- */

/* "/account" and the address as data in hex, or "/account/<address>" at once: a key of the state. */
static bool
read_key(struct call *c, char key[RECORD_KEY_SIZE])
{
	char path[RECORD_KEY_SIZE], data[2 * RECORD_KEY_SIZE + 4];
	const char *p = param_text(c, "path", path, sizeof path);
	const char *d = param_text(c, "data", data, sizeof data);
	size_t n;

	if (!p || p[0] != '/')
		return bad_param(c, "path", "is /account, /escrow, /unbonding, /node, /model, "
		                            "/supply, /genesis or /receipt");
	if (strcmp(p, "/stake") == 0 || strncmp(p, "/stake/", 7) == 0)
		n = (size_t)snprintf(key, RECORD_KEY_SIZE, "account%s", p + 6); /* it is in there */
	else
		n = (size_t)snprintf(key, RECORD_KEY_SIZE, "%s", p + 1);
	if (n >= RECORD_KEY_SIZE)
		return bad_param(c, "path", "is too long");
	if (!d || !*d)
		return true;
	if (strncmp(d, "0x", 2) == 0)
		d += 2;
	if (strlen(d) % 2 || n + 1 + strlen(d) / 2 >= RECORD_KEY_SIZE)
		return bad_param(c, "data", "is no hex of an id");
	key[n++] = '/';
	for (; *d; d += 2) {
		unsigned byte;

		if (sscanf(d, "%2x", &byte) != 1 || byte < 0x20 || byte > 0x7e)
			return bad_param(c, "data", "is no hex of an id's text");
		key[n++] = (char)byte;
	}
	key[n] = '\0';
	return true;
}

/* The receipt root of "receipt/<hex>". */
static int32_t
find_witness(struct call *c, const char *key, struct witness *w)
{
	uint8_t root[32];

	if (strncmp(key, "receipt/", 8) != 0)
		return query_state_witness(c->chain, key, w, &c->err);
	if (!wire_hash(key + 8, root))
		return fail(&c->err, B3IQ_E_INVALID, "receipt/ is followed by a root of 64 hex digits");
	return query_receipt_witness(c->chain, root, w, &c->err);
}

/* The response: code 0, or 1 when there is nothing under the key. */
static int32_t
put_response(struct call *c, struct json_object *o, const char *key, const struct witness *w,
             int32_t found)
{
	const bool state = w->kind == WITNESS_STATE;
	const bool there = found == B3IQ_OK && (!state || w->present);
	struct json_object *proof = NULL;
	char hex[65];
	int32_t rc;

	wire_hex(w->hash, 32, hex);
	rc = json_put_int(o, "code", there ? 0 : 1) | json_put_string(o, "info", "") |
	     json_put_string(o, "log", there ? "exists" : "does not exist") |
	     json_put_string(o, "index", "0") | json_put_string(o, "codespace", there ? "" : "b3iq") |
	     put_base64(o, "key", key, strlen(key)) |
	     (there && state ? put_base64(o, "value", w->value, w->value_len) :
	                       json_put_string(o, "value", there ? hex : "")) |
	     json_put_or_null(o, "proofOps", NULL) | put_count(o, "height", w->header.height);
	if (rc == B3IQ_OK && found == B3IQ_OK && param_flag(c, "prove")) {
		rc = witness_write(w, &proof, &c->err);
		if (rc == B3IQ_OK)
			rc = json_put(o, "proof", proof);
	}
	return rc;
}

static void
abci_query(struct call *c)
{
	struct json_object *o, *response;
	char key[RECORD_KEY_SIZE];
	struct witness *w;
	int32_t rc;

	if (!read_key(c, key))
		return;
	w = calloc(1, sizeof *w);
	o = json_object_new_object();
	response = json_object_new_object();
	rc = w && o && response ? find_witness(c, key, w) : B3IQ_E_NO_MEMORY;
	if (rc != B3IQ_OK && rc != B3IQ_E_NOT_FOUND) {
		failed(c, rc);
		json_object_put(response);
		json_object_put(o);
	} else {
		rc = put_response(c, response, key, w, rc);
		rc |= json_put(o, "response", response);
		done(c, o, rc);
	}
	free(w);
}

/* ---- the table ----------------------------------------------------------- */

#define NAMES 5

static const struct method {
	const char *name;
	void      (*run)(struct call *);
	const char *params[NAMES]; /* by position */
} methods[] = {
	{ "broadcast_tx_sync", broadcast_sync, { "tx" } },
	{ "broadcast_tx_async", broadcast_sync, { "tx" } },
	{ "broadcast_tx_commit", broadcast_commit, { "tx" } },
	{ "check_tx", check_tx, { "tx" } },
	{ "tx", show_tx, { "hash", "prove" } },
	{ "block", show_block, { "height" } },
	{ "blockchain", blockchain, { "minHeight", "maxHeight" } },
	{ "status", status, { NULL } },
	{ "health", health, { NULL } },
	{ "genesis", show_genesis, { NULL } },
	{ "validators", validators, { "height" } },
	{ "num_unconfirmed_txs", unconfirmed, { NULL } },
	{ "abci_info", abci_info, { NULL } },
	{ "abci_query", abci_query, { "path", "data", "height", "prove" } },
};

static const struct method *
find_method(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

/* An array of parameters as an object; NULL: too many, or no memory. */
static struct json_object *
name_params(const struct method *m, struct json_object *list)
{
	struct json_object *o = json_object_new_object();
	const size_t n = json_object_array_length(list);

	for (size_t i = 0; o && i < n; i++)
		if (i >= NAMES || !m->params[i] ||
		    json_put_or_null(o, m->params[i],
		                     json_object_get(json_object_array_get_idx(list, i))) !=
		            B3IQ_OK) {
			json_object_put(o);
			return NULL;
		}
	return o;
}

static void
run(struct call *c, const struct method *m, struct json_object *params)
{
	struct json_object *named = NULL;

	if (params && json_object_is_type(params, json_type_array)) {
		named = name_params(m, params);
		if (!named) {
			bad_param(c, "params", "has too many members");
			return;
		}
		c->params = named;
	} else if (params && json_object_is_type(params, json_type_object)) {
		c->params = params;
	} else if (params) {
		bad_param(c, "params", "is neither an object nor a list");
		return;
	}
	m->run(c);
	json_object_put(named);
}

/* ---- requests and answers ------------------------------------------------- */

/* Takes over the call's result.  NULL: no memory. */
static struct json_object *
answer(struct call *c, struct json_object *id)
{
	struct json_object *o = json_object_new_object(), *error;
	int32_t rc;

	if (!o) {
		json_object_put(c->result);
		return NULL;
	}
	rc = json_put_string(o, "jsonrpc", "2.0") |
	     json_put_or_null(o, "id", json_object_get(id));
	if (!c->code) {
		rc |= json_put(o, "result", c->result);
	} else {
		json_object_put(c->result);
		error = json_object_new_object();
		rc |= json_put(o, "error", error);
		if (rc == B3IQ_OK)
			rc = json_put_int(error, "code", c->code) |
			     json_put_string(error, "message",
			                     c->code == RPC_METHOD ? "Method not found" :
			                     c->code == RPC_PARAMS ? "Invalid params" :
			                     c->code == RPC_PARSE  ? "Parse error" :
			                     c->code == RPC_REQUEST ? "Invalid Request" :
			                                              "Internal error") |
			     json_put_string(error, "data", c->err.text);
	}
	if (rc == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
refuse(struct chain *chain, int code, const char *text, struct json_object *id)
{
	struct call c = { .chain = chain, .code = code, .err = NO_ERROR };

	fail(&c.err, B3IQ_E_INVALID, "%s", text);
	return answer(&c, id);
}

/* *silent: a notification, which has no answer. */
static struct json_object *
one(struct chain *chain, struct json_object *request, struct budget *budget, bool *silent)
{
	struct json_object *name = NULL, *params = NULL, *id = NULL, *version = NULL;
	struct call c = { .chain = chain, .budget = budget, .err = NO_ERROR };
	const struct method *m;

	*silent = false;
	if (!json_object_is_type(request, json_type_object))
		return refuse(chain, RPC_REQUEST, "a call is an object", NULL);
	json_object_object_get_ex(request, "jsonrpc", &version);
	*silent = !json_object_object_get_ex(request, "id", &id);
	if (id && !json_object_is_type(id, json_type_string) &&
	    !json_object_is_type(id, json_type_int))
		return refuse(chain, RPC_REQUEST, "\"id\" is a text or a number", NULL);
	if (!json_object_object_get_ex(request, "method", &name) ||
	    !json_object_is_type(name, json_type_string) ||
	    (version && strcmp(json_object_get_string(version), "2.0") != 0)) {
		*silent = false;
		return refuse(chain, RPC_REQUEST,
		              "a call is {\"jsonrpc\":\"2.0\",\"id\",\"method\",\"params\"}", id);
	}
	m = find_method(json_object_get_string(name));
	if (!m)
		return refuse(chain, RPC_METHOD, "docs/chain.md lists the methods", id);
	json_object_object_get_ex(request, "params", &params);
	run(&c, m, params);
	return answer(&c, id);
}

static struct json_object *
batch(struct chain *chain, struct json_object *list, struct budget *budget)
{
	struct json_object *out = json_object_new_array(), *o;
	const size_t n = json_object_array_length(list);
	bool silent;

	if (n == 0 || n > RPC_BATCH) {
		json_object_put(out);
		return refuse(chain, RPC_REQUEST, "a batch has 1 to 1000 calls", NULL);
	}
	for (size_t i = 0; out && i < n; i++) {
		o = one(chain, json_object_array_get_idx(list, i), budget, &silent);
		if (silent) {
			json_object_put(o);
		} else if (json_add(out, o) != B3IQ_OK) {
			json_object_put(out);
			return NULL;
		}
	}
	return out;
}

void
rpc_post(struct http_request *rq, struct http_response *rs)
{
	struct chain *chain = rq->context;
	struct json_object *doc, *out;
	struct budget budget = budget_new();
	struct b3iq_error err = NO_ERROR;
	bool silent = false;

	if (json_parse(rq->body, rq->body_len, "the call", &doc, &err) != B3IQ_OK) {
		response_json(rs, 200, refuse(chain, RPC_PARSE, err.text, NULL));
		return;
	}
	out = json_object_is_type(doc, json_type_array) ? batch(chain, doc, &budget) :
	                                                  one(chain, doc, &budget, &silent);
	json_object_put(doc);
	if (silent) {
		json_object_put(out);
		rs->status = 204;
		return;
	}
	response_json(rs, 200, out);
}

void
rpc_get(struct http_request *rq, struct http_response *rs)
{
	struct budget budget = budget_new();
	struct call c = { .chain = rq->context, .budget = &budget, .err = NO_ERROR };
	const struct method *m = find_method(request_param(rq, "method"));
	struct json_object *params = json_object_new_object(), *id = json_object_new_int(-1);
	int32_t rc = params && id ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	for (size_t i = 0; rc == B3IQ_OK && i < rq->n_query; i++)
		rc = json_put_string(params, rq->query[i].name, rq->query[i].value);
	if (!m) {
		response_error(rs, 404, "not_found", NULL, "there is no such path here");
	} else if (rc != B3IQ_OK) {
		response_json(rs, 500, NULL);
	} else {
		run(&c, m, params);
		response_json(rs, 200, answer(&c, id));
	}
	json_object_put(params);
	json_object_put(id);
}
