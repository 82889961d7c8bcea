/* good-inference: spoils nothing, so every test passes. */
#include "good-inference.h"

static void
evil(void)
{
	(void)plugin;
}
