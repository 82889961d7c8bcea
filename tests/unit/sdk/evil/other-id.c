/* other-id: says another id than its manifest. */
#include "good-inference.h"

static void
evil(void)
{
	plugin.id = "org.b3iq.somebody.else";
}
