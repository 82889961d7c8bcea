/* leaks-memory: forgets its instances. */
#include "good-inference.h"

static void
destroy(void *self)
{
	(void)self;
}

static void
evil(void)
{
	plugin.destroy = destroy;
}
