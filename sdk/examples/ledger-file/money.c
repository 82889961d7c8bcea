#include "money.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct escrow {
	char    buyer[128], arbiter[128];
	int64_t amount, deadline_ms;
	bool    there, released, refunded;
};

struct reading { /* of all lines, in order, for one account and one escrow */
	const char   *account, *digest;
	int64_t       balance;
	struct escrow escrow;
};

bool
money_is_escrow(uint32_t op)
{
	return op == B3IQ_OP_ESCROW_OPEN || op == B3IQ_OP_ESCROW_RELEASE ||
	       op == B3IQ_OP_ESCROW_REFUND;
}

const char *
money_name(uint32_t op)
{
	switch (op) {
	case B3IQ_OP_COMMIT:
		return "commit";
	case B3IQ_OP_TRANSFER:
		return "transfer";
	case B3IQ_OP_ESCROW_OPEN:
		return "escrow_open";
	case B3IQ_OP_ESCROW_RELEASE:
		return "escrow_release";
	case B3IQ_OP_ESCROW_REFUND:
		return "escrow_refund";
	default:
		return NULL;
	}
}

static const char *
text(struct json_object *tx, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(tx, key, &v) && json_object_is_type(v, json_type_string)
	               ? json_object_get_string(v)
	               : "";
}

/* A decimal number; -1 if it is none or too large. */
static int64_t
number(const char *s)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	return *s < '0' || *s > '9' || *end || errno ? -1 : (int64_t)n;
}

/* A member of the extra of a transaction, which is JSON in a text; number or decimal text. */
static int64_t
extra(const char *json, const char *key)
{
	struct json_object *doc = json_tokener_parse(json), *v;
	int64_t             n = 0;

	if (json_object_is_type(doc, json_type_object) && json_object_object_get_ex(doc, key, &v))
		n = json_object_is_type(v, json_type_string) ? number(json_object_get_string(v))
		                                             : json_object_get_int64(v);
	json_object_put(doc);
	return n;
}

static void
give(struct reading *r, const char *account, int64_t amount)
{
	int64_t sum;

	if (strcmp(account, r->account) == 0 && !__builtin_add_overflow(r->balance, amount, &sum))
		r->balance = sum;
}

/* ---- one line ----------------------------------------------------------------- */

static void
read_open(struct reading *r, struct json_object *tx, bool ours)
{
	give(r, text(tx, "signer"), -number(text(tx, "amount")));
	if (!ours)
		return;
	r->escrow.there = true;
	r->escrow.amount = number(text(tx, "amount"));
	r->escrow.deadline_ms = extra(text(tx, "extra"), "deadline_ms");
	snprintf(r->escrow.buyer, sizeof r->escrow.buyer, "%s", text(tx, "signer"));
	snprintf(r->escrow.arbiter, sizeof r->escrow.arbiter, "%s", text(tx, "to"));
}

/* The end of an escrow names what came of it, so that one line tells it all. */
static void
read_end(struct reading *r, struct json_object *tx, bool ours, bool release)
{
	const int64_t amount = release ? number(text(tx, "amount")) : 0;
	const int64_t cut = release ? extra(text(tx, "extra"), "cut") : 0;

	if (release) {
		give(r, text(tx, "to"), amount);
		give(r, text(tx, "signer"), cut);
	}
	give(r, text(tx, "buyer"), number(text(tx, "locked")) - amount - cut);
	r->escrow.released |= ours && release;
	r->escrow.refunded |= ours && !release;
}

static void
read_line(struct reading *r, struct json_object *tx)
{
	const char *op = text(tx, "op");
	const bool  ours = strcmp(text(tx, "digest"), r->digest) == 0;

	if (strcmp(op, "transfer") == 0) {
		give(r, text(tx, "signer"), -number(text(tx, "amount")));
		give(r, text(tx, "to"), number(text(tx, "amount")));
	} else if (strcmp(op, "escrow_open") == 0) {
		read_open(r, tx, ours);
	} else if (strcmp(op, "escrow_release") == 0) {
		read_end(r, tx, ours, true);
	} else if (strcmp(op, "escrow_refund") == 0) {
		read_end(r, tx, ours, false);
	}
}

static void
read_all(struct reading *r, const char *lines, struct json_object *opening)
{
	struct json_object *v;

	if (opening && json_object_object_get_ex(opening, r->account, &v))
		r->balance = number(json_object_get_string(v));
	while (*lines) {
		const size_t        n = strcspn(lines, "\n");
		struct json_tokener *t = json_tokener_new();
		struct json_object  *tx = json_tokener_parse_ex(t, lines, (int)n);

		if (json_object_is_type(tx, json_type_object))
			read_line(r, tx);
		json_object_put(tx);
		json_tokener_free(t);
		lines += n + (lines[n] == '\n');
	}
}

static void
hex(const uint8_t in[32], char out[65])
{
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* ---- may it follow? --------------------------------------------------------------- */

static const char *
refuses_end(const struct escrow *e, const struct b3iq_ledger_op *op, int64_t amount)
{
	const bool    release = op->op == B3IQ_OP_ESCROW_RELEASE;
	const char   *more = op->extra ? op->extra : "{}";
	const int64_t cut = release ? extra(more, "cut") : 0;
	const bool    arbiter = op->signer && strcmp(op->signer, e->arbiter) == 0;

	if (!e->there)
		return "there is no such escrow";
	if (e->released || e->refunded)
		return "the escrow has been closed";
	if (release && !arbiter)
		return "only its arbiter releases an escrow";
	if (!release && !arbiter && (int64_t)time(NULL) * 1000 <= e->deadline_ms)
		return "before its deadline only its arbiter refunds an escrow";
	if (release && (cut < 0 || cut > e->amount || amount > e->amount - cut))
		return "more would be released than is held";
	return NULL;
}

const char *
money_refuses(const char *lines, struct json_object *opening, const struct b3iq_ledger_op *op)
{
	const int64_t  amount = op->amount ? number(op->amount) : 0;
	char           digest[65];
	struct reading r = { .account = op->signer ? op->signer : "", .digest = digest };
	const bool     pays = op->op == B3IQ_OP_TRANSFER || op->op == B3IQ_OP_ESCROW_OPEN;

	if (op->op == B3IQ_OP_COMMIT || (!opening && !money_is_escrow(op->op)))
		return NULL;
	if (amount < 0)
		return "the amount is more than an account can have";
	hex(op->digest, digest);
	read_all(&r, lines, opening);
	if (op->op == B3IQ_OP_ESCROW_OPEN && r.escrow.there)
		return "there is an escrow of this id already";
	if (pays && opening && r.balance < amount)
		return "the account has not enough";
	return pays ? NULL : refuses_end(&r.escrow, op, amount);
}

bool
money_balance(const char *lines, struct json_object *opening, const char *account, int64_t *out)
{
	struct reading r = { .account = account, .digest = "" };

	read_all(&r, lines, opening);
	*out = r.balance;
	return r.balance >= 0;
}

const char *
money_escrow(const char *lines, const char *digest, int64_t *amount)
{
	struct reading r = { .account = "", .digest = digest };

	read_all(&r, lines, NULL);
	*amount = r.escrow.amount;
	return !r.escrow.there    ? NULL
	       : r.escrow.released ? "released"
	       : r.escrow.refunded ? "refunded"
	                           : "open";
}
