#include "core/tx/tx.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"

#define DOMAIN_LEN (sizeof(TX_DOMAIN) - 1)
#define WHAT       "the transaction"

/* ---- the format as tables, keys in canonical order -------------------------------- */

#define FIELD(key, type, member) \
	{ key, type, offsetof(struct tx, member), sizeof(((struct tx *)0)->member), NULL }
#define CHAIN FIELD("chain", FORM_CHAIN, chain)
#define FEE   FIELD("fee", FORM_AMOUNT, fee)
#define FROM  FIELD("from", FORM_ADDRESS, from)
#define NONCE FIELD("nonce", FORM_COUNT, nonce)
#define KIND(name) \
	{ "kind", FORM_WORD, 0, 0, name }

static const struct form_field transfer[] = {
	FIELD("amount", FORM_POSITIVE, transfer.amount),
	CHAIN,
	FEE,
	FROM,
	KIND("transfer"),
	FIELD("memo", FORM_MAYBE_TEXT, transfer.memo),
	NONCE,
	FIELD("to", FORM_ADDRESS, transfer.to),
};
static const struct form_field escrow_open[] = {
	FIELD("amount", FORM_POSITIVE, escrow_open.amount),
	FIELD("arbiter", FORM_ADDRESS, escrow_open.arbiter),
	CHAIN,
	FIELD("deadline", FORM_COUNT, escrow_open.deadline),
	FEE,
	FROM,
	FIELD("id", FORM_HASH, escrow_open.id),
	KIND("escrow_open"),
	NONCE,
};
static const struct form_field escrow_release[] = {
	FIELD("amount", FORM_AMOUNT, escrow_release.amount),
	CHAIN,
	FIELD("cut", FORM_AMOUNT, escrow_release.cut),
	FIELD("digest", FORM_HASH, escrow_release.digest),
	FEE,
	FROM,
	FIELD("id", FORM_HASH, escrow_release.id),
	KIND("escrow_release"),
	NONCE,
	FIELD("to", FORM_ADDRESS, escrow_release.to),
};
static const struct form_field escrow_refund[] = {
	CHAIN, FEE, FROM, FIELD("id", FORM_HASH, escrow_refund.id), KIND("escrow_refund"), NONCE,
};
static const struct form_field stake[] = {
	FIELD("amount", FORM_POSITIVE, stake.amount), CHAIN, FEE, FROM, KIND("stake"), NONCE,
};
static const struct form_field unstake[] = {
	FIELD("amount", FORM_POSITIVE, unstake.amount), CHAIN, FEE, FROM, KIND("unstake"), NONCE,
};
static const struct form_field slash[] = {
	FIELD("account", FORM_ADDRESS, slash.account),
	FIELD("amount", FORM_POSITIVE, slash.amount),
	CHAIN,
	FIELD("digest", FORM_HASH, slash.digest),
	FEE,
	FROM,
	KIND("slash"),
	NONCE,
};
static const struct form_field register_node[] = {
	CHAIN,
	FEE,
	FROM,
	KIND("register_node"),
	FIELD("label", FORM_MAYBE_TEXT, register_node.label),
	FIELD("node", FORM_KEY, register_node.node),
	NONCE,
	FIELD("proof", FORM_SIGNATURE, register_node.proof),
};
static const struct form_field register_model[] = {
	CHAIN,
	FEE,
	FROM,
	KIND("register_model"),
	FIELD("name", FORM_TEXT, register_model.name),
	NONCE,
	FIELD("root", FORM_HASH, register_model.root),
};
static const struct form_field commit[] = {
	CHAIN,
	FIELD("count", FORM_COUNT, commit.count),
	FEE,
	FROM,
	KIND("commit"),
	FIELD("label", FORM_MAYBE_TEXT, commit.label),
	NONCE,
	FIELD("root", FORM_HASH, commit.root),
};

#define FORM(fields) \
	{ WHAT, fields, sizeof(fields) / sizeof((fields)[0]) }
static const struct form forms[TX_N_KINDS] = {
	[TX_TRANSFER] = FORM(transfer),
	[TX_ESCROW_OPEN] = FORM(escrow_open),
	[TX_ESCROW_RELEASE] = FORM(escrow_release),
	[TX_ESCROW_REFUND] = FORM(escrow_refund),
	[TX_STAKE] = FORM(stake),
	[TX_UNSTAKE] = FORM(unstake),
	[TX_SLASH] = FORM(slash),
	[TX_REGISTER_NODE] = FORM(register_node),
	[TX_REGISTER_MODEL] = FORM(register_model),
	[TX_COMMIT] = FORM(commit),
};

static const struct form_field seal_fields[] = {
	FIELD("key", FORM_KEY, key),
	FIELD("signature", FORM_SIGNATURE, signature),
};
static const struct form seal = FORM(seal_fields);

