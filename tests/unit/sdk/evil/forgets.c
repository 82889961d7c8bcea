/* forgets: keeps what it sent in memory. */
#include "good-ledger.h"

static uint8_t sent[256][32];
static int     n;
static void   *by;

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	int32_t rc = good_submit(self, op, tx, err);

	n = self == by ? n : 0;
	by = self;
	memcpy(sent[n++ % 256], op->key, 32);
	return rc;
}

static void
destroy(void *self)
{
	n = 0;
	good_destroy(self);
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *tx, struct b3iq_error *err)
{
	for (int i = 0; i < n && i < 256; i++)
		if (memcmp(sent[i], key, 32) == 0)
			return good_status(self, key, tx, err);
	return fail(err, B3IQ_E_NOT_FOUND, "never heard of it");
}

static void
evil(void)
{
	iface.submit = submit;
	iface.status = status;
	plugin.destroy = destroy;
}
