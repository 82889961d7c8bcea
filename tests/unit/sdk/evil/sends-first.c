/* sends-first: sends, and only then writes down that it did. */
#include "good-ledger.h"

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct good *g = self;
	char         key[65];
	int32_t      rc;

	good_key(op->key, key);
	if (good_known(g, key) != B3IQ_E_NOT_FOUND)
		return good_submit(self, op, tx, err);
	rc = good_refuse(op, err);
	if (rc != B3IQ_OK)
		return rc;
	good_tx(tx, good_append(g, key));
	rc = good_sign(g, op);
	if (rc == B3IQ_OK)
		rc = g->host->kv_put(g->host->ctx, key, "sent", 4);
	return rc ? fail(err, rc, "the host failed") : rc;
}

/* Looks at the end of the chain, where its own is if nothing went wrong. */
static int32_t
status(void *self, const uint8_t id[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	char key[65];
	FILE *f;
	char  line[80];
	int   n = 0, at = 0;

	good_key(id, key);
	f = fopen(((struct good *)self)->text, "r");
	while (f && fgets(line, sizeof line, f)) {
		n++;
		at = strncmp(line, key, 64) == 0 ? n : at;
	}
	if (f)
		fclose(f);
	if (!at)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no such transaction");
	good_tx(tx, at);
	return B3IQ_OK;
}

static void
evil(void)
{
	iface.submit = submit;
	iface.status = status;
}