const char *
tx_kind_name(enum tx_kind kind)
{
	static const char *const names[TX_N_KINDS] = {
#define TX_KIND_NAME(id, name) name,
		TX_KINDS(TX_KIND_NAME)
#undef TX_KIND_NAME
	};

	return (unsigned)kind < TX_N_KINDS ? names[kind] : "unknown";
}

uint64_t
tx_outlay(const struct tx *tx)
{
	switch (tx->kind) {
	case TX_TRANSFER:
		return tx->transfer.amount;
	case TX_ESCROW_OPEN:
		return tx->escrow_open.amount;
	case TX_STAKE:
		return tx->stake.amount;
	default:
		return 0; /* moves what is locked already, or only its fee */
	}
}

/* ---- struct to bytes --------------------------------------------------------------- */

int32_t
tx_body(const struct tx *tx, struct buf *out, struct b3iq_error *err)
{
	if ((unsigned)tx->kind >= TX_N_KINDS)
		return fail(err, B3IQ_E_INVALID, WHAT ": there is no kind %u", (unsigned)tx->kind);
	return form_write(&forms[tx->kind], tx, out, err);
}

int32_t
tx_message(const struct tx *tx, struct buf *out, struct b3iq_error *err)
{
	buf_reserve(out, 1024); /* most messages fit: one allocation; a failure sticks */
	buf_append(out, TX_DOMAIN, DOMAIN_LEN);
	return tx_body(tx, out, err);
}

int32_t
tx_hash(const struct tx *tx, uint8_t out[TX_HASH], struct b3iq_error *err)
{
	struct buf message;
	int32_t rc;

	buf_init(&message, TX_MAX);
	rc = tx_message(tx, &message, err);
	if (rc == B3IQ_OK && sha256(message.data, message.len, out) != B3IQ_OK)
		rc = fail_memory(err, "hashing a transaction");
	buf_free(&message);
	return rc;
}

int32_t
tx_format(const struct tx *tx, struct buf *out, struct b3iq_error *err)
{
	static const char begin[] = "{\"body\":";
	int32_t rc;
	size_t at;

	buf_reserve(out, 1536);
	buf_append(out, begin, sizeof(begin) - 1);
	rc = tx_body(tx, out, err);
	if (rc != B3IQ_OK)
		return rc;
	at = out->len;
	rc = form_write(&seal, tx, out, err);
	if (rc == B3IQ_OK)
		out->data[at] = ','; /* the seal goes on in the same object */
	return rc;
}

void
tx_hash_write(const uint8_t hash[TX_HASH], char out[TX_HASH_TEXT])
{
	out[0] = '0';
	out[1] = 'x';
	hex_encode(hash, TX_HASH, out + 2);
}

