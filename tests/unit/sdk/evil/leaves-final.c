/* leaves-final: takes back what was final. */
#include "good-ledger.h"

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	static int n;
	int32_t    rc = good_status(self, key, tx, err);

	if (rc == B3IQ_OK && n++ == 2)
		tx->state = B3IQ_TX_PENDING;
	return rc;
}

static void
evil(void)
{
	iface.status = status;
}
