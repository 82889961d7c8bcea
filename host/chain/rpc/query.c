#include "chain/rpc/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"

/* The sum of results: not B3IQ_OK if any was not. */
#define ALL(rc) ((rc) == 0 ? B3IQ_OK : B3IQ_E_NO_MEMORY)

/* ---- small parts --------------------------------------------------------- */

int32_t
query_put_hash(struct json_object *o, const char *key, const uint8_t hash[32])
{
	char text[TX_HASH_TEXT];

	tx_hash_write(hash, text);
	return json_put_string(o, key, text);
}

int32_t
query_put_amount(struct json_object *o, const char *key, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	amount_write(amount, text);
	return json_put_string(o, key, text);
}

/* For people: "0.25". */
static int32_t
put_coins(struct json_object *o, const char *key, uint64_t amount)
{
	char text[AMOUNT_SHOW];

	amount_show(amount, text);
	text[strcspn(text, " ")] = '\0';
	return json_put_string(o, key, text);
}

int32_t
query_put_address(struct json_object *o, const char *key, const struct address *address)
{
	char text[ADDRESS_SIZE];

	address_write(address, text);
	return json_put_string(o, key, text);
}

static int32_t
put_time(struct json_object *o, uint64_t ms)
{
	char iso[25];

	clock_iso(ms, iso);
	return json_put_string(o, "timestamp", iso) | json_put_int(o, "time_ms", (int64_t)ms);
}

static int32_t
put_text(struct json_object *o, const char *key, const char *text, size_t len)
{
	struct json_object *value = NULL;
	const int32_t rc = json_parse(text, len, "a stored text", &value, NULL);

	return rc == B3IQ_OK ? json_put(o, key, value) : rc;
}

static int32_t
put_header(struct json_object *o, const struct header *h)
{
	struct buf text;
	int32_t rc;

	buf_init(&text, HEADER_MAX);
	rc = header_write(h, &text, NULL);
	if (rc == B3IQ_OK)
		rc = put_text(o, "header", text.data, text.len);
	buf_free(&text);
	return rc;
}

/* The object if nothing failed. */
static int32_t
finish(struct json_object *o, int32_t rc, struct json_object **out, struct b3iq_error *err)
{
	*out = NULL;
	if (o && ALL(rc) == B3IQ_OK) {
		*out = o;
		return B3IQ_OK;
	}
	json_object_put(o);
	return fail_memory(err, "answering");
}

/* ---- blocks -------------------------------------------------------------- */

