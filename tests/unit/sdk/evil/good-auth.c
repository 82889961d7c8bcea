/* good-auth: spoils nothing, so every test passes. */
#include "good-auth.h"

static void
evil(void)
{
	(void)plugin;
}
