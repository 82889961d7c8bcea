/* localchain: the ledger adapter to `b3iq chain`, and the one to copy for another chain.
 *
 *   submit   Is there a record for the key?  Then its transaction is the one.  Otherwise: next nonce
 *            from the chain, body, signature of the host, record on the disk, and only then send.
 *            Sent again is sent once: the chain takes a hash once.
 *   status   Asks the chain for the recorded hash, and sends again what the chain has forgotten (its
 *            memory of waiting transactions does not survive a restart).
 *   stale    Another transaction of the account took our nonce.  Then ours can never be in a block,
 *            and only then a new one may be made for the key.
 *
 * From reading the nonce until the transaction is handed over one thread at a time works, so that no
 * refused transaction leaves a gap in the nonces; waiting for the block is done side by side.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "address.h"
#include "body.h"
#include "config.h"
#include "engine/fail.h"
#include "intent.h"
#include "query.h"
#include "value.h"

#define TRIES 3 /* a key's transaction is made anew, when others keep taking its nonce */

struct ledger {
	const struct b3iq_host *host;
	struct config           config;
	struct rpc             *rpc;
	pthread_mutex_t         lock; /* from reading a nonce until the transaction is sent */
};

/* ---- making ----------------------------------------------------------------------- */

static int32_t
public_key(const struct ledger *l, const char *signer, uint8_t out[32], struct b3iq_error *err)
{
	struct value key = VALUE(32);
	int32_t rc;

	if (!signer || !*signer)
		return fail_with(err, B3IQ_E_INVALID,
		                 "a transaction needs a signer: the name of one of the host's keys");
	rc = l->host->public_key(l->host->ctx, signer, "ed25519", &key.writer);
	if (rc == B3IQ_OK && key.len == 32)
		memcpy(out, key.data, 32);
	else
		rc = fail_with(err, rc != B3IQ_OK ? rc : B3IQ_E_INTERNAL,
		               "the host has no Ed25519 key \"%.64s\" for this instance", signer);
	value_finish(&key);
	return rc;
}

/* Both are decimal without leading zeros: the longer one is the greater. */
static bool
above(const char *fee, const char *most)
{
	const size_t a = strlen(fee), b = strlen(most);

	return a != b ? a > b : strcmp(fee, most) > 0;
}

static int32_t
check_fee(const struct b3iq_ledger_op *op, const char *fee, struct b3iq_error *err)
{
	if (op->max_fee && *op->max_fee && above(fee, op->max_fee))
		return fail_with(err, B3IQ_E_DENIED,
		                 "the chain asks a fee of %.40s, the operation allows %.40s", fee,
		                 op->max_fee);
	return B3IQ_OK;
}

/* A new transaction for the key, recorded and not sent. */
static int32_t
make(struct ledger *l, const struct b3iq_ledger_op *op, struct intent *out, struct b3iq_error *err)
{
	struct body_sender sender = { .chain = l->config.chain };
	char from[ADDRESS_SIZE], fee[80], *body = NULL;
	uint64_t in_blocks;
	uint8_t key[32];
	int32_t rc = public_key(l, op->signer, key, err);

	memset(out, 0, sizeof *out);
	if (rc == B3IQ_OK)
		rc = address_of(key, from);
	if (rc == B3IQ_OK)
		rc = rpc_fee(l->rpc, fee, err);
	if (rc == B3IQ_OK)
		rc = check_fee(op, fee, err);
	if (rc == B3IQ_OK)
		rc = rpc_nonce(l->rpc, from, &in_blocks, &sender.nonce, err);
	if (rc == B3IQ_E_UNKNOWN_OUTCOME)
		rc = B3IQ_E_UNAVAILABLE; /* these were questions: nothing has left */
	sender.from = from;
	sender.fee = fee;
	if (rc == B3IQ_OK)
		rc = body_make(op, &sender, &body, err);
	if (rc == B3IQ_OK)
		rc = intent_make(l->host, op->signer, key, &sender, body, out, err);
	if (rc == B3IQ_OK)
		rc = intent_store(l->host, op->key, out, err);
	free(body);
	return rc;
}

/* ---- sending ------------------------------------------------------------------------ */

static void
describe(const struct intent *i, const struct rpc_found *found, struct b3iq_tx *out)
{
	snprintf(out->ref, sizeof out->ref, "%s", i->hash);
	snprintf(out->fee, sizeof out->fee, "%s", i->fee);
	out->state = found->found ? B3IQ_TX_FINAL : B3IQ_TX_PENDING; /* a block is never undone */
	out->height = found->height;
	out->time_ms = found->time_ms;
	out->confirmations = found->confirmations;
}

/* The nonce is used: by our own transaction, or for good by another one?  While another one only
 * waits, ours might still be the one that gets a block. */
static int32_t
whose_nonce(struct ledger *l, const struct intent *i, struct rpc_found *found, bool *stale,
            struct b3iq_error *err)
{
	uint64_t in_blocks, next;
	int32_t rc = rpc_nonce(l->rpc, i->from, &in_blocks, &next, err);

	if (rc == B3IQ_OK)
		rc = rpc_find(l->rpc, i->hash, found, err);
	if (rc != B3IQ_OK || found->found)
		return rc;
	*stale = in_blocks > i->nonce;
	if (*stale)
		return B3IQ_OK;
	err->retry_ms = 1000;
	return fail_with(err, B3IQ_E_BUSY,
	                 "another transaction of this account waits with the same nonce: try again "
	                 "when it has its block");
}