static int32_t
put_block(struct json_object *o, const struct header *h, const uint8_t hash[32],
          const uint8_t signature[ED25519_SIGNATURE])
{
	char name[ED25519_NAME_SIZE], text[2 * ED25519_SIGNATURE + 1];
	struct address proposer;

	ed25519_name(h->proposer, name);
	hex_encode(signature, ED25519_SIGNATURE, text);
	if (address_of(h->proposer, &proposer) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	return json_put_int(o, "height", (int64_t)h->height) | query_put_hash(o, "hash", hash) |
	       query_put_hash(o, "parent_hash", h->parent) | json_put_string(o, "proposer", name) |
	       query_put_address(o, "proposer_address", &proposer) | put_time(o, h->time) |
	       json_put_int(o, "tx_count", (int64_t)h->count) |
	       query_put_hash(o, "state_root", h->state) |
	       query_put_hash(o, "transactions_root", h->transactions) |
	       query_put_hash(o, "receipts_root", h->receipts) |
	       json_put_string(o, "chain_id", h->chain) | put_header(o, h) |
	       json_put_string(o, "signature", text);
}

struct json_object *
query_show_block(const struct archive_block *b)
{
	struct json_object *o = json_object_new_object(), *out;

	if (!o)
		return NULL;
	finish(o, put_block(o, &b->header, b->hash, b->signature), &out, NULL);
	return out;
}

struct wanted_block {
	uint64_t            height, last;
	const uint8_t      *hash;
	bool                transactions;
	struct json_object *out;
};

static int32_t
add_tx(void *arg, const struct archive_row *row)
{
	return json_add(arg, query_show_tx(row));
}

static int32_t
show_whole(struct store_tx *tx, const struct archive_block *b, bool transactions,
           struct json_object **out, struct b3iq_error *err)
{
	struct json_object *o = query_show_block(b), *list;
	int32_t rc;

	*out = o;
	if (!o)
		return fail_memory(err, "answering");
	if (!transactions)
		return B3IQ_OK;
	list = json_object_new_array();
	rc = json_put(o, "transactions", list);
	return rc == B3IQ_OK ? archive_range(tx, b->first, b->header.count, add_tx, list, err) : rc;
}

static int32_t
read_block(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_block *w = arg;
	struct archive_block b;
	int32_t rc = w->hash ? archive_block_named(tx, w->hash, &b, err) :
	                       archive_block(tx, w->height, &b, err);

	return rc == B3IQ_OK ? show_whole(tx, &b, w->transactions, &w->out, err) : rc;
}

static int32_t
run(struct chain *c, store_fn *fn, struct wanted_block *w, struct json_object **out,
    struct b3iq_error *err)
{
	const int32_t rc = ledger_read(c->ledger, fn, w, err);

	*out = w->out;
	if (rc == B3IQ_OK)
		return rc;
	json_object_put(w->out);
	*out = NULL;
	return rc;
}

int32_t
query_block(struct chain *c, uint64_t height, bool transactions, struct json_object **out,
            struct b3iq_error *err)
{
	struct wanted_block w = { .height = height, .transactions = transactions };

	return run(c, read_block, &w, out, err);
}

int32_t
query_block_named(struct chain *c, const uint8_t hash[32], struct json_object **out,
                  struct b3iq_error *err)
{
	struct wanted_block w = { .hash = hash, .transactions = true };

	return run(c, read_block, &w, out, err);
}

static int32_t
read_blocks(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_block *w = arg;
	struct archive_block b;
	int32_t rc = B3IQ_OK;

	w->out = json_object_new_array();
	if (!w->out)
		return fail_memory(err, "answering");
	for (uint64_t h = w->height; rc == B3IQ_OK && h <= w->last; h++) {
		rc = archive_block(tx, h, &b, err);
		if (rc == B3IQ_E_NOT_FOUND)
			return B3IQ_OK;
		if (rc == B3IQ_OK)
			rc = json_add(w->out, query_show_block(&b));
	}
	return rc;
}

int32_t
query_blocks(struct chain *c, uint64_t first, uint64_t last, struct json_object **out,
             struct b3iq_error *err)
{
	struct wanted_block w = { .height = first, .last = last };

	return run(c, read_blocks, &w, out, err);
}

/* ---- transactions -------------------------------------------------------- */

/* Who gets money by it; NULL: nobody in particular. */
static const struct address *
recipient(const struct tx *tx)
{
	switch (tx->kind) {
	case TX_TRANSFER:
		return &tx->transfer.to;
	case TX_ESCROW_OPEN:
		return &tx->escrow_open.arbiter;
	case TX_ESCROW_RELEASE:
		return &tx->escrow_release.to;
	case TX_SLASH:
		return &tx->slash.account;
	default:
		return NULL;
	}
}

static uint64_t
value_of(const struct tx *tx)
{
	switch (tx->kind) {
	case TX_ESCROW_RELEASE:
		return tx->escrow_release.amount;
	case TX_UNSTAKE:
		return tx->unstake.amount;
	case TX_SLASH:
		return tx->slash.amount;
	default:
		return tx_outlay(tx);
	}
}

static int32_t
put_parties(struct json_object *o, const struct tx *tx)
{
	const struct address *to = recipient(tx);
	const char *kind = tx_kind_name(tx->kind);
	int32_t rc;

	rc = query_put_address(o, "from", &tx->from) | query_put_address(o, "sender", &tx->from) |
	     json_put_string(o, "kind", kind) | json_put_string(o, "type", kind) |
	     query_put_amount(o, "amount", value_of(tx)) |
	     query_put_amount(o, "value", value_of(tx)) | query_put_amount(o, "fee", tx->fee) |
	     json_put_int(o, "nonce", (int64_t)tx->nonce);
	if (!to)
		return rc | json_put_or_null(o, "to", NULL) | json_put_or_null(o, "recipient", NULL);
	return rc | query_put_address(o, "to", to) | query_put_address(o, "recipient", to);
}

struct json_object *
query_show_tx(const struct archive_row *row)
{
	struct json_object *o = json_object_new_object(), *out;
	const bool waits = row->height == UINT64_MAX;
	struct tx tx;
	int32_t rc;

	if (!o || tx_parse(row->wire, row->len, &tx, NULL) != B3IQ_OK) {
		json_object_put(o);
		return NULL;
	}
	rc = query_put_hash(o, "hash", row->hash) | query_put_hash(o, "tx_hash", row->hash) |
	     json_put_string(o, "status", waits ? "pending" : "confirmed") | put_parties(o, &tx) |
	     put_text(o, "transaction", row->wire, row->len);
	if (waits)
		rc |= json_put_or_null(o, "block_height", NULL);
	else
		rc |= json_put_int(o, "block_height", (int64_t)row->height) |
		      json_put_int(o, "block", (int64_t)row->height) |
		      json_put_int(o, "index", (int64_t)row->index) |
		      json_put_int(o, "seq", (int64_t)row->seq) | put_time(o, row->time);
	finish(o, rc, &out, NULL);
	return out;
}

struct wanted_tx {
	const uint8_t           *hash;
	const struct query_page *page;
	uint64_t                 skip, last, seq, place;
	struct json_object      *out;
};

static int32_t
show_one(void *arg, const struct archive_row *row)
{
	struct wanted_tx *w = arg;

	w->out = query_show_tx(row);
	return w->out ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

static int32_t
read_tx(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_tx *w = arg;

	return archive_tx(tx, w->hash, show_one, w, err);
}

int32_t
query_tx(struct chain *c, const uint8_t hash[TX_HASH], struct json_object **out,
         struct b3iq_error *err)
{
	struct wanted_tx w = { .hash = hash };
	char wire[TX_MAX];
	struct archive_row waiting = { .height = UINT64_MAX, .hash = hash, .wire = wire };
	int32_t rc;

	/* The mempool first: what leaves it is in the archive before. */
	if (mempool_get(ledger_mempool(c->ledger), hash, wire, &waiting.len)) {
		*out = query_show_tx(&waiting);
		return *out ? B3IQ_OK : fail_memory(err, "answering");
	}
	rc = ledger_read(c->ledger, read_tx, &w, err);
	*out = w.out;
	return rc;
}

static int32_t
list_one(void *arg, const struct archive_row *row)
{
	struct wanted_tx *w = arg;

	w->last = row->seq;
	if (w->skip > 0) {
		w->skip--;
		return B3IQ_OK;
	}
	return json_add(w->out, query_show_tx(row));
}

static int32_t
read_txs(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_tx *w = arg;
	const struct query_page *p = w->page;

	if (p->commits)
		return archive_commits(tx, p->before, p->limit + p->offset, list_one, w, err);
	return archive_list(tx, p->account, p->before, p->limit + p->offset, list_one, w, err);
}

int32_t
query_txs(struct chain *c, const struct query_page *page, struct json_object **out,
          struct b3iq_error *err)
{
	struct wanted_tx w = { .page = page, .skip = page->offset,
		               .out = json_object_new_array() };
	struct json_object *o = json_object_new_object();
	int32_t rc = o && w.out ? ledger_read(c->ledger, read_txs, &w, err) :
	                          fail_memory(err, "answering");
	const bool more = w.out && json_object_array_length(w.out) == page->limit &&
	                  w.last > 0;

	if (rc != B3IQ_OK) {
		json_object_put(w.out);
		json_object_put(o);
		*out = NULL;
		return rc;
	}
	rc = json_put(o, "items", w.out);
	if (more)
		rc |= json_put_int(o, "next_before", (int64_t)w.last);
	return finish(o, rc, out, err);
}

/* ---- receipts ------------------------------------------------------------ */

static int32_t
read_receipt(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_tx *w = arg;
	int32_t rc = archive_receipt(tx, w->hash, &w->seq, &w->place, err);

	return rc == B3IQ_OK ? archive_range(tx, w->seq, 1, show_one, w, err) : rc;
}

int32_t
query_receipt(struct chain *c, const uint8_t root[32], struct json_object **out,
              struct b3iq_error *err)
{
	struct wanted_tx w = { .hash = root };
	char text[65];
	int32_t rc = ledger_read(c->ledger, read_receipt, &w, err);

	if (rc != B3IQ_OK) {
		json_object_put(w.out);
		*out = NULL;
		return rc;
	}
	hex_encode(root, 32, text);
	rc = json_put_string(w.out, "receipt_id", text) | json_put_string(w.out, "root", text) |
	     json_put_int(w.out, "place", (int64_t)w.place);
	return finish(w.out, rc, out, err);
}

/* ---- the state ----------------------------------------------------------- */

#define UNBONDING_SHOWN 100

struct wanted_account {
	struct address     address;
	struct record      record;
	uint64_t           height;
	size_t             n;
	struct {
		uint64_t amount, mature;
	} unbonding[UNBONDING_SHOWN];
	bool               there;
};

static void
look_account(void *arg, const struct state *s, const struct ledger_head *head)
{
	struct wanted_account *w = arg;
	const struct record_id id = { .address = w->address };
	struct record_id one;
	struct record r;
	size_t at = 0;

	w->there = state_get(s, TRIE_COMMITTED, RECORD_ACCOUNT, &id, &w->record);
	w->height = head->header.height;
	while (w->n < UNBONDING_SHOWN &&
	       state_unbonding(s, TRIE_COMMITTED, &w->address, &at, &one, &r)) {
		w->unbonding[w->n].amount = r.unbonding.amount;
		w->unbonding[w->n].mature = r.unbonding.mature;
		w->n += r.unbonding.amount > 0;
	}
}

static int32_t
put_unbonding(struct json_object *o, const struct wanted_account *w)
{
	struct json_object *list = json_object_new_array(), *one;
	int32_t rc = json_put(o, "unbonding", list);

	for (size_t i = 0; rc == B3IQ_OK && i < w->n; i++) {
		one = json_object_new_object();
		rc = json_add(list, one);
		if (rc == B3IQ_OK)
			rc = query_put_amount(one, "amount", w->unbonding[i].amount) |
			     json_put_int(one, "mature", (int64_t)w->unbonding[i].mature);
	}
	return rc;
}

int32_t
query_account(struct chain *c, const struct address *address, struct json_object **out,
              struct b3iq_error *err)
{
	struct wanted_account w = { .address = *address };
	struct json_object *o = json_object_new_object();
	uint64_t pending, spend, available;
	size_t waiting;
	int32_t rc;

	/* The mempool after the state: what settles between counts twice, never not at all. */
	ledger_state(c->ledger, look_account, &w);
	mempool_pending(ledger_mempool(c->ledger), address, &pending, &spend, &waiting);
	if (!o)
		return finish(o, 0, out, err);
	available = spend < w.record.account.balance ? w.record.account.balance - spend : 0;
	rc = query_put_address(o, "address", address) |
	     query_put_amount(o, "balance", w.record.account.balance) |
	     put_coins(o, "balance_aitbc", w.record.account.balance) |
	     query_put_amount(o, "available", available) |
	     query_put_amount(o, "pending_spend", spend) |
	     json_put_int(o, "pending_transactions", (int64_t)waiting) |
	     json_put_int(o, "nonce", (int64_t)w.record.account.nonce) |
	     json_put_int(o, "pending_nonce", (int64_t)pending) |
	     query_put_amount(o, "stake", w.record.account.stake) | put_unbonding(o, &w) |
	     json_put_bool(o, "exists", w.there) | json_put_int(o, "height", (int64_t)w.height);
	return finish(o, rc, out, err);
}

struct wanted_entry {
	const char         *key;
	uint8_t             path[SHA256_SIZE];
	struct witness     *witness;
	struct json_object *value;
	int32_t             rc;
};

static void
look_entry(void *arg, const struct state *s, const struct ledger_head *head)
{
	struct wanted_entry *w = arg;
	struct trie_entry entry;

	(void)head;
	w->rc = B3IQ_E_NOT_FOUND;
	if (trie_get(state_trie(s), TRIE_COMMITTED, w->path, &entry))
		w->rc = json_parse(entry.value, entry.value_len, "an entry", &w->value, NULL);
}

static int32_t
check_key(const char *key, struct b3iq_error *err)
{
	enum record_kind kind;
	struct record_id id;

	if (record_key_read(key, strlen(key), &kind, &id))
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID,
	            "\"%.100s\" is no key of an entry, such as account/ait1... or escrow/<64 hex>",
	            key);
}

int32_t
query_entry(struct chain *c, const char *key, struct json_object **out, struct b3iq_error *err)
{
	struct wanted_entry w = { .key = key };
	struct json_object *o;
	int32_t rc = check_key(key, err);

	*out = NULL;
	if (rc != B3IQ_OK)
		return rc;
	if (trie_path(key, strlen(key), w.path) != B3IQ_OK)
		return fail_memory(err, "answering");
	ledger_state(c->ledger, look_entry, &w);
	if (w.rc != B3IQ_OK)
		return fail(err, w.rc, "the state has no entry %.100s", key);
	o = json_object_new_object();
	if (!o) {
		json_object_put(w.value);
		return fail_memory(err, "answering");
	}
	rc = json_put(o, "value", w.value) | json_put_string(o, "key", key);
	return finish(o, rc, out, err);
}

static void
look_witness(void *arg, const struct state *s, const struct ledger_head *head)
{
	struct wanted_entry *w = arg;
	struct trie_entry entry;

	w->witness->header = head->header;
	memcpy(w->witness->signature, head->signature, sizeof w->witness->signature);
	w->rc = trie_prove(state_trie(s), TRIE_COMMITTED, w->path, &w->witness->state,
	                   &w->witness->present);
	if (w->rc != B3IQ_OK || !w->witness->present ||
	    !trie_get(state_trie(s), TRIE_COMMITTED, w->path, &entry))
		return;
	w->witness->value_len = entry.value_len;
	memcpy(w->witness->value, entry.value, entry.value_len); /* at most RECORD_VALUE_MAX - 1 */
}

int32_t
query_state_witness(struct chain *c, const char *key, struct witness *out, struct b3iq_error *err)
{
	struct wanted_entry w = { .key = key, .witness = out };
	int32_t rc = check_key(key, err);

	memset(out, 0, sizeof *out);
	if (rc != B3IQ_OK)
		return rc;
	out->kind = WITNESS_STATE;
	memcpy(out->key, key, strlen(key) + 1);
	if (trie_path(key, strlen(key), w.path) != B3IQ_OK)
		return fail_memory(err, "proving");
	ledger_state(c->ledger, look_witness, &w);
	return w.rc == B3IQ_OK ? w.rc : fail_memory(err, "proving");
}

/* ---- Merkle witnesses ---------------------------------------------------- */

struct wanted_proof {
	struct witness *witness;
	uint64_t        seq, place;
};

static int32_t
note_seq(void *arg, const struct archive_row *row)
{
	struct wanted_proof *w = arg;

	w->witness->header.height = row->height;
	w->seq = row->seq;
	return B3IQ_OK;
}

static int32_t
prove(struct store_tx *tx, struct wanted_proof *w, bool receipt, struct b3iq_error *err)
{
	struct archive_block b;
	uint8_t *leaves;
	uint64_t n;
	int32_t rc = archive_block(tx, w->witness->header.height, &b, err);

	if (rc == B3IQ_OK)
		rc = archive_leaves(tx, &b, receipt, &leaves, &n, err);
	if (rc != B3IQ_OK)
		return rc;
	w->witness->header = b.header;
	memcpy(w->witness->signature, b.signature, sizeof b.signature);
	rc = merkle_prove(leaves, n, receipt ? w->place - b.receipts : w->seq - b.first,
	                  &w->witness->merkle);
	free(leaves);
	return rc == B3IQ_OK ? rc : fail(err, B3IQ_E_INTERNAL, "the proof cannot be made");
}

static int32_t
prove_tx(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_proof *w = arg;
	int32_t rc = archive_tx(tx, w->witness->hash, note_seq, w, err);

	return rc == B3IQ_OK ? prove(tx, w, false, err) : rc;
}

static int32_t
prove_receipt(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct wanted_proof *w = arg;
	uint64_t seq;
	int32_t rc = archive_receipt(tx, w->witness->hash, &seq, &w->place, err);

	if (rc == B3IQ_OK)
		rc = archive_range(tx, seq, 1, note_seq, w, err);
	return rc == B3IQ_OK ? prove(tx, w, true, err) : rc;
}

static int32_t
merkle_witness(struct chain *c, store_fn *fn, enum witness_kind kind, const uint8_t hash[32],
               struct witness *out, struct b3iq_error *err)
{
	struct wanted_proof w = { .witness = out };

	memset(out, 0, sizeof *out);
	out->kind = kind;
	memcpy(out->hash, hash, 32);
	return ledger_read(c->ledger, fn, &w, err);
}

int32_t
query_tx_witness(struct chain *c, const uint8_t hash[TX_HASH], struct witness *out,
                 struct b3iq_error *err)
{
	return merkle_witness(c, prove_tx, WITNESS_TRANSACTION, hash, out, err);
}

int32_t
query_receipt_witness(struct chain *c, const uint8_t root[32], struct witness *out,
                      struct b3iq_error *err)
{
	return merkle_witness(c, prove_receipt, WITNESS_RECEIPT, root, out, err);
}

/* ---- accounts ------------------------------------------------------------ */

struct rich {
	char     address[ADDRESS_SIZE];
	uint64_t balance;
};

struct wanted_rich {
	uint64_t     least;
	size_t       n, limit;
	struct rich *list; /* richest first */
};

static int32_t
note_rich(void *arg, const struct trie_entry *e)
{
	struct wanted_rich *w = arg;
	enum record_kind kind;
	struct record_id id;
	struct record r;
	size_t at;

	if (memcmp(e->key, "account/", 8) != 0 ||
	    !record_key_read(e->key, e->key_len, &kind, &id) ||
	    record_read(kind, e->value, e->value_len, &r, NULL) != B3IQ_OK ||
	    r.account.balance < w->least)
		return B3IQ_OK;
	if (w->n == w->limit && r.account.balance <= w->list[w->n - 1].balance)
		return B3IQ_OK;
	at = w->n < w->limit ? w->n++ : w->n - 1;
	for (; at > 0 && w->list[at - 1].balance < r.account.balance; at--)
		w->list[at] = w->list[at - 1];
	address_write(&id.address, w->list[at].address);
	w->list[at].balance = r.account.balance;
	return B3IQ_OK;
}

/* From the archive: a look at every entry must not keep the next block waiting. */
static int32_t
read_rich(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return archive_entries(tx, note_rich, arg, err);
}

int32_t
query_accounts(struct chain *c, uint64_t least, size_t limit, struct json_object **out,
               struct b3iq_error *err)
{
	struct wanted_rich w = { .least = least, .limit = limit,
		                 .list = calloc(limit, sizeof *w.list) };
	struct json_object *list = json_object_new_array(), *o;
	int32_t rc = w.list && list ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = ledger_read(c->ledger, read_rich, &w, err);
	for (size_t i = 0; rc == B3IQ_OK && i < w.n; i++) {
		o = json_object_new_object();
		rc = json_add(list, o);
		if (rc == B3IQ_OK)
			rc = json_put_string(o, "address", w.list[i].address) |
			     query_put_amount(o, "balance", w.list[i].balance) |
			     put_coins(o, "balance_aitbc", w.list[i].balance);
	}
	free(w.list);
	return finish(list, rc, out, err);
}

/* ---- info ---------------------------------------------------------------- */

struct seen {
	uint64_t supply, entries;
};

static void
look_info(void *arg, const struct state *s, const struct ledger_head *head)
{
	const struct record_id none = { .nonce = 0 };
	struct seen *seen = arg;
	struct record r;

	(void)head;
	state_get(s, TRIE_COMMITTED, RECORD_SUPPLY, &none, &r);
	seen->supply = r.supply.amount;
	seen->entries = trie_count(state_trie(s), TRIE_COMMITTED);
}

static int32_t
put_rules(struct json_object *o, const struct genesis *g)
{
	struct json_object *list = json_object_new_array();
	char name[ED25519_NAME_SIZE];
	int32_t rc = json_put(o, "proposers", list);

	for (size_t i = 0; rc == B3IQ_OK && i < g->n_proposers; i++) {
		ed25519_name(g->proposers[i], name);
		rc = json_add(list, json_object_new_string(name));
	}
	return rc | query_put_amount(o, "min_fee", g->min_fee) |
	       json_put_int(o, "unbonding_ms", (int64_t)g->unbonding_ms) |
	       query_put_hash(o, "genesis_hash", g->hash) |
	       query_put_address(o, "slasher", &g->slasher) |
	       query_put_address(o, "treasury", &g->treasury) |
	       json_put_bool(o, "faucet", g->has_faucet);
}

int32_t
query_info(struct chain *c, struct json_object **out, struct b3iq_error *err)
{
	const struct genesis *g = ledger_genesis(c->ledger);
	struct json_object *o = json_object_new_object();
	struct mempool_counts pool;
	struct ledger_head head;
	struct seen seen;
	int32_t rc;

	ledger_head(c->ledger, &head);
	ledger_state(c->ledger, look_info, &seen);
	mempool_count(ledger_mempool(c->ledger), &pool);
	if (!o)
		return finish(o, 0, out, err);
	rc = put_block(o, &head.header, head.hash, head.signature) | put_rules(o, g) |
	     query_put_amount(o, "supply", seen.supply) |
	     put_coins(o, "supply_aitbc", seen.supply) |
	     json_put_int(o, "entries", (int64_t)seen.entries) |
	     json_put_int(o, "total_transactions", (int64_t)head.transactions) |
	     json_put_int(o, "total_receipts", (int64_t)head.receipts) |
	     json_put_int(o, "mempool_size", (int64_t)pool.txs) |
	     json_put_string(o, "version", B3IQ_VERSION) |
	     json_put_bool(o, "proposes", ledger_proposes(c->ledger));
	return finish(o, rc, out, err);
}
