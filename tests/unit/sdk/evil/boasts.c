/* boasts: claims an op that it cannot do. */
#include "good-ledger.h"

static void
evil(void)
{
	iface.ops |= 1u << B3IQ_OP_STAKE;
}
