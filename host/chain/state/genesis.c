#include "chain/state/genesis.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"

#define DEVNET_SUPPLY (UINT64_C(1000000000) * AMOUNT_COIN)
#define DEVNET_DRIP   (UINT64_C(1000) * AMOUNT_COIN)
#define DEVNET_FEE    10
#define DEVNET_UNBOND UINT64_C(600000) /* ten minutes */

/* ---- reading ------------------------------------------------------------- */

static int32_t
get_address(struct json_object *o, const char *key, struct address *out, struct b3iq_error *err)
{
	const char *text;
	int32_t rc = json_get_string(o, key, "", &text, err);

	if (rc == B3IQ_OK && !address_read(text, strlen(text), out))
		rc = fail(err, B3IQ_E_INVALID, "the genesis: \"%s\" is no address", key);
	return rc;
}

static int32_t
get_amount(struct json_object *o, const char *key, uint64_t *out, struct b3iq_error *err)
{
	const char *text;
	int32_t rc = json_get_string(o, key, "", &text, err);

	if (rc == B3IQ_OK && !amount_read(text, strlen(text), out))
		rc = fail(err, B3IQ_E_INVALID,
		          "the genesis: \"%s\" is no amount in micro-AITBC, such as \"250000\"",
		          key);
	return rc;
}

static int32_t
get_count(struct json_object *o, const char *key, uint64_t *out, struct b3iq_error *err)
{
	int64_t value;
	const int32_t rc = json_get_int(o, key, 0, (int64_t)FORM_COUNT_MAX, 0, &value, err);

	*out = (uint64_t)value;
	return rc;
}

static int32_t
read_accounts(struct json_object *o, struct genesis *g, struct b3iq_error *err)
{
	const size_t n = (size_t)json_object_object_length(o);

	g->accounts = calloc(n ? n : 1, sizeof *g->accounts);
	if (!g->accounts)
		return fail_memory(err, "reading the genesis");
	json_object_object_foreach(o, key, value)
	{
		struct genesis_account *a = &g->accounts[g->n_accounts++];

		if (!address_read(key, strlen(key), &a->address))
			return fail(err, B3IQ_E_INVALID,
			            "the genesis: \"%.60s\" of its accounts is no address", key);
		if (!amount_read(json_object_get_string(value),
		                 (size_t)json_object_get_string_len(value), &a->amount))
			return fail(err, B3IQ_E_INVALID,
			            "the genesis: account %.60s has no amount in micro-AITBC", key);
		if (!amount_add(g->supply, a->amount, &g->supply))
			return fail(err, B3IQ_E_INVALID,
			            "the genesis: its accounts have more than 2^63 - 1 together");
	}
	return B3IQ_OK;
}

static int32_t
read_proposers(struct json_object *list, struct genesis *g, struct b3iq_error *err)
{
	g->n_proposers = json_object_array_length(list);
	for (size_t i = 0; i < g->n_proposers; i++)
		if (!ed25519_parse(json_object_get_string(json_object_array_get_idx(list, i)),
		                   g->proposers[i]))
			return fail(err, B3IQ_E_INVALID,
			            "the genesis: proposer %zu is no key \"ed25519:<64 hex>\"", i);
	return B3IQ_OK;
}

static int32_t
read_members(struct json_object *doc, struct genesis *g, struct b3iq_error *err)
{
	struct json_object *accounts, *proposers, *faucet;
	const char *chain;
	int32_t rc;

	if ((rc = json_get_string(doc, "chain", "", &chain, err)) != B3IQ_OK)
		return rc;
	if (!form_chain(chain, strlen(chain)))
		return fail(err, B3IQ_E_INVALID,
		            "the genesis: \"chain\" is not 1 to 32 of a-z, 0-9 and -");
	memcpy(g->chain, chain, strlen(chain) + 1);
	if ((rc = get_count(doc, "time", &g->time, err)) != B3IQ_OK ||
	    (rc = get_count(doc, "unbonding_ms", &g->unbonding_ms, err)) != B3IQ_OK ||
	    (rc = get_amount(doc, "min_fee", &g->min_fee, err)) != B3IQ_OK ||
	    (rc = get_address(doc, "slasher", &g->slasher, err)) != B3IQ_OK ||
	    (rc = get_address(doc, "treasury", &g->treasury, err)) != B3IQ_OK ||
	    (rc = json_get(doc, "accounts", json_type_object, &accounts, err)) != B3IQ_OK ||
	    (rc = json_get(doc, "proposers", json_type_array, &proposers, err)) != B3IQ_OK ||
	    (rc = json_get(doc, "faucet", json_type_object, &faucet, err)) != B3IQ_OK ||
	    (rc = read_accounts(accounts, g, err)) != B3IQ_OK ||
	    (rc = read_proposers(proposers, g, err)) != B3IQ_OK)
		return rc;
	g->has_faucet = faucet != NULL;
	if (faucet && (rc = get_address(faucet, "account", &g->faucet, err)) == B3IQ_OK)
		rc = get_amount(faucet, "max", &g->faucet_max, err);
	return rc;
}

static int32_t
check_schema(struct json_object *doc, struct b3iq_error *err)
{
	struct json_object *schema;
	size_t len;
	const char *text = schema_text("genesis.json", &len);
	int32_t rc;

	if (!text)
		return fail(err, B3IQ_E_INTERNAL, "this build lacks schemas/genesis.json");
	rc = json_parse(text, len, "schemas/genesis.json", &schema, err);
	if (rc == B3IQ_OK) {
		rc = schema_check(schema, doc, "the genesis", err);
		json_object_put(schema);
	}
	return rc;
}

