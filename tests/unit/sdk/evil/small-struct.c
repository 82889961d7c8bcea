/* small-struct: has a table that is too short. */
#include "good-inference.h"

static void
evil(void)
{
	plugin.size = 16;
}
