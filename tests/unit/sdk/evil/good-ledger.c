/* good-ledger: spoils nothing, so every test passes. */
#include "good-ledger.h"

static void
evil(void)
{
	(void)plugin;
}