static int32_t
keep_text(struct json_object *doc, struct genesis *g, struct b3iq_error *err)
{
	struct sha256 hash;
	struct buf text;
	int32_t rc;

	buf_init(&text, GENESIS_MAX);
	rc = json_canonical(doc, &text, err);
	if (rc == B3IQ_OK) {
		sha256_begin(&hash);
		sha256_add(&hash, GENESIS_DOMAIN, sizeof GENESIS_DOMAIN - 1);
		sha256_add(&hash, text.data, text.len);
		rc = sha256_end(&hash, g->hash);
		g->text_len = text.len;
		g->text = buf_take(&text);
		if (rc != B3IQ_OK || !g->text)
			rc = fail_memory(err, "reading the genesis");
	}
	buf_free(&text);
	return rc;
}

int32_t
genesis_read(const char *text, size_t len, struct genesis *g, struct b3iq_error *err)
{
	struct json_object *doc;
	int32_t rc;

	memset(g, 0, sizeof *g);
	if (len > GENESIS_MAX)
		return fail(err, B3IQ_E_INVALID, "the genesis is longer than %u bytes", GENESIS_MAX);
	rc = json_parse(text, len, "the genesis", &doc, err);
	if (rc != B3IQ_OK)
		return rc;
	rc = check_schema(doc, err);
	if (rc == B3IQ_OK)
		rc = read_members(doc, g, err);
	if (rc == B3IQ_OK)
		rc = keep_text(doc, g, err);
	json_object_put(doc);
	if (rc != B3IQ_OK)
		genesis_finish(g);
	return rc;
}

void
genesis_finish(struct genesis *g)
{
	free(g->accounts);
	free(g->text);
	memset(g, 0, sizeof *g);
}

bool
genesis_may_propose(const struct genesis *g, const uint8_t key[ED25519_PUBLIC])
{
	for (size_t i = 0; i < g->n_proposers; i++)
		if (memcmp(g->proposers[i], key, ED25519_PUBLIC) == 0)
			return true;
	return false;
}

/* ---- making -------------------------------------------------------------- */

int32_t
genesis_write_devnet(const char *chain, uint64_t time, const uint8_t proposer[ED25519_PUBLIC],
                     const uint8_t faucet[ED25519_PUBLIC], struct buf *out,
                     struct b3iq_error *err)
{
	char name[ED25519_NAME_SIZE], owner[ADDRESS_SIZE], tap[ADDRESS_SIZE];
	struct address address;

	ed25519_name(proposer, name);
	if (address_of(proposer, &address) != B3IQ_OK)
		return fail_memory(err, "making the genesis");
	address_write(&address, owner);
	if (address_of(faucet, &address) != B3IQ_OK)
		return fail_memory(err, "making the genesis");
	address_write(&address, tap);
	if (buf_printf(out,
	               "{\"accounts\":{\"%s\":\"%llu\"},\"chain\":\"%s\",\"faucet\":{\"account\":"
	               "\"%s\",\"max\":\"%llu\"},\"min_fee\":\"%d\",\"proposers\":[\"%s\"],"
	               "\"slasher\":\"%s\",\"time\":%llu,\"treasury\":\"%s\",\"unbonding_ms\":%llu}",
	               tap, (unsigned long long)DEVNET_SUPPLY, chain, tap,
	               (unsigned long long)DEVNET_DRIP, DEVNET_FEE, name, owner,
	               (unsigned long long)time, tap, (unsigned long long)DEVNET_UNBOND) != B3IQ_OK)
		return fail_memory(err, "making the genesis");
	return B3IQ_OK;
}

/* ---- applying ------------------------------------------------------------ */

static int32_t
put_all(const struct genesis *g, struct state *s, struct b3iq_error *err)
{
	struct record r = { .supply.amount = g->supply };
	struct record_id id = { .nonce = 0 };
	int32_t rc = state_put(s, RECORD_SUPPLY, &id, &r, err);

	memset(&r, 0, sizeof r);
	memcpy(r.genesis.hash, g->hash, sizeof r.genesis.hash);
	if (rc == B3IQ_OK)
		rc = state_put(s, RECORD_GENESIS, &id, &r, err);
	for (size_t i = 0; rc == B3IQ_OK && i < g->n_accounts; i++) {
		id.address = g->accounts[i].address;
		memset(&r, 0, sizeof r);
		r.account.balance = g->accounts[i].amount;
		rc = state_put(s, RECORD_ACCOUNT, &id, &r, err);
	}
	return rc;
}

int32_t
genesis_apply(const struct genesis *g, struct state *s, struct header *out, struct b3iq_error *err)
{
	int32_t rc;

	memset(out, 0, sizeof *out);
	memcpy(out->chain, g->chain, sizeof out->chain);
	memcpy(out->proposer, g->proposers[0], ED25519_PUBLIC);
	out->time = g->time;
	state_begin(s);
	rc = put_all(g, s, err);
	if (rc == B3IQ_OK)
		rc = state_root(s, out->state, err);
	if (rc == B3IQ_OK && (merkle_root_of(NULL, 0, out->transactions) != B3IQ_OK ||
	                      merkle_root_of(NULL, 0, out->receipts) != B3IQ_OK))
		rc = fail_memory(err, "making block 0");
	return rc;
}
