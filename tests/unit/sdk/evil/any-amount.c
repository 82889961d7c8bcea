/* any-amount: reads an amount with strtoull(). */
#include "good-ledger.h"

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct b3iq_ledger_op mine = *op;
	char                  amount[32];

	snprintf(amount, sizeof amount, "%llu", strtoull(op->amount ? op->amount : "0", NULL, 10));
	mine.amount = amount;
	return good_submit(self, &mine, tx, err);
}

static void
evil(void)
{
	iface.submit = submit;
}
