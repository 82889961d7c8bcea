#include "chain/state/record.h"

#include <stdio.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FIELD(name, kind, member) \
	{ name, kind, offsetof(struct record, member), sizeof((struct record *)0)->member, NULL }
#define WORD(name, word) { name, FORM_WORD, 0, 0, word }

static const struct form_field account_fields[] = {
	FIELD("balance", FORM_AMOUNT, account.balance),
	FIELD("nonce", FORM_COUNT, account.nonce),
	FIELD("stake", FORM_AMOUNT, account.stake),
};
static const struct form_field unbonding_fields[] = {
	FIELD("amount", FORM_POSITIVE, unbonding.amount),
	FIELD("mature", FORM_COUNT, unbonding.mature),
};
static const struct form_field open_fields[] = {
	FIELD("amount", FORM_POSITIVE, escrow.amount),
	FIELD("arbiter", FORM_ADDRESS, escrow.arbiter),
	FIELD("buyer", FORM_ADDRESS, escrow.buyer),
	FIELD("deadline", FORM_COUNT, escrow.deadline),
	WORD("state", "open"),
};
static const struct form_field refunded_fields[] = {
	FIELD("amount", FORM_POSITIVE, escrow.amount),
	FIELD("arbiter", FORM_ADDRESS, escrow.arbiter),
	FIELD("buyer", FORM_ADDRESS, escrow.buyer),
	FIELD("deadline", FORM_COUNT, escrow.deadline),
	WORD("state", "refunded"),
};
static const struct form_field released_fields[] = {
	FIELD("amount", FORM_POSITIVE, escrow.amount),
	FIELD("arbiter", FORM_ADDRESS, escrow.arbiter),
	FIELD("buyer", FORM_ADDRESS, escrow.buyer),
	FIELD("cut", FORM_AMOUNT, escrow.cut),
	FIELD("deadline", FORM_COUNT, escrow.deadline),
	FIELD("digest", FORM_HASH, escrow.digest),
	FIELD("paid", FORM_AMOUNT, escrow.paid),
	WORD("state", "released"),
	FIELD("to", FORM_ADDRESS, escrow.to),
};
static const struct form_field node_fields[] = {
	FIELD("account", FORM_ADDRESS, node.account),
	FIELD("label", FORM_MAYBE_TEXT, node.label),
};
static const struct form_field model_fields[] = {
	FIELD("account", FORM_ADDRESS, model.account),
	FIELD("name", FORM_TEXT, model.name),
};
static const struct form_field supply_fields[] = { FIELD("amount", FORM_AMOUNT, supply.amount) };
static const struct form_field genesis_fields[] = { FIELD("hash", FORM_HASH, genesis.hash) };

enum id_kind { ID_NONE, ID_ADDRESS, ID_NONCE, ID_HASH };

#define FORM(name, fields) { name, fields, COUNT(fields) }

static const struct {
	const char  *name;
	enum id_kind id;
	struct form  form; /* an escrow's while it is open */
} kinds[RECORD_N_KINDS] = {
	[RECORD_ACCOUNT] = { "account", ID_ADDRESS, FORM("the account", account_fields) },
	[RECORD_UNBONDING] = { "unbonding", ID_NONCE, FORM("the unbonding stake", unbonding_fields) },
	[RECORD_ESCROW] = { "escrow", ID_HASH, FORM("the escrow", open_fields) },
	[RECORD_NODE] = { "node", ID_HASH, FORM("the node", node_fields) },
	[RECORD_MODEL] = { "model", ID_HASH, FORM("the model", model_fields) },
	[RECORD_SUPPLY] = { "supply", ID_NONE, FORM("the supply", supply_fields) },
	[RECORD_GENESIS] = { "genesis", ID_NONE, FORM("the genesis", genesis_fields) },
};
static const struct form escrow_forms[] = {
	[ESCROW_OPEN] = FORM("the escrow", open_fields),
	[ESCROW_RELEASED] = FORM("the escrow", released_fields),
	[ESCROW_REFUNDED] = FORM("the escrow", refunded_fields),
};

const char *
record_kind_name(enum record_kind kind)
{
	return kinds[kind].name;
}

