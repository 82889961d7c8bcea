/* sends-twice: sends whenever it is asked to. */
#include "good-ledger.h"

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	int32_t rc = good_submit(self, op, tx, err);
	char    key[65];

	good_key(op->key, key);
	if (rc == B3IQ_OK)
		good_tx(tx, good_append(self, key));
	return rc;
}

static void
evil(void)
{
	iface.submit = submit;
}
