/* good-ledger.h - a faultless little ledger, for others to spoil.
 *
 * The chain is a file with the hex key of a transaction in each line; its ref is the line's number.
 * One call at a time in an instance. */
#ifndef EVIL_GOOD_LEDGER_H
#define EVIL_GOOD_LEDGER_H

#include "good.h"

static int32_t
good_create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct good *g = calloc(1, sizeof *g);

	if (!g)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	g->host = host;
	good_field(config, "path", g->text, sizeof g->text);
	*self = g;
	return B3IQ_OK;
}

static void
good_key(const uint8_t key[32], char out[65])
{
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", key[i]);
}

/* The line of a key, from 1; 0: it is not in the chain. */
static int
good_find(const struct good *g, const char *key)
{
	FILE *f = fopen(g->text, "r");
	char  line[80];
	int   n = 0, at = 0;

	while (f && fgets(line, sizeof line, f)) {
		n++;
		if (!at && strncmp(line, key, 64) == 0)
			at = n;
	}
	if (f)
		fclose(f);
	return at;
}

static int
good_append(const struct good *g, const char *key)
{
	FILE *f = fopen(g->text, "a");
	int   n = 0;
	char  line[80];

	if (f) {
		fprintf(f, "%s\n", key);
		fclose(f);
	}
	f = fopen(g->text, "r");
	while (f && fgets(line, sizeof line, f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static int32_t
good_discard(struct b3iq_writer *w, const void *data, size_t len)
{
	(void)w, (void)data, (void)len;
	return B3IQ_OK;
}

static int32_t
good_known(const struct good *g, const char *key)
{
	struct b3iq_writer nowhere = { good_discard };

	return g->host->kv_get(g->host->ctx, key, &nowhere);
}

static int32_t
good_sign(const struct good *g, const struct b3iq_ledger_op *op)
{
	struct b3iq_writer nowhere = { good_discard };

	return op->signer ? g->host->sign(g->host->ctx, op->signer, "ed25519", op->digest,
	                                  sizeof op->digest, &nowhere)
	                  : B3IQ_OK;
}

static void
good_tx(struct b3iq_tx *tx, int at)
{
	tx->state = at ? B3IQ_TX_FINAL : B3IQ_TX_UNKNOWN;
	tx->height = (uint64_t)at;
	snprintf(tx->fee, sizeof tx->fee, "1");
	snprintf(tx->ref, sizeof tx->ref, "line-%d", at);
}

static int32_t
good_refuse(const struct b3iq_ledger_op *op, struct b3iq_error *err)
{
	static const char most[] =
	        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
	const char  *a = op->amount ? op->amount : "0";
	const size_t n = strlen(a);

	if (op->op != B3IQ_OP_COMMIT)
		return fail(err, B3IQ_E_UNSUPPORTED, "commitments only");
	if (!n || a[strspn(a, "0123456789")] || n > 78 || (n == 78 && strcmp(a, most) > 0))
		return fail(err, B3IQ_E_INVALID, "that is no amount");
	if (op->max_fee && strcmp(op->max_fee, "0") == 0)
		return fail(err, B3IQ_E_DENIED, "the fee is 1");
	return B3IQ_OK;
}

static int32_t
good_quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	int32_t rc = op->op == B3IQ_OP_COMMIT ? B3IQ_OK : good_refuse(op, err);

	(void)self;
	if (rc == B3IQ_OK)
		snprintf(tx->fee, sizeof tx->fee, "1");
	return rc;
}

static int32_t
good_submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct good *g = self;
	char         key[65];
	int32_t      rc;
	int          at;

	good_key(op->key, key);
	rc = good_known(g, key);
	if (rc == B3IQ_E_NOT_FOUND) {
		rc = good_refuse(op, err);
		if (rc != B3IQ_OK)
			return rc;
		rc = good_sign(g, op);
		if (rc == B3IQ_OK)
			rc = g->host->kv_put(g->host->ctx, key, "intent", 6);
	}
	if (rc != B3IQ_OK)
		return fail(err, rc, "the host failed: nothing was sent");
	at = good_find(g, key);
	good_tx(tx, at ? at : good_append(g, key));
	return B3IQ_OK;
}

static int32_t
good_status(void *self, const uint8_t id[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct good *g = self;
	char         key[65];
	int32_t      rc;

	good_key(id, key);
	rc = good_known(g, key);
	if (rc != B3IQ_OK)
		return fail(err, rc, "there is no such transaction");
	good_tx(tx, good_find(g, key));
	return B3IQ_OK;
}

static int32_t
good_query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	(void)self, (void)what, (void)out;
	return fail(err, B3IQ_E_UNSUPPORTED, "it answers no questions");
}

static struct b3iq_ledger iface = {
	.size = sizeof iface,
	.ops = 1u << B3IQ_OP_COMMIT,
	.quote = good_quote,
	.submit = good_submit,
	.status = good_status,
	.query = good_query,
};

#define GOOD_KIND    B3IQ_LEDGER
#define GOOD_THREADS B3IQ_THREADS_INSTANCE
#include "good-entry.h"

#endif