/* Hands over the recorded transaction, which the chain may have had for long.  *stale: it is in no
 * block and never will be. */
static int32_t
hand_over(struct ledger *l, const struct intent *i, struct rpc_found *found, bool *stale,
          struct b3iq_error *err)
{
	enum rpc_verdict verdict = RPC_TAKEN;
	const int32_t rc = rpc_send(l->rpc, i->wire, &verdict, err);

	*stale = false;
	if (rc != B3IQ_OK || verdict == RPC_TAKEN)
		return rc;
	if (verdict == RPC_NONCE_USED)
		return whose_nonce(l, i, found, stale, err);
	return verdict == RPC_LATER ? B3IQ_E_BUSY : B3IQ_E_DENIED; /* err says why */
}

/* The lock is held.  Fills *i in any case; the caller finishes it. */
static int32_t
send(struct ledger *l, const struct b3iq_ledger_op *op, struct intent *i, struct rpc_found *found,
     struct b3iq_error *err)
{
	int32_t rc = intent_load(l->host, op->key, i, err);
	bool stale = rc == B3IQ_E_NOT_FOUND; /* as good as: there is none yet */

	if (rc == B3IQ_OK)
		rc = hand_over(l, i, found, &stale, err);
	for (int n = 0; stale && n < TRIES; n++) {
		intent_finish(i);
		rc = make(l, op, i, err);
		if (rc != B3IQ_OK)
			return rc;
		rc = hand_over(l, i, found, &stale, err);
	}
	if (!stale)
		return rc;
	return fail_with(err, B3IQ_E_BUSY,
	                 "other programs keep using this account's nonces: try again, or give this "
	                 "instance a key of its own");
}

static void
pause_ms(uint32_t ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* Until the transaction has its block, or the time is over; then it is pending. */
static void
await(struct ledger *l, const struct intent *i, struct rpc_found *found)
{
	struct b3iq_error ignored = { .size = sizeof ignored };
	uint32_t waited = 0, step = 1;

	while (!found->found && waited < l->config.inclusion_ms) {
		pause_ms(step);
		waited += step;
		step = step < 50 ? 2 * step : 100;
		if (rpc_find(l->rpc, i->hash, found, &ignored) != B3IQ_OK)
			return;
	}
}

/* ---- the interface -------------------------------------------------------------------- */

static int32_t
quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger *l = self;
	int32_t rc = body_check(op, err);

	if (rc == B3IQ_OK)
		rc = rpc_fee(l->rpc, out->fee, err);
	return rc == B3IQ_E_UNKNOWN_OUTCOME ? B3IQ_E_UNAVAILABLE : rc;
}

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger *l = self;
	struct rpc_found found = { 0 };
	struct intent i = { 0 };
	int32_t rc = body_check(op, err);

	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&l->lock);
	rc = send(l, op, &i, &found, err);
	pthread_mutex_unlock(&l->lock);
	if (rc == B3IQ_OK) {
		await(l, &i, &found);
		describe(&i, &found, out);
	}
	intent_finish(&i);
	return rc;
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger *l = self;
	struct rpc_found found = { 0 };
	struct intent i;
	bool stale = false;
	int32_t rc = intent_load(l->host, key, &i, err);

	if (rc == B3IQ_OK)
		rc = rpc_find(l->rpc, i.hash, &found, err);
	if (rc == B3IQ_OK && !found.found)
		rc = hand_over(l, &i, &found, &stale, err);
	if (rc == B3IQ_OK || rc == B3IQ_E_DENIED) {
		describe(&i, &found, out);
		if (stale)
			out->state = B3IQ_TX_UNKNOWN; /* submit() may make another */
		else if (rc == B3IQ_E_DENIED)
			out->state = B3IQ_TX_FAILED;
		rc = B3IQ_OK;
	} else if (rc == B3IQ_E_UNKNOWN_OUTCOME || rc == B3IQ_E_BUSY) {
		rc = B3IQ_E_UNAVAILABLE; /* ask again */
	}
	intent_finish(&i);
	return rc;
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct ledger *l = self;

	return query_answer(l->rpc, what, out, err);
}

static void
destroy(void *self)
{
	struct ledger *l = self;

	if (!l)
		return;
	rpc_destroy(l->rpc);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Asks nobody: a chain that is away does not keep the host from starting. */
static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct ledger *l = calloc(1, sizeof *l);
	int32_t rc;

	if (!l)
		return fail_memory(err, "the local chain's adapter");
	l->host = host;
	pthread_mutex_init(&l->lock, NULL);
	rc = config_read(config, &l->config, err);
	if (rc == B3IQ_OK)
		rc = rpc_create(&l->config, &l->rpc, err);
	if (rc == B3IQ_OK)
		*self = l;
	else
		destroy(l);
	return rc;
}

static const struct b3iq_ledger iface = {
	.size = sizeof iface,
	.ops = BODY_OPS,
	.quote = quote,
	.submit = submit,
	.status = status,
	.query = query,
};

static const struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = B3IQ_LEDGER,
	.threads = B3IQ_THREADS_PARALLEL,
	.id = B3IQ_PLUGIN_ID,
	.version = B3IQ_PLUGIN_VERSION,
	.create = create,
	.destroy = destroy,
	.iface = &iface,
};

B3IQ_EXPORT const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}
