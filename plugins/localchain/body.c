#include "body.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "address.h"
#include "engine/fail.h"

#define AMOUNT_DIGITS 19 /* of 2^63 - 1 */

/* A body in the making.  json-c keeps the order in which members are added, so the tables below add
 * them sorted; `wrong` is the first thing that the operation lacks. */
struct body {
	const struct b3iq_ledger_op *op;
	const struct body_sender    *sender;
	struct json_object          *extra, *doc;
	const char                  *wrong;
	bool                         short_of_memory;
};

static void
add(struct body *b, const char *name, struct json_object *value)
{
	if (value && json_object_object_add(b->doc, name, value) == 0)
		return;
	json_object_put(value);
	b->short_of_memory = true;
}

static void
add_text(struct body *b, const char *name, const char *text)
{
	add(b, name, json_object_new_string(text));
}

static void
add_hash(struct body *b, const char *name, const uint8_t bytes[32])
{
	char text[65];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	add_text(b, name, text);
}

/* ---- what comes from the operation --------------------------------------------- */

static bool
is_amount(const char *text)
{
	const size_t n = text ? strlen(text) : 0;

	return n > 0 && n <= AMOUNT_DIGITS && strspn(text, "0123456789") == n &&
	       (n == 1 || text[0] != '0') &&
	       (n < AMOUNT_DIGITS || strcmp(text, "9223372036854775807") <= 0);
}

static void
add_amount(struct body *b)
{
	if (!is_amount(b->op->amount) || strcmp(b->op->amount, "0") == 0)
		b->wrong = "amount: a decimal number of the smallest unit, from 1 to 2^63 - 1";
	else
		add_text(b, "amount", b->op->amount);
}

static void
add_to(struct body *b, const char *name)
{
	if (!address_valid(b->op->to))
		b->wrong = "to: an address of the chain, ait1... with a right checksum";
	else
		add_text(b, name, b->op->to);
}

static struct json_object *
extra(const struct body *b, const char *name, enum json_type type)
{
	struct json_object *value;

	return json_object_object_get_ex(b->extra, name, &value) &&
	                       json_object_is_type(value, type)
	               ? value
	               : NULL;
}

static void
add_extra_hex(struct body *b, const char *name, const char *from, size_t digits, const char *wrong)
{
	const char *text = json_object_get_string(extra(b, from, json_type_string));

	if (!text || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits)
		b->wrong = wrong;
	else
		add_text(b, name, text);
}

static void
add_extra_int(struct body *b, const char *name, const char *from, const char *wrong)
{
	struct json_object *value = extra(b, from, json_type_int);

	if (!value || json_object_get_int64(value) < 0 ||
	    json_object_get_int64(value) > (INT64_C(1) << 53) - 1)
		b->wrong = wrong;
	else
		add(b, name, json_object_get(value));
}

/* How many receipts a root stands for: one, if nobody says otherwise. */
static void
add_count(struct body *b)
{
	struct json_object *value;

	if (!json_object_object_get_ex(b->extra, "count", &value))
		add(b, "count", json_object_new_int(1));
	else
		add_extra_int(b, "count", "count", "extra.count: an integer from 0");
}

/* Text of at most 128 bytes; absent is fine if it is optional. */
static void
add_extra_text(struct body *b, const char *name, bool optional, const char *wrong)
{
	struct json_object *value = extra(b, name, json_type_string);
	const int len = value ? json_object_get_string_len(value) : 0;

	if (!value && optional)
		return;
	if (len < 1 || len > 128)
		b->wrong = wrong;
	else
		add(b, name, json_object_get(value));
}

static void
add_cut(struct body *b)
{
	struct json_object *value;
	const char *text = "0";

	if (json_object_object_get_ex(b->extra, "cut", &value))
		text = json_object_get_string(value);
	if (!is_amount(text))
		b->wrong = "extra.cut: a decimal number of the smallest unit, as a string";
	else
		add_text(b, "cut", text);
}

/* ---- one function a kind: its members, sorted ---------------------------------- */

static void
add_chain(struct body *b)
{
	add_text(b, "chain", b->sender->chain);
}

static void
add_fee_from(struct body *b)
{
	add_text(b, "fee", b->sender->fee);
	add_text(b, "from", b->sender->from);
}

static void
add_kind(struct body *b, const char *kind)
{
	add_text(b, "kind", kind);
}

static void
add_nonce(struct body *b)
{
	add(b, "nonce", json_object_new_int64((int64_t)b->sender->nonce));
}

static void
commit(struct body *b)
{
	add_chain(b);
	add_count(b);
	add_fee_from(b);
	add_kind(b, "commit");
	add_extra_text(b, "label", true, "extra.label: 1 to 128 bytes of text");
	add_nonce(b);
	add_hash(b, "root", b->op->digest);
}

static void
register_node(struct body *b)
{
	add_chain(b);
	add_fee_from(b);
	add_kind(b, "register_node");
	add_extra_text(b, "label", true, "extra.label: 1 to 128 bytes of text");
	if (!b->op->to || strncmp(b->op->to, "ed25519:", 8) != 0 || strlen(b->op->to) != 72)
		b->wrong = "to: the node's key, ed25519:...";
	else
		add_text(b, "node", b->op->to);
	add_nonce(b);
	add_extra_hex(b, "proof", "proof", 128, "extra.proof: the node's signature, 128 hex digits");
}

