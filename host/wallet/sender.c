#include "wallet/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/fail.h"

#define NONCES 3 /* how often a nonce may be taken from us before we give up */
#define OPEN   64 /* earlier sendings that are settled in one call */

static void
pause_ms(uint32_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- one transaction to the chain -------------------------------------------------------- */

static bool
may_try_again(int32_t rc)
{
	return rc == B3IQ_E_UNAVAILABLE || rc == B3IQ_E_TIMEOUT;
}

/* The same bytes, again after a pause when the chain did not answer. */
static int32_t
broadcast(const char *url, const struct tx *tx, int64_t *code, struct b3iq_error *err)
{
	struct backoff backoff = { .first_ms = 200, .most_ms = 3000 };
	struct buf wire;
	int32_t rc;
	int i;

	buf_init(&wire, TX_MAX);
	rc = tx_format(tx, &wire, err);
	for (i = 0; rc == B3IQ_OK && i < SENDER_TRIES; i++) {
		if (i > 0)
			pause_ms(backoff_next(&backoff));
		rc = rpc_send(url, &wire, code, err);
		if (!may_try_again(rc))
			break;
		rc = i + 1 < SENDER_TRIES ? B3IQ_OK : rc;
	}
	buf_free(&wire);
	return rc;
}

/* Its nonce was used: by itself, if the chain knows it. */
static int32_t
check_used(const struct sender *s, const struct outbox_entry *e, int64_t *code,
           struct b3iq_error *err)
{
	struct b3iq_error none = NO_ERROR;
	struct rpc_found found;
	const int32_t rc = rpc_find(s->chain_url, e->hash, &found, &none);

	if (rc == B3IQ_OK)
		*code = RPC_DUPLICATE;
	if (rc == B3IQ_OK || rc == B3IQ_E_NOT_FOUND)
		return B3IQ_OK;
	*err = none;
	return rc;
}

/* Brings an entry to an end.  *code tells how when B3IQ_OK. */
static int32_t
hand_over(const struct sender *s, struct outbox_entry *e, int64_t *code, struct b3iq_error *err)
{
	int32_t rc = broadcast(s->chain_url, &e->tx, code, err);

	if (rc == B3IQ_OK && *code == RPC_NONCE_USED)
		rc = check_used(s, e, code, err);
	if (rc != B3IQ_OK || *code == RPC_FULL)
		return rc;
	if (*code == RPC_TAKEN || *code == RPC_DUPLICATE) {
		e->state = OUTBOX_SENT;
		return outbox_settle(s->store, e->seq, OUTBOX_SENT, "", err);
	}
	e->state = OUTBOX_REFUSED;
	snprintf(e->note, sizeof(e->note), "%.190s", err ? err->text : "");
	return outbox_settle(s->store, e->seq, OUTBOX_REFUSED, e->note, NULL);
}

/* ---- what earlier calls left open ---------------------------------------------------------- */

struct open_list {
	struct outbox_entry *entries;
	size_t               n;
};

static int32_t
collect(void *arg, const struct outbox_entry *e)
{
	struct open_list *l = arg;

	if (l->n < OPEN)
		l->entries[l->n++] = *e;
	return B3IQ_OK;
}

static int32_t
settle_open(const struct sender *s, const char *wallet, struct b3iq_error *err)
{
	struct open_list l = { .entries = calloc(OPEN, sizeof(*l.entries)) };
	int64_t code;
	int32_t rc;

	if (!l.entries)
		return fail_memory(err, "sending");
	rc = outbox_list(s->store, wallet, OUTBOX_MADE, OPEN, collect, &l, err);
	while (rc == B3IQ_OK && l.n > 0) { /* the oldest first: its nonce comes first */
		rc = hand_over(s, &l.entries[--l.n], &code, err);
		if (rc == B3IQ_OK && code == RPC_FULL)
			rc = B3IQ_E_BUSY;
	}
	free(l.entries);
	return rc;
}

/* ---- a new one ------------------------------------------------------------------------------ */

/* Whoever answers at the chain's URL could name any fee. */
static int32_t
dear(uint64_t fee, struct b3iq_error *err)
{
	char text[AMOUNT_SHOW];

	amount_show(fee, text);
	return fail(err, B3IQ_E_DENIED, "the chain asks for a fee of %s; name a fee to agree",
	            text);
}

static int32_t
make_tx(const struct sender *s, const struct sender_wish *w, struct tx *tx, struct b3iq_error *err)
{
	struct rpc_account account;
	struct rpc_rules rules;
	int32_t rc = rpc_rules(s->chain_url, &rules, err);

	if (rc == B3IQ_OK)
		rc = rpc_account(s->chain_url, &w->from->address, &account, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!w->has_fee && rules.min_fee > SENDER_FEE_MOST)
		return dear(rules.min_fee, err);
	memset(tx, 0, sizeof(*tx));
	memcpy(tx->chain, rules.chain, sizeof(tx->chain));
	tx->from = w->from->address;
	tx->nonce = account.pending_nonce;
	tx->fee = w->has_fee ? w->fee : rules.min_fee;
	tx->kind = w->kind;
	if (w->kind == TX_STAKE || w->kind == TX_UNSTAKE) {
		tx->stake.amount = w->amount;
		return B3IQ_OK;
	}
	tx->transfer.to = w->to;
	tx->transfer.amount = w->amount;
	if (w->memo && strlen(w->memo) >= sizeof(tx->transfer.memo))
		return fail(err, B3IQ_E_INVALID, "a memo has at most %zu bytes",
		            sizeof(tx->transfer.memo) - 1);
	if (w->memo)
		memcpy(tx->transfer.memo, w->memo, strlen(w->memo) + 1);
	return B3IQ_OK;
}

static int32_t
make_entry(const struct sender *s, const struct sender_wish *w, struct outbox_entry *e,
           struct b3iq_error *err)
{
	int32_t rc;

	memset(e, 0, sizeof(*e));
	rc = make_tx(s, w, &e->tx, err);
	if (rc == B3IQ_OK)
		rc = tx_hash(&e->tx, e->hash, err);
	if (rc == B3IQ_OK)
		rc = s->sign(s->ctx, w->from->name, &e->tx, err);
	if (rc != B3IQ_OK)
		return rc;
	e->created_ms = clock_wall_ms();
	return outbox_put(s->store, w->from->name, w->idempotency ? w->idempotency : "", e, err);
}

static int32_t
send_new(const struct sender *s, const struct sender_wish *w, struct outbox_entry *e, int64_t *code,
         struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	int i;

	for (i = 0; i < NONCES; i++) {
		rc = make_entry(s, w, e, err);
		if (rc == B3IQ_OK)
			rc = hand_over(s, e, code, err);
		/* Another home of the same account was quicker: the next nonce.  A key stays with
		 * its first transaction, so such a wish is asked again by the caller. */
		if (rc != B3IQ_OK || *code != RPC_NONCE_USED || w->idempotency)
			break;
	}
	return rc;
}

static bool
same_wish(const struct sender_wish *w, const struct tx *tx)
{
	if (tx->kind != w->kind)
		return false;
	if (w->kind != TX_TRANSFER)
		return tx->stake.amount == w->amount;
	return tx->transfer.amount == w->amount && address_equal(&tx->transfer.to, &w->to) &&
	       strcmp(tx->transfer.memo, w->memo ? w->memo : "") == 0;
}

/* The transaction that this key names already. */
static int32_t
resume(const struct sender *s, const struct sender_wish *w, struct outbox_entry *e, int64_t *code,
       struct b3iq_error *err)
{
	*code = RPC_TAKEN;
	if (!same_wish(w, &e->tx))
		return fail(err, B3IQ_E_INVALID,
		            "that idempotency key named another payment; take a new one");
	if (e->state == OUTBOX_MADE)
		return hand_over(s, e, code, err);
	if (e->state == OUTBOX_REFUSED)
		return fail(err, B3IQ_E_DENIED, "%s", e->note);
	return B3IQ_OK;
}

static int32_t
say(int32_t rc, int64_t code, const struct outbox_entry *e, struct b3iq_error *err)
{
	char hash[TX_HASH_TEXT], why[128];

	if (rc == B3IQ_OK && (code == RPC_TAKEN || code == RPC_DUPLICATE))
		return B3IQ_OK;
	if (rc == B3IQ_OK && code == RPC_FULL) {
		fail(err, B3IQ_E_BUSY,
		     "the chain is full; the payment stands and is sent with the next "
		     "one, or when you ask again");
		if (err)
			err->retry_ms = 1000;
		return B3IQ_E_BUSY;
	}
	if (rc == B3IQ_OK)
		return fail(err, B3IQ_E_DENIED, "%s", e->note);
	if (!e->created_ms || e->state != OUTBOX_MADE || !may_try_again(rc))
		return rc;
	tx_hash_write(e->hash, hash);
	snprintf(why, sizeof(why), "%.127s", err ? err->text : "");
	return fail(err, B3IQ_E_UNKNOWN_OUTCOME,
	            "payment %s may be on its way (%.80s); ask again, and it is the same one", hash,
	            why);
}

int32_t
sender_send(const struct sender *s, const struct sender_wish *w, struct outbox_entry *out,
            struct b3iq_error *err)
{
	struct b3iq_error none = NO_ERROR;
	int64_t code = RPC_TAKEN;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	if (!err)
		err = &none;
	if (w->idempotency && (!*w->idempotency || strlen(w->idempotency) >= OUTBOX_KEY))
		return fail(err, B3IQ_E_INVALID, "an idempotency key has 1 to %d bytes",
		            OUTBOX_KEY - 1);
	if (w->amount == 0 || w->amount > AMOUNT_MAX)
		return fail(err, B3IQ_E_INVALID, "an amount is at least 0.000001 AITBC");
	if (w->idempotency) {
		rc = outbox_named(s->store, w->from->name, w->idempotency, out, err);
		if (rc == B3IQ_OK) {
			rc = resume(s, w, out, &code, err);
			return say(rc, code, out, err);
		}
		if (rc != B3IQ_E_NOT_FOUND)
			return rc;
	}
	rc = settle_open(s, w->from->name, err);
	if (rc == B3IQ_OK)
		rc = send_new(s, w, out, &code, err);
	return say(rc, code, out, err);
}

int32_t
sender_wait(const char *chain_url, const uint8_t hash[TX_HASH], uint32_t wait_ms, uint64_t *height,
            struct b3iq_error *err)
{
	const uint64_t end = clock_mono_ms() + wait_ms;
	struct rpc_found found;
	uint32_t nap = 20;
	int32_t rc;

	for (;;) {
		rc = rpc_find(chain_url, hash, &found, err);
		if (rc == B3IQ_OK && found.in_block) {
			*height = found.height;
			return B3IQ_OK;
		}
		if (rc != B3IQ_OK && rc != B3IQ_E_NOT_FOUND && !may_try_again(rc))
			return rc;
		if (clock_mono_ms() >= end)
			break;
		pause_ms(nap);
		nap = nap < 500 ? nap * 2 : 500;
	}
	return fail(err, B3IQ_E_TIMEOUT,
	            "it is not in a block after %u s; `b3iq wallet history` will show it",
	            wait_ms / 1000);
}
