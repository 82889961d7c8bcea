/* any-fee: pays more than it was allowed to. */
#include "good-ledger.h"

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct b3iq_ledger_op mine = *op;

	mine.max_fee = NULL;
	return good_submit(self, &mine, tx, err);
}

static void
evil(void)
{
	iface.submit = submit;
}
