/* races: declares PARALLEL, and two submits of one key do not see each other. */
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
	sleep_ms(50);
	rc = g->host->kv_put(g->host->ctx, key, "intent", 6);
	if (rc != B3IQ_OK)
		return fail(err, rc, "the host failed: nothing was sent");
	good_tx(tx, good_append(g, key));
	return B3IQ_OK;
}

static void
evil(void)
{
	plugin.threads = B3IQ_THREADS_PARALLEL;
	iface.submit = submit;
}