static void
register_model(struct body *b)
{
	add_chain(b);
	add_fee_from(b);
	add_kind(b, "register_model");
	add_extra_text(b, "name", false, "extra.name: 1 to 128 bytes of text");
	add_nonce(b);
	add_hash(b, "root", b->op->digest);
}

static void
register_either(struct body *b)
{
	if (extra(b, "name", json_type_string))
		register_model(b);
	else
		register_node(b);
}

static void
stake(struct body *b)
{
	add_amount(b);
	add_chain(b);
	add_fee_from(b);
	add_kind(b, b->op->op == B3IQ_OP_STAKE ? "stake" : "unstake");
	add_nonce(b);
}

static void
transfer(struct body *b)
{
	add_amount(b);
	add_chain(b);
	add_fee_from(b);
	add_kind(b, "transfer");
	add_extra_text(b, "memo", true, "extra.memo: 1 to 128 bytes of text");
	add_nonce(b);
	add_to(b, "to");
}

static void
escrow_open(struct body *b)
{
	add_amount(b);
	add_to(b, "arbiter");
	add_chain(b);
	add_extra_int(b, "deadline", "deadline_ms", "extra.deadline_ms: ms since 1970");
	add_fee_from(b);
	add_hash(b, "id", b->op->digest);
	add_kind(b, "escrow_open");
	add_nonce(b);
}

static void
escrow_release(struct body *b)
{
	if (!is_amount(b->op->amount)) /* nothing is an amount here: all to the arbiter or back */
		b->wrong = "amount: a decimal number of the smallest unit, below 2^63";
	else
		add_text(b, "amount", b->op->amount);
	add_chain(b);
	add_cut(b);
	add_extra_hex(b, "digest", "receipt", 64, "extra.receipt: a receipt hash, 64 hex digits");
	add_fee_from(b);
	add_hash(b, "id", b->op->digest);
	add_kind(b, "escrow_release");
	add_nonce(b);
	add_to(b, "to");
}

static void
escrow_refund(struct body *b)
{
	add_chain(b);
	add_fee_from(b);
	add_hash(b, "id", b->op->digest);
	add_kind(b, "escrow_refund");
	add_nonce(b);
}

static void (*const kinds[])(struct body *) = {
	[B3IQ_OP_COMMIT] = commit,
	[B3IQ_OP_REGISTER] = register_either,
	[B3IQ_OP_STAKE] = stake,
	[B3IQ_OP_UNSTAKE] = stake,
	[B3IQ_OP_TRANSFER] = transfer,
	[B3IQ_OP_ESCROW_OPEN] = escrow_open,
	[B3IQ_OP_ESCROW_RELEASE] = escrow_release,
	[B3IQ_OP_ESCROW_REFUND] = escrow_refund,
};

/* ---- whole ------------------------------------------------------------------------ */

int32_t
body_make(const struct b3iq_ledger_op *op, const struct body_sender *sender, char **out,
          struct b3iq_error *err)
{
	struct body b = { .op = op, .sender = sender };
	const char *text;

	*out = NULL;
	if (op->op >= sizeof kinds / sizeof *kinds)
		return fail_with(err, B3IQ_E_UNSUPPORTED, "the chain has no disputes yet");
	b.extra = op->extra ? json_tokener_parse(op->extra) : NULL;
	b.doc = json_object_new_object();
	if (op->extra && !json_object_is_type(b.extra, json_type_object))
		b.wrong = "extra: a JSON object";
	else if (b.doc)
		kinds[op->op](&b);
	if (b.doc && !b.wrong && !b.short_of_memory) {
		text = json_object_to_json_string_ext(b.doc, JSON_C_TO_STRING_PLAIN |
		                                                     JSON_C_TO_STRING_NOSLASHESCAPE);
		*out = text ? strdup(text) : NULL;
	}
	json_object_put(b.doc);
	json_object_put(b.extra);
	if (b.wrong)
		return fail_with(err, B3IQ_E_INVALID, "the operation needs %s", b.wrong);
	return *out ? B3IQ_OK : fail_memory(err, "a transaction");
}

int32_t
body_check(const struct b3iq_ledger_op *op, struct b3iq_error *err)
{
	const struct body_sender nobody = { .chain = "", .from = "", .fee = "0" };
	char *body;
	const int32_t rc = body_make(op, &nobody, &body, err);

	free(body);
	return rc;
}

int32_t
body_seal(const char *body, const uint8_t key[32], const uint8_t signature[64], char **out,
          struct b3iq_error *err)
{
	char key_hex[65], signature_hex[129];
	int n;

	for (size_t i = 0; i < 32; i++)
		snprintf(key_hex + 2 * i, 3, "%02x", key[i]);
	for (size_t i = 0; i < 64; i++)
		snprintf(signature_hex + 2 * i, 3, "%02x", signature[i]);
	*out = malloc(BODY_MAX + 1);
	if (!*out)
		return fail_memory(err, "a transaction");
	n = snprintf(*out, BODY_MAX + 1, "{\"body\":%s,\"key\":\"ed25519:%s\",\"signature\":\"%s\"}",
	             body, key_hex, signature_hex);
	if (n > 0 && n <= BODY_MAX)
		return B3IQ_OK;
	free(*out);
	*out = NULL;
	return fail_with(err, B3IQ_E_INVALID, "the transaction has more than %d bytes", BODY_MAX);
}
