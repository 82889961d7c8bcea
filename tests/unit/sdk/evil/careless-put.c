/* careless-put: does not care whether its intent was stored. */
#include "good-ledger.h"

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct good *g = self;
	char         key[65];
	int32_t      rc;

	good_key(op->key, key);
	if (good_known(g, key) == B3IQ_OK)
		return good_submit(self, op, tx, err);
	rc = good_refuse(op, err);
	if (rc != B3IQ_OK)
		return rc;
	good_sign(g, op);
	g->host->kv_put(g->host->ctx, key, "sent", 4);
	good_tx(tx, good_append(g, key));
	return B3IQ_OK;
}

static void
evil(void)
{
	iface.submit = submit;
}