bool
tx_hash_parse(const char *text, uint8_t hash[TX_HASH])
{
	char lower[2 * TX_HASH];
	size_t i;

	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	if (strlen(text) != sizeof(lower))
		return false;
	for (i = 0; i < sizeof(lower); i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
	return hex_decode(lower, sizeof(lower), hash, TX_HASH);
}

/* ---- bytes to struct --------------------------------------------------------------- */

static const char *
find(const char *text, size_t len, const char *what, size_t n)
{
	return memmem(text, len, what, n);
}

/* The kind tells which table to read by, and stands in the middle.  No value before it in canonical
 * order can hold a quote, so the first such key is the one; if it is not, the reading fails. */
static int32_t
read_kind(const char *text, size_t len, enum tx_kind *out, struct b3iq_error *err)
{
	static const char key[] = ",\"kind\":\"";
	const char *at = find(text, len, key, sizeof(key) - 1), *end;
	unsigned kind;

	if (!at)
		return fail(err, B3IQ_E_INVALID, WHAT ": \"kind\" is missing or not canonical");
	at += sizeof(key) - 1;
	end = memchr(at, '"', (size_t)(text + len - at));
	for (kind = 0; end && kind < TX_N_KINDS; kind++) {
		const char *name = tx_kind_name((enum tx_kind)kind);

		if (strlen(name) == (size_t)(end - at) && memcmp(name, at, strlen(name)) == 0) {
			*out = (enum tx_kind)kind;
			return B3IQ_OK;
		}
	}
	return fail(err, B3IQ_E_INVALID, WHAT ": its \"kind\" is none that there is");
}

static int32_t
read_body(const char *text, size_t len, struct tx *out, size_t *used, struct b3iq_error *err)
{
	int32_t rc;

	memset(out, 0, sizeof(*out));
	rc = read_kind(text, len, &out->kind, err);
	return rc == B3IQ_OK ? form_read(&forms[out->kind], text, len, out, used, err) : rc;
}

static int32_t
too_long(struct b3iq_error *err)
{
	return fail(err, B3IQ_E_INVALID, WHAT " is longer than %d bytes", TX_MAX);
}

int32_t
tx_parse(const void *wire, size_t len, struct tx *out, struct b3iq_error *err)
{
	static const char begin[] = "{\"body\":";
	char tail[320]; /* a seal has 227 bytes */
	const char *text = wire;
	size_t used, rest;
	int32_t rc;

	if (len > TX_MAX)
		return too_long(err);
	if (len < sizeof(begin) || memcmp(text, begin, sizeof(begin) - 1) != 0)
		return fail(err, B3IQ_E_INVALID, WHAT " does not begin with {\"body\":");
	text += sizeof(begin) - 1;
	len -= sizeof(begin) - 1;
	rc = read_body(text, len, out, &used, err);
	if (rc != B3IQ_OK)
		return rc;
	rest = len - used;
	if (rest == 0 || rest > sizeof(tail) || text[used] != ',')
		return fail(err, B3IQ_E_INVALID,
		            WHAT ": behind the body stand \"key\" and \"signature\", nothing else");
	memcpy(tail, text + used, rest);
	tail[0] = '{'; /* the seal as an object of its own */
	rc = form_read(&seal, tail, rest, out, &used, err);
	if (rc == B3IQ_OK && used != rest)
		rc = fail(err, B3IQ_E_INVALID, WHAT ": something follows its end");
	return rc;
}

int32_t
tx_parse_message(const void *message, size_t len, struct tx *out, struct b3iq_error *err)
{
	const char *text = message;
	size_t used;
	int32_t rc;

	if (len > TX_MAX)
		return too_long(err);
	if (len < DOMAIN_LEN || memcmp(text, TX_DOMAIN, DOMAIN_LEN) != 0)
		return fail(err, B3IQ_E_INVALID, "the message is no transaction of this version");
	rc = read_body(text + DOMAIN_LEN, len - DOMAIN_LEN, out, &used, err);
	if (rc == B3IQ_OK && used != len - DOMAIN_LEN)
		rc = fail(err, B3IQ_E_INVALID, WHAT ": something follows its end");
	return rc;
}

/* ---- signatures ------------------------------------------------------------------- */

static int32_t
check_from(const struct tx *tx, const uint8_t pub[ED25519_PUBLIC], struct b3iq_error *err)
{
	struct address owner;
	int32_t rc = address_of(pub, &owner);

	if (rc != B3IQ_OK)
		return fail(err, rc, WHAT ": the address of its key cannot be computed");
	if (!address_equal(&owner, &tx->from))
		return fail(err, B3IQ_E_DENIED, WHAT ": \"from\" is not the address of its key");
	return B3IQ_OK;
}

int32_t
tx_sign(struct tx *tx, const struct ed25519_key *key, struct b3iq_error *err)
{
	struct buf message;
	int32_t rc = check_from(tx, ed25519_public(key), err);

	if (rc != B3IQ_OK)
		return rc;
	buf_init(&message, TX_MAX);
	rc = tx_message(tx, &message, err);
	if (rc == B3IQ_OK)
		rc = ed25519_sign(key, message.data, message.len, tx->signature, err);
	if (rc == B3IQ_OK)
		memcpy(tx->key, ed25519_public(key), ED25519_PUBLIC);
	buf_free(&message);
	return rc;
}

size_t
tx_register_message(const struct address *from, char out[TX_REGISTER_MAX])
{
	const size_t n = sizeof(TX_REGISTER_DOMAIN) - 1;

	memcpy(out, TX_REGISTER_DOMAIN, n);
	address_write(from, out + n);
	return n + ADDRESS_SIZE - 1;
}

static int32_t
check_node(const struct tx *tx, struct b3iq_error *err)
{
	char message[TX_REGISTER_MAX];
	const size_t n = tx_register_message(&tx->from, message);
	const int32_t rc =
		ed25519_verify(tx->register_node.node, message, n, tx->register_node.proof);

	if (rc == B3IQ_E_DENIED)
		return fail(err, rc,
		            WHAT ": its \"proof\" is not the node's signature for this account");
	return rc == B3IQ_OK ? rc : fail(err, rc, WHAT ": its \"proof\" cannot be checked");
}

int32_t
tx_check(const struct tx *tx, struct b3iq_error *err)
{
	struct buf message;
	int32_t rc = check_from(tx, tx->key, err);

	if (rc != B3IQ_OK)
		return rc;
	buf_init(&message, TX_MAX);
	rc = tx_message(tx, &message, err);
	if (rc == B3IQ_OK) {
		rc = ed25519_verify(tx->key, message.data, message.len, tx->signature);
		if (rc == B3IQ_E_DENIED)
			fail(err, rc, WHAT ": its signature is not the key's");
		else if (rc != B3IQ_OK)
			fail(err, rc, WHAT ": its signature cannot be checked");
	}
	buf_free(&message);
	return rc == B3IQ_OK && tx->kind == TX_REGISTER_NODE ? check_node(tx, err) : rc;
}
