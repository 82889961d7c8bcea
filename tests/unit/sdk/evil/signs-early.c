/* signs-early: signs in quote(). */
#include "good-ledger.h"

static int32_t
quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	good_sign(self, op);
	return good_quote(self, op, tx, err);
}

static void
evil(void)
{
	iface.quote = quote;
}