/* ---- keys ---------------------------------------------------------------- */

size_t
record_key(enum record_kind kind, const struct record_id *id, char out[RECORD_KEY_SIZE])
{
	char text[ADDRESS_SIZE > 65 ? ADDRESS_SIZE : 65];
	int n = 0;

	switch (kinds[kind].id) {
	case ID_NONE:
		n = snprintf(out, RECORD_KEY_SIZE, "%s", kinds[kind].name);
		break;
	case ID_ADDRESS:
		address_write(&id->address, text);
		n = snprintf(out, RECORD_KEY_SIZE, "%s/%s", kinds[kind].name, text);
		break;
	case ID_NONCE:
		address_write(&id->address, text);
		n = snprintf(out, RECORD_KEY_SIZE, "%s/%s/%llu", kinds[kind].name, text,
		             (unsigned long long)id->nonce);
		break;
	case ID_HASH:
		hex_encode(id->hash, sizeof id->hash, text);
		n = snprintf(out, RECORD_KEY_SIZE, "%s/%s", kinds[kind].name, text);
		break;
	}
	return (size_t)n;
}

static bool
read_id(enum id_kind kind, const char *text, size_t len, struct record_id *id)
{
	switch (kind) {
	case ID_NONE:
		return len == 0;
	case ID_ADDRESS:
		return address_read(text, len, &id->address);
	case ID_NONCE:
		return len > ADDRESS_SIZE && text[ADDRESS_SIZE - 1] == '/' &&
		       address_read(text, ADDRESS_SIZE - 1, &id->address) &&
		       amount_read(text + ADDRESS_SIZE, len - ADDRESS_SIZE, &id->nonce);
	case ID_HASH:
		return hex_decode(text, len, id->hash, sizeof id->hash);
	}
	return false;
}

bool
record_key_read(const char *key, size_t len, enum record_kind *kind, struct record_id *id)
{
	memset(id, 0, sizeof *id);
	for (size_t i = 0; i < RECORD_N_KINDS; i++) {
		size_t n = strlen(kinds[i].name);

		if (len < n || memcmp(key, kinds[i].name, n) != 0)
			continue;
		if (kinds[i].id != ID_NONE && (len == n || key[n++] != '/'))
			continue;
		*kind = (enum record_kind)i;
		if (read_id(kinds[i].id, key + n, len - n, id))
			return true;
	}
	return false;
}

/* ---- values -------------------------------------------------------------- */

int32_t
record_write(enum record_kind kind, const struct record *r, struct buf *out,
             struct b3iq_error *err)
{
	const struct form *form = &kinds[kind].form;

	return form_write(kind == RECORD_ESCROW ? &escrow_forms[r->escrow.state] : form, r, out,
	                  err);
}

static int32_t
read_whole(const struct form *form, const char *value, size_t len, struct record *r,
           struct b3iq_error *err)
{
	size_t used;
	const int32_t rc = form_read(form, value, len, r, &used, err);

	if (rc == B3IQ_OK && used != len)
		return fail(err, B3IQ_E_INVALID, "%s: something follows its end", form->what);
	return rc;
}

int32_t
record_read(enum record_kind kind, const char *value, size_t len, struct record *r,
            struct b3iq_error *err)
{
	int32_t rc = B3IQ_E_INVALID;

	memset(r, 0, sizeof *r);
	if (kind != RECORD_ESCROW)
		return read_whole(&kinds[kind].form, value, len, r, err);
	for (size_t i = 0; i < COUNT(escrow_forms); i++) {
		memset(r, 0, sizeof *r);
		rc = read_whole(&escrow_forms[i], value, len, r, err);
		r->escrow.state = (enum escrow_state)i;
		if (rc != B3IQ_E_INVALID)
			break;
	}
	return rc;
}

uint64_t
record_money(enum record_kind kind, const struct record *r)
{
	switch (kind) {
	case RECORD_ACCOUNT:
		return r->account.balance + r->account.stake;
	case RECORD_UNBONDING:
		return r->unbonding.amount;
	case RECORD_ESCROW:
		return r->escrow.state == ESCROW_OPEN ? r->escrow.amount : 0;
	default:
		return 0;
	}
}
